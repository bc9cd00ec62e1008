"""Masks of zeros and ones in a loss that keep what tells nothing."""

import torch
from torch import Tensor

from fivefold.diagnosis.checks.pictures import of_numbers
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.calls import DIFFERENCES, LOSSES
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import MULTIPLICATIONS, Entry, Slot, Tape

LEAST_KEPT = 16
LEAST_VALUES = 8
PICKING = {Tensor.__getitem__, torch.masked_select, Tensor.masked_select}


def check_loss_masks(record: Record) -> list[Finding]:
    """Find losses whose mask leaves out every place at which the targets vary.

    Statistic, over the last watched passes: the number of different targets at the places that a mask of
    zeros and ones keeps in the loss, and at those that no mask keeps. Null: a mask keeps places with targets
    and leaves out padding, or what came after an end, where targets are all the same. Found where, in every
    pass that has such a mask, all kept targets (16 or more) are equal and those left out take 8 values or
    more: targets drawn alike for both would do so less than once in 8^15. False alarms: several masks that
    share the places among them (left out: what any of them keeps is kept).

    Args:
        record: What was seen.
    """
    found = [told for tape in record.tapes if tape.playable and (told := _kept_and_left(tape)) is not None]
    if not found or not all(
        kept >= LEAST_KEPT and same and left >= LEAST_VALUES for kept, same, left in found
    ):
        return []
    kept, _, left = found[-1]
    return [
        Finding(
            "mask.inverted",
            "the mask of the loss keeps what tells nothing",
            f"all {kept} targets that the mask keeps are the same number, in {len(found)} of {len(found)} "
            f"watched passes; those that it leaves out take {left} different values",
            "high",
            "the mask is one where it should be zero: it keeps padding, or what comes after the end",
            "invert the mask",
            picture=of_numbers(
                "Different targets that the mask keeps, and that it leaves out: more are kept when right",
                "different targets",
                {"kept": 1.0, "left out": left},
                (LEAST_VALUES, "what tells takes more"),
            ),
        )
    ]


def _constants(entry: Entry) -> list[Tensor]:
    return [a for a in entry.args if isinstance(a, Tensor) and not a.requires_grad]


def targets_and_masks(tape: Tape) -> tuple[list[Tensor], list[Tensor]]:
    """Return the targets of a tape's losses and differences, and the masks of zeros and ones that its
    products and picks are given.

    Args:
        tape: Any.
    """
    targets: list[Tensor] = []
    masks: list[Tensor] = []
    for e in tape.entries:
        made = any(isinstance(a, Slot) for a in e.args)
        if e.call in DIFFERENCES and made:
            targets += [t for t in _constants(e) if t.ndim]
        elif e.call in LOSSES and made:
            targets += [t for t in (*_constants(e), *e.kwargs.values()) if isinstance(t, Tensor) and t.ndim]
        elif (e.call in MULTIPLICATIONS or e.call in PICKING) and made:
            masks += [m for m in _constants(e) if m.ndim and bool(((m == 0) | (m == 1)).all())]
    return targets, masks


def _kept_and_left(tape: Tape) -> tuple[int, bool, int] | None:
    """How many targets the masks keep, whether all of them are equal, and how many values the others take."""
    targets, masks = targets_and_masks(tape)
    for target in targets:
        fitting = [m.reshape(-1) != 0 for m in masks if m.numel() == target.numel()]
        if not fitting:
            continue
        values, kept = target.reshape(-1), torch.stack(fitting).any(0)
        if bool(kept.all()) or not bool(kept.any()):
            continue
        inside, outside = values[kept], values[~kept]
        return int(inside.numel()), bool((inside == inside[0]).all()), int(torch.unique(outside).numel())
    return None
