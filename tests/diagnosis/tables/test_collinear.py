"""Linear relations come back by name and weight; noise has none."""

import numpy as np
import pytest

from fivefold.diagnosis.tables.collinear import check_collinear, find_relations, inflation


def test_house_prices(repository):
    from fivefold.diagnosis import check_table
    from fivefold.tasks.tables.read import read
    from fivefold.tasks.tables.schema import Schema

    table = read(repository / "examples" / "house_prices.parquet")
    findings = check_table(table, Schema.guess(table, "price"), "price")
    exact = [finding for finding in findings if finding.code == "collinear.exact"]
    assert [finding.title for finding in exact] == ["sqft_living = sqft_above + sqft_basement"]
    assert not [finding for finding in findings if finding.code.startswith(("leak", "duplicates"))]
    groups = {finding.columns[0] for finding in findings if finding.code == "structure.group"}
    assert groups == {"id", "zipcode"}
    assert [f.confidence for f in findings if f.code == "structure.time"] == ["low"]


@pytest.mark.parametrize("seed", range(5))
def test_planted_relations_come_back_in_their_own_units(seed):
    rng = np.random.default_rng(seed)
    a, b, c, d = rng.normal(size=(4, 300)) * np.array([[1.0], [1e4], [1e-3], [7.0]]) + 50
    relations, free = find_relations({"a": a, "b": b, "c": c, "d": d, "e": 2.5 * a - 3 * c + 4, "f": b + d})
    assert [r.columns[0] for r in relations] == ["e", "f"] or {"a", "e"} & set(relations[0].columns)
    assert len(free) == 4
    columns = {"a": a, "b": b, "c": c, "d": d, "e": 2.5 * a - 3 * c + 4, "f": b + d}
    for relation in relations:
        fit = relation.constant + sum(
            weight * columns[name]
            for name, weight in zip(relation.columns[1:], relation.weights, strict=True)
        )
        left = columns[relation.columns[0]]
        assert np.abs(fit - left).max() < 1e-6 * left.std()
    assert relations[1].sentence == "f = b + d"


def test_relations_are_named_and_sparse():
    rng = np.random.default_rng(0)
    a, b, c = rng.normal(size=(3, 100)) + 9
    assert find_relations({"a": a, "copy": a, "b": b, "c": c})[0][0].sentence == "copy = a"
    assert find_relations({"a": a, "f": 1.8 * a + 32, "b": b})[0][0].sentence == "f = 1.8 a + 32"
    assert find_relations({"total": a + b + c, "b": b, "a": a, "c": c})[0][0].sentence == "total = b + a + c"
    assert find_relations({"gap": np.where(np.arange(100) < 5, np.nan, a), "a": a})[0] == []


def test_noise_has_no_relation(see, noise):
    for seed in range(40):
        assert not check_collinear(see(noise(seed)))
        rng = np.random.default_rng(seed)
        wide = {f"x{i}y": rng.normal(size=60) for i in range(30)}
        assert find_relations(wide)[0] == []
    assert find_relations({f"x{i}y": rng.normal(size=20) for i in range(30)})[0] == [], "too few rows to say"
    assert find_relations({"a": np.ones(9), "b": np.full(9, np.nan)}) == ([], [])


def test_inflation_against_regressions():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(200, 4)) @ rng.normal(size=(4, 4)) + 3
    found = inflation({str(j): X[:, j] for j in range(4)})
    for j in range(4):
        others = np.column_stack([np.ones(200), np.delete(X, j, axis=1)])
        residual = X[:, j] - others @ np.linalg.lstsq(others, X[:, j], rcond=None)[0]
        want = ((X[:, j] - X[:, j].mean()) ** 2).sum() / (residual**2).sum()
        assert found[str(j)] == pytest.approx(want, rel=1e-8)
    assert inflation({}) == {}


def test_near_relations_are_reported(see, noise):
    table = noise(8)
    near = (
        np.asarray(table["a"])
        + np.asarray(table["b"])
        + 0.01 * np.random.default_rng(10_008).normal(size=300)
    )
    found = check_collinear(see({**table, "near": near}))
    assert [f.code for f in found] == ["collinear.near"]
    assert set(found[0].columns) == {"a", "b", "near"}
    mild = near + np.random.default_rng(9).normal(size=300)
    assert not check_collinear(see({**table, "mild": mild}))
