"""Contrast with other texts against SciPy, published figures and closed forms; similarity against a loop."""

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from fivefold.core import ArgumentError
from fivefold.tasks.text.terms.termhood import centroid_similarity, log_likelihood_ratio, weirdness


@pytest.mark.parametrize(
    ("table", "published"),
    # Dunning 1993, table 2: -2 log lambda of "the swiss", "can be", "previous year"
    [((110, 2442, 111, 29114), 270.72), ((29, 13, 123, 31612), 263.90), ((31, 23, 139, 31584), 256.84)],
)
def test_published_figures(table, published):
    a, b, c, d = table
    assert log_likelihood_ratio(a, a + b, c, c + d) == pytest.approx(published, abs=0.005)


def test_it_is_the_g_statistic_of_the_table_signed():
    rng = np.random.default_rng(0)
    for here, there in rng.integers(1, 60, (20, 2)).tolist():
        value = log_likelihood_ratio(here, 500, there, 900)
        table = [[here, 500 - here], [there, 900 - there]]
        expected = chi2_contingency(table, correction=False, lambda_="log-likelihood").statistic
        assert abs(value) == pytest.approx(expected, rel=1e-9, abs=1e-9)
        assert (value >= 0) == (here / 500 >= there / 900)
        assert log_likelihood_ratio(there, 900, here, 500) == pytest.approx(-value, rel=1e-9, abs=1e-9)


def test_equal_frequencies_and_absence():
    assert log_likelihood_ratio(5, 100, 50, 1000) == pytest.approx(0.0, abs=1e-9)
    assert log_likelihood_ratio(0, 100, 0, 1000) == 0.0
    assert log_likelihood_ratio(100, 100, 0, 100) == pytest.approx(2 * 200 * np.log(2))


def test_the_rate_of_false_alarms_is_that_of_chi_squared():
    """Of one frequency: G² beyond 3.84 in 5% of 2,000 draws, up to 4 standard errors of 0.5%."""
    rng = np.random.default_rng(1)
    draws = rng.binomial(2000, 0.02, (2000, 2)).tolist()
    beyond = sum(abs(log_likelihood_ratio(a, 2000, b, 2000)) > 3.8415 for a, b in draws) / 2000
    assert beyond == pytest.approx(0.05, abs=0.02)


def test_counts_out_of_range_are_refused():
    for wrong in ((-1, 5, 0, 5), (6, 5, 0, 5), (0, 5, 6, 5), (0, 0, 0, 5)):
        with pytest.raises(ArgumentError, match="occurrences from 0 to the words"):
            log_likelihood_ratio(*wrong)


def test_weirdness_is_antisymmetric_and_finite():
    assert weirdness(7, 100, 3, 400) == pytest.approx(np.log((7.5 / 101) / (3.5 / 401)))
    assert weirdness(3, 400, 7, 100) == pytest.approx(-weirdness(7, 100, 3, 400))
    assert np.isfinite(weirdness(7, 100, 0, 400))


def test_similarity_is_the_cosine_of_mean_unit_vectors_to_the_seeds():
    rng = np.random.default_rng(0)
    features = {word: rng.normal(size=3) for word in "abcd"}
    keys, scores = [("a", "b"), ("c",), ("d", "z"), ("z",)], [1.0, 3.0, 2.0, 0.0]
    mean = sum(features.values()) / 4

    def unit(v):
        return v / np.sqrt((v**2).sum())

    a, b, c, d = (unit(features[word] - mean) for word in "abcd")
    vectors = [unit(a + b), c, d]
    centre = unit(c + d)  # the two best
    expected = [float(v @ centre) for v in vectors]
    found = centroid_similarity(keys, scores, features, seeds=2)
    np.testing.assert_allclose(found, [*expected, np.mean(expected)], rtol=1e-12)


def test_features_of_no_or_several_lengths_are_refused():
    for wrong in ({}, {"a": np.zeros(2), "b": np.zeros(3)}, {"a": np.float64(1)}):
        with pytest.raises(ArgumentError, match="features of one length"):
            centroid_similarity([("a",)], [1.0], wrong)
    with pytest.raises(ArgumentError, match="at least 1 seed"):
        centroid_similarity([("a",)], [1.0], {"a": np.ones(2)}, seeds=0)
