r"""Logistic regression of several classes, on dense or sparse features, ended by its gradient or by a clock.

.. math:: \min_{W, b} \; \frac1n \sum_i -\log \mathrm{softmax}(W^\top x_i + b)_{y_i}
          + \frac{\lambda}{2} |W|^2

by L-BFGS (Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", 1989), SciPy's.
Two classes have one column, the difference of both. The gradient of a class shrinks as its share of the rows
does, 1/K with K classes of one size: so it is measured against the gradient at W = 0 with b the logarithms of
the shares, where nothing is known of the features.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from fivefold.core import require

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
_TOLERANCE = 1e-2
"""Largest entry of the gradient at the end, in the mean over classes of that of the gradient at W = 0."""
_NEARER = 0.1
"""The same in that of the gradient at the solution of another penalty, from which it may differ by little."""
_MOST_ITERATIONS = 200


@dataclass(frozen=True, eq=False)
class Regression:
    """A fitted logistic regression.

    Attributes:
        weights: ``[J, K]``.
        bias: ``[K]``.
        iterations: Steps of L-BFGS.
        gradients: How often the loss and its gradient were computed, which is nearly all of the time.
        converged: Whether its gradient ended it, not their number or the clock.
    """

    weights: Floats
    bias: Floats
    iterations: int
    gradients: int
    converged: bool


def fit_softmax(
    X: Floats | sparse.csr_array,
    labels: Codes,
    classes: int,
    penalty: float,
    *,
    start: tuple[Floats, Floats] | None = None,
    nearer: bool = False,
    stop: Callable[[], bool] | None = None,
    iterations: int = _MOST_ITERATIONS,
) -> Regression:
    """Fit logistic regression.

    Args:
        X: ``[n, J]``.
        labels: ``[n]`` codes, every class among them.
        classes: How many there are, K, at least 2.
        penalty: On squared weights, per row, positive.
        start: Weights ``[J, K]`` and bias ``[K]`` to begin at; ``None`` begins at the shares of the classes.
        nearer: Whether the start solves the same problem with another penalty, and must be left.
        stop: Asked after every step whether to end.
        iterations: Steps at most.

    Raises:
        ArgumentError: Fewer than two classes, a class without a row, or a penalty that is not positive.

    >>> X = sparse.csr_array(np.array([[1.0, 0.0], [0.0, 1.0]]))
    >>> fit_softmax(X, np.array([0, 1]), 2, 0.1).weights.round(1).tolist()
    [[0.0, -1.2], [0.0, 1.2]]
    """
    from scipy.optimize import minimize

    counts = np.bincount(labels, minlength=classes)
    require(classes >= 2, "at least two classes", classes)
    known = int((counts > 0).sum())
    require(known == classes == len(counts), f"rows of all {classes} classes", known)
    require(penalty > 0, "a positive penalty", penalty)
    n, J = X.shape
    first = 1 if classes == 2 else 0  # of two classes the first has the score 0
    shape = (J, classes - first)
    rows = np.arange(n)
    calls = 0

    def evaluate(flat: Floats) -> tuple[float, Floats]:
        nonlocal calls
        calls += 1
        W, b = flat[: shape[0] * shape[1]].reshape(shape), flat[shape[0] * shape[1] :]
        scores = np.zeros((n, classes))
        scores[:, first:] = X @ W + b
        scores -= scores.max(1, keepdims=True)
        of_truth = scores[rows, labels]
        p = np.exp(scores, out=scores)
        total = p.sum(1)
        loss = (np.log(total) - of_truth).mean() + 0.5 * penalty * float((W * W).sum())
        p /= total[:, None]
        p[rows, labels] -= 1.0
        p /= n
        slope = X.T @ p[:, first:] + penalty * W
        return float(loss), np.concatenate([slope.reshape(-1), p[:, first:].sum(0)])

    logs = np.log(counts / n)
    shares = np.concatenate([np.zeros(shape[0] * shape[1]), logs[first:] - (logs[0] if first else 0.0)])

    def scale_at(flat: Floats) -> float:
        slope = np.abs(evaluate(flat)[1][: shape[0] * shape[1]].reshape(shape))
        return float(slope.max(0, initial=0.0).mean())

    begin, tolerance = shares, _TOLERANCE * scale_at(shares)
    if start is not None:
        W, b = (part - part[..., :1] if first else part for part in start)
        begin = np.concatenate([W[:, first:].reshape(-1), b[first:]])
        if nearer:
            tolerance = min(tolerance, _NEARER * scale_at(begin))
    made = 0

    def after(_: Floats) -> None:
        nonlocal made
        made += 1
        if stop is not None and stop():
            raise StopIteration

    options = {"maxiter": iterations, "gtol": tolerance, "ftol": 64 * np.finfo(float).eps}
    found = minimize(evaluate, begin, jac=True, method="L-BFGS-B", callback=after, options=options)
    weights, bias = np.zeros((J, classes)), np.zeros(classes)
    weights[:, first:] = found.x[: shape[0] * shape[1]].reshape(shape)
    bias[first:] = found.x[shape[0] * shape[1] :]
    return Regression(weights, bias, made, calls, bool(found.success))
