"""Normalisation along the wrong dimension."""

import pytest
import torch
from torch import nn

from fivefold.diagnosis.checks.axes import check_axes


class Attention(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.embed, self.head, self.dim = nn.Linear(8, 16), nn.Linear(16, 10), dim

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.embed(x.view(-1, 8, 8))
        return self.head((torch.softmax(h @ h.mT / 4, self.dim) @ h).mean(1))


@pytest.mark.parametrize(("dim", "codes"), [(0, ["axis.batch"]), (1, []), (-1, [])])
def test_softmax_of_classes(watched, digits, network, dim: int, codes: list[str]) -> None:
    model = nn.Sequential(*network(64, 10), nn.LogSoftmax(dim))
    found = check_axes(watched(model, *digits, loss=torch.nn.functional.nll_loss, steps=3))
    assert [f.code for f in found] == codes


@pytest.mark.parametrize(("dim", "codes"), [(-2, ["axis.queries"]), (-1, [])])
def test_attention(watched, digits, dim: int, codes: list[str]) -> None:
    assert [f.code for f in check_axes(watched(Attention(dim), *digits, steps=3))] == codes
