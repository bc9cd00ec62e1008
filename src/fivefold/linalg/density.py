"""The spectral density of a symmetric operator, smoothed, with a standard error at each point."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from fivefold.core import Budget, Certificate, Kind, Status, drive, require
from fivefold.linalg.arrays import Array, to_tensor, wants_numpy
from fivefold.linalg.dense import Dense, as_operator, require_symmetric
from fivefold.linalg.known_values import known_eigenvalues
from fivefold.linalg.operator import LinearOperator, require_matrix
from fivefold.linalg.probes import Prober
from fivefold.linalg.spectral_sum import SpectralSum
from fivefold.linalg.stochastic_estimate import Goal, stopped, t_quantile
from fivefold.linalg.stochastic_lanczos import Jacobi, lanczos_rules

_DENSE = 1000  # up to this size all eigenvalues of a matrix at hand take a second at most
_POINTS = 200


@dataclass(frozen=True, eq=False)
class SpectralDensity:
    r"""Smoothed density of the eigenvalues, :math:`\frac1n \sum_i g_\sigma(x - \lambda_i)`.

    Args:
        grid: Points x ``[g]``.
        density: At these points.
        standard_error: At these points; 0 where the eigenvalues are known.
        bandwidth: Standard deviation of the Gaussian that smooths.
        nodes: Quadrature nodes of all probes, or the eigenvalues.
        weights: Their masses, which add up to 1.
        degrees: Degrees of freedom of the standard errors.
        bias: Largest change of the density from three quarters of the depth.
        products: Products with A.
        seed: Of the probes.
        method: ``"exact"`` or ``"stochastic lanczos quadrature"``.
        status: ``CONVERGED`` where the largest standard error reached the tolerance.
        history: Products, largest density and largest standard error after each block.
        certificates: What is claimed.
        message: Why it stopped.
    """

    grid: Array
    density: Array
    standard_error: Array
    bandwidth: float
    nodes: Array
    weights: Array
    degrees: float
    bias: float
    products: int
    seed: int
    method: str
    status: Status
    history: dict[str, list[float]] = field(default_factory=dict)
    certificates: tuple[Certificate, ...] = ()
    message: str = ""

    def interval(self, level: float = 0.95) -> tuple[Array, Array]:
        """Ends of the pointwise intervals.

        Raises:
            ArgumentError: The level is not between 0 and 1.
        """
        require(0 < level < 1, "a level between 0 and 1", level)
        half = t_quantile((1 + level) / 2, self.degrees) * self.standard_error + self.bias
        return self.density - half, self.density + half


def spectral_density(
    A: Array | LinearOperator,
    *,
    grid: Array | None = None,
    bandwidth: float | None = None,
    tolerance: float = 0.05,
    products: int | None = None,
    depth: int | None = None,
    seed: int = 0,
    budget: Budget | None = None,
) -> SpectralDensity:
    r"""Return the density of the eigenvalues of a symmetric operator, smoothed by a Gaussian.

    .. math:: \phi_\sigma(x) = \frac1n \sum_i \frac{1}{\sigma\sqrt{2\pi}} e^{-(x - \lambda_i)^2 / 2\sigma^2}

    Exact from known eigenvalues or a small matrix at hand; else stochastic Lanczos quadrature. Lanczos of
    depth k resolves about a k-th of the range: a bandwidth below that shows the nodes, and the certificate of
    the bias says no.

    Source: L. Lin, Y. Saad, C. Yang, "Approximating spectral densities of large matrices", SIAM Review 58
    (2016).

    Args:
        A: Symmetric ``[n, n]``.
        grid: Points ``[g]``; 200 over the range of the spectrum by default.
        bandwidth: Standard deviation of the smoothing, positive; a fortieth of the range by default.
        tolerance: Stops where the largest standard error is at most this part of the largest density.
        products: The most products, at least 4; 2000 by default.
        depth: Lanczos steps of each probe; chosen by default so that the bias is a fifth of the error.
        seed: Of the probes.
        budget: Seconds or blocks, beside the products.

    Returns:
        The density in the kind of A (float64), with pointwise standard errors.

    Raises:
        ArgumentError: Not square, not symmetric, a bad grid or bandwidth, or products that change.
        NumericalError: A product is not finite.

    >>> from fivefold.linalg import Diagonal
    >>> d = spectral_density(Diagonal([-1.0, 1.0]), grid=[0.0, 1.0], bandwidth=0.1)
    >>> [round(float(x), 3) for x in d.density]
    [0.0, 1.995]
    """
    numpy = wants_numpy(A)
    operator = as_operator(A)
    require_matrix(operator, "A", square=True)
    require(bandwidth is None or 0 < bandwidth < math.inf, "a positive, finite bandwidth", bandwidth)
    require(depth is None or depth >= 2, "a depth of at least 2", depth)
    points = None if grid is None else to_tensor(grid, "the grid", dims=(1,)).double().to(operator.device)
    goal = Goal(tolerance, 0.0, 2000 if products is None else int(products))
    if isinstance(operator, Dense):
        require_symmetric(operator.matrix)
        operator = Dense(operator.matrix, symmetric=True)
    require(operator.symmetric, "a symmetric operator", repr(operator), "build it with symmetric=True")

    def kind(t: Tensor) -> Array:
        return t.cpu().numpy() if numpy else t

    n = operator.shape[0]
    values = known_eigenvalues(operator)
    if values is None and isinstance(operator, Dense) and n <= _DENSE:
        values = torch.linalg.eigvalsh(operator.matrix.detach().double())
    if values is not None:
        x, sigma = _axes(points, bandwidth, float(values.min()), float(values.max()))
        phi = _gaussians(values, x, sigma).mean(dim=0)
        zero = torch.zeros_like(phi)
        mass = torch.full_like(values, 1 / n)
        claim = Certificate("the eigenvalues are exact up to rounding", Kind.PROOF, True)
        return SpectralDensity(
            kind(x), kind(phi), kind(zero), sigma, kind(values), kind(mass), math.inf, 0.0, 0, seed,
            "exact", Status.CONVERGED, {}, (claim,), "exact: the eigenvalues are known",
        )  # fmt: skip
    prober = Prober(operator, seed, "spectral_density")
    low, high = _range(prober, min(n, 12, goal.products // 3))
    x, sigma = _axes(points, bandwidth, low, high)
    scheme = SpectralSum(prober, goal, lambda nodes: _gaussians(nodes, x, sigma) / n, depth=depth)
    run = drive(scheme, budget)
    state = run.state
    error, bias, top = (float(t.max()) for t in (state.standard_error, state.bias, state.value))
    rules = [rule.gauss() for rule in state.rules]
    nodes = torch.cat([rule[0].reshape(-1) for rule in rules])
    weights = torch.cat([rule[1].reshape(-1) for rule in rules]) / state.probes
    degrees = float(state.probes - 1)
    certificates = (
        Certificate(
            "at each point the smoothed density lies in its 95% interval with probability 95%",
            Kind.STATISTICAL,
            True if degrees >= 8 else None,
            bound=t_quantile(0.975, degrees) * error + bias,
            value=error,
            method="t interval; the variance of a probe from the quadrature of the squared Gaussian",
        ),
        Certificate(
            "the bias of the quadrature is at most a half of the largest standard error",
            Kind.INDICATOR,
            bias <= 0.5 * error,
            bound=0.5 * error,
            value=bias,
            method="largest change of the density from three quarters of the depth",
        ),
        goal.certificate(top, error, Kind.STATISTICAL),
    )
    return SpectralDensity(
        kind(x), kind(state.value), kind(state.standard_error), sigma, kind(nodes), kind(weights), degrees,
        bias, prober.products, seed, "stochastic lanczos quadrature", run.status, run.history, certificates,
        stopped(run.status),
    )  # fmt: skip


def _gaussians(nodes: Tensor, x: Tensor, sigma: float) -> Tensor:
    bells: Tensor = (-0.5 * ((x - nodes[..., None]) / sigma) ** 2).exp() / (sigma * math.sqrt(2 * math.pi))
    return bells


def _axes(points: Tensor | None, bandwidth: float | None, low: float, high: float) -> tuple[Tensor, float]:
    span = high - low
    sigma = bandwidth or span / 40 or max(abs(high), 1.0) / 40
    if points is None:
        points = torch.linspace(low - 3 * sigma, high + 3 * sigma, _POINTS, dtype=torch.float64)
    return points, sigma


def _range(prober: Prober, depth: int) -> tuple[float, float]:
    """Ends of the spectrum, as one short Lanczos run sees them."""
    rule: Jacobi = lanczos_rules(prober, 1, depth)
    nodes, _ = rule.gauss()
    reach = float(rule.beta[-1].max())
    return float(nodes.min()) - 0.1 * reach, float(nodes.max()) + 0.1 * reach
