"""Rows that are read again: what is refused, and when."""

import pytest
import torch

from fivefold.core import ArgumentError, DataError
from fivefold.objective import DataObjective, Linear
from fivefold.probability import Bernoulli, Poisson

X = torch.arange(12.0).reshape(6, 2)
Y = torch.tensor([0.0, 1.0, 0.0, 1.0, 1.0, 0.0])


def pairs(y=Y, x=X):
    return [(x[:4], y[:4]), (x[4:], y[4:])]


def make(data, likelihood=None, **options):
    return DataObjective(Linear(2), likelihood or Bernoulli(), data, **options)


def test_a_loader_is_read():
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, Y), batch_size=4)
    w = torch.tensor([0.1, -0.2, 0.3])
    torch.testing.assert_close(make(loader).gradient(w), make((X, Y)).gradient(w), rtol=1e-6, atol=1e-7)


def test_integer_inputs_stay_integers():
    table = torch.nn.Sequential(torch.nn.Embedding(6, 1), torch.nn.Flatten(0)).double()
    F = DataObjective(table, Bernoulli(), lambda: [(torch.arange(4), Y[:4]), (torch.arange(4, 6), Y[4:])])
    torch.testing.assert_close(F.predictor(F.initial), F.initial, rtol=0, atol=0)


def test_weights_may_be_zero_in_a_whole_batch():
    F = make(pairs, weights=[0.0, 0.0, 0.0, 0.0, 1.0, 2.0])
    whole = make((X, Y), weights=[0.0, 0.0, 0.0, 0.0, 1.0, 2.0])
    torch.testing.assert_close(F.gradient(F.initial), whole.gradient(F.initial), rtol=1e-6, atol=1e-7)


def test_impossible_observations_in_a_later_batch_are_found_at_once():
    bad = Y.clone()
    bad[5] = -1.0
    with pytest.raises(DataError, match="counts"):
        make(lambda: pairs(bad), Poisson())


def test_not_finite_inputs_are_found_at_once():
    bad = X.clone()
    bad[5, 0] = float("nan")
    with pytest.raises(DataError, match="finite inputs"):
        make(lambda: pairs(x=bad))


def test_rows_that_change_are_told():
    passes = iter(range(100))
    F = make(lambda: pairs(x=X + (next(passes) > 2)))
    assert next(passes) == 3, "read to be counted, for the first batch, and for the first value"
    with pytest.raises(DataError, match="the same rows in the same order"):
        F.value(F.initial)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (iter(pairs()), {}, "a function that returns fresh batches"),
        (torch.nn.Linear(1, 1), {}, "a function that returns fresh batches"),
        ((X, Y, Y), {}, r"data as a pair \(X, y\)"),
        (lambda: [(X[:, :1], Y)], {}, "X with 2 columns"),
        (pairs, {"weights": [1.0]}, "weights with the 6 rows"),
        (pairs, {"offset": [1.0]}, r"an offset of shape \(6,\)"),
    ],
)
def test_refuses(data, options, message):
    with pytest.raises(ArgumentError, match=message):
        make(data, **options)
