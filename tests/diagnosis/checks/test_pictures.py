"""Pictures: what stands beside a statistic is what chance gives, and each finding has its own."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from fivefold.diagnosis.checks.batches import check_order
from fivefold.diagnosis.checks.modes import check_modes
from fivefold.diagnosis.checks.pictures import (
    of_answers,
    of_classes,
    of_counts,
    of_means,
    of_modes,
    of_numbers,
    of_pairs,
    of_repeats,
    of_shares,
    of_sizes,
    of_weights,
)
from fivefold.diagnosis.checks.scales import check_targets
from fivefold.diagnosis.finding import Picture
from fivefold.diagnosis.observation.record import Evaluation, LossCall, Record, Rows, Step
from fivefold.diagnosis.observation.summary import summarise


def test_the_most_common_class_of_shuffled_batches() -> None:
    n = 40
    table = np.array([[n, 0], [0, n], [n, 0], [0, n]])
    shown = of_classes(table)
    assert [y for _, y in shown.curves["in the batch"]] == [1.0] * 4
    # The larger of X and n - X, X binomial: 26 of 40 at 95%; 400 draws tell it within one.
    tail = stats.binom(n, 0.5)
    exact = next(m for m in range(n // 2, n) if tail.cdf(m) - tail.cdf(n - m - 1) >= 0.95)
    assert exact == 26
    for _, y in shown.curves["most by chance"]:
        assert abs(y * n - exact) <= 1.0
    assert of_classes(table) == shown, "the same each time"


def outside(shown: Picture) -> float:
    """Share of the batches whose mean lies outside the span of chance."""
    means, top, low = (
        np.array([y for _, y in shown.curves[name]])
        for name in ("of the batch", "most by chance", "least by chance")
    )
    return float(((means < low) | (means > top)).mean())


def test_the_means_of_shuffled_batches() -> None:
    generator = np.random.default_rng(0)
    numbers = generator.normal(3.0, 2.0, (400, 25))
    shown = of_means(list(numbers), "the targets")
    top, low = (shown.curves[f"{side} by chance"] for side in ("most", "least"))
    assert top[0][1] - low[0][1] == pytest.approx(2 * 1.96 * numbers.std() / 5)
    assert outside(shown) == pytest.approx(0.05, abs=4 * (0.05 * 0.95 / 400) ** 0.5)
    ordered = np.sort(numbers.ravel()).reshape(400, 25)
    assert outside(of_means(list(ordered), "the targets")) > 0.6


def test_repeats_are_sorted_and_few() -> None:
    distances = np.random.default_rng(0).permutation(np.arange(1000.0))
    points = of_repeats(distances).curves["the same input again"]
    assert len(points) == 101
    assert (points[0], points[-1]) == ((0.0, 0.0), (1.0, 999.0))
    assert all(y == pytest.approx(999 * x, abs=1e-9) for x, y in points)


def test_shares_below_nothing_are_drawn_as_nothing() -> None:
    shown = of_shares("t", "explained", {"training": -0.3, "evaluation": 0.5}, (0.1, "by chance"))
    assert shown.curves == {"share": ((0.0, 0.0), (1.0, 0.5))}
    assert (shown.bars, shown.names) == (True, ("training", "evaluation"))


def test_numbers_that_are_not_finite_are_left_out() -> None:
    found = {"a": float("nan"), "b": -2.0, "c": float("inf"), "d": 0.5}
    shown = of_numbers("t", "size", found, (1.0, "usual"), logarithmic=True)
    assert shown is not None
    assert (shown.names, shown.curves) == (("b", "d"), {"size": ((0.0, -2.0), (1.0, 0.5))})
    assert not shown.logarithmic, "-2 has no place on such an axis"
    assert of_numbers("t", "size", {"d": 0.5}, logarithmic=True).logarithmic
    assert of_numbers("t", "size", {"a": float("nan")}) is None
    pairs = {"a": (0.0, 1.0), "b": (0.0, float("inf"))}
    assert of_pairs("t", "size", pairs, ("least", "largest")).names == ("a",)
    assert of_pairs("t", "size", {"b": pairs["b"]}, ("least", "largest")) is None


def test_answers_are_compared_by_their_largest_number() -> None:
    a, b = torch.tensor([[1.0, -8.0], [1.0, -6.0]]), torch.tensor([[1.0, -8.0]])
    empty = torch.zeros(0)
    shown = of_answers("t", {"own": [(a, a), (empty, empty)], "others": [(a, a), (a, b)]}, (0.01, "differ"))
    assert shown.curves["largest relative difference"] == ((0.0, 0.0), (1.0, 0.25))
    assert of_answers("t", {"x": [(a, a * float("nan"))]}, (0.01, "differ")) is None


def test_weights_beside_the_inverse_of_shares() -> None:
    generator = np.random.default_rng(0)
    shares = generator.dirichlet(np.ones(500))
    given, inverse = of_weights(shares, 3.0 / shares).curves.values()
    assert len(given) == 101
    assert given == pytest.approx(np.array(inverse))
    assert [10**x for x, _ in (given[0], given[-1])] == pytest.approx([shares.min(), shares.max()])


def test_of_many_classes_those_that_it_is_about_come_first() -> None:
    counts = np.arange(100.0)
    shown = of_counts(counts, np.roll(counts, 1), [3, 0])
    assert len(shown.names) == 12
    assert shown.names[:3] == ("3", "0", "99")
    assert shown.curves["training"][0] == (0.0, 3 / 4950)
    assert shown.curves["evaluations"][1] == (1.0, 99 / 4950)


def called(prediction: torch.Tensor, target: torch.Tensor) -> LossCall:
    sides = summarise(prediction), summarise(target)
    return LossCall("mse_loss", {}, 1.0, *sides, float("nan"), float("nan"), (), None)


def test_targets_and_predictions_stand_beside_each_other() -> None:
    target = torch.tensor([30.0, 50.0])
    steps = [Step(i, losses=[called(torch.full((2,), 1.0 + i), target)]) for i in range(3)]
    (found,) = check_targets(Record(steps=steps))
    assert found.picture == of_sizes(steps)
    targets, predictions = (found.picture.curves[name] for name in ("targets", "predictions"))
    assert [y for _, y in predictions] == pytest.approx([1.0, 2.0, 3.0])
    # The root mean square of 30 and 50, up to whether the standard deviation divides by n or n - 1.
    assert [y for _, y in targets] == pytest.approx([np.hypot(40, 10)] * 3, rel=0.03)
    assert of_sizes([Step(0)]).curves == {"targets": (), "predictions": ()}


def test_modes_over_the_training() -> None:
    steps = [Step(i, training=i < 2) for i in range(6)]
    evaluations = [Evaluation(2, training=0, passes=4), Evaluation(4, training=3, passes=4), Evaluation(5)]
    record = Record(model={"": nn.Dropout(0.5)}, steps=steps, evaluations=evaluations)
    (found,) = check_modes(record)
    assert found.code == "mode.evaluation-in-training"
    assert found.picture == of_modes(record)
    assert found.picture.curves["updates"][1:3] == ((1.0, 1.0), (2.0, 0.0))
    assert found.picture.curves["evaluations"] == ((2.0, 0.0), (4.0, 0.75))


def test_batches_in_order() -> None:
    x = torch.randn(6, 16, 3, generator=torch.Generator().manual_seed(0))
    y = torch.linspace(0, 1, 96).reshape(6, 16, 1)
    rows = Rows(list(x), list(y), list(range(6)), [True] * 6, [[]] * 6)
    (found,) = check_order(Record(training_rows=rows))
    assert found.picture is not None
    means = [value for _, value in found.picture.curves["of the batch"]]
    assert means == pytest.approx(y.mean((1, 2)).tolist())
