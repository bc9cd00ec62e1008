"""One of K classes, with the softmax link."""

from typing import Any

import torch
from torch import Tensor

from fivefold.core import DataError, require
from fivefold.probability.likelihood import CanonicalLikelihood, JointCurvature


class Categorical(CanonicalLikelihood):
    r"""Observations in 0, ..., K-1 with :math:`P(y = k) = e^{\eta_k} / \sum_l e^{\eta_l}`.

    .. math:: -\log p = \log \sum_l e^{\eta_l} - \eta_y, \qquad
              -\nabla^2_\eta \log p = \operatorname{diag}(p) - p p^\top

    All K predictors are kept, so adding a constant to all of them changes nothing: the curvature has the
    null vector :math:`(1, \ldots, 1)`, and an unpenalised intercept is determined only up to that.

    Source: McCullagh & Nelder 1989, "Generalized Linear Models", chapter 5.

    Args:
        classes: K, at least 2.

    Raises:
        ArgumentError: Fewer than 2 classes.

    >>> likelihood = Categorical(3)
    >>> likelihood.mean(torch.zeros(1, 3))
    tensor([[0.3333, 0.3333, 0.3333]])
    >>> likelihood.gradient(torch.zeros(1, 3), torch.tensor([2]))
    tensor([[ 0.3333,  0.3333, -0.6667]])
    """

    def __init__(self, classes: int) -> None:
        require(isinstance(classes, int) and classes >= 2, "at least 2 classes", classes)
        super().__init__("categorical", outputs=classes)

    def to_record(self) -> dict[str, Any]:
        """Return name and options as plain JSON."""
        return {"name": self.name, "classes": self.outputs}

    def _value(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        index = y.expand(eta.shape[:-1])[..., None]
        return -torch.log_softmax(eta, -1).gather(-1, index)[..., 0]

    def _gradient(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        return torch.softmax(eta, -1) - torch.nn.functional.one_hot(y, self.outputs).to(eta.dtype)

    def _variance(self, eta: Tensor) -> Tensor:
        p = torch.softmax(eta, -1)
        return torch.diag_embed(p) - p[..., :, None] * p[..., None, :]

    def _factored(self, eta: Tensor, y: Tensor, theta: Tensor) -> JointCurvature:
        p = torch.softmax(eta, -1)
        return JointCurvature(p, *self._theta_fisher(eta, theta), outer=p)

    def _mean(self, eta: Tensor, theta: Tensor) -> Tensor:
        return torch.softmax(eta, -1)

    def _sample(self, eta: Tensor, generator: torch.Generator, theta: Tensor) -> Tensor:
        p = torch.softmax(eta, -1).reshape(-1, self.outputs)
        return torch.multinomial(p, 1, generator=generator).reshape(eta.shape[:-1])

    def _support(self, y: Tensor, dtype: torch.dtype) -> Tensor:
        bad = y[(y != y.round()) | (y < 0) | (y >= self.outputs)] if y.is_floating_point() else None
        if bad is None:
            whole = y.to(torch.int64)
            bad = whole[(whole < 0) | (whole >= self.outputs)]
        if len(bad):
            raise DataError(
                f"y of class numbers 0 to {self.outputs - 1}",
                f"{len(bad)} other values, such as {bad[0].item():g}",
                "number the classes from 0, or raise the number of classes",
            )
        return y.to(torch.int64)
