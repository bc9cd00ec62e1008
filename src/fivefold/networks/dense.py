"""A dense network for tables."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn

from fivefold.core import require
from fivefold.networks.dense_forward import ACTIVATIONS
from fivefold.networks.initialization import initialize_


def apply_activation(name: str, x: Tensor) -> Tensor:
    """Apply the activation of that name, as :func:`fivefold.networks.activate` does in NumPy.

    >>> apply_activation("relu", torch.tensor([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """
    if name == "gelu":
        return F.gelu(x, approximate="tanh")
    if name == "relu":
        return F.relu(x)
    if name == "silu":
        return F.silu(x)
    return torch.tanh(x) if name == "tanh" else F.selu(x)


def check_sizes(inputs: int, outputs: int, widths: Sequence[int], activation: str, dropout: float) -> None:
    """Raise unless the sizes describe a dense network.

    Raises:
        ArgumentError: A size below 1, an unknown activation, or a dropout outside [0, 1).

    >>> check_sizes(3, 1, (8,), "relu", 0.1)
    """
    require(inputs >= 1, "at least 1 input", inputs)
    require(outputs >= 1, "at least 1 output", outputs)
    require(all(width >= 1 for width in widths), "widths of at least 1", list(widths))
    require(activation in ACTIVATIONS, f"an activation among {', '.join(ACTIVATIONS)}", activation)
    require(0.0 <= dropout < 1.0, "a dropout in [0, 1)", dropout)


class DenseNetwork(nn.Module):
    r"""Dense layers with an activation between them.

    h_0 = x * scale, h_l = dropout(a(h_{l-1} W_l + b_l)), output h_{L-1} W_L + b_L.

    Args:
        inputs: Columns d, at least 1.
        outputs: Outputs, at least 1.
        widths: Units of each hidden layer; empty for a linear map.
        activation: One of ``relu``, ``gelu`` (tanh form), ``silu``, ``tanh``, ``selu``.
        dropout: Probability in [0, 1) of zeroing a hidden unit while training.
        scaling: Whether a learned factor per column, 1 at first, multiplies the inputs; it lets the optimizer
            turn irrelevant columns down (Holzmueller, Grinsztajn and Steinwart, "Better by default", 2024).
        generator: Source of the first weights; torch's global one where ``None``.

    Raises:
        ArgumentError: A size below 1, an unknown activation, or a dropout outside [0, 1).

    >>> network = DenseNetwork(3, 1, (8, 8), generator=torch.Generator().manual_seed(0))
    >>> network(torch.zeros(5, 3)).shape
    torch.Size([5, 1])
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        widths: Sequence[int] = (64, 64),
        activation: str = "gelu",
        dropout: float = 0.0,
        *,
        scaling: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        check_sizes(inputs, outputs, widths, activation, dropout)
        self.inputs, self.outputs, self.widths = inputs, outputs, tuple(widths)
        self.activation, self.dropout, self.scaling = activation, dropout, scaling
        self.scale = nn.Parameter(torch.ones(inputs)) if scaling else None
        sizes = (inputs, *widths, outputs)
        self.layers = nn.ModuleList()
        for index, (m, n) in enumerate(pairwise(sizes)):
            # by way of the meta device, because nn.Linear alone draws from torch's global generator
            layer = nn.Linear(m, n, device="meta").to_empty(device="cpu")
            initialize_(layer.weight.mT, layer.bias, activation if index else "linear", generator)
            self.layers.append(layer)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs [..., outputs] for inputs [..., inputs]."""
        h = x if self.scale is None else x * self.scale
        last = len(self.layers) - 1
        for index, layer in enumerate(self.layers):
            h = layer(h)
            if index < last:
                h = F.dropout(apply_activation(self.activation, h), self.dropout, self.training)
        return h

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Copies of the weights for :func:`fivefold.networks.evaluate_dense`.

        Returns:
            ``weight.l`` [in_l, out_l], ``bias.l`` [out_l] and, with ``scaling``, ``scale`` [inputs].
        """
        found: dict[str, Tensor] = {} if self.scale is None else {"scale": self.scale}
        for index, layer in enumerate(self.layers):
            assert isinstance(layer, nn.Linear)
            found[f"weight.{index}"], found[f"bias.{index}"] = layer.weight.mT, layer.bias
        return {name: np.array(value.detach().cpu().numpy(), order="C") for name, value in found.items()}

    def to_record(self) -> dict[str, Any]:
        """Plain keyword arguments that make a network of the same shape.

        >>> DenseNetwork(**DenseNetwork(2, 1, (4,)).to_record()).widths
        (4,)
        """
        return {
            "inputs": self.inputs,
            "outputs": self.outputs,
            "widths": list(self.widths),
            "activation": self.activation,
            "dropout": self.dropout,
            "scaling": self.scaling,
        }
