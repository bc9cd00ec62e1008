"""Coefficients that vary over a map: recovered where they do, left alone where they do not."""

from functools import cache

import numpy as np
import pytest

from fivefold.tasks.tables import search
from fivefold.tasks.tables.candidates import local
from fivefold.tasks.tables.candidates.constant import Constant
from fivefold.tasks.tables.candidates.linear import LinearCandidate
from fivefold.tasks.tables.candidates.local import LocalCandidate, local_candidates, map_of
from fivefold.tasks.tables.candidates.local_fit import Rows, Setting, fit_at
from fivefold.tasks.tables.candidates.local_loss import Ordered
from fivefold.tasks.tables.candidates.problem import Problem
from fivefold.tasks.tables.encode import MOST_LEVELS
from fivefold.tasks.tables.fit import fit
from fivefold.tasks.tables.kinds import ColumnType, Kind
from fivefold.tasks.tables.local_predictor import LocalPredictor
from fivefold.tasks.tables.model import load
from fivefold.tasks.tables.places import Places
from fivefold.tasks.tables.plan import OPERATIONS_PER_SECOND
from fivefold.tasks.tables.predictors import (
    LinearPredictor,
    OrdinalPredictor,
    notes_of,
    predictor_from_state,
)
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.state import flatten, unflatten
from fivefold.tasks.tables.table import Table
from fivefold.tasks.tables.target import Target

NAMES = ("lat", "lon", "a", "b", "kind")
SCHEMA = Schema(tuple(ColumnType(n, Kind.CATEGORY if n == "kind" else Kind.NUMBER, "") for n in NAMES))
PLACES = Places("lat", "lon", True)


def _surface(lat, lon):
    """Coefficient of ``a`` over a map of 111 by 87 km."""
    return 1.0 + np.sin(np.pi * (lat - 38.0)) * np.cos(np.pi * (lon + 122.0))


def _problem(n=600, vary=1.0, seed=0, noise=0.5, family="gaussian", weights=None, gap=0):
    generator = np.random.default_rng(seed)
    lat, lon = generator.uniform(38, 39, n), generator.uniform(-122, -121, n)
    a, b = generator.normal(20.0, 3.0, (2, n))
    kind = generator.choice(np.array(["u", "v"], dtype=object), n)
    slope = vary * _surface(lat, lon) + (1 - vary)
    eta = 50.0 + slope * (a - 20.0) - 0.5 * b + (kind == "u") + 2.0 * vary * np.sin(np.pi * (lon + 122))
    y = eta + noise * generator.normal(size=n)
    lat = np.where(np.arange(n) < gap, np.nan, lat)
    table = Table({"lat": lat, "lon": lon, "a": a, "b": b, "kind": kind})
    return Problem(table, SCHEMA, Target("y", family), y, weights, None, seed), eta


def _error(predictor, problem, eta):
    return float(np.sqrt(np.mean((predictor.eta(problem.table)[:, 0] - eta) ** 2)))


@cache
def _fitted(n=600, vary=1.0):
    problem, _ = _problem(n, vary)
    return problem, LocalCandidate(PLACES).fit(problem)


def test_the_surface_of_a_coefficient_is_found():
    """1,500 rows, noise 0.5, spread of a 3: the standard error of a local slope is about 0.03."""
    problem, fitted = _fitted(1500)
    shown = map_of(fitted.details)
    record = next(c for c in shown["coefficients"] if c["name"] == "a")
    found = np.array(record["values"]) / problem.encoded()[0].numbers[2].scale
    truth = _surface(np.array(shown["y"]), np.array(shown["x"]))
    assert np.sqrt(np.mean((found - truth) ** 2)) < 0.1 < truth.std()
    assert np.corrcoef(found, truth)[0, 1] > 0.98
    assert shown["columns"] == ["lon", "lat"]
    fixed = next(c for c in shown["coefficients"] if c["name"] == "b")
    assert fixed["spread"] < 0.15 * record["spread"]


def test_new_rows_are_predicted_far_better_than_by_the_global_model():
    problem, fitted = _fitted()
    new, eta = _problem(2000, seed=1)
    plain = LinearCandidate("additive").fit(problem).predictor
    assert _error(fitted.predictor, new, eta) < 0.25 * _error(plain, new, eta)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_coefficients_that_do_not_vary_cost_next_to_nothing(seed):
    problem, _ = _problem(vary=0.0, seed=seed)
    new, eta = _problem(2000, vary=0.0, seed=seed + 100)
    noisy = np.hypot(_error(LocalCandidate(PLACES).fit(problem).predictor, new, eta), 0.5)
    whole = np.hypot(_error(LinearCandidate("additive").fit(problem).predictor, new, eta), 0.5)
    assert noisy < 1.02 * whole


def test_where_nothing_varies_the_answer_is_the_global_model():
    problem, _ = _problem(vary=0.0)
    fitted = LocalCandidate(PLACES).fit(problem)
    assert isinstance(fitted.predictor, LinearPredictor)
    np.testing.assert_allclose(
        fitted.predictor.w, LinearCandidate("additive").fit(problem).predictor.w, rtol=1e-12
    )
    assert map_of(fitted.details) is None


def test_between_the_anchors_the_fit_at_the_row_itself_is_met():
    problem, fitted = _fitted(1500)
    predictor = fitted.predictor
    assert len(predictor.anchors) == 500
    encoded = problem.encoded()[1]
    residual = problem.y - predictor.base.eta_encoded(encoded)[:, 0]
    points, x = PLACES.points(problem.table), predictor.inputs(encoded)
    setting = Setting(**fitted.details["setting"])
    exact = fit_at(Rows(PLACES, points, x, residual, np.ones(1500)), points, setting)
    at_rows = exact.level + (x * exact.deviation).sum(1)
    found = predictor.eta(problem.table)[:, 0] - predictor.base.eta(problem.table)[:, 0]
    assert np.sqrt(np.mean((found - at_rows) ** 2)) < 0.06 * at_rows.std()


def test_rows_without_a_place_get_the_global_answer_to_the_bit():
    problem, _ = _problem(gap=60)
    fitted = LocalCandidate(PLACES).fit(problem)
    predictor = fitted.predictor
    assert isinstance(predictor, LocalPredictor)
    whole, base = predictor.eta(problem.table), predictor.base.eta(problem.table)
    np.testing.assert_array_equal(whole[:60], base[:60])
    assert (whole[60:] != base[60:]).mean() > 0.99
    assert "60 rows without a place" in predictor.notes(problem.table)[0]


def test_rows_far_away_get_the_global_answer_and_are_said():
    problem, fitted = _fitted()
    few = problem.table.take(np.arange(5))
    away = Table({**few.columns, "lat": few.column("lat") + 20.0})
    np.testing.assert_array_equal(fitted.predictor.eta(away), fitted.predictor.base.eta(away))
    assert "5 rows lie outside the places" in fitted.predictor.notes(away)[0]
    assert fitted.predictor.notes(few) == ()


def test_no_row_depends_on_the_rows_beside_it():
    problem, fitted = _fitted(1500)
    whole = fitted.predictor.eta(problem.table)
    for at in (0, 1, 7, 1023, 1024, 1499):
        np.testing.assert_array_equal(
            fitted.predictor.eta(problem.table.take(slice(at, at + 1)))[0], whole[at]
        )
    for shift in (1, 333, 1025):
        order = np.roll(np.arange(1500), shift)
        np.testing.assert_array_equal(fitted.predictor.eta(problem.table.take(order)), whole[order])
    many = problem.table.take(np.arange(9000) % 1500)
    np.testing.assert_array_equal(fitted.predictor.eta(many), whole[np.arange(9000) % 1500])


def test_the_saved_form_predicts_the_same_bits():
    problem, fitted = _fitted()
    again = predictor_from_state(unflatten(*flatten(fitted.predictor.state())))
    np.testing.assert_array_equal(again.eta(problem.table), fitted.predictor.eta(problem.table))


def test_the_same_seed_gives_the_same_bits():
    again = LocalCandidate(PLACES).fit(_problem()[0])
    problem, fitted = _fitted()
    np.testing.assert_array_equal(again.predictor.eta(problem.table), fitted.predictor.eta(problem.table))


def test_equal_weights_are_no_weights_and_zero_weights_no_rows():
    problem, fitted = _fitted()
    equal = LocalCandidate(PLACES).fit(_problem(weights=np.ones(600))[0]).predictor
    np.testing.assert_allclose(equal.eta(problem.table), fitted.predictor.eta(problem.table), rtol=1e-6)
    uneven = np.where(np.arange(600) % 2 == 0, 1.9, 0.1)
    assert np.abs(
        LocalCandidate(PLACES).fit(_problem(weights=uneven)[0]).predictor.eta(problem.table)
        - fitted.predictor.eta(problem.table)
    ).max() > 0.01  # fmt: skip


def test_what_varies_and_what_stays_global():
    problem, _ = _problem()
    many = np.array([f"z{i % 40}" for i in range(600)], dtype=object)
    schema = Schema((*SCHEMA.columns, ColumnType("zip", Kind.CATEGORY, "")))
    wider = Problem(Table({**problem.table.columns, "zip": many}), schema, problem.target, problem.y)
    names = [c["name"] for c in map_of(LocalCandidate(PLACES).fit(wider).details)["coefficients"]]
    assert sorted(names) == ["a", "b", "kind = u", "kind = v", "level"]
    assert MOST_LEVELS > 40  # the levels of zip are in the global model


def test_the_candidate_is_there_only_with_places_and_a_gaussian_target():
    problem, _ = _problem()
    gaussian, counts = Target("y", "gaussian"), Target("y", "poisson")
    assert [c.name for c in local_candidates(problem.table, SCHEMA, gaussian)] == ["local regression"]
    assert local_candidates(problem.table, SCHEMA, counts) == []
    assert local_candidates(problem.table.drop(["lon"]), SCHEMA, gaussian) == []
    assert "lat and lon" in LocalCandidate(PLACES).description


def test_few_known_places_leave_the_global_model():
    problem, _ = _problem(n=100, gap=50)
    assert isinstance(LocalCandidate(PLACES).fit(problem).predictor, LinearPredictor)


def test_the_cost_grows_with_the_rows_and_stays_within_minutes():
    candidate = LocalCandidate(PLACES)
    costs = [candidate.cost(n, 30, 1) for n in (60, 600, 6000, 60_000)]
    assert costs == sorted(costs)
    assert costs[-1] < 60 * OPERATIONS_PER_SECOND


def test_the_certificate_holds_and_can_come_out_false():
    claim = _fitted()[1].certificates[-1]
    assert claim.holds
    assert claim.value < 1e-9
    assert not local._certificate(1e-3).holds


def test_fit_takes_it_into_the_race_where_there_are_coordinates_and_only_there(tmp_path, monkeypatch):
    monkeypatch.setattr(search, "candidates", lambda: [Constant(), LinearCandidate("plain")])
    problem, _ = _problem(400)
    data = {**problem.table.columns, "y": problem.y}
    model = fit(data, "y", budget="20s")
    assert LocalCandidate.name in model.plan["names"]
    record = next(c for c in model.record["candidates"] if c["name"] == LocalCandidate.name)
    assert "lat and lon" in record["description"]
    assert model.record["map"]["columns"] == ["lon", "lat"]
    loaded = load(model.save(tmp_path / "m"))
    rows = {name: values[:20] for name, values in problem.table.columns.items()}
    np.testing.assert_array_equal(loaded.predict(rows), model.predict(rows))
    away = {**rows, "lat": rows["lat"] + 5.0}
    assert any("20 rows lie outside" in note for note in model.predict_table(away).notes)
    plain = fit({k: v for k, v in data.items() if k != "lat"}, "y", budget="20s")
    assert LocalCandidate.name not in {*plain.plan["names"], *plain.plan["dropped"]}
    assert plain.record["map"] is None


def _ordinal_problem(n=800, vary=2.0, seed=0):
    problem, eta = _problem(n, vary=1.0, seed=seed)
    flat, _ = _problem(n, vary=0.0, seed=seed)
    score = (eta if vary else flat.y) - 50.0
    generator = np.random.default_rng(seed + 50)
    score = score + generator.logistic(size=n)
    codes = np.digitize(score, [-12.0, -9.0]).astype(float)
    return Problem(
        problem.table, SCHEMA, Target("y", "ordinal", ("low", "middle", "high")), codes, None, None, seed
    )


def _middle(y):
    """The term of the log loss that no shift changes: cutpoints 3 apart around the middle class."""
    return np.where(y == 1, -np.log(-np.expm1(-3.0)), 0.0)


def test_ordered_classes_vary_over_the_map_too():
    """Of what separates the global model from the truth on new rows, more than half is gained."""
    train, test = _ordinal_problem(), _ordinal_problem(2000, seed=1)
    truth = Ordered.of(_problem(2000, seed=1)[1] - 50.0, np.array([-12.0, -9.0]), test.y)
    fitted = LocalCandidate(PLACES).fit(train)
    predictor = fitted.predictor
    assert isinstance(predictor, OrdinalPredictor)
    assert isinstance(predictor.linear, LocalPredictor)
    eta = predictor.eta(test.table)
    np.testing.assert_allclose(np.exp(eta).sum(1), 1.0, rtol=1e-12)
    base = OrdinalPredictor(predictor.linear.base, predictor.cutpoints).eta(test.table)
    losses = [float(test.target.loss(e, test.y).mean()) for e in (eta, base)]
    best = float((truth.value(np.arange(2000), np.zeros(2000)) + _middle(test.y)).mean())
    assert best < losses[0] < best + 0.5 * (losses[1] - best)
    again = predictor_from_state(unflatten(*flatten(predictor.state())))
    np.testing.assert_array_equal(again.eta(test.table), eta)
    np.testing.assert_array_equal(predictor.eta(test.table.take(slice(7, 8)))[0], eta[7])
    away = Table({**test.table.columns, "lat": test.table.column("lat") + 20.0})
    assert "2,000 rows lie outside" in notes_of(predictor, away)[0]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_ordered_classes_whose_coefficients_do_not_vary_cost_next_to_nothing(seed):
    train, test = _ordinal_problem(vary=0.0, seed=seed), _ordinal_problem(2000, vary=0.0, seed=seed + 100)
    found, whole = (
        float(test.target.loss(c.fit(train).predictor.eta(test.table), test.y).mean())
        for c in (LocalCandidate(PLACES), LinearCandidate("additive", order=True))
    )
    assert found < 1.02 * whole
