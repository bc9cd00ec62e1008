"""The recurrent classifier: pooled states of a recurrence written out in float64."""

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.networks.recurrent_classifier import RecurrentClassifier


def elman(weights, x, suffix=""):
    """States of an Elman net over x [T, d]."""
    h, states = np.zeros(weights[f"encoder.cell.weight_hh_l0{suffix}"].shape[0]), []
    for step in x:
        inward = weights[f"encoder.cell.weight_ih_l0{suffix}"] @ step
        inward = inward + weights[f"encoder.cell.bias_ih_l0{suffix}"]
        h = np.tanh(inward + weights[f"encoder.cell.weight_hh_l0{suffix}"] @ h)
        states.append(h)
    return np.array(states)


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_scores_are_the_pooled_states_of_both_directions(pooling):
    generator = torch.Generator().manual_seed(0)
    network = RecurrentClassifier(
        9, 2, cell="rnn", width=3, hidden=4, bidirectional=True, pooling=pooling, generator=generator
    )
    network = network.double().eval()
    with torch.no_grad():
        network.encoder.cell.bias_hh_l0.zero_()
        network.encoder.cell.bias_hh_l0_reverse.zero_()
        network.head.weight.normal_(generator=generator)
    weights = {name: value.detach().numpy() for name, value in network.named_parameters()}
    tokens, lengths = torch.tensor([[3, 1, 4, 1, 5], [8, 2, 0, 0, 0]]), torch.tensor([5, 2])
    scores = network(tokens, lengths).detach().numpy()
    for i, length in enumerate(lengths.tolist()):
        x = weights["embedding.weight"][tokens[i, :length].numpy()]
        there, back = elman(weights, x), elman(weights, x[::-1], "_reverse")[::-1]
        pooled = {
            "last": np.concatenate([there[-1], back[0]]),
            "mean": np.concatenate([there.mean(0), back.mean(0)]),
            "max": np.concatenate([there.max(0), back.max(0)]),
        }[pooling]
        expected = weights["head.weight"] @ pooled + weights["head.bias"]
        np.testing.assert_allclose(scores[i], expected, rtol=1e-11, atol=1e-13)


def test_dropout_stands_between_layers_and_choices_are_checked():
    assert RecurrentClassifier(5, 2, layers=2, dropout=0.25).encoder.cell.dropout == 0.25
    assert RecurrentClassifier(5, 2, layers=1, dropout=0.25).encoder.cell.dropout == 0.0
    with pytest.raises(ArgumentError, match="a pooling among last, mean, max"):
        RecurrentClassifier(5, 2, pooling="sum")
    with pytest.raises(ArgumentError, match="a cell among"):
        RecurrentClassifier(5, 2, cell="mlp")
