"""Adaptive integration: intervals are halved where a Gauss-Kronrod pair disagrees."""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from torch import Tensor

from fivefold.calculus.quadrature_rules import Integral, Integrand, values_at
from fivefold.core import Certificate, Kind, NumericalError, Status, require

PANELS = 12
"""Intervals at the start; their ends are irregular, so that no period of a wave falls in with them."""
DEEPEST = 1000
"""Halvings of one interval after which it is too narrow for floating point anywhere but at zero."""


def integrate(
    fn: Integrand,
    low: float,
    high: float,
    *,
    tolerance: float = 1e-10,
    absolute: float = 0.0,
    points: Sequence[float] = (),
    evaluations: int = 200_000,
) -> Integral:
    r"""Integrate over a finite or infinite interval, and say how far the result can be off.

    .. math:: \int_a^b f(x)\, dx \approx \sum_j K_j, \qquad \text{error} = \sum_j |K_j - G_j| + \rho

    :math:`G_j` is the 10-point Gauss rule on interval j, :math:`K_j` its 21-point Kronrod extension. The
    difference is the error of the *worse* of the two, and :math:`\rho` is rounding, so that the estimate
    is on the safe side; where an interval's error does not shrink as it is halved, the geometric tail is
    added. An infinite end is mapped by :math:`x = t / (1 - t^2)` or :math:`x = a + t / (1 - t)`.

    Source: Piessens, de Doncker-Kapenga, Ueberhuber & Kahaner 1983, "QUADPACK".

    Args:
        fn: Maps points ``[n]`` in float64 to values ``[n]``.
        low: a, may be ``-inf``.
        high: b, may be ``inf``; smaller than ``low`` changes the sign.
        tolerance: The error that is wanted, relative to the integral, at least 0.
        absolute: The error that is always good enough.
        points: Places of kinks, jumps, poles or narrow peaks between the ends: intervals end there.
        evaluations: Points at which ``fn`` may be evaluated, at least 21 for each of 12 intervals and one
            more for each of the points.

    Returns:
        The integral. Its certificate is unknown where the tolerance was not met, where the integral seems
        not to exist, and where the mass lies in one of the first intervals alone, so that more can have
        been missed. Where rounding is above the tolerance the status is ``STALLED``, and the error holds.

    Raises:
        ArgumentError: An argument out of range, or values of another shape.
        NumericalError: A value is not finite.

    >>> integral = integrate(lambda x: x.log() / x.sqrt(), 0.0, 1.0)
    >>> abs(integral.value + 4) < integral.error < 1e-8, integral.holds
    (True, True)
    >>> integrate(lambda x: 1 / x, 0.0, 1.0).holds is None
    True
    """
    require(not (math.isnan(low) or math.isnan(high)), "ends that are numbers", (low, high))
    require(0 <= tolerance < 1 and absolute >= 0, "tolerances from 0 (to 1)", (tolerance, absolute))
    require(tolerance > 0 or absolute > 0, "a positive tolerance", (tolerance, absolute))
    if high < low:
        turned = integrate(
            fn, high, low, tolerance=tolerance, absolute=absolute, points=points, evaluations=evaluations
        )
        return Integral(-turned.value, turned.error, turned.evaluations, turned.status, turned.certificates)
    inside = sorted({float(p) for p in points})
    require(all(low < p < high for p in inside), f"points between {low} and {high}", inside)
    least = 21 * (PANELS + len(inside))
    require(evaluations >= least, f"at least {least} evaluations", evaluations)
    if low == high:
        return _result(0.0, 0.0, 0, Status.CONVERGED, True, "an empty interval")
    mapping = _Mapping(low, high)
    edges = _first_edges([mapping.backward(p) for p in inside])
    work = _Intervals(fn, mapping, edges[:-1], edges[1:])
    crowded = work.crowded()
    broken = ""
    while True:
        value, spread, rounding = work.total()
        error = spread + rounding
        target = max(tolerance * abs(value), absolute)
        resolved = error <= target or spread <= rounding
        chosen = work.worst(max(target - rounding, rounding))
        left = (evaluations - work.evaluations) // 42
        if resolved or not len(chosen) or left < 1:
            break
        try:
            work.halve(chosen[:left])
        except NumericalError as failure:  # too near a singularity for floating point
            broken = f"; {failure.got}"
            break
    stuck = bool(broken) or work.stuck(error)
    # Down to rounding the estimate holds, whether or not that is as small as was asked.
    holds = True if resolved and not stuck and (inside or not crowded) else None
    if stuck:
        status, why = (
            Status.ILL_POSED,
            broken or f"; the error near x = {work.worst_place():.6g} does not shrink",
        )
    elif error <= target:
        status, why = Status.CONVERGED, ""
        if holds is None:
            why = "; the mass lies in one of the first intervals: pass points= around it"
    elif resolved:
        status, why = Status.STALLED, "; rounding is above the tolerance"
    else:
        status, why = Status.OUT_OF_BUDGET, "; the budget of evaluations is spent"
    method = (
        f"Gauss-Kronrod (10, 21) on {work.count} intervals, the narrowest {work.narrowest():.1e} wide{why}"
    )
    return _result(value, error, work.evaluations, status, holds, method)


class _Mapping:
    """The map from the variable t in [0, 1], in which everything is computed, to x."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high
        self.kind = (math.isinf(low), math.isinf(high))

    def forward(self, start: Tensor, offset: Tensor) -> tuple[Tensor, Tensor]:
        """Return x and dx/dt at t = start + offset, keeping what is small beside an end exact."""
        t = start + offset
        if self.kind == (False, False):
            width = self.high - self.low
            # From the nearer end, so that points near a singularity at b keep their distance from it.
            x = torch.where(t <= 0.5, self.low + width * t, self.high - width * ((1 - start) - offset))
            return x, torch.full_like(t, width)
        if self.kind == (False, True):
            return self.low + t / (1 - t), 1 / (1 - t) ** 2
        if self.kind == (True, False):
            return self.high - t / (1 - t), 1 / (1 - t) ** 2
        s = 2 * t - 1
        return s / (1 - s**2), 2 * (1 + s**2) / (1 - s**2) ** 2

    def backward(self, x: float) -> float:
        """Return the t of a point."""
        if self.kind == (False, False):
            return (x - self.low) / (self.high - self.low)
        if self.kind == (False, True):
            return (x - self.low) / (1 + x - self.low)
        if self.kind == (True, False):
            return (self.high - x) / (1 + self.high - x)
        return 0.5 + (x / (1 + math.sqrt(1 + 4 * x * x)))


class _Intervals:
    """Intervals with the two estimates of each; all that are halved at once go through one evaluation."""

    def __init__(self, fn: Integrand, mapping: _Mapping, start: Tensor, stop: Tensor) -> None:
        self.fn, self.mapping = fn, mapping
        self.evaluations = 0
        self.start, self.width = start, stop - start
        self.value, self.error, self.size, self.noise = self._estimate(self.start, self.width)
        self.parent = torch.full_like(self.error, math.inf)
        self.depth = torch.zeros_like(self.error)

    @property
    def count(self) -> int:
        return len(self.start)

    def _estimate(self, start: Tensor, width: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        nodes, kronrod, gauss = (torch.from_numpy(each) for each in _pair())
        offset = width[:, None] * (nodes + 1) / 2
        x, slope = self.mapping.forward(start[:, None].expand_as(offset), offset)
        y = values_at(self.fn, x.reshape(-1)).reshape(x.shape) * slope
        self.evaluations += x.numel()
        half = width / 2
        value = half * (y @ kronrod)
        size = half * (y.abs() @ kronrod)
        # Rounding of sums and values; and rounding of x, which moves f by its variation over an interval.
        variation = (y / slope).diff(dim=1).abs().sum(1)
        noise = torch.finfo(torch.float64).eps * (50 * size + x.abs().amax(1) * variation)
        return value, (value - half * (y @ gauss)).abs(), size, noise

    def total(self) -> tuple[float, float, float]:
        """Return the value, the sum of errors with their tails, and what rounding can add."""
        return math.fsum(self.value.tolist()), math.fsum(self._bounded().tolist()), float(self.noise.sum())

    def _bounded(self) -> Tensor:
        # Where halving takes the error only by a factor r, singular behaviour is left in the interval: what
        # the intervals inside would still add is a geometric series, at most r / (1 - r) more. The pair can
        # also agree by accident there, so that nothing below the error before halving is believed.
        ratio = (self.error / self.parent).nan_to_num(0.0)
        tail = self.error / (1 - ratio.clamp(max=0.999))
        return torch.where(ratio > 1e-6, torch.maximum(tail, self.parent), self.error)

    def crowded(self) -> bool:
        """Whether nearly all of the mass was seen in one interval, at the start."""
        return bool(self.size.max() > (1 - 1e-9) * self.size.sum()) and float(self.size.sum()) > 0

    def worst(self, target: float) -> Tensor:
        """Return the intervals to be halved, the largest error first."""
        errors = self._bounded()
        narrow = (self.width <= 4e-16 * self.start.abs().clamp(min=1e-290)) | (self.depth >= DEEPEST)
        errors = torch.where(narrow, torch.zeros_like(errors), errors)
        order = errors.argsort(descending=True)
        return order[errors[order] > 0.5 * target / self.count]

    def halve(self, chosen: Tensor) -> None:
        """Replace intervals by their halves."""
        kept = torch.ones(self.count, dtype=torch.bool)
        kept[chosen] = False
        width = (self.width[chosen] / 2).repeat(2)
        start = self.start[chosen].repeat(2)
        start[len(chosen) :] += width[len(chosen) :]
        value, error, size, noise = self._estimate(start, width)
        parent, depth = self.error[chosen].repeat(2), self.depth[chosen].repeat(2) + 1
        self.start = torch.cat([self.start[kept], start])
        self.width = torch.cat([self.width[kept], width])
        self.value = torch.cat([self.value[kept], value])
        self.error = torch.cat([self.error[kept], error])
        self.size = torch.cat([self.size[kept], size])
        self.noise = torch.cat([self.noise[kept], noise])
        self.parent = torch.cat([self.parent[kept], parent])
        self.depth = torch.cat([self.depth[kept], depth])

    def stuck(self, error: float) -> bool:
        """Whether a deep interval carries much of the error, or its error falls too slowly to be summable."""
        deep = self.depth >= 30
        if not bool(deep.any()):
            return False
        ratio = (self.error / self.parent).nan_to_num(0.0)
        return bool((deep & (ratio > 0.97) & (self._bounded() > 1e-3 * error)).any())

    def worst_place(self) -> float:
        """Return where the largest error is, in x."""
        worst = self._bounded().argmax()
        return float(self.mapping.forward(self.start[worst], self.width[worst] / 2)[0])

    def narrowest(self) -> float:
        """Return the width of the narrowest interval, in t."""
        return float(self.width.min())


def _first_edges(points: list[float]) -> Tensor:
    inner = [(i + 0.19 * math.sin(12.9898 * i)) / PANELS for i in range(1, PANELS)]
    return torch.tensor(sorted({0.0, 1.0, *inner, *points}), dtype=torch.float64)


def _result(
    value: float, error: float, evaluations: int, status: Status, holds: bool | None, method: str
) -> Integral:
    certificate = Certificate(
        f"the integral is {value:.10g} up to {error:.1e}",
        Kind.INDICATOR,
        holds,
        bound=error,
        value=value,
        assumptions=(
            "no feature of the integrand is narrower than the distance of the first nodes",
            "fn is computed to float64 precision",
        ),
        method=method,
    )
    return Integral(value, error, evaluations, status, (certificate,))


@cache
def _pair() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the 21 Kronrod nodes on [-1, 1], their weights, and the Gauss weights (0 where not a node)."""
    nodes, kronrod = kronrod_rule(10)
    gauss = np.zeros_like(nodes)
    gauss[1::2] = np.polynomial.legendre.leggauss(10)[1]
    return nodes, kronrod, gauss


def kronrod_rule(n: int) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the nodes and weights of the (2n + 1)-point Kronrod extension of the n-point Gauss rule.

    The nodes that are added are the zeros of the Stieltjes polynomial E, of degree n + 1, for which
    :math:`\int P_n E P_k = 0` for all k up to n; the weights integrate all Legendre polynomials up to 2n.

    Source: Monegato 1982, "Stieltjes polynomials and related quadrature rules", SIAM Review 24.

    Args:
        n: At least 1.

    Returns:
        Nodes in ascending order and weights, ``[2n + 1]`` each, on [-1, 1].

    >>> nodes, weights = kronrod_rule(1)
    >>> nodes.round(12).tolist(), weights.round(12).tolist()
    ([-0.774596669241, 0.0, 0.774596669241], [0.555555555556, 0.888888888889, 0.555555555556])
    """
    require(n >= 1, "n of at least 1", n)
    legendre = np.polynomial.legendre
    x, w = legendre.leggauss(2 * n + 2)
    P = legendre.legvander(x, n + 1)
    triple = P[:, : n + 1].T @ (P * (w * P[:, n])[:, None])
    coefficients = np.append(np.linalg.solve(triple[:, : n + 1], -triple[:, n + 1]), 1.0)
    added = legendre.legroots(coefficients).real
    added -= legendre.legval(added, coefficients) / legendre.legval(added, legendre.legder(coefficients))
    nodes = np.sort(np.concatenate([added, legendre.leggauss(n)[0]]))
    nodes = (nodes - nodes[::-1]) / 2  # symmetric to the last digit
    moments = np.zeros(2 * n + 1)
    moments[0] = 2.0
    return nodes, np.linalg.solve(legendre.legvander(nodes, 2 * n).T, moments)
