"""What text networks share: the mask, the means over it, and the checks of tokens and lengths."""

import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError
from fivefold.networks.costs import layer_costs
from fivefold.networks.linter import lint
from fivefold.networks.text_network import TextNetwork, masked_max, masked_mean, padding_mask
from fivefold.networks.text_registry import create_text, text_names
from fivefold.networks.training_memory import largest_batch, memory_plan


class Bag(TextNetwork):
    """The mean of the token vectors: the least member."""

    def __init__(self, vocabulary=7, classes=3, width=4, dropout=0.0, generator=None):
        super().__init__(vocabulary, classes, width, dropout)
        self.finish(width, nn.Identity(), "linear", generator)

    def encode(self, x, mask):
        return masked_mean(x, mask)


def test_means_and_maxima_are_those_of_the_true_steps():
    x = torch.randn(3, 5, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    lengths = torch.tensor([5, 1, 3])
    mask = padding_mask(torch.zeros(3, 5, dtype=torch.int64), lengths)
    x[1, 1:], x[2, 3:] = torch.nan, torch.inf  # what stands in the padding
    for i, length in enumerate(lengths.tolist()):
        torch.testing.assert_close(masked_mean(x, mask)[i], x[i, :length].mean(0))
        assert torch.equal(masked_max(x, mask)[i], x[i, :length].max(0).values)


def test_logits_are_the_formula_of_the_bag():
    network = Bag().double()
    tokens, lengths = torch.tensor([[1, 2, 2, 0], [6, 0, 0, 0]]), torch.tensor([3, 1])
    E, head = network.embedding.weight, network.head
    means = torch.stack([(E[1] + 2 * E[2]) / 3, E[6]])
    torch.testing.assert_close(network(tokens, lengths), means @ head.weight.mT + head.bias)
    torch.testing.assert_close(network(tokens[:1, :3]), network(tokens, lengths)[:1])


def test_first_weights_belong_to_the_generator_alone_and_the_first_loss_is_log_k():
    before = torch.get_rng_state()
    one, two = (Bag(2000, 5, 64, generator=torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    # 128,000 draws: the mean square of a token's vector is 1/64 up to 4 standard errors of 0.4%
    assert (one.embedding.weight.square().mean() * 64).item() == pytest.approx(1.0, abs=0.016)
    loss = nn.functional.cross_entropy(one(torch.arange(100)[:, None]), torch.arange(100) % 5)
    assert loss.item() == pytest.approx(torch.log(torch.tensor(5.0)).item(), abs=0.01)


def test_shapes_types_and_ranges_are_refused():
    network, tokens = Bag(), torch.ones(2, 3, dtype=torch.int64)
    for wrong in (tokens[0], tokens[:0], tokens[:, :0]):
        with pytest.raises(ArgumentError, match=r"tokens \[N, T\]"):
            network(wrong)
    with pytest.raises(ArgumentError, match=r"a tensor of tokens; got list; write torch\.tensor"):
        network([[1, 2]])
    with pytest.raises(ArgumentError, match="a tensor of lengths; got list"):
        network(tokens, [3, 1])
    with pytest.raises(ArgumentError, match="tokens of an integer type"):
        network(tokens.float())
    with pytest.raises(ArgumentError, match="2 lengths"):
        network(tokens, torch.tensor([3]))
    with pytest.raises(ArgumentError, match="lengths of an integer type"):
        network(tokens, torch.tensor([3.0, 1.0]))
    for wrong in (0, 4):
        with pytest.raises(ArgumentError, match="lengths from 1 to 3"):
            network(tokens, torch.tensor([3, wrong]))
    for wrong in (-1, 7):
        with pytest.raises(ArgumentError, match="tokens from 0 to 6"):
            network(tokens * wrong)
    with pytest.raises(ArgumentError, match="of at least 1"):
        Bag(classes=0)
    with pytest.raises(ArgumentError, match="dropout"):
        Bag(dropout=1.0)


@pytest.mark.parametrize("name", text_names())
def test_text_networks_are_counted_and_planned_without_memory(name):
    network = create_text(name, classes=3, vocabulary=50, width=8, dropout=0.0)
    rows = layer_costs(network, (4, 7), dtype=torch.int64)
    heads = [row for row in rows if row.name == "head"]
    assert heads[0].multiply_adds == 4 * network.head.weight.numel()
    assert sum(row.multiply_adds for row in rows) > heads[0].multiply_adds
    assert sum(row.parameters for row in rows) == sum(p.numel() for p in network.parameters())
    small, large = (memory_plan(network, (7,), n, dtype=torch.int64) for n in (4, 8))
    assert (small.inputs, large.inputs) == (8 * 4 * 7, 8 * 8 * 7)
    assert large.activations > small.activations > 0
    assert largest_batch(network, (7,), large.total, dtype=torch.int64) >= 8
    # what was counted still answers, with its own weights
    tokens, lengths = torch.randint(50, (4, 7)), torch.tensor([7, 1, 3, 2])
    assert network(tokens, lengths).device.type == "cpu"
    with pytest.raises(ArgumentError, match="tokens of an integer type"):
        memory_plan(network, (7,), 4)


def test_a_recurrent_layer_is_counted_by_hand():
    network = create_text("gru", classes=3, vocabulary=50, width=8, hidden=6)
    rows = layer_costs(network, (4, 7), dtype=torch.int64)
    cell = next(row for row in rows if row.kind == "GRU")
    assert cell.multiply_adds == 4 * 7 * 3 * 6 * (8 + 6)  # three gates from the input and from the state


def test_a_text_network_is_linted():
    found = lint(
        create_text("text_cnn", classes=2, vocabulary=20, width=8), (4, 9), seconds=0.3, dtype=torch.int64
    )
    assert {"embedding", "head"} <= {row.name for row in found.layers}
    assert found.step_ms is not None
    assert all(trial.difference is None or trial.difference < 1e-9 for trial in found.trials)
