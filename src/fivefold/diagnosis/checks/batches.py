"""Batches that come in order, come again, or are too small for batch norm."""

import math
from itertools import pairwise

import numpy as np
from scipy import stats
from torch import nn

from fivefold.diagnosis.checks.loss_level import draws_its_data, steps_of_one
from fivefold.diagnosis.checks.pictures import of_classes, of_means, of_numbers
from fivefold.diagnosis.checks.rules import keys_of
from fivefold.diagnosis.checks.seen import batch_size, within_updates
from fivefold.diagnosis.checks.whole import numbers_beside
from fivefold.diagnosis.finding import Confidence, Finding, Picture
from fivefold.diagnosis.observation.record import Record


def check_order(record: Record) -> list[Finding]:
    """Find batches that hold few classes each, or neighbouring values of a number: unshuffled data.

    Statistic: for classes, the chi-square test that all watched batches have the same shares, for each call
        of
    a loss by itself; for numbers, the F test that all have the same mean, for each target; without targets,
    that of the inputs along their first principal direction. Null: shuffled batches; found at p < 1e-6 with
    at least three batches and a strong effect (the most common class takes 0.3 more of its batch than of all,
    or half of what the others had; batches explain half the variance), so false
    alarms are below one in a million. Of tables, each column of
    the inputs is asked by itself (p < 1e-9; surer where neighbours within a batch are alike, too, with a
    correlation above 0.5: they are read in the order of the data). False alarms: batches that are meant to be
    alike inside (medium where inputs alone tell); columns that are the same throughout each batch, as a step
    of time drawn once for all, are left out.

    Where all watched batches hold one class alone and evaluations several, this is found (medium),
    since training may have no other.

    Args:
        record: What was seen.
    """
    steps = steps_of_one(record)
    longest = max((len(s.losses) for s in steps), default=0)
    counted = False
    for place in range(min(longest, 8)):
        calls = [s.losses[place].classes for s in steps if len(s.losses) > place]
        counts = [c for c in calls if len(c) >= 2]
        if len(counts) >= 3 and len({len(c) for c in counts}) == 1:
            counted = True
            found = _of_classes(np.array(counts, dtype=float))
            if found:
                return found
    found = _of_columns(record) or _of_one_class(record)
    if found or counted:
        return found
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
        column = told.index((explained, p))
        if p < 1e-6 and explained > 0.5:
            return [
                _ordered(
                    f"which batch an example is in explains {explained:.0%} of the variance of the targets "
                    f"(p = {p:.0e})",
                    "high",
                    of_means([b[:, column] for b in blocks], "the targets"),
                )
            ]
    return _of_inputs(record)


def _of_columns(record: Record) -> list[Finding]:
    """Whether a measured column of a table tells which batch an example is in."""
    if within_updates(record) or draws_its_data(record):
        return []
    blocks = [b.double().numpy() for b in numbers_beside(record.training_rows) if len(b) >= 8][:60]
    if len(blocks) < 5 or any(not np.isfinite(b).all() for b in blocks):
        return []
    best, told = (0.0, 1.0, 0.0, 0), 0
    for j in range(blocks[0].shape[1]):
        columns = [b[:, j] for b in blocks]
        # A number drawn once for each batch says nothing of the order of the examples.
        if np.mean([c.std() > 0 for c in columns]) < 0.8:
            continue
        explained, p = _explained(columns)
        told += explained > 0.5
        if p < 1e-9 and explained > best[0]:
            best = explained, p, _neighbours_alike(columns), j
    explained, p, alike, j = best
    if explained < 0.5:
        return []
    seen = f"which batch an example is in explains {explained:.0%} of the variance of input column {j} "
    seen += f"(p = {p:.0e})"
    if alike > 0.5:
        seen += f"; within a batch, the correlation of one example's with the next one's is {alike:.2f}"
    picture = of_means([b[:, j] for b in blocks], f"input column {j}")
    # Where all columns are smooth, these are windows of a series, which may be read along on purpose.
    series = 1 < blocks[0].shape[1] == told
    return [_ordered(seen, "high" if alike > 0.5 and explained > 0.6 and not series else "medium", picture)]


def _neighbours_alike(columns: list[np.ndarray]) -> float:
    """Correlation of a number with that of the next example, within batches."""
    a, b = (
        np.concatenate([(c - c.mean())[part] for c in columns]) for part in (slice(None, -1), slice(1, None))
    )
    size = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum() / size) if size > 0 else 0.0


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
    along = [(b - every.mean(0)) @ direction for b in blocks]
    explained, p = _explained(along)
    if p > 1e-6 or explained < 0.5:
        return []
    return [
        _ordered(
            f"which batch an example is in explains {explained:.0%} of the variance of the inputs along the "
            f"direction in which they vary most (p = {p:.0e})",
            "medium",
            of_means(along, "the inputs along that direction"),
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
    if p >= 1e-6 or inside <= overall + min(0.3, 0.5 * (1.0 - overall)):
        return []
    single = int((table.max(1) == table.sum(1)).sum())
    return [
        _ordered(
            f"{single} of {len(table)} watched batches hold a single class; on average the most common class "
            f"takes {inside:.0%} of its batch and {overall:.0%} of all (p = {p:.0e})",
            "high",
            of_classes(table),
        )
    ]


def _of_one_class(record: Record) -> list[Finding]:
    """Whether all watched batches hold one and the same class, and evaluations several: with their shares, n
    labels drawn at random are all of it with probability share^n, and p < 1e-6 is asked for.
    """
    calls = [s.losses[0] for s in record.steps if s.losses and len(s.losses[0].classes) >= 2]
    held = [c.classes for e in record.evaluations for c in e.losses if len(c.classes) >= 2]
    if len(calls) < 3 or any(len(c.classes) != len(calls[0].classes) for c in calls):
        return []
    table, size = np.sum([c.classes for c in calls], 0), len(calls[0].classes)
    shown = np.sum([(0,) * size, *(c for c in held if len(c) == size)], 0)
    top = int(table.argmax())
    if np.count_nonzero(table) != 1 or shown.sum() < 50 or np.count_nonzero(shown) < 2:
        return []
    share = float(shown[top]) / float(shown.sum())
    if table.sum() * math.log(max(share, 1e-9)) > math.log(1e-6):
        return []
    return [
        _ordered(
            f"all {int(table.sum())} labels of {len(calls)} watched batches are of class {top}, which "
            f"{share:.0%} of the evaluations' labels are of",
            "medium",
            of_classes(np.array([c.classes for c in calls], dtype=float)),
        )
    ]


def _ordered(evidence: str, confidence: Confidence, picture: Picture) -> Finding:
    return Finding(
        "data.ordered",
        "the batches are not shuffled",
        evidence,
        confidence,
        "the data are sorted by target and batches are cut in order: every update forgets the others",
        "shuffle: DataLoader(..., shuffle=True), or a new torch.randperm each epoch",
        picture=picture,
    )


def check_repeats(record: Record) -> list[Finding]:
    """Find few examples that are trained on again and again.

    Statistics: the number of distinct examples among those of all watched updates, beside the number of
    distinct ones that an evaluation shows; the share of watched batches of which an equal one came so few
    updates before that no pass through the other examples lies between. Null: batches differ, and an example
    comes once in a pass, so that the second is 0, however the passes are drawn. False alarms: all data in one
    batch on purpose (left out where an evaluation shows no more examples than the batch has, or the batch has
    more than 512); several updates on each batch on purpose (fewer than twelve, left out); examples of which
    the model is given more than the first tensor, and single numbers that name things, are left out; learning
    from few examples on purpose, hence medium where they fill five batches or more.

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
    found = _again(record)
    if found:
        return found
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
            "high" if distinct < FEW_BATCHES * len(rows[0]) else "medium",
            "one batch is taken outside the loop, the sampler draws from a part of the data only, or it "
            "starts anew each time",
            "draw from all training examples, and take a new batch in every pass through the loop",
            picture=of_numbers(
                "Examples that were trained on, the distinct ones among them, and those of an evaluation",
                "examples",
                {"trained on": seen, "distinct ones": distinct, "in an evaluation": shown},
                (seen / 4, "distinct from here on"),
                logarithmic=True,
            ),
        )
    ]


FEW_BATCHES = 5
"""Batches' worth of distinct examples from which on they may be all that there are."""

LONG_RUN = 12
"""Updates on one batch beyond which it is no method."""


def _again(record: Record) -> list[Finding]:
    """Whether whole batches come again, for many updates, before the others have come."""
    rows = record.training_rows
    agent = within_updates(record) or draws_its_data(record)
    if len(rows.inputs) < 12 or agent or "LBFGS" in record.optimizers:
        return []
    came: dict[bytes, list[int]] = {}
    seen: set[bytes] = set()
    for block, step in zip(rows.inputs, rows.steps, strict=True):
        keys = keys_of(block.reshape(len(block), -1).double().numpy())
        if len(set(keys)) < 4:
            return []
        seen.update(keys)
        came.setdefault(b"".join(sorted(keys)), []).append(step)
    size = len(rows.inputs[0])
    # In passes through m examples, an equal batch comes m / size updates later at the earliest.
    early = [[b for a, b in pairwise(steps) if 0 < 2 * (b - a) * size < len(seen)] for steps in came.values()]
    share = sum(map(len, early)) / len(rows.inputs)
    longest = max((_run(steps, set(e)) for steps, e in zip(came.values(), early, strict=True)), default=0)
    if len(came) < 3 or len(seen) < 3 * size or share < 0.25 or longest < LONG_RUN:
        return []
    return [
        Finding(
            "data.repeated",
            "whole batches come again and again before others do",
            f"{share:.0%} of {len(rows.inputs)} watched batches equal one of few updates before, though "
            f"{len(seen)} examples were seen in all; one was trained on for {longest} updates or more",
            "high",
            "the batch does not depend on the counter of the inner loop, or is drawn once for each pass",
            "cut a new batch from the shuffled order in every pass through the inner loop",
            picture=Picture(
                "Updates since an equal batch was trained on",
                "update",
                "updates since",
                {
                    "since an equal batch": tuple(
                        sorted(
                            (float(b), float(b - a))
                            for each in came.values()
                            for a, b in pairwise(each)
                            if b > a
                        )
                    )
                },
                (len(seen) / (2 * size), "more, in passes through all"),
                logarithmic=True,
            ),
        )
    ]


def _run(steps: list[int], early: set[int]) -> int:
    """Updates from the first to the last of those that come soon after each other."""
    longest, begun = 0, steps[0]
    for step in steps:
        begun = begun if step in early else step
        longest = max(longest, step - begun + 1)
    return longest


def check_batch_norm(record: Record) -> list[Finding]:
    """Find batch norm over too few examples.

    Statistic: examples (times positions) over which batch norm averages in training. Null: at least 16; the
    error of a batch's mean is its spread over the root of their number. False alarms: momentum-free
    statistics tuned for small batches; layers of a frozen trunk, which are left out.

    Args:
        record: What was seen.
    """
    n = batch_size(record)
    norms = [
        m
        for _, m in record.modules()
        if isinstance(m, nn.modules.batchnorm._BatchNorm) and (m.weight is None or m.weight.requires_grad)
    ]
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
            picture=of_numbers(
                "Error of a batch's mean, beside that of batches of 16",
                "of the spread of the numbers",
                {f"batches of {m}": 1 / math.sqrt(m) for m in (n, 16, 64)},
                (1 / math.sqrt(16), "small enough up to here"),
            ),
        )
    ]
