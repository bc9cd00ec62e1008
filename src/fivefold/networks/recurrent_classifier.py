"""A recurrent encoder over words, pooled to one vector per text, and one dense layer."""

from typing import Literal

import torch
from torch import Tensor, nn

from fivefold.core import require
from fivefold.networks.arguments import check_arguments
from fivefold.networks.recurrent import Cell, RecurrentEncoder
from fivefold.networks.text_network import TextNetwork, masked_max, masked_mean

POOLINGS = ("last", "mean", "max")


class RecurrentClassifier(TextNetwork):
    r"""A :class:`~fivefold.networks.RecurrentEncoder` over token vectors with a classifier's head.

    .. math:: h_t = \mathrm{cell}(x_t, h_{t-1}), \qquad z = \mathrm{pool}_{t \le \text{length}} h_t, \qquad
        \text{logits} = W z + b

    Source: Elman (1990); Hochreiter and Schmidhuber (1997); Cho et al. (2014).

    Args:
        vocabulary: Tokens 0 to V - 1.
        classes: Outputs, at least 1.
        cell: ``"rnn"``, ``"lstm"`` or ``"gru"``.
        width: Numbers of each token's vector.
        hidden: Units of each layer and direction.
        layers: Layers, at least 1; the dropout stands between them too.
        bidirectional: Whether a second pass runs from the end.
        pooling: ``"last"`` state (from behind: the state at the first word), ``"mean"`` or ``"max"``.
        dropout: Probability on the token vectors and on z while training.
        generator: Source of the first weights; torch's global one where ``None``.

    Raises:
        ArgumentError: An unknown cell or pooling, a size below 1, or a dropout outside [0, 1).

    >>> network = RecurrentClassifier(100, 2, cell="gru", generator=torch.Generator().manual_seed(0))
    >>> network(torch.ones(3, 9, dtype=torch.int64), torch.tensor([9, 1, 4])).shape
    torch.Size([3, 2])
    """

    def __init__(
        self,
        vocabulary: int,
        classes: int,
        *,
        cell: Cell = "gru",
        width: int = 128,
        hidden: int = 128,
        layers: int = 1,
        bidirectional: bool = False,
        pooling: Literal["last", "mean", "max"] = "max",
        dropout: float = 0.3,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(vocabulary, classes, width, dropout)
        check_arguments(RecurrentClassifier, {"layers": layers})
        require(pooling in POOLINGS, f"a pooling among {', '.join(POOLINGS)}", repr(pooling))
        self.pooling = pooling
        self.encoder = RecurrentEncoder(
            cell,
            width,
            hidden,
            layers,
            bidirectional=bidirectional,
            dropout=dropout if layers > 1 else 0.0,
            generator=generator,
        )
        self.finish(self.encoder.outputs, nn.Identity(), "tanh", generator)

    def encode(self, x: Tensor, mask: Tensor) -> Tensor:
        """The pooled states, [N, hidden x directions]."""
        steps, last = self.encoder(x, mask.sum(1))
        if self.pooling == "last":
            return last  # type: ignore[no-any-return]
        return masked_mean(steps, mask) if self.pooling == "mean" else masked_max(steps, mask)
