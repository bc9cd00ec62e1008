"""Linear candidates against closed-form ridge, and on data that each basis is made for."""

import numpy as np
import pytest
import torch
from scipy import optimize, special
from sklearn.linear_model import GammaRegressor

from fivefold.core import Status
from fivefold.inference import gaussian_evidence
from fivefold.tasks.tables.candidates.gamma_shape import shape_of
from fivefold.tasks.tables.candidates.linear import LinearCandidate
from fivefold.tasks.tables.candidates.problem import Problem
from fivefold.tasks.tables.kinds import ColumnType, Kind
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.table import Table
from fivefold.tasks.tables.target import Target

SCHEMA = Schema(
    (ColumnType("a", Kind.NUMBER, ""), ColumnType("b", Kind.NUMBER, ""), ColumnType("c", Kind.CATEGORY, ""))
)

CUTS = np.array([-1.0, 1.5])


def _problem(effect, n=400, family="gaussian", noise=0.3, seed=0, weights=None, offset=None, centre=0.0):
    generator = np.random.default_rng(seed)
    a, b = generator.normal(centre, 1, (2, n))
    c = generator.choice(np.array(["u", "v", "w"], dtype=object), n)
    shift = np.select([c == "u", c == "v"], [-1.0, 1.0], 0.0)
    eta = effect(a, b, shift)
    three = ("p", "q", "r")
    classes = {"bernoulli": ("n", "y"), "categorical": three, "ordinal": three}.get(family, ())
    target = Target("y", family, classes)
    if family == "poisson":
        y = generator.poisson(np.exp(eta + (0 if offset is None else offset))).astype(float)
    elif family == "bernoulli":
        y = (generator.random(n) < 1 / (1 + np.exp(-eta))).astype(float)
    elif family == "gamma":
        y = generator.gamma(2.5, np.exp(eta) / 2.5)
    elif family == "ordinal":
        y = np.searchsorted(CUTS, eta + generator.logistic(size=n)).astype(float)
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


def _slope(a, b, s):
    return 0.3 + 0.8 * a - 0.4 * b + 0.5 * s


@pytest.mark.parametrize("far", [0.0, 12.0, -12.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_positive_numbers_of_any_unit_are_scikit_learns_gamma_regression(far, weighted):
    """With many rows the penalties are nearly nothing: the coefficients are those of maximum likelihood."""
    weights = np.random.default_rng(5).uniform(0.5, 1.5, 3000) if weighted else None
    weights = weights if weights is None else weights / weights.mean()
    problem, eta = _problem(lambda a, b, s: far + _slope(a, b, s), n=3000, family="gamma", weights=weights)
    fitted = LinearCandidate("plain").fit(problem)
    found = fitted.predictor.eta(problem.table)[:, 0]
    x = fitted.predictor.basis.design(problem.encoded()[1]).astype(float)
    peer = GammaRegressor(alpha=0.0, tol=1e-8, max_iter=1000, solver="newton-cholesky")
    # scikit-learn's solver wants targets about 1
    peer.fit(x[:, :-1], problem.y / np.exp(far), weights)
    expected = np.log(peer.predict(x[:, :-1])) + far
    # 5 coefficients of 3,000 rows, shrunken by a percent of effects of up to 2
    np.testing.assert_allclose(found, expected, atol=0.03)
    assert _error(fitted, problem, eta) < 0.06
    # the standard error of the shape is k (2 / n)^(1/2) (1 + ...) = 0.06
    assert fitted.details["shape"] == pytest.approx(2.5, abs=0.2)
    assert fitted.status.succeeded


def test_the_shape_does_not_grow_with_the_number_of_columns():
    """110 columns of nothing on 220 rows: the residuals shrink, the shape that is told does not."""
    generator = np.random.default_rng(0)
    columns = {f"x{j}": generator.normal(size=220) for j in range(110)}
    schema = Schema(tuple(ColumnType(name, Kind.NUMBER, "") for name in columns))
    eta = sum((0.25 * columns[f"x{j}"] for j in range(20)), np.zeros(220))
    y = generator.gamma(4.0, np.exp(eta) / 4.0)
    problem = Problem(Table(columns), schema, Target("y", "gamma"), y)
    fitted = LinearCandidate("plain").fit(problem)
    z = np.log(y) - fitted.predictor.eta(problem.table)[:, 0]
    naive = shape_of(torch.from_numpy(z))
    assert naive > 1.4 * fitted.details["shape"]
    assert fitted.details["shape"] == pytest.approx(4.0, rel=0.3)


def test_ordered_classes_are_proportional_odds_of_maximum_likelihood():
    problem, _ = _problem(_slope, n=3000, family="ordinal")
    fitted = LinearCandidate("plain").fit(problem)
    x = fitted.predictor.linear.basis.design(problem.encoded()[1]).astype(float)[:, :-1]
    y = problem.y.astype(int)

    def loss(theta):
        cuts = np.r_[-np.inf, theta[-2], theta[-2] + np.exp(theta[-1]), np.inf]
        away = x @ theta[:-2]
        return -np.log(special.expit(cuts[y + 1] - away) - special.expit(cuts[y] - away)).mean()

    best = optimize.minimize(loss, np.zeros(x.shape[1] + 2), method="BFGS", options={"gtol": 1e-6})
    cuts = np.array([best.x[-2], best.x[-2] + np.exp(best.x[-1])])
    expected = cuts - (x @ best.x[:-2])[:, None]
    found = fitted.predictor.cutpoints - fitted.predictor.linear.eta(problem.table)
    # shrunken by a percent of log odds of up to 4
    np.testing.assert_allclose(found, expected, atol=0.06)
    p = problem.target.mean(fitted.predictor.eta(problem.table))
    np.testing.assert_allclose(p.cumsum(1)[:, :2], special.expit(found), rtol=1e-9)
    assert fitted.details["cutpoints"] == fitted.predictor.cutpoints.tolist()
    assert problem.target.loss(np.log(p), problem.y).mean() == pytest.approx(best.fun, abs=1e-4)


@pytest.mark.parametrize("level", ["additive", "interactions", "kernel"])
def test_every_basis_serves_positive_numbers_and_ordered_classes(level):
    for family in ("gamma", "ordinal"):
        problem, eta = _problem(lambda a, b, s: np.sin(2 * a) + b**2 / 3 + s, 900, family)
        method = LinearCandidate(level, frequencies=40, sample=200)
        predictor = method.fit(problem).predictor
        found = predictor.eta(problem.table)
        assert found.shape == (900, problem.target.outputs)
        below = LinearCandidate("plain").fit(problem).predictor.eta(problem.table)
        assert problem.target.loss(found, problem.y).mean() < problem.target.loss(below, problem.y).mean()
        if family == "gamma":
            assert np.corrcoef(found[:, 0], eta)[0, 1] > 0.85


def test_the_order_can_be_ignored():
    """Softmax scores of an ordered target are those of an unordered one."""
    ordered, _ = _problem(_slope, n=300, family="ordinal")
    same = Problem(ordered.table, SCHEMA, Target("y", "categorical", ("p", "q", "r")), ordered.y)
    same.notes["encoded"] = ordered.encoded()  # what the working target of the order has told the encoder
    method = LinearCandidate("plain", order=False)
    a, b = method.fit(ordered).predictor, LinearCandidate("plain").fit(same).predictor
    assert np.array_equal(a.eta(ordered.table), b.eta(ordered.table))
    assert method.name == "unordered ridge"
    assert "blind to the order" in method.description
    used = LinearCandidate("plain", order=True)
    assert used.name == "ridge"
    assert used.cost(1000, 10, 6, exact=False) == LinearCandidate("plain").cost(1000, 10, 1, exact=False)


def test_a_level_that_a_part_lacks_keeps_finite_scores():
    problem, _ = _problem(_slope, n=300, family="ordinal")
    part = problem.take(np.flatnonzero(problem.y != 1.0), 0)
    eta = LinearCandidate("plain").fit(part).predictor.eta(problem.table)
    assert np.isfinite(eta).all()
    assert problem.target.mean(eta)[:, 1].max() < 0.02


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
