"""New rows against training rows: the tail against SciPy's, the level measured, planted shifts found."""

import json

import numpy as np
import pytest
from scipy.stats import chi2, chi2_contingency

from fivefold.core import ArtifactError
from fivefold.diagnosis.tables.shift import check_shift, chi_squared_tail, compare_counts, summarise


def columns(seed, rows=400):
    rng = np.random.default_rng(seed)
    town = np.empty(rows, dtype=object)
    town[:] = rng.choice(["u", "v", "w"], rows).tolist()
    town[rng.random(rows) < 0.1] = None
    dates = (np.datetime64("2020-01-01") + rng.integers(700, size=rows)).astype("datetime64[us]")
    return {
        "a": rng.normal(size=rows),
        "b": np.where(rng.random(rows) < 0.1, np.nan, rng.exponential(size=rows)),
        "n": rng.poisson(2, size=rows).astype(float),
        "town": town,
        "date": dates,
    }


@pytest.mark.parametrize("freedom", [1, 2, 5, 20, 50])
def test_the_tail_agrees_with_scipy(freedom):
    for p in (0.5, 0.1, 0.01, 1e-3, 1e-4):
        x = chi2.isf(p, freedom)
        assert chi_squared_tail(x, freedom) == pytest.approx(p, abs=0.01, rel=0.35)
    assert chi_squared_tail(0.0, freedom) > 0.95


def test_the_statistic_agrees_with_scipy():
    rng = np.random.default_rng(1)
    old, new = rng.integers(20, 60, size=8).astype(float), rng.integers(20, 60, size=8).astype(float)
    want = chi2_contingency(np.stack([old, new])).pvalue
    assert compare_counts(old, new)[0] == pytest.approx(want, abs=0.01)
    assert compare_counts(np.array([9.0]), np.array([5.0])) == (1.0, 0.0)


def test_rows_of_the_same_process_raise_no_alarm():
    """The level is 0.01 a table, and the index must pass as well: 4 or more in 100 have probability 0.02."""
    summary = summarise(columns(1000, 4000))
    assert sum(bool(check_shift(summary, columns(seed, 500))) for seed in range(100)) <= 3


def test_the_summary_is_json():
    summary = summarise(columns(0))
    assert json.loads(json.dumps(summary)) == summary
    assert check_shift(json.loads(json.dumps(summary)), columns(0)) == []


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("a", lambda x: x + 1),
        ("b", lambda x: np.where(np.arange(len(x)) % 2, np.nan, x)),
        ("n", lambda x: 2 * x),
        ("town", lambda x: np.where(np.arange(len(x)) % 3, x, np.array("new town", dtype=object))),
        ("date", lambda x: x + np.timedelta64(800, "D")),
    ],
)
def test_planted_shifts_are_found_by_name(name, change):
    summary, new = summarise(columns(1)), columns(2)
    found = check_shift(summary, {**new, name: change(new[name])})
    assert [f.columns for f in found] == [(name,)]
    assert found[0].code == "shift.column"


def test_few_rows_are_not_judged_and_large_shifts_come_first():
    summary = summarise(columns(1))
    shifted = {name: values[:29] for name, values in columns(2).items()}
    assert check_shift(summary, {**shifted, "a": shifted["a"] + 50}) == []
    new = columns(3)
    found = check_shift(summary, {**new, "a": new["a"] + 0.8, "b": new["b"] + 50})
    assert [f.columns[0] for f in found] == ["b", "a"]


def test_another_version_is_refused():
    with pytest.raises(ArtifactError, match="version 1"):
        check_shift({"version": 9}, {})


def test_an_empty_column_leaves_a_summary():
    summary = summarise({"x": np.full(40, np.nan)})
    assert summary["columns"]["x"]["edges"] == []
    assert [f.columns for f in check_shift(summary, {"x": np.arange(40.0)})] == [("x",)]
