"""Losses and metrics of a module over rows, without gradients."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from fivefold.optimize.training.data import HeldRows, Rows, open_rows
from fivefold.optimize.training.losses import LossFunction
from fivefold.optimize.training.step_choices import as_layout

_PIECE = 1024


def open_held_out(data: Any, device: torch.device, *, seed: int = 0) -> Rows:
    """Rows to judge by: tables of real numbers in one piece, all else in pieces of at most 1024 rows.

    Images, sequences and tokens, ``[N, T]`` whole numbers, grow within the network.

    Args:
        data: As for :func:`~fivefold.optimize.training.data.open_rows`.
        device: The module's.
        seed: For what a dataset draws while it is read.

    >>> open_held_out((torch.ones(5000, 2),), torch.device("cpu")).batches
    1
    >>> open_held_out((torch.ones(5000, 1, 2, 2),), torch.device("cpu")).batches
    5
    >>> open_held_out((torch.ones(5000, 2, dtype=torch.int64),), torch.device("cpu")).batches
    5
    """
    rows = open_rows(data, _PIECE, device, seed=seed)
    if isinstance(rows, HeldRows) and rows.parts[0].ndim <= 2 and rows.parts[0].is_floating_point():
        rows.batches = 1
    return rows


def evaluate_rows(
    module: nn.Module,
    functions: Sequence[LossFunction],
    rows: Rows,
    *,
    layout: str = "contiguous",
) -> list[Tensor]:
    """Mean of each function over rows, the module in evaluation mode, in which it stays.

    Args:
        module: On the rows' device.
        functions: ``f(output, *targets)``, means over rows; pieces are weighted by their rows.
        rows: What to judge by.
        layout: Memory format of images.

    Returns:
        One number, or one per member, for each function.

    >>> from fivefold.optimize.training.losses import squared_loss
    >>> rows = open_held_out((torch.ones(4, 1), torch.ones(4)), torch.device("cpu"))
    >>> evaluate_rows(nn.Identity(), [squared_loss], rows)[0].item()
    0.0
    """
    module.eval()
    totals: list[Tensor] = []
    count = 0
    with torch.no_grad():
        for X, *targets in rows.pieces():
            output = module(as_layout(X, layout))
            values = [function(output, *targets) for function in functions]
            n = X.shape[0]
            if not count:
                totals = values
            else:
                share = n / (count + n)  # the running mean; a single piece keeps its bits
                totals = [a + share * (b - a) for a, b in zip(totals, values, strict=True)]
            count += n
    return totals
