"""What can be known of a problem before it is solved: its structure for nothing, the rest by measuring."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from fivefold.core import child_seed, torch_generator
from fivefold.linalg.memory import available_bytes
from fivefold.linalg.spectral_ends import spectral_ends
from fivefold.objective import DataObjective, Linear, Objective, OracleObjective, ResidualObjective
from fivefold.objective.oracle import OracleHessian
from fivefold.optimize.methods.sampled_newton import suits
from fivefold.probability import Gaussian

_MUCH = 1 << 26
"""Bytes of a method's matrices from which it is asked what memory is free."""
_PRODUCTS = 10
"""Products with the Hessian from which the ends of its spectrum are estimated."""
_LOOKED_AT = 256
"""Rows in which zeros are counted."""
_DRAWS = 32
"""Groups of rows from which the noise of a minibatch gradient is estimated."""


@dataclass(frozen=True, slots=True)
class Features:
    """A problem in numbers; ``None`` where a number was not measured or has no meaning.

    Args:
        kind: ``"linear model"``, ``"network"``, ``"least squares"``, ``"function"`` or ``"black box"``.
        parameters: P.
        rows: N of the data, or residuals.
        outputs: Predictors per row.
        sampled: Whether some rows tell the curvature of all
            (:mod:`fivefold.optimize.methods.sampled_newton`).
        convex: Proven; ``False`` where negative curvature was met; ``None`` otherwise.
        quadratic: Known: one Newton step ends at the minimum.
        products: Whether Hessian products are given or come from automatic derivatives, not from differences.
        device: Where it is computed.
        free_bytes: Memory that is free there; not asked for where no method needs much.
        gradient_seconds: One evaluation of F with its gradient.
        product_seconds: One Hessian product.
        largest: Estimate of the Hessian's largest eigenvalue at the start.
        smallest: Estimate of its smallest.
        condition: largest / smallest where both are positive.
        noise_rows: Rows of a minibatch whose gradient's noise is as long as the gradient at the start.
        zeros: Share of zeros in the design of a linear model.
    """

    kind: str
    parameters: int
    rows: int | None
    outputs: int
    sampled: bool
    convex: bool | None
    quadratic: bool
    products: bool
    device: str
    free_bytes: int | None
    gradient_seconds: float | None = None
    product_seconds: float | None = None
    largest: float | None = None
    smallest: float | None = None
    condition: float | None = None
    noise_rows: float | None = None
    zeros: float | None = None


def structure(objective: Objective) -> Features:
    """Return what an objective says of itself, without any evaluation.

    >>> F = Objective.from_function(lambda w: (w**2).sum(), torch.ones(3))
    >>> structure(F).kind, structure(F).parameters, structure(F).convex
    ('function', 3, None)
    """
    kind, rows, outputs, convex, quadratic = "function", None, 1, None, False
    if isinstance(objective, OracleObjective):
        kind = "black box"
    elif isinstance(objective, ResidualObjective):
        kind, rows = "least squares", int(objective.residuals(objective.initial).shape[0])
    elif isinstance(objective, DataObjective):
        linear = isinstance(objective.model, Linear)
        kind = "linear model" if linear else "network"
        rows, outputs = objective.rows, objective.likelihood.outputs
        if linear and objective.likelihood.convex and not objective.likelihood.parameters:
            convex = True
            quadratic = isinstance(objective.likelihood, Gaussian)
    most = max(objective.size, rows or 0) if kind == "least squares" else objective.size
    return Features(
        kind=kind,
        parameters=objective.size,
        rows=rows,
        outputs=outputs,
        sampled=suits(objective),
        convex=convex,
        quadratic=quadratic,
        products=not _by_differences(objective),
        device=str(objective.device),
        free_bytes=available_bytes(objective.device) if 24 * most * objective.size > _MUCH else None,
    )


def measure(objective: Objective, seed: int = 0) -> Features:
    r"""Return the structure with times, the ends of the Hessian's spectrum and the gradient's noise.

    It costs about four gradients, ten Hessian products and one pass over the rows. The noise is the simple
    noise scale :math:`\operatorname{tr} \Sigma / |g|^2` with :math:`\Sigma` the covariance of one row's
    gradient, from groups of rows without replacement (McCandlish et al. 2018, "An empirical model of
    large-batch training", appendix A). The eigenvalues are Ritz values, inside the true ends.

    Args:
        objective: Looked at where it starts.
        seed: Of the random directions and groups.

    >>> A = torch.diag(torch.tensor([1.0, 100.0]).double())
    >>> found = measure(Objective.from_function(lambda w: w @ A @ w / 2, torch.ones(2).double()))
    >>> round(found.condition), found.convex
    (100, None)
    """
    known = structure(objective)
    w = objective.initial
    gradient_seconds = _fastest(lambda: objective.value_and_gradient(w))
    value, gradient = objective.value_and_gradient(w)
    known = replace(known, gradient_seconds=gradient_seconds, zeros=_zeros(objective))
    if not bool(torch.isfinite(value)) or not bool(torch.isfinite(gradient).all()):
        return known
    known = replace(known, noise_rows=_noise(objective, seed))
    H = objective.hessian(w)
    v = torch.randn(objective.size, dtype=w.dtype, generator=torch_generator(child_seed(seed, "measure")))
    v = v.to(w.device)
    known = replace(known, product_seconds=_fastest(lambda: H @ v))
    if not bool(torch.isfinite(H @ v).all()):
        return known
    ends = spectral_ends(H, steps=min(_PRODUCTS, objective.size), seed=seed)
    low, high = ends.lowest, ends.highest
    noise = 1e-6 * max(abs(low), abs(high))
    convex = False if low < -noise else known.convex
    condition = high / low if low > noise else None
    return replace(known, largest=high, smallest=low, condition=condition, convex=convex)


def _by_differences(objective: Objective) -> bool:
    if not isinstance(objective, OracleObjective):
        return False
    H = objective.hessian(objective.initial)
    return isinstance(H, OracleHessian) and H.mode == "central differences"


def _fastest(call: Callable[[], object]) -> float:
    """Seconds of a call, the faster of two; the first one of all warms up."""
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
        if seconds[-1] > 1.0:
            break
    return min(seconds)


def _zeros(objective: Objective) -> float | None:
    if not isinstance(objective, DataObjective) or not isinstance(objective.model, Linear):
        return None
    rows = torch.arange(min(_LOOKED_AT, objective.rows))
    J = objective.on(rows).jacobian(objective.initial).to_dense()
    # for several outputs each row of J has zeros where the other outputs' coefficients stand
    return max(0.0, 1 - objective.model.outputs * float((J != 0).double().mean()))


def _noise(objective: Objective, seed: int) -> float | None:
    """Rows of a minibatch whose noise is as long as the gradient."""
    if not isinstance(objective, DataObjective) or objective.rows < 4 * _DRAWS:
        return None
    order = torch.randperm(objective.rows, generator=torch_generator(child_seed(seed, "noise")))
    groups = torch.tensor_split(order[: 1024 * _DRAWS], _DRAWS)
    size = len(groups[0])
    w = objective.initial
    g = torch.stack([objective.on(group[:size]).gradient(w) for group in groups])
    mean = g.mean(0)
    # tr Sigma / size is the variance between groups; the mean's own share of it is taken off |g|^2
    spread = float((g - mean).square().sum() / (_DRAWS - 1))
    square = float(mean.square().sum()) - spread / _DRAWS
    return size * spread / square if square > 0 else None
