"""Linear candidates against closed-form ridge, and on data that each basis is made for."""

import numpy as np
import pytest
import torch

from fivefold.core import Status
from fivefold.inference import gaussian_evidence
from fivefold.tasks.tables.candidates.linear import LinearCandidate
from fivefold.tasks.tables.candidates.problem import Problem
from fivefold.tasks.tables.kinds import ColumnType, Kind
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.table import Table
from fivefold.tasks.tables.target import Target

SCHEMA = Schema(
    (ColumnType("a", Kind.NUMBER, ""), ColumnType("b", Kind.NUMBER, ""), ColumnType("c", Kind.CATEGORY, ""))
)


def _problem(effect, n=400, family="gaussian", noise=0.3, seed=0, weights=None, offset=None, centre=0.0):
    generator = np.random.default_rng(seed)
    a, b = generator.normal(centre, 1, (2, n))
    c = generator.choice(np.array(["u", "v", "w"], dtype=object), n)
    shift = np.select([c == "u", c == "v"], [-1.0, 1.0], 0.0)
    eta = effect(a, b, shift)
    classes = {"bernoulli": ("n", "y"), "categorical": ("p", "q", "r")}.get(family, ())
    target = Target("y", family, classes)
    if family == "poisson":
        y = generator.poisson(np.exp(eta + (0 if offset is None else offset))).astype(float)
    elif family == "bernoulli":
        y = (generator.random(n) < 1 / (1 + np.exp(-eta))).astype(float)
    elif family == "categorical":
        scores = np.column_stack([eta, np.zeros(n), -eta]) + generator.gumbel(size=(n, 3))
        y = scores.argmax(1).astype(float)
    else:
        y = eta + noise * generator.normal(size=n)
    return Problem(Table({"a": a, "b": b, "c": c}), SCHEMA, target, y, weights, offset, seed), eta


def _plain(a, b, shift):
    return 4 + 2 * a - b + shift


def _error(fitted, problem, eta):
    return float(np.sqrt(np.mean((fitted.predictor.eta(problem.table)[:, 0] - eta) ** 2)))


@pytest.mark.parametrize("weighted", [False, True])
def test_plain_effects_are_ridge_at_the_variances_found(weighted):
    weights = np.random.default_rng(5).uniform(0.5, 1.5, 400) if weighted else None
    weights = weights if weights is None else weights / weights.mean()
    problem, _ = _problem(_plain, weights=weights, centre=50.0)
    fitted = LinearCandidate("plain").fit(problem)
    x = fitted.predictor.basis.design(problem.encoded()[1]).astype(float)
    tensor = None if weights is None else torch.from_numpy(weights)
    found = gaussian_evidence(torch.from_numpy(x), torch.from_numpy(problem.y), [2, 3], tensor)
    a = np.ones(400) if weights is None else weights
    design = np.column_stack([np.ones(400), x])
    penalty = np.r_[0.0, np.repeat(found.noise / found.variances.numpy(), [2, 3])]
    w = np.linalg.solve(design.T @ (a[:, None] * design) + np.diag(penalty), design.T @ (a * problem.y))
    # the variances moved by less than a thousandth in the last pass
    np.testing.assert_allclose(fitted.predictor.w[:, 0], w, rtol=2e-3, atol=2e-3)
    assert fitted.status is Status.CONVERGED
    assert fitted.certificates[0].holds


def test_plain_effects_recover_straight_lines_and_levels():
    problem, eta = _problem(_plain, centre=50.0)
    fitted = LinearCandidate("plain").fit(problem)
    # 6 coefficients from 400 rows with noise 0.3: 0.3 sqrt(6 / 400) = 0.04
    assert _error(fitted, problem, eta) < 0.08
    assert fitted.details["noise"] == pytest.approx(0.09, rel=0.25)


@pytest.mark.parametrize(
    ("level", "effect"),
    [
        ("additive", lambda a, b, s: np.sin(2 * a) + b**2 / 3 + s),
        ("interactions", lambda a, b, s: a * b + s * a),
        ("kernel", lambda a, b, s: np.sin(2 * a) * np.cos(b) + s),
    ],
)
def test_every_basis_learns_what_the_one_below_cannot(level, effect):
    below = {"additive": "plain", "interactions": "additive", "kernel": "additive"}[level]
    problem, eta = _problem(effect, n=500)
    own = LinearCandidate(level).fit(problem)
    other = LinearCandidate(below).fit(problem)
    assert _error(own, problem, eta) < 0.2
    assert _error(other, problem, eta) > 1.5 * _error(own, problem, eta)


@pytest.mark.parametrize("family", ["bernoulli", "poisson", "categorical"])
def test_other_families_recover_their_linear_predictor(family):
    problem, eta = _problem(lambda a, b, s: 0.3 + 0.8 * a - 0.4 * b + 0.5 * s, n=3000, family=family)
    fitted = LinearCandidate("plain").fit(problem)
    found = fitted.predictor.eta(problem.table)
    found = (found[:, 0] - found[:, 2]) / 2 if family == "categorical" else found[:, 0]
    assert np.sqrt(np.mean((found - eta) ** 2)) < 0.15
    assert fitted.status.succeeded


def test_an_exposure_is_divided_out():
    offset = np.log(np.random.default_rng(7).uniform(0.2, 5, 3000))
    problem, eta = _problem(lambda a, b, s: 0.5 + 0.5 * a + 0.3 * s, n=3000, family="poisson", offset=offset)
    fitted = LinearCandidate("plain").fit(problem)
    assert _error(fitted, problem, eta) < 0.1


def test_weights_count_like_repeated_rows():
    problem, _ = _problem(_plain, n=200)
    twice = np.r_[np.arange(200), np.arange(100)]
    repeated = problem.take(twice, 0)
    weights = np.where(np.arange(200) < 100, 2.0, 1.0)
    weighted = Problem(problem.table, SCHEMA, problem.target, problem.y, weights, None, 0)
    # one encoding for both, so that the same coefficients are compared
    repeated.notes["encoded"] = (problem.encoded()[0], problem.encoded()[0].transform(repeated.table))
    weighted.notes["encoded"] = problem.encoded()
    a, b = (LinearCandidate("plain").fit(p).predictor.eta(problem.table) for p in (repeated, weighted))
    np.testing.assert_allclose(a, b, atol=5e-3)


def test_the_kernel_says_which_columns_matter():
    problem, _ = _problem(lambda a, b, s: np.sin(2 * a), n=500)
    details = LinearCandidate("kernel").fit(problem).details
    assert details["0"]["relevance"]["a"] > 5 * details["0"]["relevance"]["b"]


@pytest.mark.parametrize("level", ["plain", "kernel"])
def test_the_same_seed_gives_the_same_bits(level):
    first, second = (LinearCandidate(level).fit(_problem(_plain, n=150)[0]).predictor for _ in range(2))
    rows = _problem(_plain, n=150)[0].table
    assert np.array_equal(first.eta(rows), second.eta(rows))


def test_costs_rise_from_basis_to_basis_and_names_differ():
    methods = [LinearCandidate(level) for level in ("plain", "additive", "interactions", "kernel")]
    costs = [m.cost(1000, 10, 1) for m in methods]
    assert costs == sorted(costs)
    assert len({m.name for m in methods}) == len({m.description for m in methods}) == 4
