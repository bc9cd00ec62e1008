"""What can be proved about a point that a minimiser returns."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.core import Budget, Certificate, Kind
from fivefold.linalg import eigh
from fivefold.objective import Objective


@dataclass(frozen=True, slots=True)
class Curvatures:
    """Extreme eigenvalues of a Hessian and the size below which their sign is rounding.

    ``lowest`` may be a lower bound, from a ``part`` of the Hessian; or an upper one, the least that an
    ``estimate`` found.
    """

    lowest: float
    highest: float
    noise: float
    part: str = ""
    estimate: str = ""


def lowest_curvature(objective: Objective, w: Tensor) -> tuple[Curvatures, Tensor | None] | None:
    """Smallest and largest eigenvalue of the Hessian at w [P], and a negative one's eigenvector [P].

    Returns:
        ``None`` where the Hessian is not finite; no eigenvector where no eigenvalue is clearly negative.

    >>> F = Objective.from_function(lambda w: w[0] ** 2 - w[1] ** 2, torch.zeros(2))
    >>> lowest_curvature(F, torch.zeros(2))[0].lowest
    -2.0
    """
    H = objective.hessian(w).to_dense()
    H = 0.5 * (H + H.mT)
    if not math.isfinite(float(H.sum())) and not bool(torch.isfinite(H).all()):
        return None
    # the eigenvectors cost as much again: they are computed where there is somewhere to go
    values = torch.linalg.eigvalsh(H)
    lowest, highest = float(values[0]), float(values[-1])
    noise = max(1e-6, 10 * math.sqrt(torch.finfo(w.dtype).eps)) * max(abs(lowest), abs(highest))
    found = Curvatures(lowest, highest, noise)
    return found, torch.linalg.eigh(H)[1][:, 0] if lowest < -noise else None


def estimate_lowest_curvature(
    objective: Objective, w: Tensor, products: int
) -> tuple[Curvatures, Tensor] | None:
    r"""Smallest and largest eigenvalue of the Hessian at w [P] that Lanczos finds, from products alone.

    v.H v = lowest \|v\|^2 for the vector returned, so that a negative one proves negative curvature; a
    positive one proves nothing, as the space searched is small.

    Args:
        objective: F.
        w: The point.
        products: About how many Hessian products may be spent, at least 4.

    Returns:
        The eigenvalues and the lowest one's vector [P]; ``None`` where a product is not finite.

    >>> F = Objective.from_function(lambda w: w[0] ** 2 - w[1] ** 2, torch.zeros(2))
    >>> round(estimate_lowest_curvature(F, torch.zeros(2), 10)[0].lowest, 5)
    -2.0
    """
    H = objective.hessian(w)
    if not bool(torch.isfinite(H @ torch.ones_like(w)).all()):
        return None
    # each step of the block method takes two products
    high = eigh(H, 1, method="lanczos", tolerance=0.1, budget=Budget(steps=max(1, products // 8)))
    low = eigh(
        H, 1, which="smallest", method="lanczos", tolerance=1e-3, budget=Budget(steps=max(1, products // 2))
    )
    lowest, highest = float(low.values[0]), float(high.values[0])
    used = 2 * (low.steps + high.steps + 2)
    vector = torch.as_tensor(low.vectors[:, 0])
    noise = max(1e-6, 10 * math.sqrt(torch.finfo(w.dtype).eps)) * max(abs(lowest), abs(highest))
    return Curvatures(lowest, highest, noise, estimate=f"Lanczos on {used} Hessian products"), vector


def certify_stationary(value: float, gradient_norm: float, tolerance: float) -> Certificate:
    """F is finite at w and |grad F(w)| <= tolerance, evaluated.

    >>> print(certify_stationary(3.0, 1e-9, 1e-8).verdict)
    yes
    """
    return Certificate(
        "F is finite at w and |grad F(w)| <= tolerance",
        Kind.PROOF,
        math.isfinite(value) and gradient_norm <= tolerance,
        bound=tolerance,
        value=gradient_norm,
        assumptions=("the gradient given is that of F, up to rounding",),
        method="the Euclidean norm, evaluated at w",
    )


def certify_curvature(found: Curvatures | None, why_not: str) -> Certificate:
    """The Hessian has no negative eigenvalue: w is no saddle and no maximum.

    >>> certify_curvature(Curvatures(-1.0, 2.0, 1e-6), "").verdict
    'no'
    """
    claim = "the Hessian at w is positive definite, so a stationary w is a strict local minimum"
    if found is None:
        return Certificate(claim, Kind.PROOF, None, method=why_not)
    refuted = found.lowest < -found.noise and not found.part
    if found.estimate and not refuted:
        return Certificate(
            claim,
            Kind.INDICATOR,
            True if found.lowest > found.noise else None,
            bound=found.noise,
            value=found.lowest,
            assumptions=("no direction of lower curvature escaped the search",),
            method=f"the smallest curvature that {found.estimate} found: an indication, not a proof",
        )
    holds = True if found.lowest > found.noise else False if refuted else None
    method = "smallest eigenvalue of the dense Hessian against the noise, a millionth of the largest"
    if found.estimate:
        method = f"a direction of negative curvature, found by {found.estimate}"
    if found.part:
        method = f"smallest eigenvalue of {found.part}, against rounding"
    return Certificate(
        claim,
        Kind.PROOF,
        holds,
        bound=found.noise,
        value=found.lowest,
        assumptions=("the Hessian is exact to within the bound",),
        method=method,
    )


def certify_suboptimality(
    gradient_norm: float,
    *,
    strong_convexity: float | None = None,
    self_concordance: float | None = None,
    curvature: Curvatures | None = None,
) -> Certificate:
    r"""Bound F(w) - min F by the gradient's norm, where the curvature is known to be at least m > 0.

    F(w) - min F <= |g|^2 / (2 m) (Boyd and Vandenberghe, "Convex Optimization", 2004, equation 9.9).

    m is the strong convexity, if one is known. Otherwise, with |F'''[v, v, u]| <= M |u| F''[v, v], the
    Hessian at distance r is at least exp(-M r) times that at w (Bach, "Self-concordant analysis for logistic
    regression", 2010, proposition 1). With r = e |g| / lambda_min and M r <= 1 the gradient points outwards
    all over the sphere of radius r, so the minimum lies inside, where m = exp(-M r) lambda_min holds.

    Args:
        gradient_norm: |g| at w.
        strong_convexity: m, positive to be of use, or ``None``.
        self_concordance: M, at least 0, or ``None``.
        curvature: Eigenvalues of the Hessian at w, or ``None``; one below m refutes m.

    Returns:
        A proof, ``no`` where the claimed m is refuted, or ``unknown`` with what is missing.

    >>> c = certify_suboptimality(1e-6, strong_convexity=0.5)
    >>> c.verdict, c.bound
    ('yes', 1e-12)
    >>> certify_suboptimality(1e-6).verdict
    'unknown'
    """
    claim = "F(w) - min F <= bound"
    if not math.isfinite(gradient_norm):
        return Certificate(claim, Kind.PROOF, None, method="the gradient is not finite")
    if strong_convexity is not None and strong_convexity > 0:
        slack = 0.0 if curvature is None else 1e-8 * abs(curvature.highest)
        whole = curvature is not None and not curvature.part
        refuted = curvature is not None and whole and curvature.lowest < strong_convexity - slack
        seen = f"; the Hessian at w has the eigenvalue {curvature.lowest:.3g}" if curvature and whole else ""
        return Certificate(
            claim,
            Kind.PROOF,
            not refuted,
            bound=gradient_norm**2 / (2 * strong_convexity),
            value=gradient_norm,
            assumptions=(f"F is strongly convex with m = {strong_convexity:.6g}",),
            method=f"|g|^2 / (2 m){seen}" + (", below m" if refuted else ""),
        )
    proved = curvature is not None and not curvature.estimate
    if self_concordance is not None and curvature and proved and curvature.lowest > curvature.noise:
        lowest_value = curvature.lowest - 1e-10 * abs(curvature.highest)
        radius = math.e * gradient_norm / lowest_value
        if self_concordance * radius <= 1:
            m = math.exp(-self_concordance * radius) * lowest_value
            return Certificate(
                claim,
                Kind.PROOF,
                True,
                bound=gradient_norm**2 / (2 * m),
                value=gradient_norm,
                assumptions=(f"|F'''[v,v,u]| <= M |u| F''[v,v] with M = {self_concordance:.6g}",),
                method=f"|g|^2 / (2 m), m = {m:.3g} within {radius:.3g} of w by self-concordance",
            )
    return Certificate(
        claim,
        Kind.PROOF,
        None,
        value=gradient_norm,
        method="no positive lower bound on the curvature is known, so the gradient bounds nothing",
    )
