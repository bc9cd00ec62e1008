"""Named tensors as one vector, and back."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from fivefold.core import require


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each named tensor stands in the vector of parameters, in order, row-major.

    Args:
        shapes: Each name with its shape.

    >>> layout = Layout({"weight": (2, 2), "bias": (2,)})
    >>> layout.size, layout.unravel(torch.arange(6.0))["bias"]
    (6, tensor([4., 5.]))
    """

    shapes: Mapping[str, tuple[int, ...]]
    size: int = field(init=False)
    """The length of the vector."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", sum(math.prod(shape) for shape in self.shapes.values()))

    def unravel(self, w: Tensor) -> dict[str, Tensor]:
        """View ``[..., P]`` as named tensors ``[..., *shape]``; they share memory with ``w``.

        Raises:
            ArgumentError: The last dimension is not P.
        """
        require(w.ndim >= 1 and w.shape[-1] == self.size, f"w of shape [..., {self.size}]", tuple(w.shape))
        named, start = {}, 0
        for name, shape in self.shapes.items():
            stop = start + math.prod(shape)
            named[name] = w[..., start:stop].reshape((*w.shape[:-1], *shape))
            start = stop
        return named

    def ravel(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """Join named tensors ``[..., *shape]`` to ``[..., P]``.

        Raises:
            ArgumentError: Other names, or other shapes.
        """
        require(set(tensors) == set(self.shapes), f"tensors named {list(self.shapes)}", list(tensors))
        flat = []
        for name, shape in self.shapes.items():
            lead = tensors[name].ndim - len(shape)
            fits = lead >= 0 and tuple(tensors[name].shape[lead:]) == tuple(shape)
            require(fits, f"{name} of shape [..., *{tuple(shape)}]", tuple(tensors[name].shape))
            flat.append(tensors[name].reshape(*tensors[name].shape[:lead], math.prod(shape)))
        batches = {tuple(piece.shape[:-1]) for piece in flat}
        require(len(batches) == 1, "tensors with one set of leading dimensions", sorted(batches))
        return torch.cat(flat, dim=-1)
