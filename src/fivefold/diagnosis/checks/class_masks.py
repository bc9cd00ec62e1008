"""Masks that leave a class out of the loss, where they are to leave out padding."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fivefold.diagnosis.checks.loss_masks import targets_and_masks
from fivefold.diagnosis.checks.pictures import of_numbers
from fivefold.diagnosis.checks.probes import given_tensors
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.calls import LOSSES, OF_CLASSES
from fivefold.diagnosis.observation.record import LossCall, Record
from fivefold.diagnosis.observation.tape import Tape

LEAST_LEFT = 16
LEAST_KEPT = 16
HALF = 0.5
FEW = 0.01


@dataclass(frozen=True, slots=True)
class Left:
    """What a mask leaves out of a loss of classes.

    Attributes:
        number: The class.
        inside: Places within sequences, between kept ones, that are left out.
        kept: Places that are kept.
    """

    number: int
    inside: int
    kept: int


def check_class_masks(record: Record) -> list[Finding]:
    """Find losses of sequences from which a mask, or ``ignore_index``, takes one of the classes whole.

    Statistic: the targets at places that the loss leaves out though kept ones stand before and behind them
    in their sequence, where no padding is. Null: a mask is made of the inputs or their lengths, so that there
    are none, or that they have the classes of those that are kept. Found where, in every pass, all of them
    (16 or more) have one class that none of those kept (16 or more) has: a mask unrelated to the targets does
    so less than once in 2^32. False alarms: steps that have no label and are given a class of their own in
    its place (hence medium, and high only where evaluations count that class); models of texts with gaps are
    left out, known by the one token at most kept places, which is nowhere else and tells nothing.

    Args:
        record: What was seen.
    """
    tapes = [tape for tape in record.tapes if tape.playable]
    found = [_left_out(tape) for tape in tapes]
    seen = [left for left in found if left is not None]
    if not seen or len(seen) < len(found) or len({left.number for left in seen}) > 1:
        return []
    number, inside, kept = seen[-1].number, sum(x.inside for x in seen), sum(x.kept for x in seen)
    counted = [c for e in record.evaluations for c in e.losses if _counts(c, number)]
    known = f"; {len(counted)} losses of evaluations count it" if counted else ""
    return [
        Finding(
            "mask.class",
            f"the loss never counts class {number}",
            f"all {inside} targets that it leaves out within sequences, between others that count, are of "
            f"class {number}, and none of the {kept} that count, in {len(seen)} of {len(seen)} watched "
            f"passes{known}",
            "high" if counted else "medium",
            f"the mask of the padding is made of the labels, or ignore_index is a class: {number} is a label "
            "of steps that are no padding, too",
            "make the mask of the inputs or their lengths, or fill labels up with a number that is no class "
            "(-100, which losses leave out)",
            picture=of_numbers(
                f"Targets of class {number}: some that count where nothing is wrong",
                "targets",
                {
                    "left out, within sequences": float(inside),
                    "that count": 0.0,
                    "others that count": float(kept),
                },
            ),
        )
    ]


def _counts(call: LossCall, number: int) -> bool:
    """Whether a loss of classes counts a class, with no mask after it."""
    if call.function not in OF_CLASSES or call.settings.get("reduction", "mean") == "none":
        return False
    if call.settings.get("ignore_index", -100) == number:
        return False
    if call.classes:
        return len(call.classes) > number and call.classes[number] > 0
    return call.target.low == call.target.high == number


def _left_out(tape: Tape) -> Left | None:
    """What the loss of a pass leaves out; ``None`` where it leaves out something else, or nothing."""
    call = next((e for e in reversed(tape.entries) if isinstance(e.call, nn.Module)), None)
    losses = [e for e in tape.entries if LOSSES.get(e.call) in OF_CLASSES]
    if call is None or len(losses) != 1:
        return None
    targets, masks = targets_and_masks(tape)
    ignored = losses[0].kwargs.get("ignore_index", -100)
    given = given_tensors(call)
    for y in targets:
        shape = next(
            (x.shape[:2] for x in given if x.ndim >= 2 and x.shape[0] * x.shape[1] == y.numel()), None
        )
        if shape is None or y.is_floating_point() or y.ndim > 2 or y.shape[-1:] == (1,):
            continue
        classes, kept = y.reshape(shape), y.reshape(shape) != ignored
        fitting = [m.reshape(shape) != 0 for m in masks if m.numel() == y.numel()]
        if fitting:
            kept = kept & torch.stack(fitting).any(0)
        return _of_one_class(classes, kept, given)
    return None


def _of_one_class(classes: Tensor, kept: Tensor, given: list[Any]) -> Left | None:
    counts = kept.long()
    before, behind = counts.cumsum(1) > 0, counts.flip(1).cumsum(1).flip(1) > 0
    inside = ~kept & before & behind
    if int(inside.sum()) < LEAST_LEFT or int(kept.sum()) < LEAST_KEPT:
        return None
    number = int(classes[inside][0])
    others = classes[kept]
    alone = bool((classes[inside] == number).all()) and not bool((others == number).any())
    if number < 0 or not alone or bool((others == others[0]).all()):
        return None
    gaps = (x for x in given if not x.is_floating_point() and x.shape[:2] == classes.shape)
    if any(_has_gaps(x, kept, inside, classes) for x in gaps):
        return None
    return Left(number, int(inside.sum()), int(kept.sum()))


def _has_gaps(x: Tensor, kept: Tensor, inside: Tensor, classes: Tensor) -> bool:
    """Whether one token stands at most kept places and hardly anywhere else, and tells nothing of the class:
    one that stands for what is to be found.
    """
    for tokens in x.reshape(*classes.shape, -1).unbind(2):
        token = tokens[kept].mode().values
        under = classes[kept & (tokens == token)]
        elsewhere = float((tokens[inside] == token).double().mean())
        commonest = float((under == under.mode().values).double().mean())
        if len(under) >= HALF * int(kept.sum()) and elsewhere <= FEW and commonest <= HALF:
            return True
    return False
