"""Importance and effects against models whose answer is known."""

import numpy as np
import pytest

from fivefold.tasks.tables.drivers import effects, importance
from fivefold.tasks.tables.kinds import ColumnType, Kind
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.table import Table
from fivefold.tasks.tables.target import Target


class _Known:
    """eta = 2 a - b + 0 idle + (c == v) * 3, plus a shift."""

    def __init__(self, shift=0.0, slope=2.0):
        self.shift, self.slope = shift, slope

    def eta(self, table):
        c = 3.0 * (table.column("c") == "v")
        return (self.slope * table.column("a") - table.column("b") + c + self.shift)[:, None]

    def state(self):
        return {}


SCHEMA = Schema(
    (
        ColumnType("a", Kind.NUMBER, ""),
        ColumnType("b", Kind.NUMBER, ""),
        ColumnType("idle", Kind.NUMBER, ""),
        ColumnType("c", Kind.CATEGORY, ""),
    )
)


def _table(n=1500, seed=0):
    generator = np.random.default_rng(seed)
    a, b, idle = generator.normal(size=(3, n))
    c = generator.choice(np.array(["u", "v", None], dtype=object), n)
    return Table({"a": a, "b": b, "idle": idle, "c": c}), generator


def _regression(noise=1.0):
    table, generator = _table()
    return table, _Known().eta(table)[:, 0] + noise * generator.normal(size=table.rows)


def test_importance_is_the_rise_of_the_error_when_a_column_is_shuffled():
    """Shuffling adds a variance of 2 slope^2 var(a) = 8 to the squared error: sqrt(9) - 1 = 2."""
    table, y = _regression()
    found = importance(_Known(), table, y, Target("y", "gaussian"), "RMSE", 0)
    by_name = {r["name"]: r for r in found}
    assert [r["name"] for r in found][:1] == ["a"]
    assert by_name["a"]["importance"] == pytest.approx(2.0, abs=0.15)
    assert by_name["b"]["importance"] == pytest.approx(np.sqrt(3) - 1, abs=0.1)
    assert by_name["idle"]["importance"] == 0.0
    for r in found:
        assert r["low"] <= r["importance"] <= r["high"]


def test_a_column_that_the_model_overfits_has_an_interval_around_zero():
    """The model uses a column that the target does not know: shuffling it changes nothing on average."""
    generator = np.random.default_rng(1)
    table, y = _regression()
    inside = 0
    for seed in range(40):
        fooled = _Known(slope=2.0)
        columns = dict(table.columns)
        weight = generator.normal(scale=0.2)

        class _Fooled:
            def eta(self, rows, fooled=fooled, weight=weight):
                return fooled.eta(rows) + weight * rows.column("idle")[:, None]

            def state(self):
                return {}

        fresh = generator.normal(size=table.rows)
        part = Table({**columns, "idle": fresh})
        found = importance(_Fooled(), part, y, Target("y", "gaussian"), "RMSE", seed)
        own = next(r for r in found if r["name"] == "idle")
        inside += own["low"] <= 0 <= own["high"]
    # the shuffle is noise of its own beside the bootstrap's: the rate is near 95%, not exactly
    assert inside >= 34


def test_a_metric_that_should_be_high_gives_positive_importance_too():
    table, y = _regression()
    found = importance(_Known(), table, y, Target("y", "gaussian"), "R2", 0)
    assert found[0]["name"] == "a"
    assert 0 < found[0]["low"] <= found[0]["importance"] <= found[0]["high"]


def test_counts_are_judged_with_their_exposure():
    table, generator = _table()
    offset = np.log(generator.uniform(0.1, 20, table.rows))

    class _Rate:
        def eta(self, rows):
            return 0.5 * rows.column("a")[:, None]

        def state(self):
            return {}

    y = generator.poisson(np.exp(0.5 * table.column("a") + offset)).astype(float)
    target = Target("y", "poisson")
    found = importance(_Rate(), table, y, target, "Poisson deviance", 0, offset=offset)
    shuffled = numpy_deviance(
        y, np.exp(0.5 * np.random.default_rng(3).permutation(table.column("a")) + offset)
    )
    honest = numpy_deviance(y, np.exp(0.5 * table.column("a") + offset))
    assert found[0]["name"] == "a"
    assert found[0]["importance"] == pytest.approx(shuffled - honest, rel=0.2)


def numpy_deviance(y, rate):
    return float(np.mean(2 * (np.where(y > 0, y * np.log(np.maximum(y, 1) / rate), 0) - y + rate)))


def test_the_same_seed_shuffles_alike():
    table, y = _regression()
    target = Target("y", "gaussian")
    assert importance(_Known(), table, y, target, "MAE", 5) == importance(
        _Known(), table, y, target, "MAE", 5
    )


def test_effects_are_the_lines_and_levels_of_the_model():
    table, _ = _table()
    ranked = [{"name": name} for name in ("a", "c", "idle")]
    effects(ranked, [_Known(), _Known(0.5), _Known(-0.25)], table, SCHEMA, Target("y", "gaussian"), 0)
    curve = ranked[0]["curve"]
    x, y = np.array(curve["x"]), np.array(curve["y"])
    np.testing.assert_allclose(np.diff(y) / np.diff(x), 2.0, rtol=1e-9)
    np.testing.assert_allclose(np.array(curve["high"]) - y, 0.5, rtol=1e-9)
    np.testing.assert_allclose(y - np.array(curve["low"]), 0.25, rtol=1e-9)
    low, high = np.quantile(table.column("a"), [0.01, 0.99])
    assert (x[0], x[-1]) == (low, high)
    levels = {r["name"]: r["value"] for r in ranked[1]["levels"]}
    assert levels["v"] - levels["u"] == pytest.approx(3.0)
    assert set(levels) == {"u", "v"}
    assert np.ptp(ranked[2]["curve"]["y"]) == 0.0


def test_effects_on_a_class_are_calibrated_probabilities():
    table, _ = _table(150)
    target = Target("k", "bernoulli", ("no", "yes"))
    ranked = [{"name": "a"}]
    effects(ranked, [_Known()], table, SCHEMA, target, 0, temperature=3.0)
    curve = ranked[0]["curve"]
    assert curve["ylabel"] == "P(k = yes)"
    for x, y in zip(curve["x"], curve["y"], strict=True):
        given = Table({**table.columns, "a": np.full(150, x)})
        assert y == pytest.approx(target.mean(_Known().eta(given) / 3.0)[:, 1].mean())


def test_a_column_without_two_values_has_no_curve():
    table = Table({**_table(50)[0].columns, "idle": np.full(50, np.nan)})
    ranked = [{"name": "idle"}]
    effects(ranked, [_Known()], table, SCHEMA, Target("y", "gaussian"), 0)
    assert ranked == [{"name": "idle"}]


class _Levels:
    """Log probabilities of three levels, the highest of which is likelier the larger a is."""

    def eta(self, table):
        a = table.column("a")
        return np.column_stack([np.zeros(len(a)), np.zeros(len(a)), 2 * a])

    def state(self):
        return {}


def test_the_effect_on_levels_is_that_on_the_mean_level():
    table, _ = _table()
    target = Target("q", "ordinal", ("1", "2", "9"))
    ranked = [{"name": "a", "importance": 1.0, "low": 0.9, "high": 1.1}]
    effects(ranked, [_Levels()], table, SCHEMA, target, 0)
    curve = ranked[0]["curve"]
    x = np.array(curve["x"])
    p = np.exp(np.column_stack([0 * x, 0 * x, 2 * x]))
    np.testing.assert_allclose(curve["y"], (p / p.sum(1, keepdims=True)) @ [1.0, 2.0, 9.0], rtol=1e-9)
    assert curve["ylabel"] == "mean level of q"
