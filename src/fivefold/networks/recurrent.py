"""Recurrent encoders: a sequence becomes one vector, or one vector per step."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from fivefold.core import require
from fivefold.networks.arguments import check_arguments
from fivefold.networks.text_network import WHOLE, require_within

Cell = Literal["rnn", "lstm", "gru"]
CELLS: dict[str, Callable[..., nn.RNNBase]] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class RecurrentEncoder(nn.Module):
    r"""torch's RNN, LSTM or GRU over padded sequences; padding touches neither states nor the answer.

    Elman 1990; Hochreiter and Schmidhuber 1997; Cho et al. 2014.

    Args:
        cell: ``"rnn"`` (tanh), ``"lstm"`` or ``"gru"``.
        inputs: Numbers of each step.
        hidden: Units of each layer and direction.
        layers: Layers, at least 1.
        bidirectional: Whether a second pass runs from the end.
        dropout: Probability between layers, of which there must be two.
        generator: Source of the first weights, U(-1, 1) / sqrt(hidden); torch's global one where ``None``.

    Raises:
        ArgumentError: An unknown cell, a size below 1, or a dropout between layers that are not there.

    >>> encoder = RecurrentEncoder("gru", 3, 5, bidirectional=True)
    >>> steps, last = encoder(torch.zeros(2, 7, 3), torch.tensor([7, 4]))
    >>> steps.shape, last.shape
    (torch.Size([2, 7, 10]), torch.Size([2, 10]))
    """

    def __init__(
        self,
        cell: Cell,
        inputs: int,
        hidden: int,
        layers: int = 1,
        *,
        bidirectional: bool = False,
        dropout: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        require(cell in CELLS, f"a cell among {', '.join(CELLS)}", repr(cell))
        given = {"inputs": inputs, "hidden": hidden, "layers": layers, "bidirectional": bidirectional}
        check_arguments(RecurrentEncoder, {**given, "dropout": dropout, "generator": generator})
        require(layers > 1 or dropout == 0.0, "two layers for a dropout between them", layers)
        # by way of the meta device, because torch's cells draw from its global generator
        cell_on_meta = CELLS[cell](
            inputs,
            hidden,
            layers,
            batch_first=True,
            bidirectional=bidirectional,
            dropout=dropout,
            device="meta",
        )
        self.cell = cell_on_meta.to_empty(device="cpu")
        with torch.no_grad():
            for weight in self.cell.parameters():
                weight.uniform_(-(hidden**-0.5), hidden**-0.5, generator=generator)
        self.outputs = hidden * (2 if bidirectional else 1)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Encode sequences.

        Args:
            x: [N, T, inputs], padded at the end.
            lengths: [N] integers in 1 to T; all T where ``None``.

        Returns:
            The last layer's states [N, T, outputs], 0 in the padding; and the state after the last true step
            [N, outputs], for the second direction that after the first step.

        Raises:
            ArgumentError: Another shape, or lengths out of range.
        """
        inputs = self.cell.input_size
        shaped = x.ndim == 3 and x.shape[2] == inputs and min(x.shape) >= 1
        require(shaped, f"sequences [N, T, {inputs}] with N and T at least 1", list(x.shape))
        n, time = x.shape[:2]
        if lengths is not None:
            require(lengths.shape == (n,), f"{n} lengths", list(lengths.shape))
            require(lengths.dtype in WHOLE, "lengths of an integer type", lengths.dtype)
            require_within(lengths, 1, time, "lengths")
        if lengths is None or x.device.type == "meta":  # without memory there are no lengths to pack by
            steps, last = self.cell(x)
        else:
            packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
            states, last = self.cell(packed)
            steps, _ = pad_packed_sequence(states, batch_first=True, total_length=time)
        hidden = last[0] if isinstance(last, tuple) else last  # an LSTM's second state is its memory
        directions = 2 if self.cell.bidirectional else 1
        return steps, torch.cat(list(hidden[-directions:]), dim=1)
