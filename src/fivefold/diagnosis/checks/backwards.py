"""Targets that run backwards in time."""

import torch
from torch import Tensor

from fivefold.diagnosis.checks.loss_masks import targets_and_masks
from fivefold.diagnosis.checks.pictures import of_shares
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import Tape

LEAST_LENGTHS = 3
LEAST_ENDED = 20
HALF = 0.5


def check_backwards(record: Record) -> list[Finding]:
    """Find targets of sequences in the reverse of the order that the mask of their loss has.

    Statistic, where a mask keeps the first steps of each sequence: the share of the sequences which end early
    whose targets after the end are all one number, the filling, as given, and with the targets turned round
    in time. Null: what comes after the end of a sequence is filled up, as given. Found where, of 20
    such sequences or more, in passes with three lengths or more, all are when turned round, and at most half
    as given: targets that do not go with the mask do so less than once in 2^20. False alarms: sequences that
    are to be reproduced backwards.

    Args:
        record: What was seen.
    """
    found = [f for tape in record.tapes if tape.playable and (f := _filled(tape)) is not None]
    ended = sum(each[2] for each in found)
    if ended < LEAST_ENDED:
        return []
    given, turned = (sum(each[side] for each in found) / ended for side in (0, 1))
    if turned < 1.0 or given > HALF:
        return []
    return [
        Finding(
            "loss.backwards",
            "the targets run backwards in time",
            f"of {ended} sequences that end early, by the mask of the loss, {given:.0%} have targets that "
            f"are filled up after the end, and {turned:.0%} when the targets are turned round in time, in "
            f"{len(found)} watched passes",
            "high",
            "targets that were summed up from the end, such as the returns of rewards, were not turned back: "
            "the first step has the target of the last",
            "turn them round: torch.stack(returns).flip(0), or returns.insert(0, ...) instead of append",
            picture=of_shares(
                "Sequences whose targets are filled up after their end: all as given where nothing is wrong",
                "share of the sequences that end early",
                {"as given": given, "turned round": turned},
                (HALF, "at most, as given, where found"),
            ),
        )
    ]


def _filled(tape: Tape) -> tuple[int, int, int] | None:
    """How many of the sequences that end early are filled up, as given and turned, and how many end early."""
    targets, masks = targets_and_masks(tape)
    for y in targets:
        for mask in masks:
            if y.ndim < 2 or mask.shape != y.shape:
                continue
            for axis in (0, 1):
                kept = (mask != 0).movedim(axis, 0).flatten(1)
                first = bool((kept.long().diff(dim=0) <= 0).all())
                lengths = kept.sum(0)
                ended = lengths < len(kept)
                if not first or len(torch.unique(lengths)) < LEAST_LENGTHS:
                    continue
                return _shares(y.movedim(axis, 0).flatten(1)[:, ended], kept[:, ended])
    return None


def _shares(y: Tensor, kept: Tensor) -> tuple[int, int, int]:
    turned = y.flip(0)
    filling = turned[~kept].mode().values
    given, other = (int((kept | (side == filling)).all(0).sum()) for side in (y, turned))
    return given, other, y.shape[1]
