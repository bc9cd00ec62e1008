"""Discrete information: closed forms, a plain jackknife, unbiasedness and the rate of the intervals."""

import math

import numpy as np
import pytest
import scipy.stats
from sklearn.metrics import mutual_info_score

from fivefold.core import ArgumentError, DataError
from fivefold.probability import (
    count_table,
    discrete_divergence,
    discrete_entropy,
    discrete_mutual_information,
)

P = np.array([0.4, 0.3, 0.2, 0.1])
Q = np.array([0.25, 0.25, 0.3, 0.2])
JOINT = np.array([[0.3, 0.1], [0.1, 0.2], [0.05, 0.25]])
ENTROPY = float(scipy.stats.entropy(P))
DIVERGENCE = float(scipy.stats.entropy(P, Q))
INFORMATION = float((JOINT * np.log(JOINT / np.outer(JOINT.sum(1), JOINT.sum(0)))).sum())
CORRECTIONS = ("none", "miller-madow", "jackknife")


def test_plug_in_is_scipys_and_scikit_learns():
    counts, other = np.array([7, 0, 12, 3]), np.array([5, 2, 9, 9])
    assert discrete_entropy(counts, "none").value == pytest.approx(float(scipy.stats.entropy(counts)))
    found = discrete_divergence(counts, other, "none").value
    assert found == pytest.approx(float(scipy.stats.entropy(counts, other)))
    x, y = np.random.default_rng(0).integers(0, 4, size=(2, 200))
    assert discrete_mutual_information(count_table(x, y), "none").value == pytest.approx(
        mutual_info_score(x, y)
    )


def test_miller_madow_adds_its_term():
    counts = [7, 0, 12, 3]
    gain = discrete_entropy(counts).value - discrete_entropy(counts, "none").value
    assert gain == pytest.approx(2 / 44)
    table = [[7, 0, 2], [1, 4, 3]]
    gain = discrete_mutual_information(table).value - discrete_mutual_information(table, "none").value
    assert gain == pytest.approx(-(5 - 2 - 3 + 1) / 34)


def test_jackknife_is_the_plain_one():
    counts = np.array([4, 1, 6])
    labels = np.repeat(np.arange(3), counts)
    n = len(labels)
    left = np.array(
        [discrete_entropy(np.bincount(np.delete(labels, i), minlength=3), "none").value for i in range(n)]
    )
    plain = discrete_entropy(counts, "none").value
    found = discrete_entropy(counts, "jackknife")
    assert found.value == pytest.approx(n * plain - (n - 1) * left.mean(), rel=1e-12)
    spread = math.sqrt((n - 1) / n * np.square(left - left.mean()).sum())
    assert found.standard_error == pytest.approx(spread, rel=1e-12)


def simulate(make, truth, count=400):
    generator = np.random.default_rng(0)
    found = [make(generator) for _ in range(count)]
    inside = [low <= truth <= high for low, high in (each.interval() for each in found)]
    return np.mean([each.value for each in found]) - truth, np.mean(inside)


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_entropy_bias_and_coverage(correction):
    """n = 100: the plug-in is low by (m - 1) / 2n = 0.015, beside a standard error of the mean of 0.0023."""
    bias, rate = simulate(lambda g: discrete_entropy(g.multinomial(100, P), correction), ENTROPY)
    assert bias == pytest.approx(-0.015 if correction == "none" else 0.0, abs=0.007)
    assert rate > 0.95 - 4 * math.sqrt(0.0475 / 400)


def test_correction_is_needed_with_many_classes():
    """20 equal classes, n = 100: the plug-in's intervals miss; the corrected ones cover."""
    flat, truth = np.full(20, 0.05), math.log(20)
    assert simulate(lambda g: discrete_entropy(g.multinomial(100, flat), "none"), truth)[1] < 0.5
    for correction in ("miller-madow", "jackknife"):
        bias, rate = simulate(lambda g, c=correction: discrete_entropy(g.multinomial(100, flat), c), truth)
        assert rate > 0.93
        assert abs(bias) < 0.015


@pytest.mark.parametrize("correction", ["miller-madow", "jackknife"])
@pytest.mark.parametrize("independent", [False, True])
def test_information_bias_and_coverage(correction, independent):
    joint = np.outer(JOINT.sum(1), JOINT.sum(0)) if independent else JOINT
    truth = 0.0 if independent else INFORMATION
    bias, rate = simulate(
        lambda g: discrete_mutual_information(g.multinomial(200, joint.ravel()).reshape(3, 2), correction),
        truth,
    )
    assert abs(bias) < 0.005
    assert rate > 0.95 - 4 * math.sqrt(0.0475 / 400)


@pytest.mark.parametrize("correction", ["miller-madow", "jackknife"])
@pytest.mark.parametrize("same", [False, True])
def test_divergence_bias_and_coverage(correction, same):
    """The plug-in is high by 1.5 / 300 + about 1.5 / 200 = 0.0125."""
    q, truth = (P, 0.0) if same else (Q, DIVERGENCE)
    bias, rate = simulate(
        lambda g: discrete_divergence(g.multinomial(300, P), g.multinomial(200, q), correction), truth
    )
    assert abs(bias) < 0.006
    assert rate > 0.95 - 4 * math.sqrt(0.0475 / 400)


def test_unseen_classes_are_flagged():
    assert discrete_entropy([1, 1, 1, 1, 20]).certificates[0].holds is False
    assert discrete_entropy([10, 12, 20]).certificates[0].holds is True


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: discrete_entropy([]), DataError, "nonempty array of 1 dimensions"),
        (lambda: discrete_entropy([[1, 2]]), DataError, "nonempty array of 1 dimensions"),
        (lambda: discrete_entropy([1, -1]), DataError, "such as -1"),
        (lambda: discrete_entropy([0.5, 1]), DataError, "such as 0.5"),
        (lambda: discrete_entropy([0, 0]), DataError, "counts that are all 0"),
        (lambda: discrete_entropy([1, np.nan]), DataError, "1 NaN or infinite"),
        (lambda: discrete_entropy([1, 2], "bayes"), ArgumentError, "a correction among"),
        (lambda: discrete_entropy([1], "jackknife"), ArgumentError, "at least 2 observations"),
        (lambda: discrete_mutual_information([1, 2]), DataError, "2 dimensions"),
        (lambda: discrete_divergence([1, 2], [1, 2, 3]), ArgumentError, "2 reference counts"),
        (lambda: discrete_divergence([1, 2], [0, 3]), DataError, "merge rare classes"),
        (
            lambda: discrete_divergence([4, 2], [1, 3], "jackknife"),
            ArgumentError,
            "at least 2 for the jackknife",
        ),
        (lambda: count_table([]), DataError, "nonempty vector of labels"),
        (lambda: count_table([1.0, np.nan]), DataError, "1 NaN or infinite"),
        (lambda: count_table(np.array(["a", None], dtype=object)), DataError, "drop missing labels"),
        (lambda: count_table([1, 2], [1]), DataError, "2 and 1 labels"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
