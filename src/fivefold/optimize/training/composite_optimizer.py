"""Several optimizers as one: each moves its own parameters, all share one state and one list of groups."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.optim import Optimizer

from fivefold.core import require
from fivefold.optimize.training.kfac import KFAC


class CompositeOptimizer(Optimizer):
    """Optimizers over disjoint parameters that step together and are saved as one.

    The groups are the parts' own, so that a schedule that sets a rate reaches the part; the states lie
    in one table, so that ``state_dict`` is of the usual form and has only what the parts keep.

    Args:
        parts: At least one optimizer; no parameter in two of them.

    Raises:
        ArgumentError: No parts.

    >>> a, b = torch.nn.Parameter(torch.ones(2, 2)), torch.nn.Parameter(torch.ones(2))
    >>> both = CompositeOptimizer([torch.optim.Muon([a], lr=0.1), torch.optim.SGD([b], lr=0.5)])
    >>> (a.sum() + b.sum()).backward()
    >>> _ = both.step()
    >>> b.tolist(), len(both.param_groups)
    ([0.5, 0.5], 2)
    """

    def __init__(self, parts: Sequence[Optimizer]) -> None:
        require(len(parts) >= 1, "at least one optimizer", "none")
        self.parts = tuple(parts)
        super().__init__([group for part in parts for group in part.param_groups], {})
        self._share()

    def _share(self) -> None:
        """Let every part see the common state and its own of the common groups."""
        first = 0
        for part in self.parts:
            last = first + len(part.param_groups)
            part.param_groups = self.param_groups[first:last]
            part.state = self.state
            first = last

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every part's parameters once."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self.parts:
            part.step()
        return loss

    def remove(self) -> None:
        """Take away the hooks that a part holds on a module."""
        for part in self.parts:
            if isinstance(part, KFAC):
                part.remove()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the states and the settings up again."""
        super().load_state_dict(state_dict)
        self._share()
