"""Leaks are found where they were planted and nowhere in noise."""

import numpy as np
import pytest
from scipy.stats import f_oneway, rankdata, spearmanr

from fivefold.diagnosis.tables.leaks import check_leaks, explained, ranks, spearman


def codes(findings):
    return {finding.columns[0]: finding.code for finding in findings}


def test_rank_correlation_agrees_with_scipy():
    rng = np.random.default_rng(3)
    for _ in range(20):
        x, y = rng.integers(9, size=40).astype(float) + 5, rng.normal(size=40) - 3
        assert spearman(x, y) == pytest.approx(spearmanr(x, y).statistic, abs=1e-12)
        np.testing.assert_array_equal(ranks(x), rankdata(x))
    assert spearman(np.ones(5), np.arange(5.0)) == 0.0


def test_the_correlation_ratio_agrees_with_analysis_of_variance():
    rng = np.random.default_rng(4)
    groups = rng.integers(5, size=200)
    y = rng.normal(size=200) + groups
    F = f_oneway(*[y[groups == g] for g in range(5)]).statistic
    # adjusted R^2 = 1 - (1 - R^2) (n - 1) / (n - L), with R^2 from F
    r2 = F * 4 / (F * 4 + 195)
    assert explained(groups, y) == pytest.approx(1 - (1 - r2) * 199 / 195, abs=1e-12)
    assert explained(np.arange(5), rng.normal(size=5)) == 0.0


@pytest.mark.parametrize("classes", [0, 2, 4])
def test_noise_raises_no_alarm(see, noise, classes):
    alarms = [check_leaks(see(noise(seed, classes=classes))) for seed in range(60)]
    assert not any(alarms), "the bound is one in a million tables"


@pytest.mark.parametrize("classes", [2, 3])
def test_small_tables_of_noise_raise_no_alarm(see, noise, classes):
    assert not any(check_leaks(see(noise(seed, rows=24, classes=classes))) for seed in range(60))


def test_strong_but_honest_columns_raise_no_alarm(see, noise):
    for seed in range(20):
        table = noise(seed)
        y = np.asarray(table["y"])
        honest = y + 0.1 * np.random.default_rng(seed + 10_000).normal(size=len(y))
        assert spearman(honest, y) > 0.98
        assert not check_leaks(see({**table, "honest": honest}))


def test_planted_copies(see, noise):
    for seed in range(10):
        table = noise(seed)
        y = np.asarray(table["y"])
        rng = np.random.default_rng(seed + 10_000)
        planted = {
            "same": y,
            "cents": -100 * y + 5,
            "curved": np.exp(y),
            "nearly": y + 1e-4 * rng.normal(size=len(y)),
            "partly": np.where(rng.random(len(y)) < 0.5, np.nan, y),
        }
        found = check_leaks(see({**table, **planted}))
        assert codes(found) == dict.fromkeys(planted, "leak.copy")
        titles = {f.columns[0]: f.title for f in found}
        assert titles["same"] == "'same' is a copy of the target"
        assert titles["cents"] == "'cents' is a rescaled copy of the target"
        assert titles["curved"] == "'curved' is a monotone copy of the target"
        assert all("--drop" in f.fix for f in found)


def test_planted_codes(see, noise):
    table = noise(1)
    rng = np.random.default_rng(10_001)
    tariff = rng.integers(6, size=300)
    price = np.array([3.0, 80.0, 5.5, 20.0, 61.0, 7.0])[tariff]
    found = check_leaks(
        see({**table, "tariff": [f"tariff {i}" for i in tariff], "y": price + 1e-3 * table["a"]})
    )
    assert codes(found) == {"tariff": "leak.code"}
    grade = rng.integers(3, size=300)
    diagnosis = [f"code {3 * i + j}" for i, j in zip(grade, rng.integers(3, size=300), strict=True)]
    found = check_leaks(see({**table, "diagnosis": diagnosis, "y": [f"g{i}" for i in grade]}))
    assert codes(found) == {"diagnosis": "leak.code"}
    assert "100.000%" in found[0].evidence


def test_planted_thresholds(see, noise):
    table = noise(2, classes=2)
    two = np.asarray(table["y"]) == "1"
    dates = np.where(two, np.datetime64("2021-01-01"), np.datetime64("2019-01-01")) + np.arange(300)
    found = check_leaks(see({**table, "score": table["b"] * np.where(two, 1, -1), "paid": dates}))
    assert codes(found) == {"score": "leak.threshold", "paid": "leak.threshold"}
    assert {f.confidence for f in found} == {"medium"}


def test_planted_gaps(see, noise):
    table = noise(3, classes=2)
    two = np.asarray(table["y"]) == "1"
    rng = np.random.default_rng(10_003)
    both = np.where(two, rng.normal(size=300), np.nan)
    some = np.where(two & (rng.random(300) < 0.5), np.nan, rng.normal(size=300))
    found = check_leaks(see({**table, "both": both, "some": some}))
    assert codes(found) == {"both": "leak.gap", "some": "leak.gap"}
    assert {f.columns[0]: f.confidence for f in found} == {"both": "high", "some": "medium"}
    assert "determines" in found[0].title


def test_gaps_with_one_value_of_a_number(see, noise):
    table = noise(4)
    zero = np.arange(300) % 3 == 0
    claim = np.where(zero, np.nan, np.random.default_rng(10_004).normal(size=300))
    found = check_leaks(see({**table, "claim": claim, "y": np.where(zero, 0.0, table["y"])}))
    assert codes(found) == {"claim": "leak.gap"}
    assert "'0'" in found[0].evidence


def test_a_rare_class_makes_no_column_pure(see):
    """Any column tells the class in 99.9% of rows where one class has 99.9% of them."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        y = np.where(np.arange(3000) < 2, "rare", "common")
        assert not check_leaks(
            see({"y": y, "town": rng.choice(list("uvwxyz"), 3000), "n": rng.poisson(3, 3000)})
        )
