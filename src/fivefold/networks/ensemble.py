"""K dense networks of one shape, computed together."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn

from fivefold.core import require
from fivefold.networks.dense import DenseNetwork, apply_activation, check_sizes
from fivefold.networks.initialization import initialize_


class EnsembleDense(nn.Module):
    r"""K dense networks whose weights are stacked, so that one batched product replaces K.

    h_0 = x * scale_k, h_l = dropout(a(h_{l-1} W_{k,l} + b_{k,l})), output h_{L-1} W_{k,L} + b_{k,L}.

    The members differ by their first weights and share nothing: the gradient of a sum of member losses is
    the stack of their gradients, and an elementwise optimizer (Adam, SGD) trains each as if alone.
    Lakshminarayanan, Pritzel and Blundell, "Simple and scalable predictive uncertainty", 2017.

    Args:
        members: Networks K, at least 1.
        inputs: Columns d, at least 1.
        outputs: Outputs, at least 1.
        widths: Units of each hidden layer; empty for a linear map.
        activation: One of ``relu``, ``gelu`` (tanh form), ``silu``, ``tanh``, ``selu``.
        dropout: Probability in [0, 1) of zeroing a hidden unit while training.
        scaling: Whether a learned factor per member and column, 1 at first, multiplies the inputs.
        generator: Source of the first weights; torch's global one where ``None``.

    Raises:
        ArgumentError: A size below 1, an unknown activation, or a dropout outside [0, 1).

    >>> ensemble = EnsembleDense(4, 3, 1, (8, 8), generator=torch.Generator().manual_seed(0))
    >>> ensemble(torch.zeros(5, 3)).shape
    torch.Size([4, 5, 1])
    """

    def __init__(
        self,
        members: int,
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
        require(members >= 1, "at least 1 member", members)
        check_sizes(inputs, outputs, widths, activation, dropout)
        self.members, self.inputs, self.outputs, self.widths = members, inputs, outputs, tuple(widths)
        self.activation, self.dropout, self.scaling = activation, dropout, scaling
        self.scale = nn.Parameter(torch.ones(members, inputs)) if scaling else None
        sizes = (inputs, *widths, outputs)
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for index, (m, n) in enumerate(pairwise(sizes)):
            weight, bias = nn.Parameter(torch.empty(members, m, n)), nn.Parameter(torch.empty(members, n))
            initialize_(weight, bias, activation if index else "linear", generator)
            self.weights.append(weight)
            self.biases.append(bias)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs [K, n, outputs] for inputs [n, inputs] shared by all members, or [K, n, inputs]."""
        shared = x.ndim == 2
        if shared:
            x = x.expand(self.members, *x.shape)
        h = x if self.scale is None else x * self.scale[:, None, :]
        last = len(self.weights) - 1
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            h = torch.baddbmm(bias[:, None, :], h, weight)
            if index < last:
                h = F.dropout(apply_activation(self.activation, h), self.dropout, self.training)
        return h

    def member(self, index: int) -> DenseNetwork:
        """A copy of member ``index`` (0 .. K-1) as a network of its own.

        Raises:
            ArgumentError: No such member.
        """
        require(0 <= index < self.members, f"a member in 0..{self.members - 1}", index)
        settings = {name: value for name, value in self.to_record().items() if name != "members"}
        # a generator of its own: the first weights are overwritten at once, and no global stream moves
        network = DenseNetwork(**settings, generator=torch.Generator())
        reference = self.biases[0]
        network.to(dtype=reference.dtype, device=reference.device)
        with torch.no_grad():
            for layer, weight, bias in zip(network.layers, self.weights, self.biases, strict=True):
                assert isinstance(layer, nn.Linear)
                layer.weight.copy_(weight[index].mT)
                layer.bias.copy_(bias[index])
            if network.scale is not None and self.scale is not None:
                network.scale.copy_(self.scale[index])
        return network

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Copies of the weights for :func:`fivefold.networks.evaluate_dense`.

        Returns:
            ``weight.l`` [K, in_l, out_l], ``bias.l`` [K, out_l] and, with ``scaling``, ``scale`` [K, inputs].
        """
        found: dict[str, Tensor] = {} if self.scale is None else {"scale": self.scale}
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            found[f"weight.{index}"], found[f"bias.{index}"] = weight, bias
        return {name: np.array(value.detach().cpu().numpy(), order="C") for name, value in found.items()}

    def to_record(self) -> dict[str, Any]:
        """Plain keyword arguments that make an ensemble of the same shape."""
        return {
            "members": self.members,
            "inputs": self.inputs,
            "outputs": self.outputs,
            "widths": list(self.widths),
            "activation": self.activation,
            "dropout": self.dropout,
            "scaling": self.scaling,
        }
