"""What a method would cost on a problem: steps from theory, seconds from the machine."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from fivefold.optimize.advice.features import Features
from fivefold.optimize.methods.registry import DENSE_SIZE

DIGITS = 18.0
"""Natural logarithm of the factor by which the gradient is to fall, 1e8."""
_FLOPS = 3e10
"""Operations a second in products and factorizations of matrices, of an ordinary core or two."""
_BYTES = 1e10
"""Bytes a second that products with vectors read: rows, twice for a gradient."""
_STEP = 3e-4
"""Seconds that a step takes beside F: the search's bookkeeping on small tensors."""
_GRADIENT = 1e-4
"""Seconds of the cheapest gradient, where it was not measured."""
_CALL = 1e-3
"""Seconds that a derivative of a torch function takes at least, whatever its size."""
_CONDITION = 1e4
"""Condition number where it is not known."""
_TWISTED = 10.0
"""Steps of BFGS per parameter of a nonlinear least-squares problem, whose parameters differ in scale."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What one method is expected to cost.

    Args:
        method: Its name.
        steps: Iterations.
        gradients: Evaluations of F with its gradient, a Hessian product counted as two.
        seconds: Wall-clock seconds.
        bytes: Memory beside the problem's own.
        reason: What the numbers rest on.
    """

    method: str
    steps: float
    gradients: float
    seconds: float
    bytes: float
    reason: str


def forecasts(found: Features) -> tuple[Forecast, ...]:
    """Return what each method that suits would cost, cheapest first; those that do not fit in memory are out.

    >>> from fivefold.objective import Objective
    >>> from fivefold.optimize.advice.features import structure
    >>> import torch
    >>> F = Objective.from_function(lambda w: (w**2).sum(), torch.ones(3))
    >>> len(forecasts(structure(F))) > 3
    True
    """
    all_ = [forecast for rule in _RULES if (forecast := rule(found)) is not None]
    limit = math.inf if found.free_bytes is None else 0.5 * found.free_bytes
    fitting = [forecast for forecast in all_ if forecast.bytes <= limit]
    return tuple(sorted(fitting, key=lambda forecast: forecast.seconds))


def gradient_seconds(found: Features) -> float:
    """Seconds of a gradient: measured, or from the rows and parameters it has to touch."""
    if found.gradient_seconds is not None:
        return found.gradient_seconds
    touched = 1 if found.rows is None else found.rows
    # a row of a linear model is read for all outputs at once; a network's parameters work on each row
    per = found.parameters / found.outputs if found.kind == "linear model" else 4.0 * found.parameters
    return _GRADIENT + 16.0 * touched * per / _BYTES


def hessian_seconds(found: Features) -> float:
    """Seconds of the dense Hessian: a product of matrices for linear models, products with F otherwise."""
    P = found.parameters
    if found.kind == "linear model":
        assert found.rows is not None
        return gradient_seconds(found) + 2.0 * found.rows * P * P / _FLOPS
    if found.kind == "black box":
        return P * _product_seconds(found)
    # products with many vectors at once share what a call costs whatever the size
    return _CALL + P * max(_product_seconds(found) - _CALL, 0.1 * gradient_seconds(found))


def _product_seconds(found: Features) -> float:
    if found.product_seconds is not None:
        return found.product_seconds
    if found.kind == "linear model":
        return gradient_seconds(found)
    return 2 * gradient_seconds(found) + (0.0 if found.kind == "black box" else _CALL)


def _root(found: Features) -> float:
    """The square root of the condition number, by which first-order methods are judged."""
    return math.sqrt(_CONDITION if found.condition is None else max(1.0, found.condition))


def _curved(found: Features) -> float:
    """Steps of a second-order method."""
    if found.quadratic:
        return 1.5
    return 8.0 if found.convex else 25.0


def _forecast(
    found: Features,
    method: str,
    steps: float,
    reason: str,
    *,
    gradients: float = 1.2,
    products: float = 0.0,
    seconds: float = 0.0,
    flops: float = 0.0,
    numbers: float = 0.0,
) -> Forecast:
    """One forecast, from what a step takes beside its bookkeeping; ``numbers`` of eight bytes are kept."""
    each = gradients * gradient_seconds(found) + seconds + flops / _FLOPS + _STEP
    return Forecast(method, steps, steps * (gradients + 2 * products), steps * each, 8 * numbers, reason)


def _newton(found: Features) -> Forecast | None:
    P = found.parameters
    if P > DENSE_SIZE:
        return None
    steps = _curved(found)
    why = f"{steps:.0f} steps, each with a Hessian of {P} x {P} and its factorization"
    dense = hessian_seconds(found)
    return _forecast(
        found, "newton", steps, why, products=P, seconds=dense, flops=P**3 / 3, numbers=3.0 * P * P
    )


def _trust_region(found: Features) -> Forecast | None:
    P = found.parameters
    if P > DENSE_SIZE or found.convex:
        return None
    steps = _curved(found)
    why = f"{steps:.0f} steps, each with the eigenvalues of a Hessian of {P} x {P}"
    dense = hessian_seconds(found)
    flops, numbers = 9.0 * P**3, 4.0 * P * P
    return _forecast(
        found, "trust-region", steps, why, products=P, seconds=dense, flops=flops, numbers=numbers
    )


def _newton_cg(found: Features) -> Forecast | None:
    if not found.products:
        return None
    steps = max(6.0, 1.3 * _curved(found))  # its solves are rough, of a quadratic too
    # a system is solved no better than the gradient is small: a quarter of the whole on average
    inner = 0.25 * min(float(found.parameters), 3 * _root(found), 200.0)
    why = f"{steps:.0f} steps of about {inner:.0f} Hessian products"
    seconds = inner * _product_seconds(found)
    return _forecast(
        found, "newton-cg", steps, why, products=inner, seconds=seconds, numbers=6.0 * found.parameters
    )


def _bfgs(found: Features) -> Forecast | None:
    P = found.parameters
    if P > DENSE_SIZE:
        return None
    times = _TWISTED if found.kind == "least squares" else 3.0
    steps = min(9 * _root(found), times * (P + 5))
    why = f"{steps:.0f} steps: after about {times:.0f} P of them the pairs tell the whole curvature"
    return _forecast(found, "bfgs", steps, why, flops=8.0 * P * P, numbers=3.0 * P * P)


def _lbfgs(found: Features) -> Forecast | None:
    P = found.parameters
    times = 2 * _TWISTED if found.kind == "least squares" else 6.0
    # on a network nobody waits for the last digits, and the pairs of all steps grow stale
    times = 2.9 if found.kind == "network" else times
    steps = min(9 * _root(found), times * (P + 5))
    why = f"{steps:.0f} steps: 9 times the root of the condition number, or {times:.2g} P"
    return _forecast(found, "lbfgs", steps, why, flops=80.0 * P, numbers=24.0 * P)


def _conjugate_gradients(found: Features) -> Forecast | None:
    P = found.parameters
    steps = min(12 * _root(found), 8.0 * P + 40)
    why = f"{steps:.0f} steps with an exact search each"
    return _forecast(found, "conjugate-gradients", steps, why, gradients=2.2, numbers=4.0 * P)


def _nesterov(found: Features) -> Forecast | None:
    steps = DIGITS * _root(found)
    why = f"{steps:.0f} steps: {DIGITS:.0f} times the root of the condition number"
    return _forecast(found, "nesterov", steps, why, gradients=1.3, numbers=4.0 * found.parameters)


def _gradient_descent(found: Features) -> Forecast | None:
    steps = 0.5 * DIGITS * _root(found) ** 2
    why = f"{steps:.0f} steps: {DIGITS / 2:.0f} times the condition number"
    return _forecast(found, "gradient-descent", steps, why, numbers=2.0 * found.parameters)


def _sampled_newton(found: Features) -> Forecast | None:
    if not found.sampled:
        return None
    steps = 9.0 if found.outputs == 1 else 15.0
    why = (
        f"{steps:.0f} passes: linear and convex, many rows for each column, some of which tell the curvature"
    )
    q = found.parameters / found.outputs
    return _forecast(found, "sampled-newton", steps, why, flops=40.0 * q * q * q / steps, numbers=3.0 * q * q)


def _levenberg_marquardt(found: Features) -> Forecast | None:
    if found.kind != "least squares":
        return None
    assert found.rows is not None
    P, m = found.parameters, found.rows
    steps = 15.0
    products = float(min(P, m))
    # forward derivatives of all columns at once
    seconds = 3 * gradient_seconds(found) + products * 0.1 * gradient_seconds(found)
    why = f"{steps:.0f} steps: the {m} x {P} Jacobian of the residuals tells the curvature"
    return _forecast(
        found,
        "levenberg-marquardt",
        steps,
        why,
        products=products / 2,
        seconds=seconds,
        flops=2.0 * m * P * P,
        numbers=3.0 * m * P,
    )


_RULES: tuple[Callable[[Features], Forecast | None], ...] = (
    _sampled_newton,
    _levenberg_marquardt,
    _newton,
    _trust_region,
    _newton_cg,
    _bfgs,
    _lbfgs,
    _conjugate_gradients,
    _nesterov,
    _gradient_descent,
)
