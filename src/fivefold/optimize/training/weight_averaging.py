"""Averages of the weights along a training: exponential, or equal as in stochastic weight averaging."""

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn, get_swa_multi_avg_fn

from fivefold.core import ArgumentError, require
from fivefold.optimize.training.batch_norm import recalibrate
from fivefold.optimize.training.callbacks import Callback, Moment

# PyTorch leaves the types of both out
_Rules = Callable[..., Callable[[list[Tensor], list[Tensor], int], None]]


class WeightAverage(Callback):
    r"""A running average of the weights, kept beside a training.

    .. math:: \text{exponential: } \bar w \leftarrow \beta \bar w + (1 - \beta) w, \qquad
              \text{equal: } \bar w \leftarrow \bar w + (w - \bar w) / (k + 1)

    both starting at the first weights averaged. The rules are ``torch.optim.swa_utils``'s. Buffers are not
    averaged; statistics of batch norm are measured anew for the average, see
    :func:`~fivefold.optimize.training.batch_norm.recalibrate`.

    Source: Polyak and Juditsky 1992; Izmailov, Podoprikhin, Garipov, Vetrov and Wilson 2018, "Averaging
    weights leads to wider optima and better generalization", UAI.

    Args:
        decay: beta in [0, 1) for the exponential average; ``None`` for the equal one.
        start: Completed epochs before the first average is taken, at least 0.
        every: Updates from one average to the next, at least 1.
        inputs: Rows ``[n, ...]`` on which batch norm is measured anew at the end; ``None`` leaves it.
        keep: Whether the module holds the average after the training.

    Raises:
        ArgumentError: A number out of its range.

    >>> net = nn.Linear(1, 1, bias=False)
    >>> average = WeightAverage(decay=None)
    >>> for value in (1.0, 2.0, 6.0):
    ...     _ = nn.init.constant_(net.weight, value)
    ...     average.update(net)
    >>> average.put(net)
    >>> net.weight.item()
    3.0
    """

    def __init__(
        self,
        decay: float | None = 0.999,
        *,
        start: int = 0,
        every: int = 1,
        inputs: Tensor | None = None,
        keep: bool = True,
    ) -> None:
        require(decay is None or 0 <= decay < 1, "a decay in [0, 1), or None", decay)
        require(start >= 0, "a start of at least 0 epochs", start)
        require(every >= 1, "at least 1 update between averages", every)
        swa, ema = cast(_Rules, get_swa_multi_avg_fn), cast(_Rules, get_ema_multi_avg_fn)
        self._rule = swa() if decay is None else ema(decay)
        self._start, self._every, self._inputs, self._keep = start, every, inputs, keep
        self.weights: dict[str, Tensor] = {}
        self.count = 0

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Take the module's weights into the average."""
        now = {name: p.detach() for name, p in module.named_parameters()}
        if self.count == 0:
            self.weights = {name: value.clone() for name, value in now.items()}
        else:
            self._rule(list(self.weights.values()), list(now.values()), self.count)
        self.count += 1

    @torch.no_grad()
    def put(self, module: nn.Module) -> None:
        """Copy the average into a module; its buffers stay.

        Raises:
            ArgumentError: Nothing was averaged yet, or the module has other parameters.
        """
        require(self.count > 0, "an average of at least one state", "none", "start it earlier")
        named = dict(module.named_parameters())
        if {k: v.shape for k, v in named.items()} != {k: v.shape for k, v in self.weights.items()}:
            raise ArgumentError("a module with the averaged parameters", type(module).__name__)
        for name, p in named.items():
            p.copy_(self.weights[name])

    def on_step(self, moment: Moment) -> None:
        """Average where it is due."""
        if moment.epoch >= self._start and moment.step % self._every == 0:
            self.update(moment.module)

    def on_end(self, moment: Moment) -> None:
        """Leave the average in the module, with statistics that belong to it."""
        if self._keep and self.count > 0:
            self.put(moment.module)
            if self._inputs is not None:
                recalibrate(moment.module, self._inputs)

    def state_dict(self) -> dict[str, Any]:
        """The average and its count, to go on from."""
        weights = {name: value.clone() for name, value in self.weights.items()}
        return {"weights": weights, "count": torch.tensor(self.count)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved average."""
        self.weights = {name: value.clone() for name, value in state["weights"].items()}
        self.count = int(state["count"])
