"""One suite runs on every registered text network: padding, gradients, first weights, learning."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from fivefold.core import ArgumentError
from fivefold.networks.text_registry import TEXT_ENTRIES, create_text, text_names

MORE = {
    "gru": [{"pooling": "last"}, {"pooling": "mean"}, {"layers": 2}],
    "bilstm": [{"pooling": "last"}],
    "text_cnn": [{"windows": (2, 7)}],
    "transformer": [{"pooling": "first"}, {"positions": "learned"}],
}
CASES = [(name, options) for name in TEXT_ENTRIES for options in ({}, *MORE.get(name, []))]


def made(name, options, seed=0):
    generator = torch.Generator().manual_seed(seed)
    network = create_text(name, classes=3, vocabulary=20, width=8, generator=generator, **options)
    with torch.no_grad():
        for parameter in network.parameters():  # nothing at 0, which would hide what it multiplies
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.1)
    return network.double().eval()


def gradients(network, tokens, lengths):
    network.zero_grad()
    scores = network(tokens, lengths)
    cross_entropy(scores, torch.tensor([0, 1, 2, 0])).backward()
    return scores.detach(), [parameter.grad.clone() for parameter in network.parameters()]


def batch():
    tokens = torch.randint(1, 20, (4, 9), generator=torch.Generator().manual_seed(3))
    return tokens, torch.tensor([9, 1, 4, 2])


@pytest.mark.parametrize(("name", "options"), CASES)
def test_what_stands_in_the_padding_touches_neither_scores_nor_gradients(name, options):
    network, (tokens, lengths) = made(name, options), batch()
    scores, slopes = gradients(network, tokens, lengths)
    other = tokens.clone()
    other[torch.arange(9) >= lengths[:, None]] = -7  # not even a token
    again, slopes_again = gradients(network, other, lengths)
    assert torch.equal(scores, again)
    assert all(torch.equal(a, b) for a, b in zip(slopes, slopes_again, strict=True))
    # token 0 stands in for the padding and is in no text: nothing may reach its vector
    assert not network.embedding.weight.grad[0].any()


@pytest.mark.parametrize(("name", "options"), CASES)
def test_more_padding_and_company_change_nothing_but_rounding(name, options):
    network, (tokens, lengths) = made(name, options), batch()
    scores, slopes = gradients(network, tokens, lengths)
    wider = torch.cat([tokens, tokens], dim=1)
    again, slopes_again = gradients(network, wider, lengths)
    torch.testing.assert_close(again, scores, rtol=1e-10, atol=1e-12)
    for a, b in zip(slopes, slopes_again, strict=True):
        torch.testing.assert_close(a[: len(b)], b, rtol=1e-9, atol=1e-12)
    for i, length in enumerate(lengths.tolist()):
        alone = network(tokens[i : i + 1, :length])
        torch.testing.assert_close(alone[0], scores[i], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", TEXT_ENTRIES)
def test_first_weights_belong_to_the_generator_alone(name):
    before = torch.get_rng_state()
    make = {"classes": 3, "vocabulary": 20, "width": 8}
    one, two = (
        create_text(name, **make, generator=torch.Generator().manual_seed(4)).state_dict() for _ in range(2)
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert all(torch.isfinite(value).all() for value in one.values())


@pytest.mark.parametrize("name", TEXT_ENTRIES)
def test_each_learns_which_word_a_text_holds(name):
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(4, 20, (60, 6), generator=generator)
    labels = torch.arange(60) % 3
    tokens[torch.arange(60), torch.randint(0, 6, (60,), generator=generator)] = labels + 1
    network = create_text(name, classes=3, vocabulary=20, width=16, generator=generator, dropout=0.0)
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(40):
        optimizer.zero_grad()
        cross_entropy(network(tokens), labels).backward()
        optimizer.step()
    assert (network(tokens).argmax(1) == labels).double().mean() > 0.95


def test_unknown_names_and_options_are_refused():
    assert text_names() == sorted(text_names())
    with pytest.raises(ArgumentError, match="did you mean 'bilstm'"):
        create_text("bilstms", classes=2, vocabulary=5)
    with pytest.raises(ArgumentError, match="options of 'text_cnn' among width, filters, windows, dropout"):
        create_text("text_cnn", classes=2, vocabulary=5, cell="gru")
    with pytest.raises(ArgumentError, match="options of 'gru' among width"):
        create_text("gru", classes=2, vocabulary=5, cell="lstm")


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("text_cnn", {"width": "64"}, "width as a whole number of at least 1; got '64'; write width=64"),
        ("text_cnn", {"windows": 3}, "windows as a list of whole numbers"),
        ("text_cnn", {"classes": 2.0}, "classes as a whole number of at least 1; got 2.0; write classes=2"),
        ("text_cnn", {"vocabulary": -3}, "vocabulary as a whole number of at least 1"),
        ("text_cnn", {"vocabulary": 10**30}, "options that 'text_cnn' can be made with; got .*vocabulary"),
        ("text_cnn", {"device": "gpu"}, "a device of torch, as 'cpu' or 'cuda:0'; got 'gpu'"),
        ("text_cnn", {"generator": 42}, r"a torch.Generator; got 42; write .*manual_seed\(42\)"),
        ("gru", {"hidden": 0}, "hidden as a whole number of at least 1"),
        ("gru", {"layers": 1.0}, "layers as a whole number of at least 1"),
        ("gru", {"dropout": 1.5}, r"dropout as a probability, a number in \[0, 1\); got 1.5"),
        ("gru", {"dropout": float("nan")}, "dropout as a probability"),
        ("transformer", {"heads": 3, "width": 8}, "heads that divide the width"),
        ("transformer", {"feed": 2.5}, "feed as a whole number"),
    ],
)
def test_arguments_of_another_kind_or_out_of_range_are_refused(name, wrong, said):
    with pytest.raises(ArgumentError, match=said):
        create_text(name, **{"classes": 2, "vocabulary": 5, **wrong})


def test_a_text_network_can_be_made_without_memory():
    network = create_text("gru", classes=2, vocabulary=5, device="meta")
    assert {p.device.type for p in network.parameters()} == {"meta"}
