"""Examples kept from batches, within bounds, for the checks of data."""

from typing import Any

from torch import Tensor
from torch.utils._pytree import tree_flatten

from fivefold.diagnosis.observation.record import Rows

MOST_ROWS = 4096
MOST_BYTES = 32 << 20


class KeptRows:
    """Fills a record's rows, up to :data:`MOST_ROWS` examples and :data:`MOST_BYTES`.

    Args:
        rows: Where examples go.
    """

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._count = 0
        self._bytes = 0

    def keep(self, tensors: list[Tensor], step: int) -> None:
        """Keep the first tensor that a model was given, where there is room.

        Args:
            tensors: What the model was given.
            step: The update or evaluation it belongs to.
        """
        usable = [t for t in tensors if t.ndim >= 1 and len(t) >= 1 and not t.is_complex()]
        if not usable:
            return
        block = usable[0].detach()
        size = block.numel() * block.element_size()
        if self._count >= MOST_ROWS or self._bytes + size > MOST_BYTES:
            return
        self._count += len(block)
        self._bytes += size
        self._rows.inputs.append(block.to("cpu", copy=True))
        self._rows.targets.append(None)
        self._rows.steps.append(step)

    def keep_target_of(self, args: Any, kwargs: Any) -> None:
        """Keep the second tensor of a call of a loss as the target of the last block."""
        tensors = [leaf for leaf in tree_flatten((args, kwargs))[0] if isinstance(leaf, Tensor)]
        if len(tensors) >= 2:
            self.keep_target(tensors[1].detach())

    def keep_target(self, target: Tensor) -> None:
        """Keep the target of the last block, where it has one per example or one per token."""
        rows = self._rows
        if not rows.targets or rows.targets[-1] is not None or not target.ndim:
            return
        shape = rows.inputs[-1].shape
        if target.numel() == shape.numel() and not target.is_floating_point():
            target = target.reshape(shape)  # one label per token, given as one long vector
        if len(target) == shape[0]:
            rows.targets[-1] = target.to("cpu", copy=True)
