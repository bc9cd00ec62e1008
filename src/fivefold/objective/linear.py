"""The model that is linear in its parameters, over a batch of parameter vectors at once."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from fivefold.core import require
from fivefold.linalg import Array
from fivefold.linalg.arrays import to_tensor
from fivefold.objective.layout import Layout
from fivefold.objective.mixed import times_columns, times_rows
from fivefold.objective.model import Model


class Linear(Model):
    r"""A model that is linear in its parameters, and says so.

    .. math:: \eta_{ik} = \sum_j X_{ij} W_{kj} + b_k, \qquad w = (W_{11}, \ldots, W_{Kp}, b_1, \ldots, b_K)

    The order of ``w`` is that of ``torch.nn.Linear``. A data objective over this model computes value,
    gradient and curvature as matrix products over all points at once, without automatic differentiation. A
    single prior precision leaves the intercept alone.

    Args:
        X: The inputs ``[n, p]``, of which only the shape is read, or the number of features p.
        intercept: Whether b is a parameter; 0 otherwise.
        outputs: K, the number of predictors per row; what the likelihood asks for.

    Raises:
        ArgumentError: ``X`` is neither a matrix nor a positive number; fewer than 1 output.

    >>> Linear(3).layout.shapes
    {'weight': (3,), 'bias': ()}
    >>> Linear(3, outputs=2).predictor(torch.ones(8), torch.ones(1, 3))
    tensor([[4., 4.]])
    """

    def __init__(self, X: Array | int, *, intercept: bool = True, outputs: int = 1) -> None:
        p = _features(X)
        require(p >= 1, "at least 1 feature", p)
        require(isinstance(outputs, int) and outputs >= 1, "at least 1 output", outputs)
        lead = () if outputs == 1 else (outputs,)
        shapes: dict[str, tuple[int, ...]] = {"weight": (*lead, p)}
        if intercept:
            shapes["bias"] = lead
        layout = Layout(shapes)
        flat = torch.arange(layout.size) >= outputs * p
        super().__init__(torch.zeros(layout.size, dtype=torch.float64), layout, flat)
        self.features = p
        self.intercept = intercept
        self.outputs = outputs

    def inputs(self, X: Array) -> Tensor:
        """Check inputs ``[n, p]``; float32 stays, anything else becomes float64."""
        tensor = to_tensor(_by_columns(X), "X", dims=(2,))
        require(tensor.shape[1] == self.features, f"X with {self.features} columns", tuple(tensor.shape))
        return tensor

    def predictor(self, w: Tensor, X: Tensor) -> Tensor:
        """Map points ``[..., P]`` and inputs ``[n, p]`` to ``[..., n]`` or ``[..., n, K]``."""
        return self.push(w, X)

    def push(self, w: Tensor, X: Tensor) -> Tensor:
        """Multiply with X and a column of ones: ``[..., P]`` to ``[..., n]`` or ``[..., n, K]``.

        The column is never formed: a copy of X would cost more than ten products with it.
        """
        cut = self.outputs * self.features
        if self.outputs == 1:
            eta = times_rows(w[..., :cut], X)
            return eta + w[..., cut:] if self.intercept else eta
        parts = self.layout.unravel(w)
        W = parts["weight"]
        if W.dtype == X.dtype and W.shape[:-2].numel() == 1:
            # row by row, as the likelihood reads it: half the time of the other order on some processors
            eta = (X @ W.reshape(self.outputs, -1).mT).reshape(*W.shape[:-2], -1, self.outputs)
        else:
            eta = times_rows(W, X).mT
        return eta + parts["bias"][..., None, :] if self.intercept else eta

    def pull(self, eta: Tensor, X: Tensor) -> Tensor:
        """Multiply with the transposed design: ``[..., n]`` or ``[..., n, K]`` to ``[..., P]``."""
        if self.outputs == 1:
            back = times_columns(eta, X)
            return torch.cat([back, eta.sum(-1, keepdim=True)], dim=-1) if self.intercept else back
        back = times_columns(eta.mT, X).flatten(-2)
        return torch.cat([back, eta.sum(-2)], dim=-1) if self.intercept else back

    def to_blocks(self, w: Tensor) -> Tensor:
        """View ``[..., P]`` as one row of coefficients per output, ``[..., K, p + 1]``, intercept last."""
        parts = self.layout.unravel(w)
        weight, bias = parts["weight"], parts.get("bias")
        if self.outputs == 1:
            return w[..., None, :]
        return weight if bias is None else torch.cat([weight, bias[..., None]], dim=-1)

    def from_blocks(self, blocks: Tensor) -> Tensor:
        """Undo :meth:`to_blocks`."""
        weight = blocks[..., : self.features].flatten(-2)
        return torch.cat([weight, blocks[..., self.features]], dim=-1) if self.intercept else weight


def _by_columns(X: Array) -> Array:
    """A NumPy array that lies by columns as a tensor over it: a copy costs as much as five products."""
    lies = isinstance(X, np.ndarray) and X.ndim == 2 and X.flags.f_contiguous and X.flags.writeable
    return torch.from_numpy(X) if lies and X.dtype in (np.float32, np.float64) else X


def _features(X: Any) -> int:
    if isinstance(X, int | np.integer):
        return int(X)
    shape = tuple(X.shape) if isinstance(X, Tensor) else np.shape(X)
    require(len(shape) == 2, "X of shape [n, p], or the number of features", f"shape {shape}")
    return int(shape[1])
