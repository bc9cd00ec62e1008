"""What several checks ask of a record."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from fivefold.diagnosis.observation.record import LossCall, Record, Rows, Step

Point = tuple[float, float]

NORMS = (
    nn.modules.batchnorm._BatchNorm,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.LocalResponseNorm,
)
DROPOUTS = (nn.modules.dropout._DropoutNd,)
WEIGHTED = (nn.Linear, nn.modules.conv._ConvNd, nn.Bilinear)
OF_NUMBERS = ("difference", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "gaussian_nll_loss")


def median(values: Iterable[float]) -> float:
    """Median of the finite values; nan where there is none.

    >>> median([3.0, math.nan, 1.0, 2.0])
    2.0
    """
    kept = [v for v in values if math.isfinite(v)]
    return float(np.median(kept)) if kept else math.nan


def curve(steps: Sequence[Step], values: Iterable[float]) -> tuple[Point, ...]:
    """Points (update, value) where the value is finite."""
    pairs = zip(steps, values, strict=True)
    return tuple((float(s.index), float(v)) for s, v in pairs if math.isfinite(v))


def late(steps: Sequence[Step], share: float = 0.5) -> Sequence[Step]:
    """The last watched steps: this share of the training's updates, and at least one.

    The share counts updates, not watched steps, which lie denser at the start.
    """
    if not steps:
        return steps
    first = steps[-1].index * (1.0 - share)
    return [s for s in steps if s.index >= first]


def losses_of(record: Record, names: Sequence[str] = ()) -> list[LossCall]:
    """All loss calls of watched updates, of these functions or of all."""
    return [call for s in record.steps for call in s.losses if not names or call.function in names]


def batch_size(record: Record) -> int:
    """Median number of examples in a training batch; 0 where unknown."""
    sizes = [s.inputs[0].shape[0] for s in record.steps if s.inputs and s.inputs[0].shape]
    return int(np.median(sizes)) if sizes else 0


def has(record: Record, kinds: tuple[type[nn.Module], ...]) -> bool:
    """Whether the model holds a module of these classes."""
    return any(isinstance(module, kinds) for _, module in record.modules())


def stacked(rows: Rows, *, most: int = 4096) -> tuple[np.ndarray, np.ndarray | None]:
    """Return kept examples as a matrix [n, features] in float64 and their targets, [n, ...], where all are
    known.

    Blocks whose shape differs from the first are left out. Integer inputs come as they are; texts whose
    length differs from batch to batch are filled up with -1, which takes the place of their padding.
    """
    inputs: list[Tensor] = []
    targets: list[Tensor | None] = []
    for block, target in zip(of_one_length(rows.inputs), rows.targets, strict=True):
        if not inputs or (block.shape[1:] == inputs[0].shape[1:] and block.dtype == inputs[0].dtype):
            inputs.append(block)
            targets.append(target)
    if not inputs:
        return np.empty((0, 0)), None
    x = np.concatenate([b.reshape(len(b), -1).double().numpy() for b in inputs])[:most]
    known = [t for t in targets if t is not None]
    if len(known) < len(targets) or any(t.shape[1:] != known[0].shape[1:] for t in known):
        return x, None
    return x, np.concatenate([t.double().numpy() for t in known])[:most]


def of_one_length(blocks: Sequence[Tensor]) -> list[Tensor]:
    """Return texts [b, t] whose t differs from block to block as blocks of one length; others as they are.

    Padding is the token that most texts end with, where it ends a tenth of them or more; it becomes -1, as
    does what is added.

    >>> import torch
    >>> blocks = [torch.tensor([[5, 6], [7, 0], [8, 0]]), torch.tensor([[5, 6, 7]])]
    >>> of_one_length(blocks)[0].tolist()
    [[5, 6, -1], [7, -1, -1], [8, -1, -1]]
    """
    blocks = list(blocks)
    texts = [b for b in blocks if b.ndim == 2 and not b.is_floating_point() and not b.is_complex()]
    if len(texts) < len(blocks) or len({b.shape[1] for b in blocks}) < 2:
        return blocks
    ends = torch.cat([b[:, -1] for b in blocks if b.shape[1]])
    values, counts = torch.unique(ends, return_counts=True)
    padding = int(values[counts.argmax()]) if int(counts.max()) >= 0.1 * len(ends) else -1
    longest = max(b.shape[1] for b in blocks)
    out = []
    for b in blocks:
        long = b.long()
        trailing = long.flip(1).eq(padding).long().cumprod(1).flip(1).bool()
        out.append(nn.functional.pad(long.masked_fill(trailing, -1), (0, longest - b.shape[1]), value=-1))
    return out


def alone(rows: Rows) -> bool:
    """Whether the targets follow from the kept inputs: nothing else was given to the model with them."""
    return all(rows.alone)


def within_updates(record: Record) -> bool:
    """Whether passes without gradients belong to the updates, as a generator's, a teacher's or an agent's do:
    there is one at every third update or more, each time of other examples.
    """
    often = len(record.evaluations) > max(5, 0.3 * record.count)
    return often and len(set(record.evaluation_rows.steps)) > 5


def whole_loss(step: Step) -> float:
    """Loss of an update as a loss function gave it, where it was divided by the batches of an accumulation.

    Args:
        step: The update.
    """
    times = step.backwards
    divided = times > 1 and any(
        abs(c.value - times * step.loss) <= 1e-3 * abs(c.value) for c in step.losses if c.value
    )
    return times * step.loss if divided else step.loss


def initial_loss(record: Record) -> float:
    """Loss at the first watched update; nan where unknown."""
    return next((s.loss for s in record.steps if math.isfinite(s.loss)), math.nan)


def late_loss(record: Record) -> float:
    """Median loss over the last quarter; nan where unknown."""
    return median(s.loss for s in late(record.steps, 0.25))


def first_layer_name(record: Record) -> str:
    """Name of the first layer that was seen to give something; empty where none was."""
    return next((layer.name for s in record.steps for layer in s.layers), "")
