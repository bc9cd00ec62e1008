"""Models that are asked for a class of the next step, and see it."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fivefold.diagnosis.checks.next_steps import check_next_steps, filled_up


class Convolution(nn.Module):
    """Steps [b, t, c] to three classes [b, t, 3]; padded on the left alone, or on both sides."""

    def __init__(self, channels: int, both: bool, tokens: int = 0) -> None:
        super().__init__()
        self.embed = nn.Embedding(tokens, channels) if tokens else nn.Identity()
        self.pad = (1, 1) if both else (2, 0)
        self.layer, self.head = nn.Conv1d(channels, 8, 3), nn.Conv1d(8, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.layer(functional.pad(self.embed(x).transpose(1, 2), self.pad)).relu()
        return self.head(h).transpose(1, 2)


def by_step(output: Tensor, target: Tensor) -> Tensor:
    return functional.cross_entropy(output.flatten(0, 1), target.flatten())


def levels(filled: bool = False) -> tuple[Tensor, Tensor]:
    """A level that goes up, stays or goes down, [n, 12, 2] with noise beside it, and what it does next."""
    generator = torch.Generator().manual_seed(0)
    moves = torch.randint(3, (300, 13), generator=generator) - 1
    level = moves.cumsum(1).float()
    x = torch.stack([level, torch.randn(300, 13, generator=generator)], 2)[:, :12]
    y = moves[:, 1:] + 1
    if filled:
        ends = torch.randint(6, 12, (300, 1), generator=generator)
        gone = torch.arange(12) >= ends
        x, y = x.masked_fill(gone[..., None], 0.0), y.masked_fill(gone, 0)
    return x, y


@pytest.mark.parametrize("filled", [False, True])
@pytest.mark.parametrize("both", [False, True])
def test_a_class_of_the_next_change(watched, both: bool, filled: bool) -> None:
    x, y = levels(filled)
    told = check_next_steps(watched(Convolution(2, both), x, y, loss=by_step, steps=3, batch=64))
    assert [(f.code, f.confidence) for f in told] == ([("mask.future", "high")] if both else [])
    for f in told:
        (_, own), (_, after) = f.picture.curves["share"]
        assert f"tells {after:.1%} of the targets, the step itself {own:.1%}" in f.evidence


def test_a_class_of_the_next_token(watched) -> None:
    tokens = torch.randint(9, (300, 13), generator=torch.Generator().manual_seed(0))
    x, y = tokens[:, :12], tokens[:, 1:] % 3
    told = check_next_steps(watched(Convolution(4, True, 9), x, y, loss=by_step, steps=3, batch=64))
    assert [f.code for f in told] == ["mask.future"]


def test_tags_of_tokens_for_which_both_sides_count(watched) -> None:
    """A tagger may see all: its tags are of its own tokens, or of these and those around them."""
    tokens = torch.randint(9, (300, 14), generator=torch.Generator().manual_seed(0))
    x = tokens[:, 1:13]
    model = Convolution(4, True, 9)
    for y in (x % 3, (tokens[:, :12] + x + tokens[:, 2:]) % 3, (x + tokens[:, 2:]) % 3):
        assert check_next_steps(watched(model, x, y, loss=by_step, steps=3, batch=64)) == []


def test_where_sequences_are_filled_up() -> None:
    x = torch.tensor([[1, 2, 0], [3, 0, 0], [4, 0, 5]])[..., None]
    assert filled_up(x).sum(1).tolist() == [1, 2, 0]
    assert not filled_up(torch.arange(12).reshape(2, 6, 1)).any()
