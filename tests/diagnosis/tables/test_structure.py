"""Entities and time: the F test against SciPy's, its false alarms counted, planted structure found."""

import numpy as np
import pytest
from scipy.stats import f_oneway

from fivefold.diagnosis.tables.structure import check_groups, check_time, variance_between


def test_variance_between_agrees_with_scipy():
    rng = np.random.default_rng(1)
    for _ in range(10):
        groups, y = rng.integers(6, size=90), rng.normal(size=90) + 4
        assert variance_between(groups, y)[0] == pytest.approx(
            f_oneway(*[y[groups == g] for g in range(6)]).pvalue
        )


def test_the_share_between_groups_is_recovered():
    rng = np.random.default_rng(2)
    groups = rng.integers(300, size=6000)
    y = 10 + rng.normal(size=300)[groups] * 2 + rng.normal(size=6000)
    assert variance_between(groups, y)[1] == pytest.approx(0.8, abs=0.05)  # 4 / (4 + 1); spread of 300 groups
    assert variance_between(np.zeros(5, dtype=np.int64), np.arange(5.0)) == (1.0, 0.0)
    assert variance_between(np.array([0, 0, 1, 1]), np.zeros(4)) == (1.0, 0.0)


@pytest.mark.parametrize("classes", [0, 2])
def test_false_alarms_on_noise(see, noise, classes):
    """Each of the two checks is at the level 0.001 a table: 2 or more alarms in 150 have probability 0.01."""
    views = [see(noise(seed, classes=classes)) for seed in range(150)]
    assert sum(bool(check_groups(data)) for data in views) <= 1
    assert sum(bool(check_time(data)) for data in views) <= 1


def test_a_planted_entity(see, noise):
    table = noise(3)
    effect = np.random.default_rng(3).normal(size=60)[table["customer_id"]]
    found = check_groups(see({**table, "y": np.exp(2 * effect + table["y"])}))
    assert [f.columns for f in found] == [("customer_id",)]
    assert found[0].confidence == "high"
    assert "--group customer_id" in found[0].fix


def test_a_key_that_recurs_for_some_rows_only(see, noise):
    table = noise(4)
    keys = np.arange(300) * 7 + 1000
    keys[150:190] = keys[:40]
    y = np.asarray(table["y"]).copy()
    y[150:190] = y[:40] + 0.1
    found = check_groups(see({**table, "parcel_id": keys, "y": y}, parcel_id="identifier"))
    assert [f.columns for f in found] == [("parcel_id",)]
    assert "80 rows share theirs" in found[0].evidence


def test_a_planted_trend(see, noise):
    table = noise(5)
    days = (np.asarray(table["date"]) - np.datetime64("2020-01-01")).astype(float)
    found = check_time(see({**table, "y": table["y"] + days / 200}))
    assert [f.columns for f in found] == [("date",)]
    assert found[0].confidence == "high"
    assert "--time date" in found[0].fix
    yearly = {**table, "year": 1990 + np.arange(300) // 10, "y": table["y"] + np.arange(300) / 50}
    assert ("year",) in [f.columns for f in check_time(see(yearly))]


def test_few_or_few_different_times_say_nothing(see, noise):
    table = noise(6, rows=60)
    assert not check_time(see({**table, "y": np.asarray(table["date"]).astype(float)}))
