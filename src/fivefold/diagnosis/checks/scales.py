"""Inputs and targets on scales that networks do not learn from well."""

from typing import Any

import numpy as np
import torch
from torch import nn

from fivefold.diagnosis.checks.pictures import of_numbers, of_sizes
from fivefold.diagnosis.checks.probes import ask, in_evaluation, last_question
from fivefold.diagnosis.checks.seen import NORMS, OF_NUMBERS, WEIGHTED, losses_of, median, stacked
from fivefold.diagnosis.checks.whole import numbers_beside
from fivefold.diagnosis.finding import Confidence, Finding, Picture
from fivefold.diagnosis.observation.record import Record

LARGE = 8.0
SMALL = 0.05
DROWNED = 25.0
"""A spread so many times smaller than that of the middle column is another unit's, not another scaling's."""
MANY, MEASURED_ROWS = 32, 100
"""Columns up to which inputs are measurements rather than places of an image or signal, and rows to tell."""


def first_given(record: Record) -> torch.Tensor | None:
    """What the first layer with weights, or the first that normalises, is given, [n, ...]; ``None`` where it
    cannot be seen.

    A network may scale its inputs itself.

    Args:
        record: What was seen.
    """
    asked = last_question(record)
    if asked is None:
        return None
    model, entry, x = asked
    given: list[torch.Tensor] = []

    def hook(module: nn.Module, args: Any) -> None:
        if args and isinstance(args[0], torch.Tensor) and args[0].is_floating_point():
            given.append(args[0].detach())

    kinds = (*WEIGHTED, nn.RNNBase, *NORMS)
    handles = [m.register_forward_pre_hook(hook) for m in model.modules() if isinstance(m, kinds)]
    try:
        with in_evaluation(model):
            ask(entry, x)
    finally:
        for handle in handles:
            handle.remove()
    return given[0] if given else None


def _normalised_first(record: Record) -> bool:
    """Whether the first layers that run normalise what they are given."""
    layers = next((s.layers for s in record.steps if s.layers), [])
    kinds = dict(record.modules())
    return any(isinstance(kinds.get(layer.name), NORMS) for layer in layers[:1])


def check_inputs(record: Record) -> list[Finding]:
    """Find inputs that are not on the scale of one.

    Statistic: standard deviation and mean of the columns of the examples seen, and the size of what the first
    layer with weights is given; the Euclidean norm of an example. Of a model that is given several tensors,
    the first, and the measured columns of all of them. Null: standardised inputs have 0 and 1, images at most
    1; norms above 0.1; of few measured columns, spreads within 25 of the middle one (medium beyond). False
    alarms: inputs that the model itself scales or normalises first (left out).

    Args:
        record: What was seen.
    """
    rows = record.training_rows.inputs
    if not rows or _normalised_first(record):
        return []
    found: list[Finding] = []
    if rows[0].is_floating_point():
        found = _of_columns(record, stacked(record.training_rows)[0])
    if not found and any(record.training_rows.beside):
        columns = numbers_beside(record.training_rows)
        return _of_columns(record, torch.cat(columns).double().numpy(), part=True) if columns else []
    return found


def _of_columns(record: Record, x: np.ndarray, *, part: bool = False) -> list[Finding]:
    """What the columns of the examples tell; where they are a part of what is given, of large ones alone."""
    if len(x) < 8:
        return []
    x = x[np.isfinite(x).all(1)]
    spread, middle = x.std(0), np.abs(x.mean(0))
    used = spread > 0
    if not used.any():
        return []
    top, far = float(spread[used].max()), float(middle.max())
    low = float(np.median(spread[used]))
    size = float(np.median(np.linalg.norm(x, axis=1)))
    large = max(top, far) >= LARGE
    if not large and (part or not size < SMALL):
        return [] if part else _drowned(x)
    given = first_given(record)
    if given is not None and given.numel():
        inside = float(given.double().square().mean().sqrt())
        if (large and inside < 0.25 * LARGE) or (
            not large and inside * given[0].numel() ** 0.5 > 2.0 * SMALL
        ):
            return []
    ratio = top / max(float(spread[used].min()), 1e-12)
    columns = np.argsort(-spread)[:12]
    confidence: Confidence = "low"
    if max(top, far) > 50.0 or size < 0.4 * SMALL:
        confidence = "high"
    elif max(top, far) > 20.0 or not large:
        confidence = "medium"
    return [
        Finding(
            "inputs.scale",
            "the inputs are not scaled" if large else "the inputs are scaled to nearly nothing",
            f"columns have standard deviations up to {top:.3g} (median {low:.3g}) and means up to {far:.3g}"
            + (
                f"; the largest is {ratio:.0e} times the smallest"
                if x.shape[1] <= 512 and ratio > 100
                else ""
            )
            + ("" if large else f"; a whole example has norm {size:.2g}"),
            confidence,
            "large inputs make the first layer's gradients large and the others' small; no single rate suits "
            "all weights"
            if large
            else "the first layer's gradients are as small as its inputs, which were divided by too much",
            "subtract the training set's mean and divide by its standard deviation (for images, divide by "
            "255, once)",
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


def _drowned(x: np.ndarray) -> list[Finding]:
    """Of few measured columns, those whose spread is a small part of the others', so that they drown."""
    if not 2 <= x.shape[1] <= MANY or len(x) < MEASURED_ROWS:
        return []
    # A flag that is rarely on, or a count that is mostly zero, has a small spread at any scale.
    values = np.array([len(np.unique(column)) for column in x.T])
    spread = x.std(0)
    measured = (values > 0.5 * len(x)) & (spread > 0)
    usual = float(np.median(spread[spread > 0]))
    small = measured & (spread < usual / DROWNED)
    if not small.any() or small.sum() > 0.5 * len(spread):
        return []
    return [
        Finding(
            "inputs.scale",
            "some inputs are far smaller than the others",
            f"{int(small.sum())} of {x.shape[1]} columns have a spread of {float(spread[small].max()):.2g} "
            f"or less, the middle one has {usual:.2g}",
            "medium",
            "columns of different units were scaled by one number for all of them",
            "scale each column by its own standard deviation: x.std(axis=0)",
            picture=of_numbers(
                "Standard deviations of the columns: alike where nothing is wrong",
                "standard deviation",
                {f"column {int(c)}": float(spread[c]) for c in np.argsort(-spread)[:12]},
                logarithmic=True,
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
            picture=of_sizes(record.steps),
        )
    ]
