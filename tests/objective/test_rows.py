"""Rows: parts, weights and offsets."""

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.objective import DataObjective, Linear
from fivefold.probability import Poisson

N, P = 23, 4
TIGHT = {"rtol": 1e-10, "atol": 1e-10}


def test_parts_average_to_the_whole(small, pair):
    w = small.points(pair[0])
    for objective in pair:
        parts = [list(range(0, 7)), list(range(7, N))]
        shares = [len(rows) / N for rows in parts]
        value, slope = objective.value_and_gradient(w)
        some = [objective.on(rows) for rows in parts]
        assert [part.rows for part in some] == [7, N - 7]
        assert all(part.scale == N for part in some)
        pairs = [part.value_and_gradient(w) for part in some]
        mixed = sum(s * v for s, (v, _) in zip(shares, pairs, strict=True))
        torch.testing.assert_close(mixed, value, **TIGHT)
        mixed = sum(s * g for s, (_, g) in zip(shares, pairs, strict=True))
        torch.testing.assert_close(mixed, slope, **TIGHT)
        mixed = sum(s * part.hessian(w).to_dense() for s, part in zip(shares, some, strict=True))
        torch.testing.assert_close(mixed, objective.hessian(w).to_dense(), **TIGHT)


def test_selections_of_rows(small):
    F, _ = small.both(Poisson(), "weights and offset")
    w = small.points(F)
    mask = torch.zeros(N, dtype=torch.bool)
    mask[2:9] = True
    expected = F.on(range(2, 9)).value(w)
    for rows in (slice(2, 9), mask, mask.numpy(), np.arange(2, 9), torch.arange(2, 9).to(torch.int32)):
        torch.testing.assert_close(F.on(rows).value(w), expected, rtol=0, atol=0)
    torch.testing.assert_close(F.on(slice(2, 20)).on(slice(7)).value(w), expected, rtol=1e-14, atol=0)
    twice = F.on([5, 5, 6]).value(w)
    torch.testing.assert_close(twice, (2 * F.on([5]).value(w) + F.on([6]).value(w)) / 3, **TIGHT)


def test_integer_weights_are_repeated_rows(small, likelihood):
    """A weight of 3 is three copies: the sums agree, the divisors are the row counts."""
    X, y = small.data(likelihood)
    a = torch.arange(N) % 4
    index = torch.repeat_interleave(torch.arange(N), a)
    model = Linear(X, outputs=likelihood.outputs)
    weighted = DataObjective(model, likelihood, (X, y), weights=a)
    repeated = DataObjective(model, likelihood, (X[index], y[index]))
    w = small.points(weighted)
    for method in (lambda F: F.value(w), lambda F: F.gradient(w), lambda F: F.hessian(w).to_dense()):
        torch.testing.assert_close(method(weighted) * N, method(repeated) * len(index), **TIGHT)


def test_an_offset_is_a_column_with_coefficient_one(small):
    X, y = small.data(Poisson())
    offset = torch.linspace(-1, 1, N, dtype=torch.float64)
    with_offset = DataObjective(Linear(X), Poisson(), (X, y), offset=offset)
    wide = torch.cat([X, offset[:, None]], dim=1)
    with_column = DataObjective(Linear(wide), Poisson(), (wide, y))
    w = small.points(with_offset)
    longer = torch.cat([w[:P], torch.ones(1, dtype=torch.float64), w[P:]])
    torch.testing.assert_close(with_offset.value(w), with_column.value(longer), **TIGHT)


def test_a_row_of_weight_zero_is_absent_even_where_its_loss_is_infinite():
    X, y = torch.tensor([[1000.0], [1.0]]), [1.0, 1.0]
    F = DataObjective(Linear(X, intercept=False), Poisson(), (X, y), weights=[0.0, 1.0])
    assert bool(torch.isfinite(F.value(torch.ones(1))))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "at least one row"),
        ([-1], "row numbers from 0 to 22"),
        ([N], "row numbers from 0 to 22"),
        ([0.5], "a vector of integers"),
        ([[0]], "a vector of integers"),
        (["a"], "row numbers, a mask or a slice"),
        (torch.ones(3, dtype=torch.bool), r"a mask of shape \(23,\)"),
        (torch.zeros(N, dtype=torch.bool), "at least one row"),
    ],
)
def test_rows_are_refused(small, rows, message):
    F, _ = small.both(Poisson(), "plain")
    with pytest.raises(ArgumentError, match=message):
        F.on(rows)
