"""Targets that a mask made zero in training, and that are whole where the model is evaluated."""

import math

import torch
from torch import Tensor

from fivefold.diagnosis.checks.pictures import of_pairs
from fivefold.diagnosis.checks.seen import losses_of, within_updates
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record, Rows

LEAST_ROWS, LEAST_NUMBERS = 32, 4
ZERO = 0.1
RARE = math.log(1e-9)


def check_zeroed_targets(record: Record) -> list[Finding]:
    """Find targets of numbers that are 0 at many places in training, and never where they are evaluated.

    Of targets of four numbers or more an example. Statistic: the share a of the training examples of which a
    tenth of the numbers or more, and not all, is exactly 0, and the same of m evaluation examples. Null: of
    one population, that none of the latter is so has the probability (1 - a)^m, found below 1e-9 where fewer
    than one number of a thousand is 0 in evaluation. A mask that belongs to the loss leaves the targets
    whole. False alarms: targets that are 0 for some kinds of examples alone which evaluations leave out
    (medium).

    Args:
        record: What was seen.
    """
    if within_updates(record):
        return []
    own, held = _targets(record.training_rows), _targets(record.evaluation_rows)
    if own is None or held is None or own.shape[1] != held.shape[1]:
        return []
    zero, other = (own == 0).double().mean(1), (held == 0).double().mean(1)
    share = float(((zero >= ZERO) & (zero < 1)).double().mean())
    if not share > 0 or float(other.mean()) > 1e-3 or bool((other >= ZERO).any()):
        return []
    if len(held) * math.log1p(-min(share, 1 - 1e-9)) > RARE or float(zero.mean()) < ZERO:
        return []
    calls = losses_of(record)
    return [
        Finding(
            "mask.one-sided",
            "targets are made zero in training and are whole where the model is evaluated",
            f"{float(zero.mean()):.0%} of the numbers in {len(own)} training targets are exactly 0 (in "
            f"{share:.0%} of the examples a tenth of them or more), {float(other.mean()):.1%} of those in "
            f"{len(held)} targets of evaluations",
            "medium",
            "a mask is multiplied into what the targets are made from, in training alone: the model learns "
            "to give 0 there",
            "leave the targets whole, and take what is not to count out of the loss; or mask both sides",
            place=calls[-1].place if calls else None,
            picture=of_pairs(
                "Numbers of the targets that are exactly 0: as many in both where nothing is wrong",
                "share of the numbers",
                {"exactly 0": (float(zero.mean()), float(other.mean()))},
                ("training", "evaluation"),
            ),
        )
    ]


def _targets(rows: Rows) -> Tensor | None:
    """Targets [n, k] of numbers that are floats, where there are enough."""
    known = [t for t in rows.targets if t is not None and t.is_floating_point() and t.ndim >= 2 and len(t)]
    blocks = [t.reshape(len(t), -1) for t in known]
    blocks = [b for b in blocks if b.shape[1] == blocks[0].shape[1]]
    if sum(map(len, blocks)) < LEAST_ROWS or blocks[0].shape[1] < LEAST_NUMBERS:
        return None
    return torch.cat(blocks)
