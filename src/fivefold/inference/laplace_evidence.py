r"""Penalties of a generalised linear model by Laplace's approximation of its marginal likelihood.

For a likelihood that is not Gaussian the posterior of the coefficients is approximated at its mode
:math:`\hat w` by a normal distribution whose precision is the Hessian :math:`A` of
:math:`-\log p(y \mid w) - \log p(w)`. The block variances follow the fixed point of
:mod:`fivefold.inference.block_evidence`; the log evidence is

.. math::
    \log p(y) \approx \log p(y \mid \hat w) + \log p(\hat w) + \tfrac P2 \log 2\pi - \tfrac12 \log\det A .

The derivative of the log evidence with respect to :math:`\log \tau_b` is half of
:math:`\gamma_b (\tau_b^{new} / \tau_b - 1)`. The variance of a block that tells nothing falls for ever while
this derivative, and the block's effective number of coefficients, are already nil: the fixed point has
converged where for every block the change of :math:`\log \tau_b` is small, or it falls and the derivative is.

Source: D. J. C. MacKay, The evidence framework applied to classification networks, Neural Computation 4
(1992).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, pi

import torch
from torch import Tensor

from fivefold.core import Budget, Certificate, NumericalError, Status, require
from fivefold.inference.block_evidence import block_index, updated_variances
from fivefold.objective import DataObjective, Linear
from fivefold.optimize import minimize
from fivefold.probability import GaussianPrior, Likelihood

_FLAT = 1e-6
"""Prior precision of the intercepts: nearly flat, so that the mode exists where a class is separated."""


@dataclass(frozen=True, eq=False)
class LaplaceEvidence:
    """Mode, penalties and log evidence of a generalised linear model with block priors.

    Attributes:
        w: ``[1 + p, K]`` coefficients at the mode, intercepts first.
        variances: ``[B]`` prior variance of every block, shared by the K outputs.
        effective: ``[B]`` effective number of coefficients.
        log_evidence: Laplace's approximation.
        passes: Passes of the fixed point.
        status: Of the last optimisation, or out of budget where the fixed point still moved.
        certificates: Of the last optimisation.
    """

    w: Tensor
    variances: Tensor
    effective: Tensor
    log_evidence: float
    passes: int
    status: Status
    certificates: tuple[Certificate, ...]


def laplace_evidence(
    design: Tensor,
    y: Tensor,
    likelihood: Likelihood,
    sizes: Sequence[int],
    weights: Tensor | None = None,
    offset: Tensor | None = None,
    start: Tensor | None = None,
    passes: int = 12,
    tolerance: float = 0.05,
) -> LaplaceEvidence:
    """Fit a generalised linear model whose block penalties maximise the Laplace evidence.

    Args:
        design: ``[n, p]`` columns of the blocks, without the intercept.
        y: ``[n]`` targets as the likelihood takes them.
        likelihood: One of :mod:`fivefold.probability`, without parameters of its own.
        sizes: Columns of every block, adding up to ``p``.
        weights: ``[n]`` positive weights.
        offset: ``[n]`` added to the linear predictor (log exposure).
        start: ``[B]`` prior variances to start from; 1 over the blocks' mean squares by default.
        passes: Most passes of the fixed point, at least 1.
        tolerance: At convergence every block's log variance changes by less, or it falls and the log evidence
            changes by less per unit of it.

    Raises:
        NumericalError: The Hessian at the mode could not be factorised.
    """
    p = design.shape[1]
    require(sum(sizes) == p, f"block sizes that add up to {p}", sum(sizes))
    outputs = likelihood.outputs
    design = design.to(torch.float64)
    index = block_index(sizes)
    # The linear model lays its parameters out as (W [K, p], b [K]).
    everywhere = index.repeat(outputs)
    if start is None:
        square = torch.zeros(len(sizes), dtype=torch.float64).index_add(0, index, (design**2).mean(0))
        variances = 1.0 / square.clamp(min=1e-12)
    else:
        variances = start.to(torch.float64)
    w = torch.zeros((1 + p) * outputs, dtype=torch.float64)
    effective = torch.zeros(len(sizes), dtype=torch.float64)
    model = Linear(design, intercept=True, outputs=outputs)
    status, evidence, used = Status.OUT_OF_BUDGET, float("nan"), passes
    certificates: tuple[Certificate, ...] = ()
    prior = GaussianPrior(
        precision=torch.cat(
            [torch.ones(p * outputs, dtype=torch.float64), torch.full((outputs,), _FLAT, dtype=torch.float64)]
        )
    )
    for step in range(1, passes + 1):
        # unit prior: coefficients in units of their prior standard deviation
        sd = variances.sqrt()
        scale = torch.cat([sd[everywhere], torch.ones(outputs, dtype=torch.float64)])
        scaled = design * sd[index]
        objective = DataObjective(model, likelihood, (scaled, y), prior, weights=weights, offset=offset)
        optimum = minimize(objective, method="newton", w0=w / scale, budget=Budget(steps=100), tolerance=1e-8)
        u = torch.as_tensor(optimum.w)
        w = u * scale
        certificates = tuple(optimum.certificates)
        hessian = objective.hessian(u).to_dense() * objective.scale
        factor, failed = torch.linalg.cholesky_ex(hessian)
        if int(failed):
            raise NumericalError("a positive definite Hessian at the mode", "a failed Cholesky factorisation")
        log_det = 2 * float(factor.diagonal().log().sum())
        evidence = -float(optimum.value) * objective.scale + 0.5 * len(w) * log(2 * pi) - 0.5 * log_det
        diagonal = torch.cholesky_inverse(factor).diagonal() * scale**2
        new, effective = updated_variances(w[:-outputs], diagonal[:-outputs], variances, everywhere)
        ratio = new / variances
        # a falling variance ends at nothing, where the derivative is nil; a rising one may begin there
        moved = torch.where(
            ratio > 1.0, ratio.log(), torch.minimum(-ratio.log(), 0.5 * effective * (1.0 - ratio))
        )
        if not p or float(moved.max()) < tolerance:
            status, used = Status(optimum.status), step
            break
        if step < passes:
            variances = new
    blocks = torch.cat([w[-outputs:][None, :], w[:-outputs].reshape(outputs, p).T])
    return LaplaceEvidence(blocks, variances, effective, evidence, used, status, certificates)
