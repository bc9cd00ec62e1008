"""Monte Carlo integration: an integral is a mean, and a mean can be sampled.

    ∫ f(x) p(x) dx = E f(X) ≈ (1/n) Σᵢ f(xᵢ)        standard error s/√n

The error falls as 1/√n in any number of dimensions, where a grid of n points falls behind from the
fifth. Sampling from q instead, each value weighed by p/q, sends the points where f matters.

Source: Metropolis and Ulam (1949), J. Amer. Statist. Assoc. 44; Owen, Monte Carlo Theory (2013), ch. 2, 9.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def estimate(values: Array) -> tuple[float, float]:
    """Return the mean of independent values f(xᵢ) [n] and its standard error.

    >>> estimate(np.array([1.0, 2.0, 3.0, 6.0]))  # doctest: +ELLIPSIS
    (3.0, 1.08...)
    """
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))


def interval(values: Array, width: float = 1.96) -> tuple[float, float]:
    """Return mean ∓ 1.96 standard errors: in 95 of 100 repetitions the integral lies inside.

    That holds for many values of finite variance, and for those alone.
    """
    mean, error = estimate(values)
    return mean - width * error, mean + width * error


def importance_weights(log_p: Array, log_q: Array) -> Array:
    """Return p(xᵢ)/q(xᵢ) [n] at points drawn from q; their mean is near one where q covers p.

    >>> importance_weights(np.log([0.2, 0.6]), np.log([0.4, 0.2])).round(6)
    array([0.5, 3. ])
    """
    return np.asarray(np.exp(log_p - log_q))


def effective_size(weights: Array) -> float:
    """Return how many equally weighed points are worth as much: (Σ w)² / Σ w².

    >>> effective_size(np.array([1.0, 1.0, 1.0, 1.0])), effective_size(np.array([1.0, 0.0, 0.0, 0.0]))
    (4.0, 1.0)
    """
    return float(weights.sum() ** 2 / (weights @ weights))


def points_needed(values: Array, error: float) -> int:
    """Return how many points a standard error of this size takes, judged by a first few values f(xᵢ).

    A tenth of the error costs a hundred times the points.

    >>> points_needed(np.array([0.0, 2.0]), error=0.1), points_needed(np.array([0.0, 2.0]), error=0.01)
    (200, 20000)
    """
    return int(np.ceil(np.var(values, ddof=1) / error**2 - 1e-9))
