"""Pairs that were put together in one way and are taken apart in another."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from fivefold.diagnosis.checks.part_of_output import EXACT
from fivefold.diagnosis.checks.pictures import of_shares
from fivefold.diagnosis.checks.played import given_at
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import Slot, Tape

LEAST_OF_EACH = 20
SURE = 5.0
LAYOUTS: dict[str, Callable[[int], np.ndarray]] = {
    "rows i and i + n, the two halves of what the model was given": lambda n: np.arange(2 * n).reshape(2, n),
    "rows 2i and 2i + 1, neighbours in what the model was given": lambda n: np.arange(2 * n).reshape(n, 2).T,
}
"""The rows of n pairs among 2n, [2, n]."""


class Seen(NamedTuple):
    """The pairs of one update.

    Attributes:
        x: What the model was given, [2n, d].
        met: The rows that meet in the loss, [2, n].
        match: Which pairs match, [n].
    """

    x: np.ndarray
    met: np.ndarray
    match: np.ndarray


class Told(NamedTuple):
    """What distances between the inputs of pairs tell of whether they match.

    Attributes:
        area: Share of (match, no match) in which the former are nearer, ties counted half.
        z: Its distance from 1/2 over the standard error of chance.
    """

    area: float
    z: float


def check_pairs(record: Record) -> list[Finding]:
    """Find losses of pairs that compare what the model gives for rows of different pairs.

    Where 2n rows are given to the model at once and n targets say which pairs match. Statistic: the area
    under the ROC curve of the distance between the two inputs of a pair, over its standard error sqrt((a +
    b + 1) / 12 a b) for a pairs that match and b that do not (Mann and Whitney), for the pairs that meet in
    the loss and for the other ways to lay out pairs (halves, neighbours). Null: rows that do not meet in
    the loss are strangers, whose distance tells nothing of its targets, so that z of another layout is
    standard normal: it is above 5 in less than one of a million. Found where it is, and that of the pairs
    that meet is less than half of it. Silent where distances between inputs tell nothing, and where what
    meets is more than a choice of the output's rows (normalised or projected outside the model).

    Args:
        record: What was seen.
    """
    seen = [found for tape in record.tapes if (found := _pairs(tape)) is not None]
    if not seen:
        return []
    label = np.concatenate([s.match for s in seen])
    if min(label.sum(), (~label).sum()) < LEAST_OF_EACH:
        return []
    used = _told(seen, [s.met for s in seen], label)
    others = {}
    for name, layout in LAYOUTS.items():
        laid = [layout(len(s.match)) for s in seen]
        if not all(_same(a, s.met) for a, s in zip(laid, seen, strict=True)):
            others[name] = _told(seen, laid, label)
    name, other = max(others.items(), key=lambda item: abs(item[1].z))
    if abs(other.z) < SURE or abs(used.z) > 0.5 * abs(other.z):
        return []
    return [
        Finding(
            "batch.mixed",
            "the loss compares outputs of different pairs",
            f"over {len(label)} pairs, the distance between the inputs of {name}, ranks pairs that match "
            f"before others in {other.area:.0%} of the cases (z = {abs(other.z):.1f}); that of the rows that "
            f"meet in the loss, in {used.area:.0%}, where chance gives 50%",
            "high",
            "pairs were put together in one way and outputs are taken apart in another: halves (cat) as "
            "neighbours (view), or the other way round",
            "take outputs apart as inputs were put together: chunk(2) after cat, view(n, 2, -1) after "
            "stack(..., 1)",
            picture=of_shares(
                "How often pairs that match are nearer than others, as inputs",
                "share of the cases",
                {"rows that meet in the loss": used.area, "rows of the other layout": other.area},
                (0.5, "chance"),
            ),
        )
    ]


def _pairs(tape: Tape) -> Seen | None:
    """The pairs of one update; ``None`` where it shows none."""
    if not tape.playable or not isinstance(tape.entries[0].call, nn.Module):
        return None
    x = next((a for a in tape.entries[0].args if isinstance(a, Tensor)), None)
    place = next((i for i, e in enumerate(tape.entries) if i and _meet(e.args)), 0)
    if x is None or x.ndim < 2 or len(x) % 2 or not x.is_floating_point() or not place:
        return None
    if any(isinstance(e.call, nn.Module) for e in tape.entries[1:]):
        return None
    match = next((m for e in tape.entries[1:] if (m := _match(e.args, len(x) // 2)) is not None), None)
    out = given_at(tape, 1).get("input")
    if match is None or not isinstance(out, Tensor) or out.ndim != 2 or len(out) != len(x):
        return None
    if out.dtype not in EXACT:
        return None
    marks = torch.arange(len(x), dtype=out.dtype, device=out.device)[:, None].expand(out.shape)
    given = given_at(tape, place, instead={0: marks})
    rows = []
    for side in (given.get("input"), given.get("target")):
        if not isinstance(side, Tensor) or side.shape != (len(match), out.shape[1]):
            return None
        if not bool((side == side[:, :1]).all()):
            return None
        rows.append(side[:, 0].long().cpu().numpy())
    return Seen(x.detach().reshape(len(x), -1).double().cpu().numpy(), np.stack(rows), match)


def _meet(args: tuple[object, ...]) -> bool:
    return len(args) >= 2 and all(isinstance(a, Slot) for a in args[:2])


def _match(args: object, n: int) -> np.ndarray | None:
    """A given vector of n numbers that are of two values, as whether they are the larger."""
    for a in tree_leaves(args):
        if isinstance(a, Tensor) and tuple(a.shape) in {(n,), (n, 1)} and not a.requires_grad:
            values = a.detach().reshape(-1).double().cpu().numpy()
            if len(np.unique(values)) == 2:
                return np.asarray(values == values.max())
    return None


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two layouts pair the same rows for the same targets."""
    return bool((np.sort(a, axis=0) == np.sort(b, axis=0)).all())


def _told(seen: list[Seen], pairs: list[np.ndarray], match: np.ndarray) -> Told:
    apart = np.concatenate([((s.x[p[0]] - s.x[p[1]]) ** 2).sum(1) for s, p in zip(seen, pairs, strict=True)])
    near, far = apart[match], np.sort(apart[~match])
    above = len(far) - 0.5 * (np.searchsorted(far, near, "left") + np.searchsorted(far, near, "right"))
    area = float(above.mean() / len(far))
    error = ((len(near) + len(far) + 1) / (12 * len(near) * len(far))) ** 0.5
    return Told(area, (area - 0.5) / float(error))
