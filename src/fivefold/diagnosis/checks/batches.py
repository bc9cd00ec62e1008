"""Batches that come in order, are all the same, or are too small for batch norm."""

import math

import numpy as np
from scipy import stats
from torch import nn

from fivefold.diagnosis.checks.seen import batch_size, losses_of
from fivefold.diagnosis.finding import Finding, Picture
from fivefold.diagnosis.observation.record import Record


def check_order(record: Record) -> list[Finding]:
    """Find batches that hold few classes each, or neighbouring values of a number: unshuffled data.

    Statistic: for classes, the chi-square test that all watched batches have the same shares; for numbers,
    the F test that all have the same mean. Null: shuffled batches; found at p < 1e-6 with at least three
    batches and a strong effect (the most common class takes 0.3 more of its batch than of all; batches
    explain half the variance), so false alarms are below one in a million.

    Args:
        record: What was seen.
    """
    counts = [c.classes for s in record.steps for c in s.losses[-1:] if len(c.classes) >= 2]
    if len(counts) >= 3 and len({len(c) for c in counts}) == 1:
        table = np.array(counts, dtype=float)
        table = table[table.sum(1) >= 4][:, table.sum(0) > 0]
        if table.shape[0] >= 3 and table.shape[1] >= 2:
            p = float(stats.chi2_contingency(table).pvalue)
            inside = float((table.max(1) / table.sum(1)).mean())
            overall = float(table.sum(0).max() / table.sum())
            if p < 1e-6 and inside > overall + 0.3:
                single = int((table.max(1) == table.sum(1)).sum())
                evidence = (
                    f"{single} of {len(table)} watched batches hold a single class; on average the most "
                    "common "
                    f"class takes {inside:.0%} of its batch and {overall:.0%} of all (p = {p:.0e})"
                )
                return [_ordered(evidence)]
        return []
    blocks = [
        t.double().reshape(-1).numpy()
        for t in record.training_rows.targets
        if t is not None and t.is_floating_point() and t.reshape(len(t), -1).shape[1] == 1 and len(t) >= 4
    ]
    if len(blocks) >= 3:
        f = stats.f_oneway(*blocks)
        every = np.concatenate(blocks)
        within = sum(((b - b.mean()) ** 2).sum() for b in blocks)
        explained = 1.0 - within / max(((every - every.mean()) ** 2).sum(), 1e-300)
        if f.pvalue < 1e-6 and explained > 0.5:
            return [
                _ordered(
                    f"which batch an example is in explains {explained:.0%} of the variance of the targets "
                    f"(p = {f.pvalue:.0e})"
                )
            ]
    return []


def _ordered(evidence: str) -> Finding:
    return Finding(
        "data.ordered",
        "the batches are not shuffled",
        evidence,
        "high",
        "the data are sorted by target and batches are cut in order: every update forgets the others",
        "shuffle: DataLoader(..., shuffle=True), or a new torch.randperm each epoch",
    )


def check_repeats(record: Record) -> list[Finding]:
    """Find few examples that are trained on again and again.

    Statistic: the number of distinct examples among those of all watched updates, beside the number that an
    evaluation shows. Null: batches differ. False alarms: all data in one batch on purpose (left out where an
    evaluation shows no more examples than the batch has, or the batch has more than 512).

    Args:
        record: What was seen.
    """
    rows = record.training_rows.inputs
    if len(rows) < 3 or record.count < 3:
        return []
    shown = max((e.rows for e in record.evaluations), default=0)
    flat = [b.reshape(len(b), -1).double().numpy() for b in rows if b.shape[1:] == rows[0].shape[1:]]
    seen = sum(len(b) for b in flat)
    distinct = len(np.unique(np.concatenate(flat), axis=0))
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

    Statistic: the share of the most common class in the watched batches, and the evaluation's share right
    beside it. Null: shares within ten times of each other. False alarms: rare events that are judged as such.

    Args:
        record: What was seen.
    """
    counts = [np.array(c.classes, dtype=float) for c in losses_of(record) if len(c.classes) >= 2]
    counts = [c for c in counts if len(c) == len(counts[0])]
    if not counts:
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
    return [
        Finding(
            "imbalance.classes",
            "one class takes most of the training examples",
            f"class {int(share.argmax())} takes {share.max():.0%} of the examples seen, the rarest "
            f"{present.min():.1%}",
            "high" if share.max() > 0.85 else "medium",
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
