"""Examples kept from batches, within bounds, for the checks of data."""

from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten

from fivefold.diagnosis.observation.record import Rows

MOST_ROWS = 4096
MOST_BYTES = 32 << 20
FULL, PART = 1024, 32
"""Of one evaluation, this many examples are kept as they come, and of each later batch so many. Where there
is no room left, every second of these parts goes, and from then on only every second batch leaves one: an
evaluation that looks at all training examples first must not leave the others out."""


class KeptRows:
    """Fills a record's rows, up to :data:`MOST_ROWS` examples and :data:`MOST_BYTES`.

    Args:
        rows: Where examples go.
        full: Examples of one update or evaluation that are kept whole; of later ones :data:`PART` a batch.

    Attributes:
        batch: A number that tells the last batch of an evaluation from others; 0 where nothing could be kept.
    """

    def __init__(self, rows: Rows, *, full: int = MOST_ROWS) -> None:
        self._rows = rows
        self._count = 0
        self._bytes = 0
        self._full, self._of_one = full, 0
        self._every, self._passed = 1, 0
        self._lengths: list[int] = []
        self._whole: list[int] = []
        self.batch = 0
        self._seen: set[tuple[int, bytes, bytes]] = set()

    def keep(self, tensors: list[Tensor], step: int) -> None:
        """Keep the first tensor that a model was given, where there is room.

        Bags of tokens, given as one long vector and where each begins, are kept as a table [n, longest] that
        -1 fills up.

        Args:
            tensors: What the model was given.
            step: The update or evaluation it belongs to.
        """
        usable = [t for t in tensors if t.ndim >= 1 and len(t) >= 1 and not t.is_complex()]
        self._lengths.append(-1)
        self.batch = 0
        if not usable:
            return
        block = usable[0].detach()
        bags = _bags(block, usable[1]) if len(usable) > 1 else None
        block = block if bags is None else bags
        length = len(block)
        content = [t.detach() for t in usable[2 if bags is not None else 1 :] if _content(t, block)]
        if not self._rows.steps or self._rows.steps[-1] != step:
            self._of_one = 0
        if self._full < MOST_ROWS:
            if self._again(block):
                return
            if self._of_one >= self._full:
                self._passed += 1
                if self._passed % self._every:
                    return
                block = block[:PART]
        size = block.numel() * block.element_size()
        if not self._room(size) and self._full < MOST_ROWS:
            self._thin()
        if not self._room(size):
            return
        self._lengths[-1] = length
        self._whole.append(length)
        self._count += len(block)
        self._of_one += length
        self._bytes += size
        self._rows.inputs.append(block.to("cpu", copy=True))
        self._rows.targets.append(None)
        self._rows.steps.append(step)
        self._rows.alone.append(not content)
        self._rows.beside.append(self._kept_beside(content, tensors, length, len(block)))
        vectors = [t.detach() for t in usable[1:] if bags is None and t.shape == (length,)]
        self._rows.numbers.append([t[: len(block)].to("cpu", copy=True) for t in vectors])

    def take_back(self, step: int) -> None:
        """Let the last block go, where it is of this update: what was given was an evaluation's."""
        rows = self._rows
        if rows.steps and rows.steps[-1] == step and self._lengths[-1] >= 0:
            self._bytes -= rows.inputs[-1].numel() * rows.inputs[-1].element_size()
            self._count -= len(rows.inputs[-1])
            columns = (rows.inputs, rows.targets, rows.steps, rows.alone, rows.beside, rows.numbers)
            for column in (*columns, self._whole, self._lengths):
                column.pop()

    def _room(self, size: int) -> bool:
        return self._count < MOST_ROWS and self._bytes + size <= MOST_BYTES

    def _thin(self) -> None:
        """Let every second part of a batch go, where that makes room."""
        rows = self._rows
        parts = [i for i, length in enumerate(self._whole) if len(rows.inputs[i]) < length]
        for i in reversed(parts[::2]):
            beside = rows.beside[i] or []
            self._bytes -= sum(t.numel() * t.element_size() for t in (rows.inputs[i], *beside))
            self._count -= len(rows.inputs[i])
            columns = (rows.inputs, rows.targets, rows.steps, rows.alone, rows.beside, rows.numbers)
            for column in (*columns, self._whole):
                del column[i]
        if parts:
            self._every *= 2
            # Targets that come for several batches at once cannot be told apart across the gaps.
            self._lengths = [-1]

    def _kept_beside(
        self, content: list[Tensor], tensors: list[Tensor], length: int, kept: int
    ) -> list[Tensor] | None:
        """Copies of the other tensors of a block, as far as there is room for all of them."""
        size = sum(t.numel() * t.element_size() for t in content)
        odd = any(t.is_complex() or t.layout is not torch.strided for t in tensors)
        if odd or self._bytes + size > MOST_BYTES or any(len(t) != length for t in content):
            return None
        self._bytes += size
        return [t[:kept].to("cpu", copy=True) for t in content]

    def _again(self, block: Tensor) -> bool:
        """Whether this very batch came before: the same examples are evaluated many times."""
        ends = [block[i].reshape(-1)[:4096].to("cpu").contiguous() for i in (0, -1)]
        first, last = (end.view(torch.uint8).numpy().tobytes() for end in ends)
        key = len(block), first, last
        self.batch = hash(key)
        known = key in self._seen
        self._seen.add(key)
        return known

    def met(self) -> None:
        """Take note that something else came into the same loss beside the last block."""
        if self._rows.alone and self._lengths and self._lengths[-1] >= 0:
            self._rows.alone[-1] = False
            self._rows.beside[-1] = None

    def forget_target(self) -> None:
        """Take the target of the last block back: what met it was a step of a sample, and no error."""
        if self._rows.targets and self._lengths and self._lengths[-1] >= 0:
            self._rows.targets[-1], self._lengths[-1] = None, -1

    def keep_target_of(self, args: Any, kwargs: Any) -> None:
        """Keep the second tensor of a call of a loss as the target of the last block."""
        tensors = [leaf for leaf in tree_flatten((args, kwargs))[0] if isinstance(leaf, Tensor)]
        if len(tensors) >= 2:
            self.keep_target(tensors[1].detach())

    def keep_target(self, target: Tensor) -> None:
        """Keep the target of the last block, where it has one per example or one per token.

        A target that is as long as the last few blocks together, whose own are not known, is cut to them.
        """
        rows = self._rows
        if not rows.targets or rows.targets[-1] is not None or not target.ndim or self._lengths[-1] < 0:
            return
        shape = rows.inputs[-1].shape
        tokens = not rows.inputs[-1].is_floating_point()
        if tokens and target.numel() == shape.numel() and not target.is_floating_point():
            target = target.reshape(shape)  # one label per token, given as one long vector
        if len(target) == self._lengths[-1]:
            rows.targets[-1] = target[: shape[0]].to("cpu", copy=True)
            return
        back, total = 0, 0
        while back < len(rows.targets) and back < len(self._lengths) and total < len(target):
            back += 1
            same = rows.steps[-back] == rows.steps[-1]
            if not same or rows.targets[-back] is not None or self._lengths[-back] < 0:
                return
            total += self._lengths[-back]
        if total != len(target):
            return
        begin = 0
        for place in range(len(rows.targets) - back, len(rows.targets)):
            length = self._lengths[place - len(rows.targets)]
            part = target[begin : begin + length][: len(rows.inputs[place])]
            rows.targets[place] = part.detach().to("cpu", copy=True)
            begin += length


def _bags(tokens: Tensor, begins: Tensor) -> Tensor | None:
    """A table [n, longest] of bags of tokens that came as one long vector and where each begins."""
    if tokens.ndim != 1 or begins.ndim != 1 or tokens.is_floating_point() or begins.is_floating_point():
        return None
    n, total = len(begins), len(tokens)
    if n >= total or int(begins[0]) != 0 or int(begins[-1]) > total or bool((begins.diff() < 0).any()):
        return None
    ends = torch.cat([begins[1:], begins.new_tensor([total])])
    longest = int((ends - begins).max())
    if n * longest > 16 * total + 4096:
        return None
    places = begins[:, None] + torch.arange(longest, device=begins.device)
    found = tokens[places.clamp(max=total - 1).to(tokens.device)]
    return found.masked_fill((places >= ends[:, None]).to(tokens.device), -1)


def _content(other: Tensor, block: Tensor) -> bool:
    """Whether another tensor tells something of each example: no mask, and no length."""
    if len(other) != len(block) or other.dtype == torch.bool:
        return False
    lengths = other.ndim == 1 and block.ndim >= 2 and not other.is_floating_point()
    return not (lengths and int(other.min()) >= 0 and int(other.max()) <= block.shape[1])
