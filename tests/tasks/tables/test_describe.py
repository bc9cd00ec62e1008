"""Columns, spectrum and conditioning of a table."""

import numpy as np
import pytest

from fivefold.diagnosis import Finding
from fivefold.tasks.tables.describe import describe
from fivefold.tasks.tables.kinds import ColumnType, Kind
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.table import Table


def _describe(columns, kinds, findings=(), target=None):
    schema = Schema(
        tuple(ColumnType(n, k, "why") for n, k in kinds.items() if n != target),
        None if target is None else ColumnType(target, kinds[target], "the target"),
    )
    table = Table(columns)
    typed = table.drop([target]) if target else table
    return describe(table, typed, schema, findings, "No row repeats.")


def _numbers(n=500, seed=0):
    return np.random.default_rng(seed).normal(size=(3, n))


def test_the_spectrum_is_that_of_the_standardised_columns():
    a, b, c = _numbers()
    columns = {"a": 5 + 2 * a, "b": b + a, "c": c}
    record = _describe(columns, dict.fromkeys("abc", Kind.NUMBER))
    x = np.column_stack(list(columns.values()))
    x = (x - x.mean(0)) / x.std(0)
    # columns are kept in single precision
    values = np.linalg.svd(x, compute_uv=False)
    np.testing.assert_allclose(record["spectrum"], values, rtol=1e-5)
    assert record["condition"] == pytest.approx(values[0] / values[-1], rel=1e-5)
    share = values**2 / (values**2).sum()
    share_of_values = values / values.sum()
    entropies = [np.exp(-(p * np.log(p)).sum()) for p in (share, share_of_values)]
    assert any(record["effective_rank"] == pytest.approx(e, rel=1e-4) for e in entropies)


def test_indicators_of_levels_are_standardised_like_numbers():
    """The squares of the singular values of p columns of unit variance add up to n p."""
    a, _, _ = _numbers()
    c = np.array(["u", "v", "v", "w", "w", "w"] * 84, dtype=object)[:500]
    record = _describe({"a": 3 * a, "c": c}, {"a": Kind.NUMBER, "c": Kind.CATEGORY})
    assert len(record["spectrum"]) == 4
    assert np.square(record["spectrum"]).sum() == pytest.approx(500 * 4, rel=1e-5)


def test_a_copy_of_a_column_has_no_bounded_condition():
    a, b, _ = _numbers()
    record = _describe({"a": a, "b": b, "c": a}, dict.fromkeys("abc", Kind.NUMBER))
    assert record["condition"] is None or record["condition"] > 1e6
    assert record["spectrum"][-1] < 1e-4
    assert record["effective_rank"] < 2.1


def test_every_kind_has_its_line():
    n = 40
    columns = {
        "x": np.r_[np.nan, np.arange(1.0, n)],
        "c": np.array(["u", "v", "v", None] * 10, dtype=object),
        "t": np.array(["some words"] * n, dtype=object),
        "d": np.datetime64("2020-01-01", "us") + np.arange(n) * np.timedelta64(1, "D"),
        "k": np.array([0.0, 1.0] * 20),
        "e": np.full(n, np.nan),
        "y": np.arange(n) * 1e6,
    }
    kinds = {"x": Kind.NUMBER, "c": Kind.CATEGORY, "t": Kind.TEXT, "d": Kind.DATE, "k": Kind.BOOLEAN}
    record = _describe(columns, {**kinds, "e": Kind.NUMBER, "y": Kind.NUMBER}, target="y")
    by_name = {c["name"]: c for c in record["columns"]}
    assert record["columns"][0]["name"] == "y"
    assert by_name["x"]["summary"] == "1 to 39, median 20"
    assert (by_name["x"]["missing"], by_name["x"]["distinct"]) == (1, 39)
    assert by_name["c"]["summary"] == "v (20), u (10)"
    assert (by_name["c"]["missing"], by_name["c"]["histogram"]) == (10, [20, 10])
    assert by_name["d"]["summary"] == "2020-01-01 to 2020-02-09"
    assert sum(by_name["d"]["histogram"]) == n
    assert by_name["t"]["histogram"] is None
    assert by_name["e"]["summary"] == "all missing"
    assert by_name["y"]["summary"] == "0 to 39,000,000, median 19,500,000"
    assert by_name["k"]["distinct"] == 2


def test_findings_are_sorted_into_their_places():
    def finding(code):
        return Finding(code, f"title of {code}", "evidence", "high", "cause", "fix")

    a, _, _ = _numbers()
    record = _describe(
        {"a": a}, {"a": Kind.NUMBER}, [finding("leak-name"), finding("collinear"), finding("other")]
    )
    assert record["leaks"] == ["title of leak-name"]
    assert [c["sentence"] for c in record["collinear"]] == ["title of collinear. evidence"]
    assert len(record["findings"]) == 3
    assert record["duplicates"] == "No row repeats."


def test_a_constant_table_has_no_spectrum():
    record = _describe({"a": np.ones(20)}, {"a": Kind.NUMBER})
    assert record["spectrum"] is None
    assert record["condition"] is None


def test_long_tables_are_thinned():
    a = np.random.default_rng(0).normal(size=39_999)
    record = _describe({"a": a}, {"a": Kind.NUMBER})
    assert record["spectrum"][0] <= np.sqrt(20_000) * (1 + 1e-9)


def test_a_target_written_with_a_comma_is_described_as_the_number_it_is():
    raw = Table({"x": np.arange(40.0), "y": np.array([f"{i},5" for i in range(40)], dtype=object)})
    schema = Schema.guess(raw, "y")
    line = describe(raw, schema.apply(raw), schema, (), "")["columns"][0]
    assert (line["name"], line["summary"], line["distinct"]) == ("y", "0.5 to 39.5, median 20", 40)
