"""AdamW whose exponential average of weights is what is judged and kept."""

from collections.abc import Callable, Iterable
from typing import Any

import torch

from fivefold.core import require


class AveragedAdamW(torch.optim.AdamW):
    r"""AdamW with an average of its iterates, for use at any moment of a training at a constant rate.

    .. math:: \bar w_1 = w_1, \qquad
              \bar w_t = \bar w_{t-1} + \max(1 - \beta, 1 / t)\, (w_t - \bar w_{t-1})

    an equal average at first and an exponential one later. Parameters hold :math:`w` in training; ``eval()``
    puts the average there and ``train()`` puts :math:`w` back, bit for bit.

    Source: Polyak and Juditsky 1992, "Acceleration of stochastic approximation by averaging"; Loshchilov and
    Hutter 2019, "Decoupled weight decay regularization", for the steps.

    Args:
        params: Parameters or groups.
        lr: The rate, positive.
        decay: :math:`\beta` in [0, 1).

    Raises:
        ArgumentError: A decay out of its range.

    >>> w = torch.nn.Parameter(torch.tensor([4.0]))
    >>> optimizer = AveragedAdamW([w], lr=1.0, decay=0.5)
    >>> for _ in range(2):
    ...     w.grad = torch.tensor([1.0])
    ...     _ = optimizer.step()
    >>> optimizer.eval()
    >>> round(w.item(), 4)  # the mean of 3 and 2
    2.5
    """

    def __init__(self, params: Iterable[Any], lr: float, decay: float = 0.99) -> None:
        require(0 <= decay < 1, "a decay in [0, 1)", decay)
        # fused: one pass over each tensor, most of a step's time for networks this small
        super().__init__(params, lr=lr, weight_decay=0.0, fused=True)
        self._decay, self._averaged = decay, False

    def train(self) -> None:
        """Put the iterate into the parameters, to take steps from."""
        self._exchange(averaged=False)

    def eval(self) -> None:
        """Put the average into the parameters, which is what one evaluates, saves and uses."""
        self._exchange(averaged=True)

    @torch.no_grad()
    def _exchange(self, *, averaged: bool) -> None:
        if self._averaged == averaged:
            return
        self._averaged = averaged
        for state, p in ((self.state[p], p) for group in self.param_groups for p in group["params"]):
            if "average" in state:
                other = p.detach().clone()
                p.copy_(state["average"])
                state["average"].copy_(other)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make a step of AdamW and take where it led into the average.

        Raises:
            ArgumentError: The parameters hold the average; call ``train()`` first.
        """
        require(not self._averaged, "training mode for a step", "evaluation mode", "call .train() first")
        loss = super().step(closure)
        moved = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
        for p in moved:
            if "average" not in self.state[p]:
                self.state[p]["average"] = p.detach().clone()
        if moved:
            share = max(1 - self._decay, 1 / float(self.state[moved[0]]["step"]))
            torch._foreach_lerp_([self.state[p]["average"] for p in moved], moved, share)
        return loss
