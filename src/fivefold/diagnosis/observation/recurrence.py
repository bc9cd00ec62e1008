"""Whether recurrent layers that are called step by step are given the state that they gave before."""

from typing import Any

from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from fivefold.diagnosis.observation.record import Recurrence

RECURRENT = (nn.RNNBase, nn.RNNCellBase)


class Recurrences:
    """Follows the states of recurrent layers through successive calls of single steps.

    Args:
        found: Where the counts go, by the layer's name.
    """

    def __init__(self, found: dict[str, Recurrence]) -> None:
        self._found = found
        self._given: dict[str, tuple[Any, Any, Any]] = {}

    def called(self, name: str, module: nn.Module, args: Any, kwargs: Any, output: Any, inside: int) -> None:
        """Take note of a call.

        Args:
            name: The layer's name.
            module: The layer.
            args: What it was given by place: the inputs, and the state.
            kwargs: What it was given by name.
            output: What it gave.
            inside: The pass of the model that it belongs to; -1 where it was called from outside.
        """
        inputs = args[0] if args else kwargs.get("input")
        state = args[1] if len(args) > 1 else kwargs.get("hx")
        if not isinstance(inputs, Tensor):
            self._given.pop(name, None)
            return
        if isinstance(module, nn.RNNBase):
            gave = output[1]
            time = 1 if module.batch_first and inputs.ndim == 3 else 0
            if inputs.shape[time] != 1:
                self._given.pop(name, None)
                return
        else:
            gave = output
        before = self._given.get(name)
        if before is not None:
            old, old_gave, old_inside = before
            seen = self._found.setdefault(name, Recurrence())
            if _same(state, old_gave):
                seen.carried += 1
            elif _same(state, old) and (state is not None or inside == old_inside >= 0):
                seen.restarted += 1
            else:
                seen.other += 1
        self._given[name] = (state, gave, inside)


def _same(a: Any, b: Any) -> bool:
    """Whether two states are the very same tensors, or both missing."""
    x, y = tree_leaves(a), tree_leaves(b)
    if a is None or b is None:
        return a is None and b is None
    return len(x) == len(y) and all(
        p is q or (isinstance(p, Tensor) and isinstance(q, Tensor) and _view(p) == _view(q))
        for p, q in zip(x, y, strict=True)
    )


def _view(tensor: Tensor) -> tuple[Any, ...]:
    return tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), tensor._version
