"""Sums of functions of all eigenvalues from one Krylov space: the extreme pairs exactly, the rest sampled."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fivefold.core import Certificate, Kind, Status
from fivefold.linalg import Estimate, SpectralDensity
from fivefold.linalg.stochastic_estimate import covering, exact
from fivefold.theory.krylov_space import KrylovSpace, density_axes, gaussians

_LIKELY = 0.9999


@dataclass(frozen=True, eq=False)
class Rule:
    """Nodes with their masses, known ones apart from sampled ones.

    Args:
        n: Eigenvalues in all.
        known: Eigenvalues that count once each, ``[c]``.
        nodes: The others' nodes ``[j]``.
        weights: Of each probe over them, adding up to 1, ``[m, j]``.
    """

    n: int
    known: Tensor
    nodes: Tensor
    weights: Tensor

    @property
    def left(self) -> int:
        """Eigenvalues that the nodes stand for."""
        return self.n - len(self.known)

    def total(self, f: Callable[[Tensor], Tensor]) -> Tensor:
        r"""Return :math:`\sum_i f(\lambda_i)` for f from ``[j]`` to ``[j, g]``, ``[g]``."""
        exact = f(self.known).sum(0)
        mean: Tensor = self.weights.mean(0) @ f(self.nodes)
        return exact + self.left * mean

    def standard_error(self, f: Callable[[Tensor], Tensor]) -> Tensor:
        r"""Return the standard error of the total, ``[g]``: 0 where all are known.

        .. math:: \operatorname{SE}^2 = \frac{1}{m} \frac{2 d^2}{d + 2} \, \overline{(f - \bar f)^2}

        for probes uniform on the sphere of dimension d, the spread over the spectrum from the same weights.
        """
        values, weight = f(self.nodes), self.weights.mean(0)
        if self.left == 0:
            return torch.zeros_like(f(self.known).sum(0))
        spread = weight @ (values - weight @ values) ** 2
        d = self.left
        error: Tensor = (2 * d * d / (d + 2) * spread / len(self.weights)).sqrt()
        return error


def rule_of(space: KrylovSpace, known: int, depth: int | None = None) -> Rule:
    """Make the rule of a space, with up to so many of its largest Ritz values counted once each.

    A Ritz value stands for one eigenvalue only where the probes' weight on it is that of one: where an
    eigenvalue is multiple (a null space), its Ritz vector follows the probe, and has the weight of all.

    Args:
        space: The Krylov space.
        known: How many of the largest may be counted; those that converged.
        depth: Blocks that are used, all by default.

    >>> from fivefold.core import drive
    >>> from fivefold.linalg import Diagonal
    >>> from fivefold.linalg.probes import Prober
    >>> from fivefold.theory.krylov_space import KrylovGrowth
    >>> prober = Prober(Diagonal([4.0, 2.0, 1.0]), 0, "doc")
    >>> rule = rule_of(drive(KrylovGrowth(prober, 1, 2, 1e-6, 3, 0.0)).state, 1)
    >>> rule.left, rule.total(lambda x: x[:, None]).round(decimals=9).tolist()
    (0, [7.0])
    """
    n = space.V.shape[0]
    nodes, weights = space.quadrature(depth)
    if space.complete and depth is None:
        return Rule(n, nodes, nodes[:0], weights[:, :0])
    order = nodes.argsort(descending=True)
    nodes, weights = nodes[order], weights[:, order]
    m = weights.shape[0]
    candidates = max(0, min(known, len(nodes) - m))
    counted = torch.zeros(len(nodes), dtype=torch.bool, device=nodes.device)
    counted[:candidates] = n * weights[:, :candidates].mean(0) <= _largest_mass(m)
    rest = weights[:, ~counted]
    return Rule(n, nodes[counted], nodes[~counted], rest / rest.sum(1, keepdim=True))


def _largest_mass(m: int) -> float:
    """The mean of m squared standard normals, n times the mass of one eigenvalue, stays below in 99.99%."""
    from scipy.special import gammaincinv

    return float(2 * gammaincinv(m / 2, _LIKELY) / m)


class Sums:
    """Sums over the spectrum that a Krylov space has seen, with standard error and bias.

    Args:
        space: The Krylov space.
        known: How many of its largest Ritz values converged.
        seed: Of its probes.
        products: That it took.
    """

    METHOD = "krylov quadrature"

    def __init__(self, space: KrylovSpace, known: int, seed: int, products: int) -> None:
        self._deep = rule_of(space, known)
        depth = max(1, 3 * len(space.ends) // 4)
        # An invariant space gives the probes' sums exactly; else a shallower rule shows what depth changes.
        self._shallow = None if space.complete or space.closed else rule_of(space, known, depth)
        self._values, self.complete = space.values, space.complete
        self._seed, self._products = seed, products
        self.probes = space.starts.shape[1]

    def _bias(self, f: Callable[[Tensor], Tensor], value: Tensor) -> Tensor:
        return torch.zeros_like(value) if self._shallow is None else (value - self._shallow.total(f)).abs()

    def total(self, f: Callable[[Tensor], Tensor], *, tolerance: float = math.inf) -> Estimate:
        r"""Return :math:`\sum_i f(\lambda_i)`.

        Args:
            f: From ``[j]`` to ``[j]``.
            tolerance: The standard error, relative to the value, from which on it counts as converged.
        """

        def column(x: Tensor) -> Tensor:
            return f(x)[:, None]

        value = self._deep.total(column)
        number = float(value)
        if self.complete:
            return exact(number, "all eigenvalues are known", products=self._products, seed=self._seed)
        error, bias = float(self._deep.standard_error(column)), float(self._bias(column, value))
        degrees = float(max(1, self.probes - 1))
        good = error <= tolerance * abs(number)
        return Estimate(
            number,
            error,
            degrees,
            bias,
            products=self._products,
            seed=self._seed,
            method=self.METHOD,
            status=Status.CONVERGED if good else Status.OUT_OF_BUDGET,
            certificates=(covering(number, error, degrees, bias, "the spread over the spectrum"),),
            message="from the probes of the Krylov space",
        )

    def shifted(self, outside: Estimate, inside: float) -> Estimate:
        """Add what is known to an estimate of the rest.

        Args:
            outside: The estimate.
            inside: What is known.
        """
        claim = outside.certificates[0]
        if outside.degrees < math.inf:
            why = "t interval; the part inside the Krylov space is known"
            claim = covering(
                outside.value + inside, outside.standard_error, outside.degrees, outside.bias, why
            )
        return replace(
            outside,
            value=outside.value + inside,
            history={},
            certificates=(claim, *outside.certificates[1:]),
        )

    def density(self, bandwidth: float) -> SpectralDensity:
        """Return the smoothed density with its errors.

        Args:
            bandwidth: Relative to the range of the spectrum.
        """
        x, sigma = density_axes(self._values, bandwidth)
        x = x.to(self._values.device)
        n = self._deep.n

        def bells(nodes: Tensor) -> Tensor:
            return gaussians(nodes, x, sigma) / n

        value, error = self._deep.total(bells), self._deep.standard_error(bells)
        bias = self._bias(bells, value)
        top, worst = float(value.max()), float(error.max())
        mass = torch.cat(
            [torch.full_like(self._deep.known, 1 / n), self._deep.left / n * self._deep.weights.mean(0)]
        )
        claim = Certificate(
            "the largest standard error and bias are at most 5% of the largest density",
            Kind.INDICATOR,
            worst + float(bias.max()) <= 0.05 * top,
            bound=0.05 * top,
            value=worst + float(bias.max()),
            method="spread over the spectrum; change from three quarters of the depth",
        )
        degrees = math.inf if self.complete else float(max(1, self.probes - 1))
        return SpectralDensity(
            x, value, error, sigma, torch.cat([self._deep.known, self._deep.nodes]), mass, degrees,
            float(bias.max()), self._products, self._seed, "exact" if self.complete else self.METHOD,
            Status.CONVERGED if claim.holds else Status.OUT_OF_BUDGET, {}, (claim,),
            "from the probes of the Krylov space",
        )  # fmt: skip
