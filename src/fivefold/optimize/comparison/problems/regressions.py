"""Convex regressions as test problems: on real tables, and on drawn ones of any size."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from fivefold.core import child_seed, numpy_generator, require
from fivefold.objective import DataObjective, Linear
from fivefold.optimize.comparison.problems.problem import Problem
from fivefold.probability import Bernoulli, Categorical, Gaussian, GaussianPrior, Likelihood, Poisson

_CLASSES = 10


def table_regressions() -> tuple[Problem, ...]:
    r"""Return four regressions on tables that scikit-learn carries, with standardised columns.

    .. math:: F(w) = -\frac1N \Big( \sum_i \log p(y_i \mid x_i^\top w + b) - \tfrac12 \lVert w \rVert^2 \Big)

    Logistic on breast cancer (569 x 30), softmax on wine (178 x 13) and on digits (1797 x 61: columns that
    vary), Gaussian on diabetes (442 x 10). All are strongly convex but for their intercepts.

    Source: the data sets of scikit-learn, and the UCI repository behind them.

    >>> [problem.name for problem in table_regressions()]
    ['breast-cancer-logistic', 'wine-softmax', 'digits-softmax', 'diabetes-gaussian']
    """
    from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine

    tables: tuple[tuple[str, Any, Likelihood], ...] = (
        ("breast-cancer-logistic", load_breast_cancer, Bernoulli()),
        ("wine-softmax", load_wine, Categorical(3)),
        ("digits-softmax", load_digits, Categorical(10)),
        ("diabetes-gaussian", load_diabetes, Gaussian(sd=1.0)),
    )
    problems = []
    for name, load, likelihood in tables:
        X, y = load(return_X_y=True)
        X = X[:, X.std(0) > 0]
        y = (y - y.mean()) / y.std() if isinstance(likelihood, Gaussian) else y
        problems.append(_regression(name, (X - X.mean(0)) / X.std(0), y, likelihood, "scikit-learn, UCI"))
    return tuple(problems)


def drawn_regressions(rows: int = 2000, columns: int = 20, seed: int = 0) -> tuple[Problem, ...]:
    r"""Return logistic, softmax and Poisson regressions, each on isotropic and on correlated columns.

    The correlation of columns i and j is :math:`0.95^{|i - j|}`, with which the Hessian's condition grows a
    thousandfold. There are 10 classes. F as for :func:`table_regressions`.

    Args:
        rows: N, at least 2.
        columns: p, at least 1.
        seed: Of the draw.

    Raises:
        ArgumentError: No rows or columns.

    >>> [problem.size for problem in drawn_regressions(rows=100, columns=3)]
    [4, 40, 4, 4, 40, 4]
    """
    require(rows >= 2 and columns >= 1, "at least 2 rows and 1 column", (rows, columns))
    place = np.arange(columns)
    problems = []
    for kind, mix in (("isotropic", 0.0), ("correlated", 0.95)):
        rng = numpy_generator(child_seed(seed, f"regressions {kind}"))
        X = rng.standard_normal((rows, columns)) @ np.linalg.cholesky(mix ** np.abs(place[:, None] - place)).T
        eta = X @ rng.standard_normal(columns) / np.sqrt(columns) + 0.5
        yes = (rng.random(rows) < 1 / (1 + np.exp(-eta))).astype(np.int64)
        scores = X @ rng.standard_normal((columns, _CLASSES)) / np.sqrt(columns)
        classes = (scores + rng.gumbel(size=scores.shape)).argmax(1)
        counts = rng.poisson(np.exp(np.clip(0.5 * eta, None, 5))).astype(np.float64)
        drawn: tuple[tuple[str, Any, Likelihood], ...] = (
            ("logistic", yes, Bernoulli()),
            ("softmax", classes, Categorical(_CLASSES)),
            ("poisson", counts, Poisson()),
        )
        for family, y, likelihood in drawn:
            problems.append(_regression(f"{family}-{kind}", X, y, likelihood, f"drawn, seed {seed}"))
    return tuple(problems)


def _regression(name: str, X: Any, y: Any, likelihood: Likelihood, source: str) -> Problem:
    make: Callable[[], DataObjective] = lambda: DataObjective(  # noqa: E731
        Linear(X.shape[1], outputs=likelihood.outputs), likelihood, (X, y), GaussianPrior(1.0)
    )
    starts = torch.zeros(1, make().size, dtype=torch.float64)
    return Problem(name, make, starts, None, None, source)
