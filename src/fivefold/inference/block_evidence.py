r"""Penalties of a generalised linear model, one per block of coefficients, by its marginal likelihood.

The coefficients of block :math:`b` have the prior :math:`N(0, \tau_b I)`. At the mode :math:`\hat w` with
posterior precision :math:`A = X^\top D X + \operatorname{diag}(1/\tau)` (exact for a Gaussian likelihood,
Laplace's approximation otherwise) the marginal likelihood is stationary where

.. math::
    \gamma_b = p_b - \operatorname{tr}_b(A^{-1}) / \tau_b, \qquad
    \tau_b = \lVert \hat w_b \rVert^2 / \gamma_b, \qquad
    \sigma^2 = \lVert y - X \hat w \rVert^2 / (n - \textstyle\sum_b \gamma_b),

with :math:`\gamma_b` the effective number of coefficients of the block. The fixed point is iterated; each
pass costs one factorisation of :math:`A`.

Source: D. J. C. MacKay, Bayesian interpolation, Neural Computation 4 (1992); for the non-Gaussian case the
same with the Hessian at the mode (MacKay, The evidence framework applied to classification networks, 1992).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import frexp, log, pi

import torch
from torch import Tensor

from fivefold.core import Certificate, Kind, NumericalError, Status, require

_SMALLEST, _LARGEST = 1e-10, 1e8


@dataclass(frozen=True, eq=False)
class GaussianEvidence:
    """Mode, penalties and log evidence of a Gaussian linear model with block priors.

    Attributes:
        w: ``[p]`` posterior mean of the coefficients, the first of which is the unpenalised intercept.
        variances: ``[B]`` prior variance of every block.
        noise: Variance of the noise.
        effective: ``[B]`` effective number of coefficients of every block.
        log_evidence: Log marginal likelihood of the targets (flat prior on the intercept).
        steps: Passes made.
        status: Converged where no variance moved by more than the tolerance on the log scale.
        certificates: A bound on the distance from the exact solution of the penalised normal equations.
    """

    w: Tensor
    variances: Tensor
    noise: float
    effective: Tensor
    log_evidence: float
    steps: int
    status: Status
    certificates: tuple[Certificate, ...]


def block_index(sizes: Sequence[int]) -> Tensor:
    """Return for every coefficient after the intercept the number of its block, ``[sum(sizes)]``."""
    return torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(list(sizes), dtype=torch.int64))


def _power_of_two(value: float) -> float:
    """Return the power of two below a positive value (dividing by it is exact), 1 for zero."""
    return 2.0 ** (frexp(value)[1] - 1) if value else 1.0


def updated_variances(
    w: Tensor, inverse_diagonal: Tensor, variances: Tensor, index: Tensor
) -> tuple[Tensor, Tensor]:
    r"""One pass of the fixed point: new :math:`\tau` and :math:`\gamma`.

    Args:
        w: ``[p]`` penalised coefficients at the mode.
        inverse_diagonal: ``[p]`` diagonal of the inverse posterior precision.
        variances: ``[B]`` present prior variances.
        index: ``[p]`` block of every coefficient.
    """
    blocks = len(variances)
    zero = torch.zeros(blocks, dtype=w.dtype)
    count = zero.index_add(0, index, torch.ones_like(w))
    trace = zero.index_add(0, index, inverse_diagonal)
    norm = zero.index_add(0, index, w * w)
    gamma = (count - trace / variances).clamp(min=1e-6)
    return (norm / gamma).clamp(_SMALLEST, _LARGEST), gamma


def gaussian_evidence(
    design: Tensor,
    y: Tensor,
    sizes: Sequence[int],
    weights: Tensor | None = None,
    steps: int = 60,
    tolerance: float = 1e-3,
    start: tuple[Tensor, float] | None = None,
) -> GaussianEvidence:
    """Fit a Gaussian linear model whose block penalties maximise the marginal likelihood.

    Args:
        design: ``[n, p]`` columns of the blocks, without the intercept.
        y: ``[n]`` targets.
        sizes: Number of columns of every block, adding up to ``p``.
        weights: ``[n]`` positive weights (inverse relative variances); all one by default.
        steps: Most passes.
        tolerance: Largest change of a log variance at convergence.
        start: Prior variances ``[B]`` and noise variance to start from.

    Raises:
        NumericalError: The precision matrix could not be factorised.

    >>> x = torch.linspace(-1, 1, 50, dtype=torch.float64)[:, None]
    >>> fit = gaussian_evidence(x, 2 * x[:, 0] + 1, [1])
    >>> [round(float(v), 3) for v in fit.w]
    [1.0, 2.0]
    """
    n, p = design.shape
    require(sum(sizes) == p, f"block sizes that add up to {p}", sum(sizes))
    require(y.shape == (n,), f"targets [{n}]", tuple(y.shape))
    a = torch.ones(n, dtype=torch.float64) if weights is None else weights.to(torch.float64)
    y = y.to(torch.float64)
    total = float(a.sum())
    # The unpenalised intercept is profiled out by centring: its coefficient follows from the means.
    mean_x = (a.to(design.dtype) @ design).to(torch.float64) / total
    mean_y = float(a @ y) / total
    # Bounds on variances are relative to the target's spread, so that its unit does not matter.
    unit = _power_of_two(float((y - mean_y).abs().max()))
    y, mean_y = y / unit, mean_y / unit
    centred = design - mean_x.to(design.dtype)
    gram = (centred.T @ (centred * a[:, None].to(design.dtype))).to(torch.float64)
    moment = (centred.T @ (a * (y - mean_y)).to(design.dtype)).to(torch.float64)
    power = float((a * (y - mean_y) ** 2).sum())
    index = block_index(sizes)
    variances = torch.full((len(sizes),), 1.0, dtype=torch.float64) * max(power / max(n - 1, 1), _SMALLEST)
    scale = torch.zeros(len(sizes), dtype=torch.float64).index_add(0, index, gram.diagonal()) / n
    variances = (variances / scale.clamp(min=1e-12)).clamp(_SMALLEST, _LARGEST)
    noise = max(0.5 * power / max(n - 1, 1), 1e-12 * max(abs(mean_y), 1e-6) ** 2, 1e-300)
    if start is not None:
        variances = (start[0].to(torch.float64) / unit**2).clamp(_SMALLEST, _LARGEST)
        noise = float(start[1]) / unit**2
    status, used = Status.OUT_OF_BUDGET, steps
    w = torch.zeros(p, dtype=torch.float64)
    effective = torch.zeros(len(sizes), dtype=torch.float64)
    evidence, error = float("nan"), 0.0
    for step in range(1, steps + 1):
        precision = gram / noise
        precision.diagonal().add_(1.0 / variances[index])
        factor, failed = torch.linalg.cholesky_ex(precision)
        if int(failed):
            raise NumericalError("a positive definite precision", "a failed Cholesky factorisation")
        w = torch.cholesky_solve((moment / noise)[:, None], factor)[:, 0]
        residual = float((moment / noise - precision @ w).norm())
        error = residual * float(variances.max()) / max(float(w.norm()), 1e-300) if residual else 0.0
        rss = max(power - 2 * float(moment @ w) + float(w @ gram @ w), 1e-12 * power, 1e-300)
        log_det = 2 * float(factor.diagonal().log().sum()) + float(variances.log()[index].sum())
        evidence = -0.5 * (
            rss / noise + float((w * w / variances[index]).sum()) + log_det
            + (n - 1) * log(2 * pi * noise) - float(a.log().sum())
        )  # fmt: skip
        new, effective = updated_variances(w, torch.cholesky_inverse(factor).diagonal(), variances, index)
        new_noise = max(rss / max(n - 1 - float(effective.sum()), 1.0), 1e-14 * power / n, 1e-300)
        moved = float((new / variances).log().abs().max()) if p else 0.0
        moved = max(moved, abs(log(new_noise / noise)))
        variances, noise = new, new_noise
        if moved < tolerance or bool((new <= _SMALLEST).all()):
            status, used = Status.CONVERGED, step
            break
    intercept = mean_y - float(mean_x @ w)
    claim = Certificate(
        "the coefficients are within a relative distance of 1e-6 of the exact solution for these penalties",
        Kind.PROOF,
        error <= 1e-6,
        bound=1e-6,
        value=error,
        assumptions=(f"the Gram matrix as accumulated in {str(design.dtype).removeprefix('torch.')}",),
        method="|w - w*| <= |A w - b| / lambda_min(A), and lambda_min(A) >= 1 / the largest prior variance",
    )
    coefficients = torch.cat([torch.tensor([intercept], dtype=torch.float64), w]) * unit
    evidence -= (n - 1) * log(unit)
    variances, noise = variances * unit**2, noise * unit**2
    return GaussianEvidence(coefficients, variances, noise, effective, evidence, used, status, (claim,))
