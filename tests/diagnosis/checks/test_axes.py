"""Normalisation along the wrong dimension."""

import pytest
import torch
from torch import nn

from fivefold.diagnosis.checks.axes import check_axes, check_views
from fivefold.diagnosis.observation.record import Operation, Record, Step


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


class Steps(nn.Module):
    """A convolution along time whose channels are to become the features of each step."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.conv, self.head, self.way = nn.Conv1d(8, 6, 3, padding=1), nn.Linear(6, 10), way

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.conv(x.view(-1, 8, 8))[:, :, :7]
        n, c, t = h.shape
        if self.way == "view":
            h = h.contiguous().view(n, t, c)
        elif self.way == "reshape":
            h = torch.reshape(h, (n, t, c))
        elif self.way == "flatten":
            h = h.transpose(1, 2).reshape(n * t, c).view(n, t, c)
        else:
            h = h.transpose(1, 2).reshape(n, t, c)
        return self.head(h).mean(1)


@pytest.mark.parametrize(
    ("way", "codes"),
    [("view", ["axis.view"]), ("reshape", ["axis.view"]), ("flatten", []), ("transpose", [])],
)
def test_views_that_are_no_transposition(watched, digits, way: str, codes: list[str]) -> None:
    found = check_views(watched(Steps(way), *digits, steps=4))
    assert [f.code for f in found] == codes
    if found:
        assert found[0].figures == {"dims": (1, 2)}
        assert found[0].place is not None
        assert "transpose(1, 2)" in found[0].fix


def test_views_that_torch_makes_are_its_own(watched, digits) -> None:
    """Attention splits [steps, batch, width] into heads; here width, batch and heads have equal products."""

    class Heads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attend = nn.MultiheadAttention(16, 4)
            self.embed, self.head = nn.Linear(8, 16), nn.Linear(16, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            h = self.embed(x.view(-1, 8, 8).transpose(0, 1))
            return self.head(self.attend(h, h, h, need_weights=True)[0].mean(0))

    x, y = digits
    assert check_views(watched(Heads(), x[:4], y[:4], steps=3)) == []


def test_a_view_that_agrees_by_chance_in_one_batch() -> None:
    seen = Operation("view", (4, 6, 2, 4, 2, 6), 3, "model", None)
    steps = [Step(i, operations=[seen] if i == 4 else []) for i in range(5)]
    assert check_views(Record(steps=steps)) == []
    assert [f.code for f in check_views(Record(steps=steps[4:]))] == ["axis.view"]
