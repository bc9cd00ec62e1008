"""Nonlinear conjugate gradients: the last direction corrects the gradient, with no memory beyond it."""

from typing import Literal

import torch
from torch import Tensor

from fivefold.core import require

Form = Literal["hager-zhang", "polak-ribiere", "dai-yuan"]

FORMS: tuple[Form, ...] = ("hager-zhang", "polak-ribiere", "dai-yuan")
"""The forms of beta."""


class ConjugateGradients:
    r"""d' = -g' + beta d, with y = g' - g after a step along d.

    ============== ====================================================================
    polak-ribiere  beta = max(0, g'.y / \|g\|^2), Polak, Ribière, 1969; Gilbert, Nocedal, 1992
    dai-yuan       beta = \|g'\|^2 / d.y, Dai and Yuan, 1999
    hager-zhang    beta = max((y - 2 d \|y\|^2 / d.y).g' / d.y, -1 / (\|d\| min(0.01, \|g\|))), Hager, Zhang,
                   "A new conjugate gradient method with guaranteed descent", 2005: d'.g' <= -7/8 \|g'\|^2
    ============== ====================================================================

    The method starts again from -g' where successive gradients are far from orthogonal, |g'.g| >= \|g'\|^2 /
    2 (Powell, 1977, with 0.2; not for hager-zhang, which corrects for it), where d' would not point downhill,
    and where a step was not made along d. The search has c2 = 0.1: the formulas assume an almost exact one.

    Args:
        form: Which beta.

    >>> rule = ConjugateGradients("polak-ribiere")
    >>> rule.find(torch.zeros(1, 2), torch.tensor([[3.0, 4.0]]), torch.tensor([0]))[0].tolist()
    [[-3.0, -4.0]]
    """

    curvature = 0.1

    def __init__(self, form: Form = "hager-zhang") -> None:
        require(form in FORMS, f"a form of {', '.join(FORMS)}", repr(form))
        self._form: Form = form
        # of the whole batch [B, P] and [B]; the step is 0 where nothing is known
        self._d, self._old, self._step = torch.zeros(0, 0), torch.zeros(0, 0), torch.zeros(0)

    def find(self, w: Tensor, gradient: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Directions, and first steps that would change F as much as the last did, to first order."""
        g = gradient[rows]
        steepness = g.norm(dim=-1)
        if self._d.shape != gradient.shape:
            self._d = torch.zeros_like(gradient)
            self._old = torch.zeros_like(gradient)
            self._step = torch.zeros_like(gradient[:, 0])
        d, old, step = self._d[rows], self._old[rows], self._step[rows]
        y = g - old
        along = (d * y).sum(-1)
        known = (step > 0) & (along > 0)
        beta = torch.where(known, self._beta(g, old, d, y, torch.where(along > 0, along, 1.0)), 0.0)
        p = -g + beta[:, None] * d
        downhill = (p * g).sum(-1) < -1e-3 * steepness * p.norm(dim=-1)
        p = torch.where(downhill[:, None], p, -g)
        ratio = (d * old).sum(-1) / (p * g).sum(-1)
        cautious = 1 / steepness.clamp_min(1.0)
        first = torch.where((step > 0) & torch.isfinite(ratio) & (ratio > 0), step * ratio, cautious)
        self._d[rows], self._old[rows], self._step[rows] = p, g, 0.0
        return p, first

    def _beta(self, g: Tensor, old: Tensor, d: Tensor, y: Tensor, along: Tensor) -> Tensor:
        square = (g * g).sum(-1)
        if self._form == "hager-zhang":
            beta = ((y - (2 * (y * y).sum(-1) / along)[:, None] * d) * g).sum(-1) / along
            least = -1 / (d.norm(dim=-1) * old.norm(dim=-1).clamp_max(0.01))
            return torch.maximum(beta, least)
        if self._form == "dai-yuan":
            beta = square / along
        else:
            beta = ((g * y).sum(-1) / (old * old).sum(-1)).clamp_min(0)
        return torch.where((g * old).sum(-1).abs() < 0.5 * square, beta, 0.0)

    def learn(self, s: Tensor, y: Tensor) -> None:
        """Note how far the points went, where they went along the direction found."""
        del y
        length, size = s.norm(dim=-1), self._d.norm(dim=-1)
        step = torch.where(size > 0, length / size.clamp_min(torch.finfo(s.dtype).tiny), 0.0)
        along = (s * self._d).sum(-1) >= (1 - 1e-3) * length * size
        self._step = torch.where(along & (length > 0), step, 0.0)

    def reset(self, rows: Tensor) -> None:
        """Start again from the negative gradient."""
        if self._step.shape[0] > 0:
            self._step[rows] = 0.0
