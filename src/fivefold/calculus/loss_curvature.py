"""The loss of a batch as a function of the model's outputs, its value and its curvature there."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from fivefold.calculus.hessian import HessianOperator
from fivefold.calculus.row_blocks import RowBlocks
from fivefold.core import require
from fivefold.linalg import LinearOperator
from fivefold.probability import Likelihood

LossFunction = Callable[[Tensor, Tensor], Tensor]
Reduction = Literal["mean", "sum"]


class BatchLoss:
    r"""A loss of outputs and targets, with the weight that makes batches add up to the whole.

    .. math:: L = \sum_b c_b\, \ell(z_b, y_b), \qquad c_b = n_b / N \text{ for means}, \; 1 \text{ for sums}

    Args:
        loss: A function of outputs and targets with one value, such as ``torch.nn.CrossEntropyLoss()``; or
            a likelihood, whose negative log density is meant.
        reduction: Whether the loss is a mean over rows or a sum; a likelihood is reduced accordingly.
        rows: N, the number of rows altogether.
        theta: The likelihood's own parameters, held fixed.

    Raises:
        ArgumentError: Not a loss, or theta missing.
    """

    def __init__(
        self,
        loss: LossFunction | Likelihood,
        reduction: Reduction,
        rows: int,
        theta: Tensor | None = None,
    ) -> None:
        require(reduction in ("mean", "sum"), "reduction 'mean' or 'sum'", repr(reduction))
        require(
            callable(loss) or isinstance(loss, Likelihood),
            "a loss(outputs, targets) or a likelihood",
            type(loss).__name__,
        )
        said = getattr(loss, "reduction", reduction) if isinstance(loss, torch.nn.Module) else reduction
        require(
            said == reduction,
            f"a loss with reduction={reduction!r}",
            f"reduction={said!r}",
            "pass the same reduction= to the operator",
        )
        if isinstance(loss, Likelihood) and loss.parameters:
            require(
                theta is not None and theta.shape == (loss.parameters,),
                f"theta [{loss.parameters}] for {loss!r}",
                None if theta is None else tuple(theta.shape),
                "pass theta=, or fix it in the likelihood",
            )
        self.likelihood = loss if isinstance(loss, Likelihood) else None
        self._fn: LossFunction | None = None if isinstance(loss, Likelihood) else loss
        self._mean = reduction == "mean"
        self._rows = rows
        self.theta = theta

    def scale(self, rows: int) -> float:
        """Return the factor of a batch's sum (likelihood) or of its own value (function)."""
        if not self._mean:
            return 1.0
        return 1 / self._rows if self.likelihood is not None else rows / self._rows

    def value(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the batch's part of the loss, ``[]``."""
        if self.likelihood is not None:
            eta, target = self.rows_of(z), y.reshape(-1)
            return self.likelihood.negative_log_density(eta, target, self.theta).sum() * self.scale(len(y))
        assert self._fn is not None
        value = self._fn(z, y)
        require(
            value.ndim == 0 and not value.is_complex(),
            "a loss with one real value",
            f"shape {tuple(value.shape)} of {value.dtype}",
            "reduce it, as by reduction='mean'",
        )
        return value * self.scale(len(y))

    def rows_of(self, z: Tensor) -> Tensor:
        """Bring outputs to the ``[n]`` or ``[n, K]`` of the likelihood.

        Raises:
            ArgumentError: The last dimension is not K.
        """
        assert self.likelihood is not None
        K = self.likelihood.outputs
        if K == 1:
            return z.reshape(-1)
        require(
            z.ndim >= 2 and z.shape[-1] == K,
            f"model outputs [n, {K}] for {self.likelihood!r}",
            tuple(z.shape),
            "change the model's last layer, or the likelihood",
        )
        return z.reshape(-1, K)

    def curvature(self, z: Tensor, y: Tensor) -> LinearOperator:
        """Return the second derivatives of the batch's part in its outputs, ``(m, m)``."""
        if self.likelihood is not None:
            blocks = self.likelihood.curvature(self.rows_of(z), y.reshape(-1), self.theta)
            return RowBlocks(blocks, scale=self.scale(len(y)), positive=self.likelihood.convex)
        return HessianOperator.trusted(
            lambda flat: self.value(flat.reshape(z.shape), y), z.reshape(-1), retain=True
        )

    def fisher(self, z: Tensor, rows: int) -> LinearOperator:
        """Return the expected curvature over the model's own distribution, ``(m, m)``."""
        likelihood = self._certain()
        return RowBlocks(
            likelihood.fisher(self.rows_of(z), self.theta), scale=self.scale(rows), positive=True
        )

    def sampled_fisher(
        self, z: Tensor, rows: int, samples: int, generator: torch.Generator
    ) -> LinearOperator:
        """Return the mean of gradient outer products at drawn targets, ``(m, m)``."""
        likelihood, eta = self._certain(), self.rows_of(z)
        draws = [
            likelihood.gradient(eta, likelihood.sample(eta, generator, self.theta), self.theta)
            for _ in range(samples)
        ]
        return RowBlocks(_factors(draws, eta), "factors", scale=self.scale(rows))

    def empirical_fisher(self, z: Tensor, y: Tensor) -> LinearOperator:
        """Return the gradient outer products at the observed targets, ``(m, m)``."""
        eta = self.rows_of(z)
        slope = self._certain().gradient(eta, y.reshape(-1), self.theta)
        return RowBlocks(_factors([slope], eta), "factors", scale=self.scale(len(y)))

    def _certain(self) -> Likelihood:
        require(
            self.likelihood is not None,
            "a likelihood",
            "a loss function",
            "pass one of fivefold.probability, such as Categorical(K)",
        )
        assert self.likelihood is not None
        return self.likelihood


def _factors(slopes: list[Tensor], eta: Tensor) -> Tensor:
    return torch.stack([slope.reshape(eta.shape[0], -1) for slope in slopes], dim=-1)
