"""Batches that come in order, are all the same, or are too small for batch norm."""

import math

import numpy as np
from scipy import stats
from torch import nn

from fivefold.diagnosis.checks.seen import batch_size, losses_of
from fivefold.diagnosis.finding import Confidence, Finding, Picture
from fivefold.diagnosis.observation.calls import OF_CLASSES
from fivefold.diagnosis.observation.record import Record


def check_order(record: Record) -> list[Finding]:
    """Find batches that hold few classes each, or neighbouring values of a number: unshuffled data.

    Statistic: for classes, the chi-square test that all watched batches have the same shares, for each call
        of
    a loss by itself; for numbers, the F test that all have the same mean, for each target; without targets,
    that of the inputs along their first principal direction. Null: shuffled batches; found at p < 1e-6 with
    at least three batches and a strong effect (the most common class takes 0.3 more of its batch than of all;
    batches explain half the variance), so false alarms are below one in a million. False alarms: batches that
    are meant to be alike inside (medium where inputs alone tell).

    Args:
        record: What was seen.
    """
    longest = max((len(s.losses) for s in record.steps), default=0)
    counted = False
    for place in range(min(longest, 8)):
        calls = [s.losses[place].classes for s in record.steps if len(s.losses) > place]
        counts = [c for c in calls if len(c) >= 2]
        if len(counts) >= 3 and len({len(c) for c in counts}) == 1:
            counted = True
            found = _of_classes(np.array(counts, dtype=float))
            if found:
                return found
    if counted:
        return []
    rows = record.training_rows
    known = [
        (t.double().reshape(len(t), -1).numpy(), b)
        for t, b in zip(rows.targets, rows.inputs, strict=True)
        if t is not None and t.is_floating_point() and len(t) >= 4
    ]
    blocks = [t for t, _ in known if t.shape[1] == known[0][0].shape[1]]
    if len(blocks) >= 3 and blocks[0].shape[1] <= 64:
        told = [_explained([b[:, j] for b in blocks]) for j in range(blocks[0].shape[1])]
        explained, p = max(told, key=lambda each: each[0])
        if p < 1e-6 and explained > 0.5:
            return [
                _ordered(
                    f"which batch an example is in explains {explained:.0%} of the variance of the targets "
                    f"(p = {p:.0e})",
                    "high",
                )
            ]
    return _of_inputs(record)


def _of_inputs(record: Record) -> list[Finding]:
    """Whether batches differ in their inputs, along the direction in which these vary most."""
    rows = record.training_rows.inputs
    shape = rows[0].shape[1:] if rows else ()
    blocks = [
        b.double().reshape(len(b), -1).numpy()
        for b in rows
        if b.is_floating_point() and b.shape[1:] == shape and len(b) >= 8 and b.ndim >= 2
    ][:60]
    if len(blocks) < 5 or not 8 <= blocks[0].shape[1] <= 4096:
        return []
    every = np.concatenate(blocks)
    centred = every - every.mean(0)
    # One direction, from a sketch of the rows: exact principal directions are not needed.
    direction = centred[:: max(1, len(centred) // 256)]
    direction = np.linalg.svd(direction, full_matrices=False)[2][0]
    explained, p = _explained([(b - every.mean(0)) @ direction for b in blocks])
    if p > 1e-6 or explained < 0.5:
        return []
    return [
        _ordered(
            f"which batch an example is in explains {explained:.0%} of the variance of the inputs along the "
            f"direction in which they vary most (p = {p:.0e})",
            "medium",
        )
    ]


def _explained(blocks: list[np.ndarray]) -> tuple[float, float]:
    """Share of the variance that lies between blocks, and the p-value of the F test."""
    every = np.concatenate(blocks)
    total = float(((every - every.mean()) ** 2).sum())
    if total <= 1e-12 * max(1.0, float((every**2).sum())):
        return 0.0, 1.0
    within = sum(float(((b - b.mean()) ** 2).sum()) for b in blocks)
    # The share is made up for the part that chance explains.
    k, n = len(blocks), len(every)
    explained = 1.0 - (within / max(n - k, 1)) / (total / (n - 1))
    ratio = ((total - within) / (k - 1)) / max(within / max(n - k, 1), 1e-300)
    return explained, float(stats.f.sf(ratio, k - 1, max(n - k, 1)))


def _of_classes(table: np.ndarray) -> list[Finding]:
    table = table[table.sum(1) >= 4][:, table.sum(0) > 0]
    if table.shape[0] < 3 or table.shape[1] < 2:
        return []
    p = float(stats.chi2_contingency(table).pvalue)
    inside = float((table.max(1) / table.sum(1)).mean())
    overall = float(table.sum(0).max() / table.sum())
    if p >= 1e-6 or inside <= overall + 0.3:
        return []
    single = int((table.max(1) == table.sum(1)).sum())
    return [
        _ordered(
            f"{single} of {len(table)} watched batches hold a single class; on average the most common class "
            "takes "
            f"{inside:.0%} of its batch and {overall:.0%} of all (p = {p:.0e})",
            "high",
        )
    ]


def _ordered(evidence: str, confidence: Confidence) -> Finding:
    return Finding(
        "data.ordered",
        "the batches are not shuffled",
        evidence,
        confidence,
        "the data are sorted by target and batches are cut in order: every update forgets the others",
        "shuffle: DataLoader(..., shuffle=True), or a new torch.randperm each epoch",
    )


def check_repeats(record: Record) -> list[Finding]:
    """Find few examples that are trained on again and again.

    Statistic: the number of distinct examples among those of all watched updates, beside the number of
    distinct ones that an evaluation shows. Null: batches differ. False alarms: all data in one batch on
    purpose (left out where an
    evaluation shows no more examples than the batch has, or the batch has more than 512); examples of which
    the
    model is given more than the first tensor, and single numbers that name things, are left out.

    Args:
        record: What was seen.
    """
    rows = record.training_rows.inputs
    if len(rows) < 3 or record.count < 3:
        return []
    if not rows[0].is_floating_point() and rows[0][0].numel() < 8:
        return []  # users, items, states: there are few of them, and many pairs
    shown = max((e.rows for e in record.evaluations), default=0)
    flat = [b.reshape(len(b), -1).double().numpy() for b in rows if b.shape[1:] == rows[0].shape[1:]]
    seen = sum(len(b) for b in flat)
    distinct = len(np.unique(np.concatenate(flat), axis=0))
    # Where there are few different examples at all, as states of a small game, an evaluation shows few, too.
    held = record.evaluation_rows.inputs
    other = [b.reshape(len(b), -1).double().numpy() for b in held if b.shape[1:] == rows[0].shape[1:]]
    if other:
        shown = min(shown, len(np.unique(np.concatenate(other), axis=0)))
    # Drawing K of M examples gives about M (1 - exp(-K / M)) distinct ones: of four times as many draws
    # nearly all.
    if (
        seen < 4 * distinct
        or distinct > 512
        or 2 * distinct >= shown
        or distinct * 4 > record.count * len(rows[0])
    ):
        return []
    return [
        Finding(
            "data.repeated",
            "the updates see the same few examples again and again",
            f"{seen} examples of {len(flat)} watched batches hold {distinct} distinct ones; an evaluation "
            f"shows {shown}",
            "high",
            "one batch is taken outside the loop, the sampler draws from a part of the data only, or it "
            "starts anew each time",
            "draw from all training examples, and take a new batch in every pass through the loop",
        )
    ]


def check_batch_norm(record: Record) -> list[Finding]:
    """Find batch norm over too few examples.

    Statistic: examples (times positions) over which batch norm averages in training. Null: at least 16; the
    error of a batch's mean is its spread over the root of their number. False alarms: momentum-free
    statistics tuned for small batches.

    Args:
        record: What was seen.
    """
    n = batch_size(record)
    norms = [m for _, m in record.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    if not norms or not 0 < n <= 8:
        return []
    flat = any(isinstance(m, nn.BatchNorm1d) for m in norms)
    return [
        Finding(
            "normalisation.small-batch",
            "the batch is too small for batch norm",
            f"{len(norms)} layers of batch norm average over batches of {n}: the error of a mean is "
            f"{1 / math.sqrt(n):.0%} of the spread",
            "high" if n <= 4 and flat else "medium",
            "statistics of so few examples are mostly noise, and differ from those used in evaluation",
            "use larger batches, or GroupNorm or LayerNorm",
        )
    ]


def check_imbalance_of_classes(record: Record) -> list[Finding]:
    """Find classes that are rare in training.

    Statistic: the share of the most common class in the watched batches, and of the rarest, beside their
    shares in evaluations. Null: shares within fifteen times of each other. False alarms: rare events that are
    judged as such: where evaluations are as uneven, or none shows labels, the confidence is medium; where the
    loss weighs classes, nothing is said.

    Args:
        record: What was seen.
    """
    calls = [
        c
        for c in losses_of(record)
        if len(c.classes) >= 2
        and "weighted" not in c.settings
        and (c.function in OF_CLASSES or math.prod(c.target.shape) == max(c.target.shape, default=0))
    ]
    counts = [np.array(c.classes, dtype=float) for c in calls]
    counts = [c for c in counts if len(c) == len(counts[0])]
    if not counts and not losses_of(record):
        # A loss written by hand: a vector of zeros and ones that meets the output.
        n = batch_size(record)
        counts = [np.array([n * (1 - s.shares), n * s.shares]) for s in record.steps if s.shares is not None]
    if not counts:
        return []
    total = np.sum(counts, 0)
    share = total / total.sum()
    present = share[share > 0]
    if total.sum() < 100 or len(share) > 50 or len(present) < 2:
        return []
    ratio = float(share.max() / present.min())
    if share.max() < 0.75 and ratio < 15.0:
        return []
    held = _in_evaluations(record, len(share))
    uneven = float("nan") if held is None else float(held[int(share.argmax())])
    evidence = f"class {int(share.argmax())} takes {share.max():.0%} of the examples seen"
    evidence += f", the rarest {present.min():.1%}"
    if held is not None:
        evidence += f"; in evaluations the former takes {uneven:.0%}"
    shifted = held is not None and share.max() - uneven > 0.15
    return [
        Finding(
            "imbalance.classes",
            "one class takes most of the training examples",
            evidence,
            "high" if shifted or (held is None and share.max() > 0.95) else "medium",
            "the loss is least where rare classes are ignored",
            "weigh the classes in the loss (weight=, pos_weight=) or sample them evenly "
            "(WeightedRandomSampler)",
            picture=Picture(
                "Share of the classes",
                "class",
                "share",
                {"share": tuple((float(i), float(v)) for i, v in enumerate(share))},
                bars=True,
                names=tuple(str(i) for i in range(len(share))),
            ),
        )
    ]


def _in_evaluations(record: Record, classes: int) -> np.ndarray | None:
    """Shares of the classes in evaluations; ``None`` where none shows labels of as many classes."""
    total = np.zeros(classes)
    for e in record.evaluations:
        seen = list(e.classes) or next((list(c.classes) for c in e.losses if len(c.classes) >= 2), [])
        if 2 <= len(seen) <= classes:
            total[: len(seen)] += seen
    return total / total.sum() if total.sum() >= 50 else None
