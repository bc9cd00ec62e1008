"""Recurrent encoders: padding does not matter, sizes do."""

import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.networks.recurrent import RecurrentEncoder


def inputs(n=4, time=6, width=3):
    return torch.randn(n, time, width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize(("cell", "count"), [("rnn", 98_816), ("gru", 296_448), ("lstm", 395_264)])
def test_parameters_are_those_of_the_formula(cell, count):
    # gates (1, 3, 4) times 256 x (128 + 256) weights and two biases of 256
    gates = {"rnn": 1, "gru": 3, "lstm": 4}[cell]
    assert count == gates * (256 * (128 + 256) + 2 * 256)
    encoder = RecurrentEncoder(cell, 128, 256)
    assert sum(p.numel() for p in encoder.parameters()) == count


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_a_padded_sequence_is_encoded_as_it_is_alone(cell, bidirectional, layers):
    torch.manual_seed(0)
    encoder = RecurrentEncoder(cell, 3, 5, layers, bidirectional=bidirectional).double()
    x, lengths = inputs(), torch.tensor([6, 2, 4, 1])
    x[1, 2:] = 1e6  # what stands in the padding
    steps, last = encoder(x, lengths)
    for i, length in enumerate(lengths.tolist()):
        alone_steps, alone_last = encoder(x[i : i + 1, :length])
        torch.testing.assert_close(steps[i, :length], alone_steps[0])
        torch.testing.assert_close(last[i], alone_last[0])
        assert not steps[i, length:].any()


def test_the_last_state_is_that_of_the_last_step_and_backwards_of_the_first():
    torch.manual_seed(0)
    encoder = RecurrentEncoder("gru", 3, 5, bidirectional=True).double()
    steps, last = encoder(inputs())
    torch.testing.assert_close(last[:, :5], steps[:, -1, :5])
    torch.testing.assert_close(last[:, 5:], steps[:, 0, 5:])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("mlp", 3, 5), "a cell among"),
        (("gru", 0, 5), "inputs as a whole number of at least 1"),
        (("gru", 3, 5, 0), "layers as a whole number of at least 1"),
        (("gru", 3, "5"), "got '5'; write hidden=5"),
    ],
)
def test_unknown_cells_and_empty_sizes_are_refused(arguments, said):
    with pytest.raises(ArgumentError, match=said):
        RecurrentEncoder(*arguments)


def test_shapes_and_lengths_out_of_range_are_refused():
    encoder = RecurrentEncoder("rnn", 3, 5).double()
    with pytest.raises(ArgumentError, match=r"sequences \[N, T, 3\]"):
        encoder(inputs(width=2))
    with pytest.raises(ArgumentError, match="4 lengths"):
        encoder(inputs(), torch.tensor([6]))
    for wrong in (0, 7):
        with pytest.raises(ArgumentError, match="lengths from 1 to 6"):
            encoder(inputs(), torch.tensor([6, wrong, 1, 1]))
    for empty in (inputs(n=0), inputs(time=0)):
        with pytest.raises(ArgumentError, match="N and T at least 1"):
            encoder(empty)
    for wrong in (torch.tensor([6.9, 4.5, 1.0, 1.0]), torch.ones(4, dtype=torch.bool)):
        with pytest.raises(ArgumentError, match="integer type"):
            encoder(inputs(), wrong)
    with pytest.raises(ArgumentError, match="dropout"):
        RecurrentEncoder("rnn", 3, 5, 2, dropout=1.0)
    with pytest.raises(ArgumentError, match="two layers"):
        RecurrentEncoder("rnn", 3, 5, dropout=0.5)


def test_first_weights_belong_to_the_generator_alone():
    before = torch.get_rng_state()
    one, two = (
        RecurrentEncoder("lstm", 3, 5, generator=torch.Generator().manual_seed(4)).state_dict()
        for _ in range(2)
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert max(value.abs().max() for value in one.values()) <= 5**-0.5
