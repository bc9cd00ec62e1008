"""Families of the target: losses against densities and deviances computed elsewhere."""

import json

import numpy as np
import pytest
from scipy import special, stats
from sklearn.metrics import mean_gamma_deviance

from fivefold.core import ArtifactError, DataError
from fivefold.tasks.tables.target import Target


def _eta(k, n=40, seed=0):
    return np.random.default_rng(seed).normal(0.5, 1.5, (n, k))


def test_the_poisson_loss_is_twice_the_log_likelihood_ratio_to_the_saturated_model():
    eta = _eta(1)
    y = np.random.default_rng(1).poisson(np.exp(eta[:, 0])).astype(float)
    assert (y == 0).any()
    saturated = stats.poisson.logpmf(y, np.maximum(y, 1e-300))
    expected = 2 * (saturated - stats.poisson.logpmf(y, np.exp(eta[:, 0])))
    np.testing.assert_allclose(Target("y", "poisson").loss(eta, y), expected, rtol=1e-9, atol=1e-10)


def test_the_loss_of_two_classes_is_the_negative_log_probability():
    target = Target("y", "bernoulli", ("no", "yes"))
    eta, y = _eta(1), np.tile([0.0, 1.0], 20)
    np.testing.assert_allclose(
        target.loss(eta, y), -stats.bernoulli.logpmf(y, special.expit(eta[:, 0])), rtol=1e-10
    )
    np.testing.assert_allclose(target.mean(eta)[:, 1], special.expit(eta[:, 0]), rtol=1e-12)


def test_the_loss_of_many_classes_is_the_negative_log_softmax():
    target = Target("y", "categorical", ("a", "b", "c"))
    eta, y = _eta(3), np.arange(40.0) % 3
    expected = -special.log_softmax(eta, axis=1)[np.arange(40), y.astype(int)]
    np.testing.assert_allclose(target.loss(eta, y), expected, rtol=1e-10)
    np.testing.assert_allclose(target.mean(eta + 700), special.softmax(eta, axis=1), rtol=1e-10)


@pytest.mark.parametrize("family", Target.FAMILIES)
def test_predictions_stay_finite_far_out(family):
    three = ("a", "b", "c")
    classes = {"bernoulli": ("a", "b"), "categorical": three, "ordinal": three}.get(family, ())
    target = Target("y", family, classes)
    eta = np.array([[-1e5], [1e5], [0.0]]) * np.array([1.0, -1.0, 0.5])[: target.outputs]
    assert np.isfinite(target.mean(eta)).all()
    if target.classifies:
        np.testing.assert_allclose(target.mean(eta).sum(1), 1.0)
        assert np.isfinite(target.loss(eta, np.array([0.0, 0.0, 1.0]))).all()


def test_squared_errors_are_on_the_scale_of_the_model():
    target = Target("y", "log-gaussian")
    y = target.encode(np.array([1.0, np.e]))
    np.testing.assert_allclose(y, [0, 1])
    np.testing.assert_allclose(target.loss(np.array([[0.5], [0.5]]), y), [0.25, 0.25])
    assert target.score(np.array([0.25, 0.75])) == pytest.approx(np.sqrt(0.5))
    assert Target("y", "poisson").score(np.array([0.25, 0.75])) == 0.5
    assert target.loss_name == "RMSE of log y"


def test_the_smearing_factor_turns_medians_into_means():
    """For log-normal errors of standard deviation s it is exp(s^2 / 2), the mean over the median."""
    residuals = np.random.default_rng(2).normal(0, 0.6, 200_000)
    target = Target("y", "log-gaussian").with_smear(residuals)
    assert target.smear == pytest.approx(np.exp(0.18), rel=0.01)
    np.testing.assert_allclose(target.mean(np.array([[2.0]])), np.exp(2.0) * target.smear)
    assert Target("y", "gaussian").with_smear(residuals).smear == 1.0


def test_codes_of_classes_follow_their_order():
    target = Target("y", "categorical", ("b", "a", "c"))
    assert target.encode(np.array(["c", "b", "a"], dtype=object)).tolist() == [2, 0, 1]
    assert target.outputs == 3
    assert Target("y", "bernoulli", ("a", "b")).outputs == 1
    with pytest.raises(DataError, match="classes of y: b, a, c; got None, z"):
        target.encode(np.array(["z", None, "a"], dtype=object))


@pytest.mark.parametrize(
    ("family", "bad"),
    [("log-gaussian", 0.0), ("log-gaussian", -1.0), ("gamma", 0.0), ("gamma", -1.0), ("poisson", -1.0)],
)
def test_values_outside_the_family_are_refused(family, bad):
    with pytest.raises(DataError, match="in 'y'; got 1 that are not"):
        Target("y", family).encode([1.0, bad, 2.0])


def test_an_unknown_family_is_refused_and_a_known_one_comes_back():
    with pytest.raises(ArtifactError, match="a family of gaussian"):
        Target("y", "cauchy")
    target = Target("y", "bernoulli", ("a", "b"), 1.5, "two classes")
    back = Target.from_state(json.loads(json.dumps(target.state())))
    assert back.__dict__ == target.__dict__


def test_the_smear_counts_residuals_by_their_weights():
    target, residuals = Target("y", "log-gaussian"), np.array([0.1, 0.7, -0.4])
    weights = np.array([1.0, 3.0, 2.0])
    expected = target.with_smear(np.repeat(residuals, [1, 3, 2])).smear
    assert target.with_smear(residuals, weights).smear == pytest.approx(expected, rel=1e-12)
    assert target.with_smear(residuals, np.full(3, 0.3)).smear == target.with_smear(residuals).smear


def test_the_gamma_loss_is_scikit_learns_deviance_and_its_intervals_stay_positive():
    eta = _eta(1) + 8.0
    y = np.random.default_rng(1).gamma(2.0, np.exp(eta[:, 0]) / 2.0)
    target = Target("y", "gamma")
    assert target.loss(eta, y).mean() == pytest.approx(mean_gamma_deviance(y, np.exp(eta[:, 0])), rel=1e-10)
    np.testing.assert_array_equal(target.encode(y), y)
    np.testing.assert_allclose(target.mean(eta), np.exp(eta[:, 0]))
    np.testing.assert_allclose(target.residual(eta, y), np.log(y) - eta[:, 0])
    low, _ = target.own_bounds(np.array([-np.inf, 1.0]), np.array([2.0, np.inf]))
    assert (low >= 0).all()
    np.testing.assert_allclose(low[1], np.e)
    assert target.loss_name == "mean gamma deviance"
    assert target.score(np.array([0.25, 0.75])) == 0.5


def test_ordered_levels_have_log_probabilities_and_a_mean_level():
    target = Target("q", "ordinal", ("3", "5", "10"))
    p = np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]])
    np.testing.assert_allclose(target.mean(np.log(p)), p)
    np.testing.assert_allclose(target.summary(p), [0.6 + 2.5 + 3.0, 0.3 + 0.5 + 8.0])
    assert (target.outputs, target.label, target.loss_name) == (3, "mean level of q", "log loss")
    words = Target("q", "ordinal", ("low", "mid", "nan"))
    np.testing.assert_allclose(words.summary(p), [2.1, 2.7])
    two = Target("k", "bernoulli", ("n", "y"))
    assert two.label == "P(k = y)"
    np.testing.assert_array_equal(two.summary(p[:, :2]), p[:, 1])
