"""What was seen of a training as plain series of numbers, bounded: what a page of pictures is made from."""

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from statistics import median
from typing import Any

from fivefold.diagnosis.observation.record import Evaluation, LayerStep, ParameterStep, Record, Step

MOST_POINTS = 240
"""Points of one curve."""

MOST_LAYERS = 40
"""Layers of which something is kept; of more, evenly spaced ones, the first and the last among them."""

MOST_LAYER_POINTS = 60
"""Points of the curve of one layer."""

RECTIFIERS = ("ReLU", "ReLU6", "relu", "relu6")
PHASES = (("data", "waited"), ("forward", "forward"), ("backward", "backward"), ("update", "update"))

Points = list[list[float]]


def described(record: Record, title: str = "") -> dict[str, Any]:
    """Return a training in plain numbers and names: its models, its optimizers, how much was seen, its
    series.

    Args:
        record: What was seen.
        title: What the model is called where it has no name.
    """
    series = training_series(record)
    if record.deep:
        # Looking in depth needs more of the house than watching does.
        from fivefold.diagnosis.observation.depth import deep_curves

        series["deep"] = deep_curves(record.deep)
    models = [f"{n or title} ({type(m).__name__})".strip() for n, m in islice(record.model.items(), 20)]
    return {
        "models": [name[:200] for name in models],
        "optimizers": list(record.optimizers)[:20],
        "updates": record.count,
        "watched": len(record.steps),
        "seconds": record.seconds,
        "spent": record.spent,
        "series": series,
    }


def training_series(record: Record) -> dict[str, Any]:
    """Return the series of a training: curves over its updates, profiles over its layers, and its time.

    Every number is finite and has six significant digits; what is not finite is left out. A curve is a list
    of points [updates before it, value].

    Args:
        record: What was seen.

    Returns:
        ``loss``, ``held_out`` (loss without gradients), ``right`` (share of examples that the script's own
        comparison found right), ``gradient`` (norm): a curve each; ``rates``: a curve for each group of an
        optimizer, by name; ``ratio`` (norm of the update over that of the weight): names of weight matrices,
        in the order of their layers, and a curve each; ``gradients`` (root mean square) and ``outputs``
        (standard deviation): names, values at the start and at the end; ``idle``: names and kinds of
        activations, shares of ``dead`` units and of ``saturated`` outputs in the last half; ``seconds``:
        medians of one update; ``first_nonfinite`` and ``last``: the update at which something was first not
        finite, and the last one that was seen.

    >>> training_series(Record())["loss"]
    []
    """
    steps, evaluations = record.steps, record.evaluations
    matrices = _matrices(record)
    return {
        "loss": _curve((s.index, s.loss) for s in steps),
        "held_out": _curve((e.after, _loss(e)) for e in evaluations),
        "right": _curve(
            (e.after, e.right / e.compared) for e in evaluations if e.right is not None and e.compared
        ),
        "gradient": _curve((s.index, s.gradient) for s in steps),
        "rates": _rates(steps),
        "ratio": _ratios(steps, matrices),
        "gradients": _profile(
            *_ends([s for s in steps if s.parameters]),
            matrices,
            lambda s: {p.name: _root_mean_square(p) for p in s.parameters},
        ),
        "outputs": _profile(
            *_ends([s for s in steps if s.layers]),
            _layers(steps),
            lambda s: {layer.name: layer.output.std for layer in s.layers},
        ),
        "idle": _idle(steps),
        "seconds": {
            name: _short(median(values))
            for name, attribute in PHASES
            if (values := [v for s in steps if math.isfinite(v := getattr(s, attribute)) and v >= 0])
        },
        "first_nonfinite": record.first_nonfinite,
        "last": steps[-1].index if steps else None,
    }


def _short(value: float) -> float:
    return float(f"{value:.6g}")


def _thinned(points: Points, most: int) -> Points:
    """At most so many points, evenly spaced, the first and the last among them."""
    if len(points) <= most:
        return points
    return [points[round(i * (len(points) - 1) / (most - 1))] for i in range(most)]


def _curve(pairs: Iterable[tuple[float, float]], most: int = MOST_POINTS) -> Points:
    return _thinned([[float(x), _short(y)] for x, y in pairs if math.isfinite(y)], most)


def _chosen(names: Sequence[str], most: int = MOST_LAYERS) -> list[str]:
    """At most so many names, evenly spaced, in their order."""
    if len(names) <= most:
        return list(names)
    return [names[round(i * (len(names) - 1) / (most - 1))] for i in range(most)]


def _loss(e: Evaluation) -> float:
    """Mean over the calls; a sum over a batch counts as a mean over its examples."""
    values = []
    for c in e.losses:
        rows = c.prediction.shape[0] if c.settings.get("reduction") == "sum" and c.prediction.shape else 1
        if math.isfinite(c.value):
            values.append(c.value / max(1, rows))
    return sum(values) / len(values) if values else math.nan


def _matrices(record: Record) -> list[str]:
    """Names of the weight matrices in the order of their layers; of all parameters where none is known."""
    seen = next((s.parameters for s in record.steps if s.parameters), [])
    known = {p.name for p in seen}
    found = [
        name for f in record.first_weights for name in (f"{f.name}.weight", f.name, "weight") if name in known
    ]
    return list(dict.fromkeys(found)) or [p.name for p in seen]


def _layers(steps: Sequence[Step]) -> list[str]:
    """Names of the layers of the last update in which some were seen, in the order of the forward pass."""
    last = next((s.layers for s in reversed(steps) if s.layers), [])
    return list(dict.fromkeys(layer.name for layer in last))


def _rates(steps: Sequence[Step]) -> dict[str, Points]:
    found: dict[str, list[tuple[float, float]]] = {}
    for s in steps:
        for number, group in enumerate(s.groups[:4]):
            if math.isfinite(rate := group.settings.get("lr", math.nan)):
                name = group.optimizer if number == 0 else f"{group.optimizer}, group {number + 1}"
                found.setdefault(name, []).append((s.index, rate))
    return {name: _curve(pairs) for name, pairs in found.items()}


def _ratios(steps: Sequence[Step], matrices: Sequence[str]) -> dict[str, Any]:
    names = _chosen(matrices)
    curves: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    watched = [s for s in steps if s.parameters]
    kept = watched[:: max(1, math.ceil(len(watched) / (2 * MOST_LAYER_POINTS)))]
    for s in kept:
        for p in s.parameters:
            if p.name in curves and p.weight > 0:
                curves[p.name].append((s.index, p.update / p.weight))
    return {
        "names": names,
        "curves": [_curve(curves[name], MOST_LAYER_POINTS) for name in names],
        "left_out": len(matrices) - len(names),
    }


def _root_mean_square(p: ParameterStep) -> float:
    return math.nan if p.gradient is None else p.gradient / math.sqrt(max(1, p.numbers))


def _ends(steps: Sequence[Step]) -> tuple[Sequence[Step], Sequence[Step]]:
    """A few updates at the start and as many at the end; none twice."""
    some = min(5, len(steps) // 2)
    return (steps[:some], steps[len(steps) - some :]) if some else (steps[:1], [])


def _profile(
    start: Sequence[Step],
    end: Sequence[Step],
    order: Sequence[str],
    values: Callable[[Step], dict[str, float]],
) -> dict[str, Any]:
    """Medians by layer over a few updates at the start and at the end; ``None`` where nothing is known."""
    names = _chosen(order)
    sides: list[list[float | None]] = []
    for part in (start, end):
        seen = [values(s) for s in part]
        column: list[float | None] = []
        for name in names:
            known = [v for each in seen if math.isfinite(v := each.get(name, math.nan))]
            column.append(_short(median(known)) if known else None)
        sides.append(column)
    return {"names": names, "start": sides[0], "end": sides[1], "left_out": len(order) - len(names)}


def _idle(steps: Sequence[Step]) -> dict[str, Any]:
    """Dead units of rectifiers and outputs at the bounds of sigmoids, over the last half of the training."""
    seen: dict[str, list[LayerStep]] = {}
    for s in steps[len(steps) // 2 :]:
        for layer in s.layers:
            if layer.kind in RECTIFIERS or math.isfinite(layer.saturated):
                seen.setdefault(layer.name, []).append(layer)
    names = _chosen(list(seen))
    dead: list[float | None] = []
    saturated: list[float | None] = []
    for name in names:
        rectifies = seen[name][0].kind in RECTIFIERS
        still = [x.constant if x.output.zeros > 0.5 else 0.0 for x in seen[name]] if rectifies else []
        still = [v for v in still if math.isfinite(v)]
        full = [x.saturated for x in seen[name] if math.isfinite(x.saturated)]
        dead.append(_short(median(still)) if still else None)
        saturated.append(_short(median(full)) if full else None)
    kinds = [seen[name][0].kind for name in names]
    return {
        "names": names,
        "kinds": kinds,
        "dead": dead,
        "saturated": saturated,
        "left_out": len(seen) - len(names),
    }
