"""Inputs and targets on scales that networks do not learn from well."""

import numpy as np

from fivefold.diagnosis.checks.seen import NORMS, OF_NUMBERS, losses_of, median, stacked
from fivefold.diagnosis.finding import Finding, Picture
from fivefold.diagnosis.observation.record import Record


def _normalised_first(record: Record) -> bool:
    """Whether the first layers that run normalise what they are given."""
    layers = next((s.layers for s in record.steps if s.layers), [])
    kinds = dict(record.modules())
    return any(isinstance(kinds.get(layer.name), NORMS) for layer in layers[:1])


def check_inputs(record: Record) -> list[Finding]:
    """Find inputs that are not on the scale of one.

    Statistic: standard deviation and mean of the columns of the examples seen. Null: standardised inputs have
    0 and 1, images at most 1. False alarms: inputs that the model itself normalises first (left out).

    Args:
        record: What was seen.
    """
    rows = record.training_rows.inputs
    if not rows or not rows[0].is_floating_point() or _normalised_first(record):
        return []
    x, _ = stacked(record.training_rows)
    if len(x) < 8:
        return []
    x = x[np.isfinite(x).all(1)]
    spread, middle = x.std(0), np.abs(x.mean(0))
    used = spread > 0
    if not used.any():
        return []
    top, far = float(spread[used].max()), float(middle.max())
    low = float(np.median(spread[used]))
    if max(top, far) < 20.0:
        return []
    ratio = top / max(float(spread[used].min()), 1e-12)
    columns = np.argsort(-spread)[:12]
    return [
        Finding(
            "inputs.scale",
            "the inputs are not scaled",
            f"columns have standard deviations up to {top:.3g} (median {low:.3g}) and means up to {far:.3g}"
            + (
                f"; the largest is {ratio:.0e} times the smallest"
                if x.shape[1] <= 512 and ratio > 100
                else ""
            ),
            "high" if max(top, far) > 50.0 else "medium",
            "large inputs make the first layer's gradients large and the others' small; no single rate suits "
            "all weights",
            "subtract the training set's mean and divide by its standard deviation (for images, divide by "
            "255)",
            picture=Picture(
                "Standard deviation of the inputs' largest columns",
                "column",
                "standard deviation",
                {"std": tuple((float(i), float(spread[c])) for i, c in enumerate(columns))},
                (1.0, "scaled"),
                logarithmic=True,
                bars=True,
                names=tuple(str(int(c)) for c in columns),
            ),
        )
    ]


def check_targets(record: Record) -> list[Finding]:
    """Find targets far from the scale that a fresh network gives.

    Statistic: the root mean square of the targets of a loss of numbers. Null: about 1 where they are
    standardised. False alarms: losses in units on purpose with a rate chosen for them.

    Args:
        record: What was seen.
    """
    calls = [c for c in losses_of(record, OF_NUMBERS) if not c.target.integer]
    if not calls:
        return []
    size = median((c.target.mean**2 + c.target.std**2) ** 0.5 for c in calls)
    spread = median(c.target.std for c in calls)
    if size < 10.0:
        return []
    guess = median((c.prediction.mean**2 + c.prediction.std**2) ** 0.5 for c in calls)
    return [
        Finding(
            "targets.scale",
            "the targets are not scaled",
            f"targets have root mean square {size:.3g} and standard deviation {spread:.3g} in a batch; "
            f"predictions have {guess:.3g}",
            "high" if size > 30.0 else "medium",
            "the network must first move its output far from where it begins, and gradients are as large as "
            "the targets",
            "standardise the targets for training and undo it for predictions",
            place=calls[-1].place,
        )
    ]
