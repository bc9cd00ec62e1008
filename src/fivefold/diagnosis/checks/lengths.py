"""Sequences whose lengths are those of other targets of their batch."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from fivefold.diagnosis.checks.loss_masks import targets_and_masks
from fivefold.diagnosis.checks.pictures import of_shares
from fivefold.diagnosis.checks.probes import given_tensors
from fivefold.diagnosis.checks.seen import losses_of
from fivefold.diagnosis.checks.tags import check_tags
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import Tape

LEAST_ROWS = 6
LEAST_BEYOND = 10
LEAST_WIDTHS = 3
INSIDE = 0.02


class Lengths(NamedTuple):
    """Of each row of a batch, how long it is up to its padding.

    Attributes:
        inputs: That of the sequence, [n].
        targets: That of its targets, [n].
        width: Places of a row.
    """

    inputs: np.ndarray
    targets: np.ndarray
    width: int


def check_lengths(record: Record) -> list[Finding]:
    """Find batches whose targets lie in another order than their sequences, by the lengths of both.

    Statistics, where a sequence and its targets are filled up to one width at their ends: the rows whose
    targets have another length than the sequence, though the lengths of the batch are the same once both are
    sorted; and, where a target may end before its sequence does, the rows whose targets go on where the
    sequence has ended, though none does once both are sorted. Null: 0 rows. The first is found where every
    watched batch has the same lengths on both sides and four of them, in other rows: lengths drawn apart
    would agree in none. The second where in all batches together as many rows as half of those that pairs
    drawn at random would have (10 or more) go on, none once both are sorted, and both have one width that
    changes between batches, as texts and their translations have not. False alarms: none that are known.

    Args:
        record: What was seen.
    """
    of_tapes = [told for tape in record.tapes if (told := _of_tape(tape)) is not None]
    other = bool(of_tapes) and all(_other_rows(told) for told in of_tapes)
    seen = of_tapes
    if not other:
        seen = _of_rows(record)
        if not _beyond_their_rows(seen):
            return []
    if check_tags(record):
        return []
    apart = [float(np.mean(b != a if other else b > a)) for a, b, _ in seen]
    calls = losses_of(record)
    what = (
        f"targets of {np.mean(apart):.0%} of the rows have another length than their sequence"
        if other
        else f"targets of {np.mean(apart):.1%} of the rows go on where their sequence has ended"
    )
    return [
        Finding(
            "labels.unrelated",
            "sequences and targets are in different orders within their batch",
            f"{what}, in {len(seen)} batches; with both sorted by length, none does",
            "high",
            "one of the two was sorted by length, or shuffled, when the batch was made",
            "reorder sequences, lengths and targets by the same index, or leave them (enforce_sorted=False)",
            place=calls[-1].place if calls else None,
            picture=of_shares(
                "Rows whose targets do not fit the length of their sequence: none where nothing is wrong",
                "share of the rows",
                {f"batch {i + 1}": share for i, share in enumerate(apart[-8:])},
                (0.0, "none"),
            ),
        ),
        Finding(
            "batch.mixed",
            "or: the rows of a batch change places on their way to the model",
            "the same evidence: a batch that is sorted by length before the model looks alike from inside it",
            "low",
            "the batch is sorted or reshaped after it was made, and the output is not put back",
            "put outputs back in the order of the targets before the loss, or reorder these too",
        ),
    ]


def _of_tape(tape: Tape) -> Lengths | None:
    """Lengths of the batch of a watched pass; ``None`` where they are not known."""
    for entry in tape.entries[:1]:
        for x in given_tensors(entry):
            for y in targets_and_masks(tape)[0]:
                if x.ndim >= 2 and y.numel() == x.shape[0] * x.shape[1] and y.ndim <= 2:
                    told = _lengths(x, y.reshape(x.shape[:2]))
                    if told is not None:
                        return told
    return None


def _of_rows(record: Record) -> list[Lengths]:
    rows = record.training_rows
    return [
        told
        for x, y in zip(rows.inputs, rows.targets, strict=True)
        if y is not None and x.ndim >= 2 and y.shape == x.shape[:2] and (told := _lengths(x, y)) is not None
    ]


def _lengths(x: Tensor, y: Tensor) -> Lengths | None:
    """Of sequences [n, t, ...] and targets [n, t]; ``None`` where the former are not filled up."""
    if len(x) < LEAST_ROWS or x.shape[1] < 2:
        return None
    a = _without_end(x.detach().reshape(*x.shape[:2], -1).cpu(), inside=INSIDE)
    b = _without_end(y.detach()[:, :, None].cpu())
    return None if a is None or b is None else Lengths(a, b, x.shape[1])


def _without_end(x: Tensor, *, inside: float = 1e9) -> np.ndarray | None:
    """Places [n] of rows [n, t, d] before the run of the commonest last vector.

    ``None`` where a row is nothing else, or where the vector is elsewhere more often than this share of those
    runs: then it is no padding.
    """
    vectors, counts = torch.unique(x[:, -1], dim=0, return_counts=True)
    same = (x == vectors[counts.argmax()]).all(2)
    run = same.flip(1).long().cumprod(1).sum(1)
    elsewhere = int(same.sum()) - int(run.sum())
    if bool(same.all(1).any()) or elsewhere > inside * int(run.sum()):
        return None
    return np.asarray(x.shape[1] - run)


def _other_rows(told: Lengths) -> bool:
    """Whether lengths are the same on both sides, four or more of them, and in other rows."""
    a, b = np.sort(told.inputs), np.sort(told.targets)
    return bool((a == b).all() and len(np.unique(a)) >= 4 and (told.inputs != told.targets).any())


def _beyond_their_rows(seen: list[Lengths]) -> bool:
    """Whether targets go on where their sequences end, about as often as in rows paired at random."""
    if len({told.width for told in seen}) < LEAST_WIDTHS:
        return False
    if any((np.sort(told.targets) > np.sort(told.inputs)).any() for told in seen):
        return False
    beyond = sum(int((told.targets > told.inputs).sum()) for told in seen)
    by_chance = sum(float((told.targets[:, None] > told.inputs[None]).mean(1).sum()) for told in seen)
    return beyond >= max(LEAST_BEYOND, 0.5 * by_chance)
