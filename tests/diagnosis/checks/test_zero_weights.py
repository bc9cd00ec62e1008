"""Weights of the user's own layers that begin at zero."""

import torch
from torch import nn

from fivefold.diagnosis.checks.zero_weights import check_zero_weights


class Matrix(nn.Module):
    def __init__(self, inputs: int, outputs: int, scale: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(scale * torch.randn(inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight + self.bias


def of(first: float, last: float) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(Matrix(64, 16, first), nn.ReLU(), Matrix(16, 10, last))


def test_all_matrices_at_zero(watched, digits) -> None:
    found = check_zero_weights(watched(of(0.0, 0.0), *digits, steps=4))
    assert [(f.code, f.confidence) for f in found] == [("initialisation.constant", "high")]
    assert "0.weight, 2.weight" in found[0].evidence
    shown = {name: [y for _, y in points] for name, points in found[0].picture.curves.items()}
    assert shown["these matrices"] == [0.0] * 4
    assert shown["all others"][-1] > 0.0  # a bias moves


def test_a_last_layer_at_zero_is_sound(watched, digits) -> None:
    assert check_zero_weights(watched(of(0.1, 0.0), *digits, steps=4)) == []
    assert check_zero_weights(watched(of(0.1, 0.1), *digits, steps=4)) == []
    assert check_zero_weights(watched(of(0.0, 0.0), *digits, steps=2)) == []


def test_layers_of_torch_are_told_of_elsewhere(watched, digits, network) -> None:
    model = network(64, 16, 10)
    for p in model.parameters():
        nn.init.zeros_(p)
    assert check_zero_weights(watched(model, *digits, steps=4)) == []
