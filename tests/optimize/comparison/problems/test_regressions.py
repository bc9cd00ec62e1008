"""Convex regressions: sizes, standard columns, convexity, and scikit-learn's minimum."""

import pytest
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression

from fivefold.core import ArgumentError
from fivefold.optimize import minimize
from fivefold.optimize.comparison.problems.regressions import drawn_regressions, table_regressions

TABLES = {problem.name: problem for problem in table_regressions()}


def test_sizes() -> None:
    assert [problem.size for problem in TABLES.values()] == [31, 42, 620, 11]


def test_the_logistic_table_has_scikit_learns_minimum() -> None:
    problem = TABLES["breast-cancer-logistic"]
    X, y = load_breast_cancer(return_X_y=True)
    model = LogisticRegression(C=1.0, tol=1e-12, max_iter=1000).fit((X - X.mean(0)) / X.std(0), y)
    w = torch.tensor([*model.coef_[0], *model.intercept_], dtype=torch.float64)
    F = problem.make()
    end = minimize(F)
    assert float(end.value) == pytest.approx(float(F.value(w)), rel=1e-9)


@pytest.mark.parametrize("problem", drawn_regressions(rows=60, columns=3), ids=lambda problem: problem.name)
def test_drawn_ones_are_convex(problem) -> None:
    F = problem.make()
    w = torch.linspace(-0.5, 0.5, problem.size, dtype=torch.float64)
    assert float(torch.linalg.eigvalsh(F.hessian(w).to_dense())[0]) > -1e-12


def test_correlation_makes_them_harder() -> None:
    easy, hard = (drawn_regressions(rows=500, columns=10)[k].make() for k in (0, 3))
    condition = [float(torch.linalg.cond(F.hessian(F.initial).to_dense())) for F in (easy, hard)]
    assert condition[1] > 30 * condition[0]


def test_the_seed_draws_and_repeats() -> None:
    first, same, other = (drawn_regressions(60, 3, seed)[0].make() for seed in (0, 0, 1))
    w = torch.ones(4, dtype=torch.float64)
    assert first.value(w) == same.value(w) != other.value(w)


@pytest.mark.parametrize(("rows", "columns"), [(1, 3), (10, 0)])
def test_bad_sizes_are_refused(rows: int, columns: int) -> None:
    with pytest.raises(ArgumentError, match="at least"):
        drawn_regressions(rows, columns)
