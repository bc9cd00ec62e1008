"""Gauss rules, which integrate polynomials exactly, and integrals by doubling their order."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fivefold.core import Certificate, Kind, NumericalError, Status, require

Integrand = Callable[[Tensor], Tensor]
LARGEST = 512
"""Nodes of the largest rule that is tried; beyond it the integrand is not smooth, and doubling is no help."""


@dataclass(frozen=True, eq=False, slots=True)
class Integral:
    """An integral, and how far it can be from the truth.

    Args:
        value: The estimate.
        error: The estimated absolute error; infinite where nothing is known about it.
        evaluations: Points at which the integrand was evaluated.
        status: ``CONVERGED`` where the tolerance was met; ``OUT_OF_BUDGET``, ``STALLED`` (rounding) or
            ``ILL_POSED`` (the integral seems not to exist) otherwise.
        certificates: One, of kind *indicator*: an error from samples is never a proof.
    """

    value: float
    error: float
    evaluations: int
    status: Status
    certificates: tuple[Certificate, ...]

    @property
    def holds(self) -> bool | None:
        """Whether the error estimate can be relied on: yes, or ``None`` where that is unknown."""
        return self.certificates[0].holds


def legendre_rule(order: int, low: float = -1.0, high: float = 1.0) -> tuple[Tensor, Tensor]:
    r"""Return the Gauss-Legendre nodes and weights on an interval.

    .. math:: \int_a^b f(x)\, dx = \sum_{i=1}^n w_i f(x_i) \quad \text{for polynomials of degree } < 2n

    Source: Golub & Welsch 1969, "Calculation of Gauss quadrature rules", Mathematics of Computation 23.

    Args:
        order: n, 1 to 512.
        low: a, finite.
        high: b, finite.

    Returns:
        Nodes and weights, float64 ``[n]`` each.

    Raises:
        ArgumentError: An order or ends out of range.

    >>> x, w = legendre_rule(3, 0.0, 2.0)
    >>> round(float((w * x**5).sum()), 12) == round(2**6 / 6, 12)
    True
    """
    _check_order(order)
    require(math.isfinite(low) and math.isfinite(high), "finite ends", (low, high), "use integrate()")
    nodes, weights = np.polynomial.legendre.leggauss(order)
    half = (high - low) / 2
    return torch.from_numpy((low + high) / 2 + half * nodes), torch.from_numpy(half * weights)


def hermite_rule(order: int, mean: float = 0.0, sd: float = 1.0) -> tuple[Tensor, Tensor]:
    r"""Return the Gauss-Hermite nodes and weights for expectations under a normal distribution.

    .. math:: E_{x \sim N(\mu, \sigma^2)} f(x) = \sum_{i=1}^n w_i f(x_i)
              \quad \text{for polynomials of degree } < 2n

    Source: Golub & Welsch 1969, "Calculation of Gauss quadrature rules", Mathematics of Computation 23.

    Args:
        order: n, 1 to 512.
        mean: :math:`\mu`, finite.
        sd: :math:`\sigma`, positive and finite.

    Returns:
        Nodes and weights that sum to 1, float64 ``[n]`` each.

    Raises:
        ArgumentError: An order, mean or standard deviation out of range.

    >>> x, w = hermite_rule(4, mean=1.0, sd=2.0)
    >>> round(float((w * x**2).sum()), 12)
    5.0
    """
    from scipy.special import roots_hermitenorm

    _check_order(order)
    require(math.isfinite(mean) and 0 < sd < math.inf, "a finite mean and a positive sd", (mean, sd))
    nodes, weights = roots_hermitenorm(order)
    return torch.from_numpy(mean + sd * nodes), torch.from_numpy(weights / weights.sum())


def gauss_legendre(
    fn: Integrand, low: float, high: float, *, tolerance: float = 1e-10, largest: int = LARGEST
) -> Integral:
    r"""Integrate a smooth function over a finite interval, doubling the order until two rules agree.

    .. math:: \int_a^b f(x)\, dx \approx Q_{2n}, \qquad \text{error} = |Q_{2n} - Q_n| + |Q_{2n} - Q_{3n/2}|

    For functions with kinks, poles or narrow peaks take
    :func:`~fivefold.calculus.gauss_kronrod.integrate`.

    Source: Davis & Rabinowitz 1984, "Methods of Numerical Integration", section 6.1.

    Args:
        fn: Maps points ``[n]`` in float64 to values ``[n]``.
        low: a, finite.
        high: b, finite.
        tolerance: The error that is wanted, relative to the integral of :math:`|f|`, positive.
        largest: The order at which to give up, 8 to 512.

    Returns:
        The integral; its certificate is unknown where the rules never agreed.

    Raises:
        ArgumentError: Ends, tolerance or order out of range, or values of another shape.
        NumericalError: A value is not finite.

    >>> integral = gauss_legendre(torch.exp, 0.0, 1.0)
    >>> abs(integral.value - (torch.e - 1)) < 1e-12, integral.holds
    (True, True)
    """
    return _doubled(fn, lambda n: legendre_rule(n, low, high), tolerance, largest, "Gauss-Legendre")


def normal_expectation(
    fn: Integrand, mean: float = 0.0, sd: float = 1.0, *, tolerance: float = 1e-10, largest: int = LARGEST
) -> Integral:
    r"""Return the expectation of a smooth function under a normal distribution, by Gauss-Hermite rules.

    .. math:: E_{x \sim N(\mu, \sigma^2)} f(x) \approx Q_{2n}

    Orders double until two rules agree, as for :func:`gauss_legendre`.

    Source: Davis & Rabinowitz 1984, "Methods of Numerical Integration", section 3.6.

    Args:
        fn: Maps points ``[n]`` in float64 to values ``[n]``.
        mean: :math:`\mu`, finite.
        sd: :math:`\sigma`, positive.
        tolerance: The error that is wanted, relative to the expectation of :math:`|f|`, positive.
        largest: The order at which to give up, 8 to 512.

    Returns:
        The expectation; its certificate is unknown where the rules never agreed.

    Raises:
        ArgumentError: An argument out of range, or values of another shape.
        NumericalError: A value is not finite.

    >>> round(normal_expectation(torch.cos).value, 12) == round(float(torch.tensor(-0.5).double().exp()), 12)
    True
    """
    return _doubled(fn, lambda n: hermite_rule(n, mean, sd), tolerance, largest, "Gauss-Hermite")


def values_at(fn: Integrand, x: Tensor) -> Tensor:
    """Evaluate an integrand at points ``[n]`` and check what comes.

    Raises:
        ArgumentError: Not real values, one per point.
        NumericalError: A value is not finite.
    """
    with torch.no_grad():
        y = fn(x)
    require(
        isinstance(y, Tensor) and y.shape == x.shape and not y.is_complex(),
        f"real values of shape {tuple(x.shape)}, one per point",
        f"{y.dtype}, shape {tuple(y.shape)}" if isinstance(y, Tensor) else type(y).__name__,
        "write the integrand in torch operations on a vector of points",
    )
    bad = ~torch.isfinite(y)
    if bool(bad.any()):
        raise NumericalError(
            "a finite integrand",
            f"{float(y[bad][0])} at x = {float(x[bad][0]):.17g}",
            "pass that place in points=, or subtract the singular part",
        )
    return y.to(torch.float64)


def _check_order(order: int) -> None:
    require(isinstance(order, int) and 1 <= order <= LARGEST, f"an order from 1 to {LARGEST}", order)


def _doubled(
    fn: Integrand,
    rule: Callable[[int], tuple[Tensor, Tensor]],
    tolerance: float,
    largest: int,
    name: str,
) -> Integral:
    require(tolerance > 0, "a positive tolerance", tolerance)
    require(8 <= largest <= LARGEST, f"a largest order from 8 to {LARGEST}", largest)
    evaluations = 0

    def estimate(order: int) -> tuple[float, float]:
        nonlocal evaluations
        x, w = rule(order)
        y = values_at(fn, x)
        evaluations += order
        return float(w @ y), float(w.abs() @ y.abs())

    order = 8
    value, size = estimate(order)
    error = math.inf
    while 2 * order <= largest:
        # One of them of odd order: even ones can agree by accident, as on a jump near the middle.
        between = estimate(order + order // 2 - 1)[0]
        finer, size = estimate(2 * order)
        rounding = 16 * torch.finfo(torch.float64).eps * size
        error = abs(finer - value) + abs(finer - between) + rounding
        value, order = finer, 2 * order
        if error <= max(tolerance * size, 2 * rounding):
            break
    met = error <= max(tolerance * size, 32 * torch.finfo(torch.float64).eps * size)
    certificate = Certificate(
        f"the integral is {value:.10g} up to {error:.1e}",
        Kind.INDICATOR,
        True if met else None,
        bound=error,
        value=value,
        assumptions=("the integrand is smooth", "it has no feature between the nodes"),
        method=f"{name} rules of {order // 2}, {order // 2 + order // 4 - 1} and {order} nodes compared",
    )
    status = Status.CONVERGED if met else Status.OUT_OF_BUDGET
    return Integral(value, error, evaluations, status, (certificate,))
