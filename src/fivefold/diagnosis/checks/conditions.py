"""Numbers given beside the inputs (a level of noise, a time) that are others where a model is evaluated."""

from collections.abc import Sequence

import numpy as np

from fivefold.diagnosis.checks.pictures import of_pairs
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record, Rows

LEAST_ROWS = 100
FAR = 0.5
"""How far beyond what training shows, in widths of its range, a number of evaluation is of no drift."""


def check_conditions(record: Record) -> list[Finding]:
    """Find models that are told, beside the inputs, numbers of another range than in training.

    Where each example comes with a number of its own. Statistic: the share of the evaluated blocks whose
    middle number is beyond the range of training's, [a, b], by half of its width b - a or more. Null: of n
    numbers of one population with another one, the chance that this is outside at all is 2 / (n + 1), below
    2% from 100 rows on; that half of several blocks are is that chance to a power. A trend (later times in
    evaluation) goes beyond the range by less than its width. Found from half of the blocks on, and high
    where all training numbers lie on one side of all of evaluation's, or where three blocks or more are
    outside. Silent where the inputs have another shape, where training has one number only, and for vectors
    that begin at 0 and never fall (which graph a node belongs to). False alarms: a network that is tested
    beyond what it was trained on, on purpose.

    Args:
        record: What was seen.
    """
    training, held = record.training_rows, record.evaluation_rows
    for place in range(len(training.numbers[0]) if training.numbers else 0):
        found = _beyond(training, held, place)
        if found:
            return found
    return []


def _beyond(training: Rows, held: Rows, place: int) -> list[Finding]:
    shape = training.inputs[0].shape[1:]
    own, other = _numbers(training, shape, place), _numbers(held, shape, place)
    if not other or sum(map(len, own)) < LEAST_ROWS or _indices(own) or _indices(other):
        return []
    x = np.concatenate(own)
    low, high = float(x.min()), float(x.max())
    width = high - low
    middles = np.array([float(np.median(block)) for block in other])
    outside = (middles > high + FAR * width) | (middles < low - FAR * width)
    if not width > 0 or outside.mean() < 0.5:
        return []
    e = np.concatenate(other)
    apart = float(e.min()) > high or float(e.max()) < low
    return [
        Finding(
            "data.preparation",
            "the number that comes with each input is of another range where the model is evaluated",
            f"beside the inputs, training gives numbers from {low:.3g} to {high:.3g} ({len(x)} examples), "
            f"evaluations from {float(e.min()):.3g} to {float(e.max()):.3g}: {int(outside.sum())} of "
            f"{len(middles)} evaluated batches are beyond what training shows by half of its range or more",
            "high" if apart or outside.sum() >= 3 else "medium",
            "a time, a level of noise or another condition is scaled in one of the two only, or training "
            "draws it from a part of its range",
            "give it in the same units in both, and draw it in training from all that is asked for later",
            picture=of_pairs(
                "Numbers given beside the inputs: alike in both where nothing is wrong",
                "number",
                {
                    name: (float(np.quantile(x, q)), float(np.quantile(e, q)))
                    for name, q in (("least", 0.0), ("middle", 0.5), ("largest", 1.0))
                },
                ("training", "evaluation"),
            ),
        )
    ]


def _numbers(rows: Rows, shape: tuple[int, ...], place: int) -> list[np.ndarray]:
    """The vectors at one place of the blocks whose inputs have a shape."""
    return [
        np.asarray(numbers[place].double().numpy())
        for block, numbers in zip(rows.inputs, rows.numbers, strict=False)
        if block.shape[1:] == shape and len(numbers) > place and len(numbers[place])
    ]


def _indices(blocks: Sequence[np.ndarray]) -> bool:
    """Whether they count up from 0, as a graph's number at each of its nodes, or are not finite."""
    counting = all(b[0] == 0 and bool((np.diff(b) >= 0).all()) for b in blocks if len(b) > 1)
    return counting or not all(np.isfinite(b).all() for b in blocks)
