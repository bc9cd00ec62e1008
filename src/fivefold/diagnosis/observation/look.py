"""The look at the gradients right before every update."""

import math
from collections.abc import Sequence
from time import perf_counter

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from fivefold.diagnosis.observation.first_operation import broken

SMALL = 4096
"""Numbers up to which a gradient is looked at whole; of a larger one, one number per unit."""
SHARE = 0.002
"""Of the time, for looking at all gradients: what the two ends did not tell is in the weights one update
later, and then in everything.
"""


class Look:
    """Looks at gradients right before every update, at little cost.

    What is not finite on the way back reaches the parameters before it in the forward pass and no others: the
    first parameter and the last are looked at every time, all of them at the first updates, whenever the
    others told something, and as often as a share of the time allows. A number that is not finite in the
    output of a layer makes one number not finite in every gradient of that unit, so that of a large gradient
    one number per unit is enough.

    Args:
        parameters: What is trained.
        share: Share of the time that looking at all may take, in (0, 1].
        always: Updates at which all are looked at, whatever it takes.
    """

    def __init__(self, parameters: Sequence[Tensor], share: float = SHARE, always: int = 16) -> None:
        self._parameters = [p for p in parameters if p.requires_grad]
        self._ends = _ends(self._parameters)
        self._share, self._always = share, always
        self._credit, self._cost = 0.0, 0.0
        self._before = perf_counter()

    def finite(self, *, wait: bool, now: float | None = None) -> bool:
        """Whether all gradients that are looked at are finite.

        Args:
            wait: Whether to look at gradients on an accelerator too, which waits for it.
            now: The seconds of a clock, where they are at hand.
        """
        if not self._parameters:
            return True
        start = perf_counter() if now is None else now
        self._credit += self._share * (start - self._before)
        self._before = start
        self._always -= 1
        whole = self._always >= 0 or self._credit >= self._cost
        seen = self._look(self._parameters if whole else self._ends, wait)
        if whole:
            self._cost = perf_counter() - start
            self._credit = 0.0
        return seen or self._exactly(wait)

    def _look(self, parameters: Sequence[Tensor], wait: bool) -> bool:
        total = 0.0
        for p in parameters:
            gradient = p.grad
            if gradient is None or gradient.layout is not torch.strided or not (wait or gradient.is_cpu):
                continue
            if gradient.numel() > SMALL and gradient.ndim > 1:
                gradient = gradient.select(1, 0)
                while gradient.ndim > 1:
                    gradient = gradient.select(-1, 0)
            total += abs(gradient.sum()).item() if gradient.is_complex() else gradient.sum().item()
        return math.isfinite(total)

    def _exactly(self, wait: bool) -> bool:
        """A sum of finite numbers may overflow: only one of them that is not finite counts."""
        held = [p.grad for p in self._parameters if p.grad is not None and (wait or p.grad.is_cpu)]
        return not any(broken(g) for g in held if g.layout is torch.strided)


def _ends(parameters: Sequence[Tensor]) -> list[Tensor]:
    """The first parameter and the last; for a large first one its bias, where that is the next.

    The gradient of a bias holds one number per unit side by side; of a weight they lie a row apart, each to
    be fetched from memory by itself.
    """
    if len(parameters) < 2:
        return list(parameters)
    first, bias = parameters[:2]
    made = not is_lazy(first) and not is_lazy(bias)
    biased = made and first.numel() > SMALL and first.ndim > 1 and bias.shape == first.shape[:1]
    return [bias if biased else first, *parameters[1 + biased :][-1:]]
