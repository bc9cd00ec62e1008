"""Pairs that are put together in one way and taken apart in another."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from fivefold.diagnosis.checks.pairs import check_pairs
from fivefold.diagnosis.observation.record import Record

Layout = Callable[[Tensor, Tensor], Tensor]
Parts = Callable[[Tensor], tuple[Tensor, ...]]


def halves(a: Tensor, b: Tensor) -> Tensor:
    return torch.cat([a, b])


def neighbours(a: Tensor, b: Tensor) -> Tensor:
    return torch.stack([a, b], 1).flatten(0, 1)


def in_halves(out: Tensor) -> tuple[Tensor, ...]:
    return out.chunk(2)


def as_neighbours(out: Tensor) -> tuple[Tensor, ...]:
    return out.view(len(out) // 2, 2, -1).unbind(1)


def of_pairs(watched, digits, network, together: Layout, apart: Parts, *, shuffled: bool = False) -> Record:
    """Train on pairs of digits, half of them equal."""
    x, y = digits
    generator = np.random.default_rng(0)
    first, second = generator.integers(0, len(y), (2, 12, 64))
    for step, row in np.ndindex(12, 32):
        second[step, row] = generator.choice(np.flatnonzero((y == y[first[step, row]]).numpy()))
    match = (y[first] == y[second]).float()
    if shuffled:
        match = match[:, torch.randperm(64, generator=torch.Generator().manual_seed(0))]
    now = iter(match)

    def loss(out: Tensor, _: Tensor) -> Tensor:
        left, right = apart(out)
        square, same = (left - right).pow(2).sum(1), next(now)
        return (same * square + (1 - same) * (2.0 - (square + 1e-6).sqrt()).clamp(min=0).pow(2)).mean()

    def rows(step: int) -> Tensor:
        return together(torch.from_numpy(first[step]), torch.from_numpy(second[step]))

    return watched(network(64, 16, 8), x, y, loss=loss, rows=rows)


@pytest.mark.parametrize(
    ("together", "apart", "found"),
    [
        (halves, in_halves, False),
        (neighbours, as_neighbours, False),
        (halves, as_neighbours, True),
        (neighbours, in_halves, True),
    ],
)
def test_pairs(watched, digits, network, together: Layout, apart: Parts, found: bool) -> None:
    told = check_pairs(of_pairs(watched, digits, network, together, apart))
    assert [(f.code, f.confidence) for f in told] == ([("batch.mixed", "high")] if found else [])
    for f in told:
        (_, met), (_, other) = f.picture.curves["share"]
        assert abs(met - 0.5) < 0.15
        assert other > 0.7


def test_targets_that_no_layout_tells(watched, digits, network) -> None:
    assert check_pairs(of_pairs(watched, digits, network, halves, as_neighbours, shuffled=True)) == []


def test_other_losses_show_no_pairs(watched, digits, network) -> None:
    assert check_pairs(watched(network(64, 16, 10), *digits)) == []
