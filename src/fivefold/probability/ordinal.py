"""One of K ordered classes, with the cumulative logit link."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from fivefold.core import ArgumentError, DataError, require
from fivefold.probability.likelihood import Likelihood


class Ordinal(Likelihood):
    r"""Ordered classes 0, ..., K-1 with :math:`P(y \le j) = \sigma(c_j - \eta)` and cutpoints c that rise.

    .. math:: -\log P(y) = \log(1 + e^{-a}) + \log(1 + e^{b}) - \log(1 - e^{-(a - b)}),
              \quad a = c_y - \eta, \; b = c_{y-1} - \eta

    where the terms of a missing cutpoint (above the last class, below the first) are 0. In this form nothing
    cancels, however close the cutpoints. The own parameters are :math:`\theta_0 = c_0` and
    :math:`\theta_j = \log(c_j - c_{j-1})`. The density is log-concave in :math:`(\eta, c)`, and so convex
    in :math:`\eta`, but for more than 2 classes not in :math:`\theta`. The cutpoints hold the intercept: give
    the model none.

    Source: McCullagh 1980, "Regression models for ordinal data", JRSS B 42.

    Args:
        classes: K, at least 2.

    Raises:
        ArgumentError: Fewer than 2 classes.

    >>> likelihood = Ordinal(3)
    >>> theta = likelihood.coordinates(torch.tensor([-1.0, 1.0], dtype=torch.float64))
    >>> likelihood.probabilities(torch.zeros(1, dtype=torch.float64), theta)
    tensor([[0.2689, 0.4621, 0.2689]], dtype=torch.float64)
    """

    def __init__(self, classes: int) -> None:
        require(isinstance(classes, int) and classes >= 2, "at least 2 classes", classes)
        super().__init__("ordinal", parameters=classes - 1, convex=classes == 2)
        self.classes = classes

    def to_record(self) -> dict[str, Any]:
        """Return name and options as plain JSON."""
        return {"name": self.name, "classes": self.classes}

    def cutpoints(self, theta: Tensor) -> Tensor:
        """Return the rising cutpoints c ``[..., K-1]`` of own parameters ``[..., K-1]``."""
        steps = torch.cat([theta[..., :1], torch.exp(theta[..., 1:])], dim=-1)
        return torch.cumsum(steps, dim=-1)

    def coordinates(self, cutpoints: Tensor) -> Tensor:
        """Return the own parameters of cutpoints ``[..., K-1]``; undoes :meth:`cutpoints`.

        Raises:
            ArgumentError: Another number of cutpoints, not finite, or not rising.
        """
        c = torch.as_tensor(cutpoints)
        fits = c.ndim > 0 and c.shape[-1] == self.parameters
        require(fits, f"cutpoints of shape [..., {self.parameters}]", f"shape {tuple(c.shape)}")
        require(bool(torch.isfinite(c).all()), "finite cutpoints", c.tolist())
        gaps = c[..., 1:] - c[..., :-1]
        require(bool((gaps > 0).all()), "cutpoints that rise", c.tolist(), "sort them; no two may be equal")
        return torch.cat([c[..., :1], torch.log(gaps)], dim=-1)

    def probabilities(self, eta: Tensor, theta: Tensor) -> Tensor:
        """Return the probability of every class, ``[..., n]`` to ``[..., n, K]``."""
        own = self._checked(eta, None, theta)
        each = [torch.exp(-self._value(eta, self._constant(eta, k), own)) for k in range(self.classes)]
        return torch.stack(each, dim=-1)

    def _parts(self, eta: Tensor, y: Tensor, theta: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return a and b, and which rows have them; a missing one stands as a harmless number."""
        c = self.cutpoints(theta)[..., None, :].expand(*eta.shape, self.parameters)
        index = y.expand(eta.shape)[..., None]
        above = c.gather(-1, index.clamp(max=self.classes - 2))[..., 0] - eta
        below = c.gather(-1, (index - 1).clamp(min=0))[..., 0] - eta
        return above, below, index[..., 0] < self.classes - 1, index[..., 0] > 0

    def _value(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        a, b, has_a, has_b = self._parts(eta, y, theta)
        zero = torch.zeros_like(eta)
        value = torch.where(has_a, -logsigmoid(a), zero) + torch.where(has_b, -logsigmoid(-b), zero)
        return value - torch.where(has_a & has_b, self._log_gap(y, theta, eta), zero)

    def _log_gap(self, y: Tensor, theta: Tensor, eta: Tensor) -> Tensor:
        # log(1 - e^-d) with d the gap below the row's cutpoint; it comes from theta itself, not from a - b.
        return torch.log(-torch.expm1(-self._gap(y, theta, eta)))

    def _gap(self, y: Tensor, theta: Tensor, eta: Tensor) -> Tensor:
        gaps = torch.cat([torch.zeros_like(theta[..., :1]), theta[..., 1:]], dim=-1).exp()
        gaps = gaps[..., None, :].expand(*eta.shape, self.parameters)
        return gaps.gather(-1, y.expand(eta.shape)[..., None].clamp(max=self.classes - 2))[..., 0]

    def _gradient(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        a, b, has_a, has_b = self._parts(eta, y, theta)
        return has_a * torch.sigmoid(-a) - has_b * torch.sigmoid(b)

    def _curvature(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        a, b, has_a, has_b = self._parts(eta, y, theta)
        return has_a * _spread(a) + has_b * _spread(b)

    def _fisher(self, eta: Tensor, theta: Tensor) -> Tensor:
        p = self.probabilities(eta, theta)
        each = [self._curvature(eta, self._constant(eta, k), theta) for k in range(self.classes)]
        return (p * torch.stack(each, dim=-1)).sum(-1)

    def _slopes(self, eta: Tensor, y: Tensor, theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the derivatives of the row's two cutpoints in theta ``[..., n, q]``, and theirs again."""
        q = self.parameters
        j = torch.arange(q, device=eta.device)
        steps = torch.cat([torch.ones_like(theta[..., :1]), torch.exp(theta[..., 1:])], dim=-1)
        steps = steps[..., None, :].expand(*eta.shape, q)
        k = y.expand(eta.shape)[..., None]
        # The first coordinate moves all cutpoints alike, so it has no second derivative.
        return steps * (j <= k), steps * (j <= k - 1), (j > 0) * steps

    def _theta_gradient(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        a, b, has_a, has_b = self._parts(eta, y, theta)
        up, down, _ = self._slopes(eta, y, theta)
        ends = (has_b * torch.sigmoid(b))[..., None] * down - (has_a * torch.sigmoid(-a))[..., None] * up
        first, _ = self._gap_slopes(eta, y, theta)
        return ends + first

    def _theta_curvature(self, eta: Tensor, y: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        a, b, has_a, has_b = self._parts(eta, y, theta)
        up, down, steps = self._slopes(eta, y, theta)
        A, B = (has_a * _spread(a))[..., None], (has_b * _spread(b))[..., None]
        bent = (has_b * torch.sigmoid(b))[..., None] * (down > 0) * steps
        bent = bent - (has_a * torch.sigmoid(-a))[..., None] * (up > 0) * steps
        _, second = self._gap_slopes(eta, y, theta)
        outer = A[..., None] * up[..., :, None] * up[..., None, :]
        outer = outer + B[..., None] * down[..., :, None] * down[..., None, :]
        return -(A * up + B * down), outer + torch.diag_embed(bent + second)

    def _gap_slopes(self, eta: Tensor, y: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Return the two derivatives of -log(1 - e^-d) in the coordinate log d, each in its place."""
        d = self._gap(y, theta, eta)
        k = y.expand(eta.shape)
        rest = d / -torch.expm1(-d)
        slope = -rest * torch.exp(-d)
        place = torch.arange(self.parameters, device=eta.device) == k[..., None]
        middle = ((k > 0) & (k < self.classes - 1))[..., None] & place
        return middle * slope[..., None], middle * (slope * (1 - rest))[..., None]

    def _theta_fisher(self, eta: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        p = self.probabilities(eta, theta)
        parts = [self._theta_curvature(eta, self._constant(eta, k), theta) for k in range(self.classes)]
        cross = sum(
            (p[..., k, None] * part[0] for k, part in enumerate(parts)), torch.zeros_like(parts[0][0])
        )
        own = sum(
            (p[..., k, None, None] * part[1] for k, part in enumerate(parts)), torch.zeros_like(parts[0][1])
        )
        return cross, own

    def _constant(self, eta: Tensor, k: int) -> Tensor:
        return torch.full(eta.shape[-1:], k, dtype=torch.int64, device=eta.device)

    def _mean(self, eta: Tensor, theta: Tensor) -> Tensor:
        # E[y] = sum_j P(y > j).
        return torch.sigmoid(eta[..., None] - self.cutpoints(theta)[..., None, :]).sum(-1)

    def _sample(self, eta: Tensor, generator: torch.Generator, theta: Tensor) -> Tensor:
        # The class says between which cutpoints eta plus logistic noise falls.
        u = torch.rand(eta.shape, generator=generator, dtype=eta.dtype, device=eta.device)
        latent = eta + torch.logit(u.clamp(min=torch.finfo(eta.dtype).tiny))
        return (latent[..., None] > self.cutpoints(theta)[..., None, :]).sum(-1)

    def _support(self, y: Tensor, dtype: torch.dtype) -> Tensor:
        numbers = y if y.is_floating_point() else y.to(torch.int64)
        bad = numbers[(numbers != numbers.round()) | (numbers < 0) | (numbers >= self.classes)]
        if len(bad):
            raise DataError(
                f"y of class numbers 0 to {self.classes - 1} in their order",
                f"{len(bad)} other values, such as {bad[0].item():g}",
                "number the classes from the lowest, 0, or raise the number of classes",
            )
        return numbers.to(torch.int64)

    def _initial_theta(self, y: Tensor) -> Tensor:
        # The cutpoints of the classes' shares; half a row more in each keeps the gaps of empty ones open.
        counts = torch.bincount(y, minlength=self.classes).to(torch.float64) + 0.5
        below = counts.cumsum(0)[:-1] / counts.sum()
        try:
            return self.coordinates(torch.logit(below))
        except ArgumentError:  # more rows than float64 can tell apart
            return torch.zeros(self.parameters, dtype=torch.float64, device=y.device)


def _spread(x: Tensor) -> Tensor:
    return torch.sigmoid(x) * torch.sigmoid(-x)
