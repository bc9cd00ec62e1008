"""The number of least expected cost: closed forms, and beside a search over a grid."""

import math

import numpy as np
import pytest
import scipy.stats

from fivefold.core import ArgumentError, DataError
from fivefold.probability import LinexLoss, PinballLoss, SquaredLoss

DRAWS = np.random.default_rng(0).gamma(2.0, 1.5, size=(3, 201)) * np.array([[1.0], [2.0], [0.5]])

LOSSES = [SquaredLoss(), PinballLoss(), PinballLoss(under=5.0, over=1.0), LinexLoss(0.4), LinexLoss(-0.7)]


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_answer_is_the_minimum_over_a_grid(loss):
    answers = loss.answer(DRAWS)
    for row, answer in zip(DRAWS, answers, strict=True):
        grid = np.linspace(row.min(), row.max(), 20_001)
        costs = loss.cost(grid[:, None], row[None]).mean(1)
        assert float(loss.cost(answer, row).mean()) <= costs.min() + 1e-9 * (1 + costs.min())


def test_answers_for_a_normal_prediction():
    """200,000 quantiles stand for N(3, 2^2): mean, quantile and mu - c s^2 / 2."""
    draws = scipy.stats.norm(3, 2).ppf((np.arange(200_000) + 0.5) / 200_000)[None]
    assert SquaredLoss().answer(draws)[0] == pytest.approx(3.0, abs=1e-9)
    expected = float(scipy.stats.norm(3, 2).ppf(0.8))
    assert PinballLoss(4.0, 1.0).answer(draws)[0] == pytest.approx(expected, abs=1e-4)
    assert LinexLoss(0.5).answer(draws)[0] == pytest.approx(3 - 0.5 * 4 / 2, abs=1e-3)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_weights_are_repeats(loss):
    draws = np.array([[1.0, 4.0, 9.0, 2.0]])
    weighted = loss.answer(draws, weights=[2, 0, 1, 3])
    repeated = loss.answer([[1.0, 1.0, 9.0, 2.0, 2.0, 2.0]])
    assert weighted == pytest.approx(repeated, rel=1e-12)


def test_linex_does_not_overflow():
    assert LinexLoss(1.0).answer([[-2000.0, 0.0]])[0] == pytest.approx(-2000 + math.log(2))


def test_expected_cost_and_its_standard_error():
    """The error of 400 means of 50 draws each, beside the stated one."""
    generator, loss = np.random.default_rng(1), PinballLoss(3.0, 1.0)
    means, errors = loss.expected_cost(np.zeros(400), generator.normal(size=(400, 50)))
    assert errors.mean() == pytest.approx(means.std(), rel=0.12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: PinballLoss(0.0, 1.0), ArgumentError, "price of one unit too little"),
        (lambda: PinballLoss(1.0, math.inf), ArgumentError, "price of one unit too much"),
        (lambda: LinexLoss(0.0), ArgumentError, "size of the sharpness"),
        (lambda: SquaredLoss().answer([1.0, 2.0]), ArgumentError, r"draws \[n, S\]"),
        (lambda: SquaredLoss().answer([[1.0, np.inf]]), DataError, "NaN or infinite"),
        (lambda: SquaredLoss().answer([[1.0, 2.0]], [1.0]), ArgumentError, "2 weights"),
        (lambda: SquaredLoss().answer([[1.0, 2.0]], [-1.0, 2.0]), DataError, "weights of at least 0"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
