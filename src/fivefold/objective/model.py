"""What a data objective asks of a model: one linear predictor per row, from one vector of parameters."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from fivefold.linalg import Array
from fivefold.objective.layout import Layout


class Model(ABC):
    r"""A map from parameters and inputs to linear predictors, :math:`\eta = f(w, X)`.

    Args:
        initial: Where to start, ``[P]``.
        layout: The names and shapes of the parameters inside ``w``.
        flat: ``[P]``, true for the parameters that a single prior precision leaves alone.
    """

    def __init__(self, initial: Tensor, layout: Layout, flat: Tensor) -> None:
        self.initial = initial
        self.layout = layout
        self.flat = flat

    @property
    def size(self) -> int:
        """The number of parameters P of the model."""
        return self.layout.size

    @abstractmethod
    def inputs(self, X: Array) -> Tensor:
        """Check inputs and return them as a tensor ``[n, ...]`` in the model's dtype.

        Raises:
            ArgumentError: They do not fit the model.
        """

    @abstractmethod
    def predictor(self, w: Tensor, X: Tensor) -> Tensor:
        """Map one point ``[P]`` and checked inputs to ``[n]`` or ``[n, K]``."""

    def at(self, like: Tensor) -> Tensor:
        """Return the initial point in the dtype and on the device of the checked inputs."""
        return self.initial.to(like) if like.is_floating_point() else self.initial.to(like.device)

    def squeeze(self, eta: Tensor, outputs: int) -> Tensor:
        """Drop the last dimension of ``[..., n, 1]`` where the likelihood has one output."""
        return eta[..., 0] if outputs == 1 and eta.ndim > 1 and eta.shape[-1] == 1 else eta


def no_parameters_flat(size: int) -> Tensor:
    """Return the mask under which a single precision applies to every parameter.

    >>> no_parameters_flat(2)
    tensor([False, False])
    """
    return torch.zeros(size, dtype=torch.bool)
