"""The double-exponential prior, which draws parameters to exactly zero."""

import math
from typing import Any

import torch
from torch import Tensor

from fivefold.core import require
from fivefold.probability.prior import as_numbers


class LaplacePrior:
    r"""Independent Laplace priors with density :math:`\tfrac{\lambda_j}{2} e^{-\lambda_j |w_j - m_j|}`.

    .. math:: -\log p(w) = \sum_j \lambda_j |w_j - m_j| - \sum_{j: \lambda_j > 0} \log \frac{\lambda_j}{2}

    It is convex, but not differentiable where :math:`w_j = m_j` (:meth:`smooth` says where), so it has no
    Newton step: a proximal method takes the data's gradient and :meth:`prox` in turn. A direction with
    :math:`\lambda_j = 0` is flat and adds nothing. The standard deviation is :math:`\sqrt 2 / \lambda`.

    Source: Tibshirani 1996, "Regression shrinkage and selection via the lasso", JRSS B 58; Parikh & Boyd
    2014, "Proximal algorithms", section 6.5.2.

    Args:
        rate: :math:`\lambda`, at least 0: one number, or ``[P]``.
        centre: m: one number, or ``[P]``.

    Raises:
        ArgumentError: A negative rate, numbers that are not finite, or shapes that do not fit.

    >>> prior = LaplacePrior(2.0)
    >>> w = torch.tensor([3.0, 0.0, -1.0])
    >>> prior.subgradient(w), prior.smooth(w), prior.prox(w, 0.75)
    (tensor([ 2.,  0., -2.]), tensor([ True, False,  True]), tensor([1.5000, 0.0000, 0.0000]))
    """

    def __init__(self, rate: float | Tensor | Any, centre: float | Tensor | Any = 0.0) -> None:
        self.rate = as_numbers(rate, "the rate")
        self.centre = as_numbers(centre, "the prior's centre")
        require(bool((self.rate >= 0).all()), "a rate of at least 0", float(self.rate.min()))
        lengths = {t.shape[0] for t in (self.rate, self.centre) if t.ndim == 1}
        require(len(lengths) <= 1, "rate and centre of one length", sorted(lengths))
        self.size: int | None = lengths.pop() if lengths else None

    def value(self, w: Tensor) -> Tensor:
        r"""Return :math:`-\log p(w)`, ``[..., P]`` to ``[...]``, constants included."""
        rate, m = self._like(w)
        ones = torch.ones_like(rate)
        constant = torch.where(rate > 0, torch.where(rate > 0, rate, ones).log() - math.log(2), 0 * ones)
        return (rate * (w - m).abs()).sum(-1) - constant.sum()

    def subgradient(self, w: Tensor) -> Tensor:
        r"""Return :math:`\lambda \operatorname{sign}(w - m)`, ``[..., P]``: where w = m, the least one, 0."""
        rate, m = self._like(w)
        return rate * torch.sign(w - m)

    def smooth(self, w: Tensor) -> Tensor:
        """Return where the prior is differentiable in each parameter, ``[..., P]`` of booleans."""
        rate, m = self._like(w)
        return (w != m) | (rate == 0)

    def prox(self, w: Tensor, step: float | Tensor) -> Tensor:
        r"""Return :math:`\arg\min_x \; -\log p(x) + \|x - w\|^2 / (2 t)`: w moved to m by :math:`t \lambda`.

        Args:
            w: ``[..., P]``.
            step: t, positive: one number, or a tensor that broadcasts with w.

        Raises:
            ArgumentError: A step that is not positive, or w of another length than the prior.
        """
        t = torch.as_tensor(step).to(w)
        require(bool((t > 0).all()), "a positive step", step)
        rate, m = self._like(w)
        return m + torch.sign(w - m) * ((w - m).abs() - t * rate).clamp(min=0)

    def least_slope(self, w: Tensor, gradient: Tensor) -> Tensor:
        r"""Return the element of least norm of :math:`g + \partial(-\log p)(w)`, ``[..., P]``.

        It is 0 exactly where w minimises a convex loss with gradient g plus this prior; its largest entry is
        the measure of how far a proximal method still is.
        """
        rate, m = self._like(w)
        at_kink = torch.sign(gradient) * (gradient.abs() - rate).clamp(min=0)
        return torch.where(w == m, at_kink, gradient + rate * torch.sign(w - m))

    def sample(self, size: int, generator: torch.Generator) -> Tensor:
        """Draw w ``[size]`` in float64.

        Raises:
            ArgumentError: A flat direction, from which nothing can be drawn, or another length.
        """
        rate, m = self._like(torch.zeros(size, dtype=torch.float64))
        require(bool((rate > 0).all()), "a positive rate everywhere to draw from", "a flat direction")
        u = torch.rand(size, generator=generator, dtype=torch.float64) - 0.5
        return m - torch.sign(u) * torch.log1p(-2 * u.abs()) / rate

    def _like(self, w: Tensor) -> tuple[Tensor, Tensor]:
        P = w.shape[-1]
        require(self.size in (None, P), f"w of shape [..., {self.size}]", f"shape {tuple(w.shape)}")
        return self.rate.to(w).expand(P), self.centre.to(w).expand(P)

    def __repr__(self) -> str:
        return f"LaplacePrior(rate={self.rate.tolist()}, centre={self.centre.tolist()})"
