"""Metrics against scikit-learn, bootstrap intervals against a formula, coverage of proportions."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from fivefold.tasks.evaluate import (
    METRICS,
    Bootstrap,
    coverage,
    metrics_of,
    reliability,
    scores,
    wilson,
)


def _numbers(n=300, seed=0):
    generator = np.random.default_rng(seed)
    y = np.exp(generator.normal(1.0, 0.7, n))
    return y, y * np.exp(generator.normal(0, 0.3, n))


def _classes(n=300, k=3, seed=0):
    generator = np.random.default_rng(seed)
    p = generator.dirichlet(np.ones(k), n)
    y = np.array([generator.choice(k, p=row) for row in p]).astype(float)
    return y, p


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("RMSE", sk.root_mean_squared_error),
        ("MAE", sk.mean_absolute_error),
        ("R2", sk.r2_score),
        ("RMSLE", sk.root_mean_squared_log_error),
    ],
)
def test_metrics_of_numbers_are_scikit_learns(name, reference):
    y, p = _numbers()
    assert Bootstrap(y, 0).interval(name, p)["value"] == pytest.approx(reference(y, p), rel=1e-10)


def test_the_deviance_is_scikit_learns_zeros_included():
    y = np.random.default_rng(0).poisson(1.0, 200).astype(float)
    p = np.random.default_rng(1).uniform(0.2, 3, 200)
    value = Bootstrap(y, 0).interval("Poisson deviance", p)["value"]
    assert value == pytest.approx(sk.mean_poisson_deviance(y, p), rel=1e-10)


def test_metrics_of_classes_are_scikit_learns():
    y, p = _classes()
    boot = Bootstrap(y, 0)
    assert boot.interval("log loss", p)["value"] == pytest.approx(sk.log_loss(y, p), rel=1e-10)
    assert boot.interval("accuracy", p)["value"] == pytest.approx(sk.accuracy_score(y, p.argmax(1)))
    hot = np.eye(3)[y.astype(int)]
    assert boot.interval("Brier score", p)["value"] == pytest.approx(((p - hot) ** 2).sum(1).mean())


def test_r_squared_does_not_lose_its_digits_far_from_zero():
    y, p = _numbers()
    near, far = (Bootstrap(y + shift, 0).interval("R2", p + shift) for shift in (0.0, 1e7))
    assert far["value"] == pytest.approx(near["value"], abs=1e-7)
    assert far["low"] == pytest.approx(near["low"], abs=1e-6)


def test_the_bootstrap_interval_of_a_mean_is_the_normal_one():
    """Standard error of a mean: s / sqrt(n). 400 draws fix a quantile to about 8% of the standard error."""
    y = np.zeros(2000)
    p = np.random.default_rng(3).normal(10.0, 2.0, 2000)
    found = Bootstrap(y, 0).interval("MAE", p)
    error = p.std() / np.sqrt(2000)
    assert found["low"] == pytest.approx(p.mean() - 1.96 * error, abs=0.4 * error)
    assert found["high"] == pytest.approx(p.mean() + 1.96 * error, abs=0.4 * error)


def test_bootstrap_intervals_cover_at_about_their_rate():
    """95% intervals of a mean over 300 data sets of 80 rows: 3 standard errors are 3.8 points."""
    generator = np.random.default_rng(4)
    truth = np.sqrt(2 / np.pi)
    hits = 0
    for seed in range(300):
        found = Bootstrap(np.zeros(80), seed).interval("MAE", generator.normal(size=80))
        hits += found["low"] <= truth <= found["high"]
    assert 0.90 <= hits / 300 <= 0.98


def test_a_paired_difference_is_much_sharper_than_its_parts():
    y, p = _numbers(500)
    worse = p + 0.05
    found = Bootstrap(y, 0).difference("RMSE", worse, p)
    expected = sk.root_mean_squared_error(y, worse) - sk.root_mean_squared_error(y, p)
    assert found["difference"] == pytest.approx(expected, rel=1e-9)
    alone = Bootstrap(y, 0).interval("RMSE", p)
    assert found["high"] - found["low"] < 0.2 * (alone["high"] - alone["low"])
    same = Bootstrap(y, 0).difference("RMSE", p, p)
    assert (same["difference"], same["low"], same["high"]) == (0, 0, 0)


def test_groups_are_drawn_whole():
    """Errors that are equal within 20 groups of 50 rows: the standard error is that of 20 numbers."""
    generator = np.random.default_rng(5)
    clusters = np.repeat(np.arange(20), 50)
    effect = generator.uniform(1, 3, 20)
    p = effect[clusters]
    whole = Bootstrap(np.zeros(1000), 0, clusters).interval("MAE", p)
    alone = Bootstrap(np.zeros(1000), 0).interval("MAE", p)
    wide, narrow = whole["high"] - whole["low"], alone["high"] - alone["low"]
    assert wide == pytest.approx(2 * 1.96 * effect.std() / np.sqrt(20), rel=0.2)
    assert wide / narrow == pytest.approx(np.sqrt(50), rel=0.2)


def test_one_group_alone_still_varies():
    p = np.random.default_rng(8).normal(10.0, 2.0, 400)
    for clusters, least in ((np.zeros(400, dtype=int), 1.0), (np.arange(400) % 3, 1.0)):
        found = Bootstrap(np.zeros(400), 0, clusters).interval("MAE", p)
        width = (found["high"] - found["low"]) / (2 * 1.96 * p.std() / np.sqrt(400))
        assert 0.8 * least < width < 2.0


def test_few_groups_are_drawn_before_their_rows():
    """Five groups whose means differ: the variance is that of the means over 5, and a little of the rows."""
    clusters = np.repeat(np.arange(5), 80)
    effect = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    p = effect[clusters] + 0.1 * np.random.default_rng(9).normal(size=400)
    found = Bootstrap(np.zeros(400), 0, clusters).interval("MAE", p)
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 * effect.std() / np.sqrt(5), rel=0.2)


def test_many_rows_are_drawn_in_blocks_and_the_value_is_that_of_all():
    p = np.random.default_rng(6).normal(10.0, 2.0, 30_000)
    found = Bootstrap(np.zeros(30_000), 0).interval("MAE", p)
    assert found["value"] == pytest.approx(np.abs(p).mean())
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 * 2.0 / np.sqrt(30_000), rel=0.2)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (10, 10), (7, 10), (450, 500), (1, 1)])
def test_wilson_solves_its_quadratic(k, n):
    """Its ends p satisfy |k/n - p| = z sqrt(p (1 - p) / n)."""
    found = wilson(k, n)
    z = stats.norm.ppf(0.975)
    for end in (found["low"], found["high"]):
        assert abs(k / n - end) == pytest.approx(z * np.sqrt(end * (1 - end) / n), abs=1e-6)
    assert found["low"] <= found["value"] == k / n <= found["high"]


def test_wilson_is_scipys_and_says_nothing_of_no_rows():
    reference = stats.binomtest(37, 50).proportion_ci(method="wilson")
    found = wilson(37, 50)
    assert (found["low"], found["high"]) == pytest.approx((reference.low, reference.high), abs=1e-6)
    assert (wilson(0, 0)["low"], wilson(0, 0)["high"]) == (0.0, 1.0)
    assert coverage(np.array([True, True, False]))["value"] == pytest.approx(2 / 3)


def test_reliability_of_honest_probabilities_lies_on_the_diagonal():
    generator = np.random.default_rng(7)
    p = generator.random(20_000)
    bins = reliability(p, generator.random(20_000) < p)
    assert len(bins) == 10
    assert sum(b["rows"] for b in bins) == 20_000
    for b in bins:  # 2,000 rows each: four standard errors
        assert abs(b["predicted"] - b["observed"]) < 4 * np.sqrt(0.25 / 2000)
    assert len(reliability(p[:25], p[:25] > 0.5)) == 2


def test_the_metric_that_is_wanted_comes_first():
    assert metrics_of("gaussian", "MAE") == ["MAE", "RMSE", "R2"]
    assert metrics_of("bernoulli")[0] == "log loss"
    for family in ("gaussian", "log-gaussian", "poisson", "categorical"):
        assert set(metrics_of(family)) <= set(METRICS)


def test_the_table_of_scores():
    y, p = _numbers()
    rows = scores(
        Bootstrap(y, 0), ["RMSE", "MAE"], [("a", "chosen", p), ("b", "constant", np.full(len(y), y.mean()))]
    )
    assert [(r["name"], r["role"]) for r in rows] == [("a", "chosen"), ("b", "constant")]
    assert rows[0]["metrics"]["RMSE"]["value"] < rows[1]["metrics"]["RMSE"]["value"]


def test_the_gamma_deviance_is_scikit_learns():
    y, p = _numbers()
    value = Bootstrap(y, 0).interval("gamma deviance", p)["value"]
    assert value == pytest.approx(sk.mean_gamma_deviance(y, p), rel=1e-10)
    assert metrics_of("gamma")[0] == "gamma deviance"


def test_metrics_of_levels_respect_their_order():
    y, p = _classes(k=4)
    boot = Bootstrap(y, 0)
    brier = [sk.brier_score_loss(y <= k, p[:, : k + 1].sum(1)) for k in range(3)]
    assert boot.interval("ranked probability score", p)["value"] == pytest.approx(np.mean(brier), rel=1e-10)
    error = sk.mean_absolute_error(y, p.argmax(1))
    assert boot.interval("level error", p)["value"] == pytest.approx(error)
    near, far = np.array([[0.0, 0.9, 0.1, 0.0]]), np.array([[0.0, 0.1, 0.0, 0.9]])
    one = Bootstrap(np.array([0.0]), 0)
    assert one.draws("ranked probability score", near)[0] < one.draws("ranked probability score", far)[0]
    assert metrics_of("ordinal")[:3] == ["log loss", "ranked probability score", "level error"]
    assert metrics_of("ordinal", "level error")[0] == "level error"


def test_copies_shrink_the_effective_number_of_rows():
    inside = np.array([True] * 6 + [False] * 4)
    assert coverage(inside, np.arange(10)) == coverage(inside) == wilson(6, 10)
    groups = np.array([0, 0, 0, 0, 1, 2, 3, 4, 5, 6])  # 100 / (16 + 6)
    assert coverage(inside, groups) == pytest.approx(wilson(6 / 10 * 100 / 22, 100 / 22))


def test_many_groups_are_drawn_in_blocks(monkeypatch):
    monkeypatch.setattr("fivefold.tasks.evaluate._MOST_CELLS", 50)
    p = np.random.default_rng(0).normal(size=400)
    found = Bootstrap(np.zeros(400), 0, np.arange(400) // 2)
    assert found._counts.shape[1] == 50
    interval = found.interval("MAE", p)
    assert interval["low"] < np.abs(p).mean() < interval["high"]
