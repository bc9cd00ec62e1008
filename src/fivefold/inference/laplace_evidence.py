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

Own parameters of the likelihood (cutpoints) are found at the same mode, under a normal prior about their
start that tells as much as a tenth of a row: it keeps the cutpoints of a class without rows finite. A
dispersion is better revised between the passes, where the effective number of coefficients is known: at the
mode it would be too small by their share of the rows.

Source: D. J. C. MacKay, The evidence framework applied to classification networks, Neural Computation 4
(1992).
"""

from collections.abc import Callable, Sequence
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
_OWN = 0.1
"""Prior precision of the likelihood's own parameters."""
Revise = Callable[[Tensor, float], tuple[Likelihood, float]]
"""From linear predictors and the effective number of coefficients to a likelihood, and how far away it is."""


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
        own: ``[q]`` the likelihood's own parameters at the mode.
        likelihood: The likelihood of the last pass.
    """

    w: Tensor
    variances: Tensor
    effective: Tensor
    log_evidence: float
    passes: int
    status: Status
    certificates: tuple[Certificate, ...]
    own: Tensor
    likelihood: Likelihood


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
    intercept: bool = True,
    revise: Revise | None = None,
) -> LaplaceEvidence:
    """Fit a generalised linear model whose block penalties maximise the Laplace evidence.

    Args:
        design: ``[n, p]`` columns of the blocks, without the intercept.
        y: ``[n]`` targets as the likelihood takes them.
        likelihood: One of :mod:`fivefold.probability`; own parameters are found at the mode.
        sizes: Columns of every block, adding up to ``p``.
        weights: ``[n]`` positive weights.
        offset: ``[n]`` added to the linear predictor (log exposure).
        start: ``[B]`` prior variances to start from; 1 over the blocks' mean squares by default.
        passes: Most passes of the fixed point, at least 1.
        tolerance: At convergence every block's log variance changes by less, or it falls and the log evidence
            changes by less per unit of it.
        intercept: Whether the model has one; without, the first row of ``w`` is 0 (cutpoints hold it).
        revise: Called after every pass with the linear predictors ``[n]`` or ``[n, K]`` at the mode, offset
            included, and the effective number of coefficients; returns the likelihood of the next pass and by
            how much its parameter moved on the log scale, which convergence counts too.

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
    free = outputs if intercept else 0
    own = likelihood.initial_theta(likelihood.check(y)).to(torch.float64)
    w = torch.cat([torch.zeros(p * outputs + free, dtype=torch.float64), own])
    inner = slice(0, p * outputs)
    effective = torch.zeros(len(sizes), dtype=torch.float64)
    model = Linear(design, intercept=intercept, outputs=outputs)
    status, evidence, used = Status.OUT_OF_BUDGET, float("nan"), passes
    certificates: tuple[Certificate, ...] = ()
    prior = GaussianPrior(
        precision=torch.cat(
            [
                torch.ones(p * outputs, dtype=torch.float64),
                torch.full((free,), _FLAT, dtype=torch.float64),
                torch.full((len(own),), _OWN, dtype=torch.float64),
            ]
        ),
        mean=w.clone() if len(own) else 0.0,
    )
    for step in range(1, passes + 1):
        # unit prior: coefficients in units of their prior standard deviation
        sd = variances.sqrt()
        scale = torch.cat([sd[everywhere], torch.ones(free + len(own), dtype=torch.float64)])
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
        new, effective = updated_variances(w[inner], diagonal[inner], variances, everywhere)
        ratio = new / variances
        # a falling variance ends at nothing, where the derivative is nil; a rising one may begin there
        moved = torch.where(
            ratio > 1.0, ratio.log(), torch.minimum(-ratio.log(), 0.5 * effective * (1.0 - ratio))
        )
        shift = 0.0
        if revise is not None:
            likelihood, shift = revise(objective.predictor(u), float(effective.sum()))
        if (not p or float(moved.max()) < tolerance) and shift < tolerance:
            status, used = Status(optimum.status), step
            break
        if step < passes:
            variances = new
    first = w[p * outputs : (p + 1) * outputs] if intercept else torch.zeros(outputs, dtype=torch.float64)
    blocks = torch.cat([first[None, :], w[inner].reshape(outputs, p).T])
    own = w[len(w) - len(own) :]
    return LaplaceEvidence(
        blocks, variances, effective, evidence, used, status, certificates, own, objective.likelihood
    )
