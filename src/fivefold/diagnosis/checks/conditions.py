"""Numbers given beside the inputs (a level of noise, a time) that are others where a model is evaluated."""

from collections.abc import Sequence

import numpy as np

from fivefold.diagnosis.checks.pictures import of_numbers, of_pairs
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record, Rows

LEAST_ROWS = 100
FAR = 0.5
"""How far beyond what training shows, in widths of its range, a number of evaluation is of no drift."""
LEAST_OF_EACH, LEAST_NUMBERS = 12, 16
TIMES = 3.0


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


def check_sizes(record: Record) -> list[Finding]:
    """Find inputs whose size follows from the number that comes with them, as of noise on another scale.

    Statistic: the root mean square of the numbers of an input that are not 0 (padding is), its median over
    the quarter of the training examples with the smallest numbers beside, and over that with the largest.
    Null: inputs of one scale have the same in both, with an error of a few hundredths; mixtures of a signal
    and of noise whose squares sum to one keep it where both have the scale of one. Found where one is three
    times the other and at least 2. False alarms: networks that divide by that size themselves.

    Args:
        record: What was seen.
    """
    rows = record.training_rows
    if not rows.inputs or not rows.inputs[0].is_floating_point() or rows.inputs[0][0].numel() < LEAST_NUMBERS:
        return []
    shape = rows.inputs[0].shape[1:]
    for place in range(len(rows.numbers[0]) if rows.numbers else 0):
        numbers = _numbers(rows, shape, place)
        kept = [
            b.reshape(len(b), -1).double()
            for b, n in zip(rows.inputs, rows.numbers, strict=False)
            if b.shape[1:] == shape and len(n) > place and len(n[place])
        ]
        if _indices(numbers) or not numbers:
            continue
        told = np.concatenate(numbers)
        sizes = np.concatenate(
            [(b.square().sum(1) / (b != 0).sum(1).clamp_min(1)).sqrt().numpy() for b in kept]
        )
        low, high = np.quantile(told, [0.25, 0.75])
        first, last = sizes[told <= low], sizes[told >= high]
        if min(len(first), len(last)) < LEAST_OF_EACH or not low < high:
            continue
        a, b = float(np.median(first)), float(np.median(last))
        if max(a, b) >= 2.0 and max(a, b) > TIMES * min(a, b):
            return [_grows(a, b, float(low), float(high), len(told))]
    return []


def _grows(a: float, b: float, low: float, high: float, count: int) -> Finding:
    return Finding(
        "inputs.scale",
        "the size of the inputs follows from the number that comes with them",
        f"of {count} training examples, those that come with a number up to {low:.3g} have root mean square "
        f"{a:.3g}, those from {high:.3g} on {b:.3g}",
        "high" if max(a, b) > 4.0 and max(a, b) > 4.0 * min(a, b) else "medium",
        "what is mixed (a signal and noise, say) is on different scales: the larger hides the other",
        "bring the signal to mean 0 and standard deviation 1 before noise of unit size is mixed in",
        picture=of_numbers(
            "Root mean square of the inputs: about one for all where nothing is wrong",
            "root mean square",
            {"smallest numbers beside": a, "largest": b},
        ),
    )
