"""The loss along the directions of largest curvature, beside its quadratic model."""

from dataclasses import dataclass
from typing import Any, Unpack

import torch
from torch import Tensor

from fivefold.calculus.model_operator import Options
from fivefold.core import Budget, Clock, require
from fivefold.theory.curvature_verb import summarise
from fivefold.theory.subject import Loss, Target, examine


@dataclass(frozen=True, eq=False, slots=True)
class LossLines:
    r"""The loss on lines through the present parameters.

    Args:
        steps: Distances t along each unit direction, ``[k, m]``; NaN where the budget ended.
        losses: :math:`L(w + t v_i)`, ``[k, m]``; NaN where the budget ended, not finite where L is not.
        quadratic: :math:`L + t\, g^\top v_i + \tfrac12 t^2 \lambda_i`, ``[k, m]``.
        directions: :math:`v_i`, ``[P, k]``.
        curvatures: :math:`v_i^\top H v_i`, ``[k]``.
        slopes: :math:`g^\top v_i`, ``[k]``.
        here: L at the parameters.
        evaluations: Of the loss.
    """

    steps: Tensor
    losses: Tensor
    quadratic: Tensor
    directions: Tensor
    curvatures: Tensor
    slopes: Tensor
    here: float
    evaluations: int

    @property
    def departure(self) -> Tensor:
        """Largest distance of each line from its quadratic, relative to that one's range, ``[k]``."""
        seen = torch.isfinite(self.losses)
        gap = torch.where(seen, (self.losses - self.quadratic).abs(), torch.zeros_like(self.losses))
        span = self.quadratic.amax(1) - self.quadratic.amin(1)
        return gap.amax(1) / span.clamp_min(torch.finfo(span.dtype).tiny)


def loss_along(
    target: Target,
    loss: Loss | None = None,
    data: Any = None,
    *,
    w: Tensor | None = None,
    directions: Tensor | None = None,
    k: int = 2,
    points: int = 21,
    reach: float | None = None,
    seed: int = 0,
    budget: Budget | str | float | None = None,
    **options: Unpack[Options],
) -> LossLines:
    r"""Return the loss along the k directions of largest curvature, and how far it is from quadratic.

    .. math:: t \mapsto L(w + t v_i), \qquad t \in [-r_i, r_i]

    Source: Li, Xu, Taylor, Studer and Goldstein, "Visualizing the loss landscape of neural nets", NeurIPS
    2018; along eigenvectors as in Yao, Gholami, Keutzer and Mahoney, "PyHessian", 2020.

    Args:
        target: As for :func:`~fivefold.theory.curvature`.
        loss: Likewise.
        data: Likewise.
        w: Likewise.
        directions: Other directions ``[P, k]``, made unit vectors; the top eigenvectors by default.
        k: How many eigenvectors.
        points: On each line, at least 3 and at most 1001; an odd number has the parameters among them.
        reach: r, positive; by default where the quadratic has risen by the loss itself (by 1 where that is
            0): :math:`r_i = \sqrt{2 |L| / |\lambda_i|}`.
        seed: Of the eigenvectors' first block.
        budget: Seconds; lines that are not begun are NaN.
        options: As for :func:`~fivefold.theory.curvature`.

    Returns:
        A :class:`~fivefold.theory.LossLines`.

    Raises:
        ArgumentError: Arguments out of range; what stands in the way of derivatives.

    >>> from fivefold.objective import Objective
    >>> F = Objective.from_function(lambda w: w[0] ** 2 + 5 * w[1] ** 2, torch.zeros(2))
    >>> lines = loss_along(F, k=1, points=3, reach=2.0)
    >>> lines.losses.tolist(), float(lines.departure[0]) < 1e-6
    ([[20.0, 0.0, 20.0]], True)
    """
    require(3 <= points <= 1001, "between 3 and 1001 points", points)
    require(reach is None or 0 < reach < float("inf"), "a positive, finite reach", reach)
    clock = Clock(Budget.parse(budget))
    subject = examine(target, loss, data, w=w, **options)
    P = subject.operator.shape[0]
    if directions is None:
        seconds = clock.budget.seconds
        found = summarise(
            subject,
            k=min(k, P),
            vectors=True,
            density=False,
            with_trace=False,
            seed=seed,
            budget=Budget(seconds=None if seconds is None else seconds / 2, steps=clock.budget.steps),
        )
        assert found.eigenvectors is not None
        V, curvatures = found.eigenvectors, found.eigenvalues
    else:
        require(
            directions.ndim == 2 and directions.shape[0] == P and directions.shape[1] >= 1,
            f"directions of shape ({P}, k)",
            tuple(directions.shape),
        )
        norms = torch.linalg.vector_norm(directions, dim=0)
        require(
            bool((norms > 0).all() and norms.isfinite().all()),
            "finite directions that are not zero",
            norms.tolist(),
        )
        V = (directions / norms).to(subject.w)
        curvatures = (V * subject.operator.apply(V)).sum(0).double()
    slopes = (subject.gradient() @ V).double()
    here = subject.value(subject.w)
    rise = abs(here) or 1.0
    span = (
        (2 * rise / curvatures.abs().clamp_min(1e-12)).sqrt()
        if reach is None
        else torch.full_like(curvatures, reach)
    )
    t = span[:, None] * torch.linspace(-1, 1, points, dtype=torch.float64, device=span.device)
    losses = torch.full_like(t, float("nan"))
    evaluations = 1
    for i in range(t.shape[0]):
        if i and clock.spent():
            break
        for j in range(points):
            losses[i, j] = subject.value(subject.w + t[i, j].to(subject.w) * V[:, i])
        evaluations += points
    quadratic = here + t * slopes[:, None] + 0.5 * t**2 * curvatures[:, None]
    return LossLines(t, losses, quadratic, V, curvatures, slopes, here, evaluations)
