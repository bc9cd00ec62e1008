"""A number that rests on random probes: its value, its standard error, and what was spent on it."""

import math
from dataclasses import dataclass, field

import torch

from fivefold.core import Certificate, Kind, Status, require
from fivefold.linalg.arrays import Array


@dataclass(frozen=True, eq=False)
class Estimate:
    r"""A value with its standard error, products, seed and certificates.

    Args:
        value: A float, or an array for estimates of vectors.
        standard_error: In the unit of the value, of the same shape; 0 where the value is exact.
        degrees: Degrees of freedom of the standard error; infinite where the value is exact.
        bias: What the quadrature may add beside the standard error, in the unit of the value.
        products: Products with A (and its adjoint) that were made, one a column.
        seed: Of the probes.
        method: ``"exact"`` or the estimator's name.
        status: ``CONVERGED`` where the standard error reached the tolerance, or the answer is exact.
        history: Products, value and standard error after each block.
        certificates: What is claimed, of which kind.
        message: Why it stopped.

    >>> e = Estimate(10.0, 1.0, degrees=math.inf)
    >>> [round(end, 2) for end in e.interval(0.95)]
    [8.04, 11.96]
    """

    value: Array
    standard_error: Array
    degrees: float
    bias: float = 0.0
    products: int = 0
    seed: int = 0
    method: str = "exact"
    status: Status = Status.CONVERGED
    history: dict[str, list[float]] = field(default_factory=dict)
    certificates: tuple[Certificate, ...] = ()
    message: str = ""

    def interval(self, level: float = 0.95) -> tuple[Array, Array]:
        r"""Return the ends :math:`\hat\theta \mp (t_{\nu} \, \mathrm{SE} + \text{bias})`.

        Args:
            level: Probability of covering, between 0 and 1.

        Raises:
            ArgumentError: The level is not between 0 and 1.
        """
        require(0 < level < 1, "a level between 0 and 1", level)
        half = t_quantile((1 + level) / 2, self.degrees) * self.standard_error + self.bias
        return self.value - half, self.value + half


def t_quantile(probability: float, degrees: float) -> float:
    """Quantile of Student's t; of the normal where the degrees are infinite.

    >>> round(t_quantile(0.975, 10), 3), round(t_quantile(0.975, math.inf), 3)
    (2.228, 1.96)
    """
    from scipy.special import ndtri, stdtrit

    return float(ndtri(probability) if math.isinf(degrees) else stdtrit(degrees, probability))


@dataclass(frozen=True)
class Goal:
    """When to stop: a standard error, relative or absolute, or a number of products.

    Args:
        tolerance: Standard error relative to the value's magnitude; 0 spends the budget.
        absolute: Standard error in the unit of the value.
        products: The most products.
        offset: A known number that is added to the estimated one before its magnitude is taken.

    Raises:
        ArgumentError: Negative, not finite, or fewer than 4 products.

    >>> Goal(0.1, 0.5, 10).target(20.0), Goal(0.1, 0.5, 10).target(1.0)
    (2.0, 0.5)
    """

    tolerance: float
    absolute: float
    products: int
    offset: float = 0.0

    def __post_init__(self) -> None:
        for name in ("tolerance", "absolute"):
            number = getattr(self, name)
            require(0 <= number < math.inf, f"{name} as a finite number of at least 0", number)
        require(self.products >= 4, "a budget of at least 4 products", self.products)

    def target(self, value: float) -> float:
        """The standard error that suffices for a value of this magnitude."""
        return max(self.tolerance * abs(value + self.offset), self.absolute)

    def certificate(self, value: float, error: float, kind: Kind) -> Certificate:
        """Whether the standard error reached the tolerance."""
        target = self.target(value)
        return Certificate(
            "the standard error is at most the tolerance",
            kind,
            error <= target,
            bound=target,
            value=error,
            method="max(tolerance * |value|, absolute)",
        )


def reserve(products: int | None, n: int, default: int) -> tuple[int, bool]:
    """Products for an estimate, and whether n more for the exact answer may follow.

    Args:
        products: The most that the caller allows; ``None`` allows ``default`` and then the exact answer.
        n: Size of the operator.
        default: For the estimate.

    >>> reserve(60, 1000, 1000), reserve(None, 1000, 1000), reserve(1500, 1000, 1000)
    ((60, False), (1000, True), (500, True))
    """
    if products is None:
        return max(4, default), True
    require(products >= 4, "a budget of at least 4 products", products)
    return (products, False) if products < n else (products - n, True)


def stopped(status: Status) -> str:
    """Why an estimate stopped, for its message.

    >>> stopped(Status.CONVERGED)
    'stopped because the standard error reached the tolerance'
    """
    if status is Status.CONVERGED:
        return "stopped because the standard error reached the tolerance"
    return "stopped because the budget was spent before the standard error reached the tolerance"


def exact(value: Array, what: str, *, products: int = 0, seed: int = 0) -> Estimate:
    """An estimate without an error beyond rounding.

    Args:
        value: The answer.
        what: How it was obtained.
        products: Products that were needed.
        seed: Passed through.

    >>> exact(3.0, "sum of the diagonal").standard_error
    0.0
    """
    error = torch.zeros_like(value) if isinstance(value, torch.Tensor) else 0.0
    claim = Certificate("the value is exact up to rounding", Kind.PROOF, True, method=what)
    return Estimate(
        value,
        error,
        math.inf,
        products=products,
        seed=seed,
        certificates=(claim,),
        message=f"exact: {what}",
    )


def covering(value: float, error: float, degrees: float, bias: float, why: str) -> Certificate:
    """The claim that the 95% interval holds the true value.

    >>> covering(1.0, 0.1, 20.0, 0.0, "").verdict
    'yes'
    """
    half = t_quantile(0.975, degrees) * error + bias
    enough = degrees >= 8
    return Certificate(
        f"the true value lies within {half:.3g} of {value:.6g} with probability 95%",
        Kind.STATISTICAL,
        True if enough else None,
        bound=half,
        value=error,
        assumptions=("the products of A are exact up to rounding and do not change between calls",)
        + (() if enough else ("9 probes or more: with fewer the rate was not measured",)),
        method=why,
    )
