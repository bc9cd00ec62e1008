"""Mutual information: against the fast path and closed forms, on tables, normal variables and real sales."""

from pathlib import Path

import numpy as np
import pytest
from scipy.special import digamma as scipy_digamma

from fivefold import probability
from fivefold.concepts.mutual_information import bias, digamma, from_correlation, from_counts, from_neighbours

TABLE = np.array([[30, 5, 11], [7, 22, 9]])


def normals(r: float, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    x, z = np.random.default_rng(seed).normal(size=(2, n))
    return 3.0 + 2.0 * x, -1.0 + 0.1 * (r * x + np.sqrt(1.0 - r * r) * z)


def test_fast_path() -> None:
    plain = probability.discrete_mutual_information(TABLE, "none").value
    assert from_counts(TABLE) == pytest.approx(plain, rel=1e-12)
    corrected = probability.discrete_mutual_information(TABLE, "miller-madow").value
    assert from_counts(TABLE) - bias(TABLE) == pytest.approx(corrected, rel=1e-12)
    for k in (1, 3, 7):
        x, y = normals(0.7, 300, seed=k)
        fast = probability.continuous_mutual_information(x, np.sin(y) + x**2, k=k).value
        assert from_neighbours(x, np.sin(y) + x**2, k) == pytest.approx(fast, abs=1e-12)


def test_it_is_the_entropies_less_the_joint_one() -> None:
    def entropy(p: np.ndarray) -> float:
        return float(-np.sum(p * np.log(p)))

    p = TABLE / TABLE.sum()
    expected = entropy(p.sum(axis=0)) + entropy(p.sum(axis=1)) - entropy(p)
    assert from_counts(TABLE) == pytest.approx(expected, rel=1e-12)
    assert from_counts(TABLE.T) == pytest.approx(expected, rel=1e-12)
    assert from_counts(np.outer([1, 2, 4], [3, 5])) == pytest.approx(0.0, abs=1e-15)


def test_a_table_without_its_margins_is_seen() -> None:
    p = TABLE / TABLE.sum()
    uniform = float(np.sum(p * np.log(p * p.size)))  # against even cells, not against the margins
    assert abs(uniform - from_counts(TABLE)) > 0.01


@pytest.mark.parametrize("r", [0.0, 0.5, 0.9])
def test_normal_variables_have_a_closed_form(r: float) -> None:
    true = -0.5 * np.log(1.0 - r * r)
    found = np.array([from_neighbours(*normals(r, 400, seed)) for seed in range(40)])
    # Four standard errors of the mean of 40, and the bias of 0.01 that 400 points leave.
    assert abs(found.mean() - true) < 4 * found.std() / np.sqrt(40) + 0.01
    lines = [from_correlation(*normals(r, 400, seed)) for seed in range(40)]
    assert np.mean(lines) == pytest.approx(true, abs=0.02)


def test_counting_the_neighbour_itself_is_a_bias_that_is_seen() -> None:
    # ≤ in place of <: the neighbour that sets the radius is counted in one of the two strips.
    def wrong(x: np.ndarray, y: np.ndarray, k: int) -> float:
        x, y = x / x.std(), y / y.std()
        dx, dy = np.abs(x[:, None] - x), np.abs(y[:, None] - y)
        apart = np.maximum(dx, dy) + np.diag(np.full(len(x), np.inf))
        radius = np.sort(apart, axis=1)[:, k - 1 : k]
        counts = [np.sum(d <= radius, axis=1) for d in (dx, dy)]
        return float(
            scipy_digamma(k)
            + scipy_digamma(len(x))
            - np.mean(scipy_digamma(counts[0]) + scipy_digamma(counts[1]))
        )

    runs = [normals(0.9, 300, seed) for seed in range(40)]
    true = -0.5 * np.log(1.0 - 0.81)
    right = np.mean([from_neighbours(x, y, 1) for x, y in runs])
    off = np.mean([wrong(x, y, 1) for x, y in runs])
    assert abs(right - true) < 0.04
    assert off < true - 0.1


def test_units_change_nothing() -> None:
    x, y = normals(0.6, 200, seed=3)
    assert from_neighbours(1e3 + 50 * x, 7.0 - 0.01 * y) == pytest.approx(from_neighbours(x, y), abs=1e-9)
    assert from_neighbours(y, x) == pytest.approx(from_neighbours(x, y), abs=1e-12)


def test_chance_gives_a_table_its_bias() -> None:
    generator = np.random.default_rng(4)
    p = np.outer([0.2, 0.3, 0.5], [0.1, 0.4, 0.25, 0.25]).ravel()
    tables = generator.multinomial(500, p, size=2000).reshape(-1, 3, 4)
    found = np.array([from_counts(table) for table in tables])
    # 2 n I is nearly chi-squared with six degrees of freedom: mean 6/1000, and 4 standard errors of 2,000.
    assert bias(tables[0]) == 0.006
    assert abs(found.mean() - 0.006) < 4 * found.std() / np.sqrt(2000) + 1e-4


def test_a_parabola_is_seen_where_correlation_is_blind() -> None:
    x = np.random.default_rng(5).uniform(-1.0, 1.0, size=500)
    y = 2.0 + x**2 + 0.05 * np.random.default_rng(6).normal(size=500)
    assert from_correlation(x, y) < 0.01
    assert from_neighbours(x, y) > 1.2


def test_points_that_repeat_are_refused() -> None:
    x = np.repeat(np.arange(10.0), 4)
    with pytest.raises(ValueError, match=r"expected points without ties; add noise"):
        from_neighbours(x, x)


def test_digamma_is_scipy_s() -> None:
    n = np.array([1, 2, 5, 40, 1000])
    np.testing.assert_allclose(digamma(n), scipy_digamma(n), rtol=1e-13)


def test_what_longitude_and_latitude_tell_about_prices(examples: Path) -> None:
    import duckdb

    file = str(examples / "house_prices.parquet")
    found = duckdb.read_parquet(file).project("lat, long, price").fetchnumpy()
    generator = np.random.default_rng(7)
    rows = generator.choice(len(found["price"]), size=1500, replace=False)
    y = np.log(found["price"][rows] + generator.random(1500) - 0.5)
    for name, unit, line, least in (("lat", 1e-4, 0.14, 0.25), ("long", 1e-3, 0.01, 0.04)):
        x = found[name][rows] + unit * (generator.random(1500) - 0.5)
        assert from_correlation(x, y) < line
        assert from_neighbours(x, y) > least
        assert from_neighbours(x, generator.permutation(y)) < 0.05
