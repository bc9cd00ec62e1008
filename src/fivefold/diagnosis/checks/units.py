"""Units that are dead or saturated."""

import math
from collections.abc import Sequence

from fivefold.diagnosis.checks.pictures import of_shares
from fivefold.diagnosis.checks.seen import curve, late, median
from fivefold.diagnosis.finding import Finding, Picture
from fivefold.diagnosis.observation.record import LayerStep, Record

DEAD = 0.75
KILLED = 0.85
USUAL = (0.3, "most where nothing is wrong")
FEWEST = 8
"""Units of a layer from which on their dead share tells: where each is dead with a chance of 0.3, seven of
eight are so in one layer of 800, and the only one of its layer in three of ten.
"""

RECTIFIERS = ("ReLU", "ReLU6", "relu", "relu6")


def check_units(record: Record) -> list[Finding]:
    """Find layers most of whose units never fire, or always stand at their bounds.

    Statistics, over the last half of the training: the share of units of a rectifying layer that gave zero to
    every example of a batch; the share of outputs of a sigmoid or tanh within 1% of its bounds; the share of
    rows of an attention that give more than 0.99 to one entry, then and at the first update. Null: dead
    units below 0.3 in batches of at least 16; saturated outputs below 0.3 in hidden layers; attention is
    spread out at the first update, whatever it learns. Layers of fewer than eight
    units are left out. False alarms: very wide layers on small batches; gates
    that are meant to open or close (the last layer of each model is left out, whose bounds are those of the
    targets); attention that begins with learnt weights.

    Args:
        record: What was seen.
    """
    steps = [s for s in late(record.steps) if s.layers]
    if not steps:
        return []
    by_name: dict[str, list[LayerStep]] = {}
    for s in steps:
        for layer in s.layers:
            by_name.setdefault(layer.name, []).append(layer)
    ends = _ends(record, steps[-1].layers)
    dead: dict[str, float] = {}
    saturated: dict[str, float] = {}
    for name, seen in by_name.items():
        if seen[0].kind in RECTIFIERS:
            if units_of(seen[0]) < FEWEST:
                continue
            dead[name] = median(x.constant if x.output.zeros > 0.5 else 0.0 for x in seen)
        elif name not in ends and math.isfinite(seen[0].saturated):
            saturated[name] = median(x.saturated for x in seen)
    out = []
    worst = max(dead.values(), default=0.0)
    if worst >= DEAD:
        many = [n for n, share in dead.items() if share >= DEAD]
        out.append(
            Finding(
                "units.dead",
                "most units of a layer never fire",
                f"{', '.join(f'in {n!r} {dead[n]:.0%}' for n in many[:4])} of the units give zero to every "
                "example of a batch",
                "high" if worst >= 0.85 else "medium",
                "an update (or the first values) pushed them where the rectifier is flat: they get no "
                "gradient any more",
                "lower the rate, check first biases and weights, or use LeakyReLU or GELU",
                picture=of_shares("Dead units of each layer", "share of the units", dead, USUAL),
            )
        )
    worst = max(saturated.values(), default=0.0)
    if worst >= 0.5:
        many = [n for n, share in saturated.items() if share >= 0.5]
        out.append(
            Finding(
                "units.saturated",
                "most outputs of a layer stand at their bounds",
                f"{', '.join(f'in {n!r} {saturated[n]:.0%}' for n in many[:4])} of the outputs are within 1% "
                "of a bound",
                "high" if worst >= 0.8 else "medium",
                "the inputs of the layer are too large for its activation, whose derivative is nearly zero "
                "there",
                "scale the inputs and first weights, normalise before the activation, or use ReLU-like "
                "activations",
                picture=of_shares(
                    "Saturated outputs of each layer", "share of the outputs", saturated, USUAL
                ),
            )
        )
    if worst < 0.5:
        out += _recurrent(record)
    return out + _attention(record)


def killed(record: Record) -> dict[str, tuple[float, float]]:
    """Return rectifying layers whose units fired at the first watched update and hardly one does at the end:
    the share of dead ones then and in the last half of the training.

    Where each unit dies with a chance of 0.3, seven of eight do in one layer of 800.

    Args:
        record: What was seen.
    """
    first = {x.name: x for s in record.steps[:1] for x in s.layers if x.kind in RECTIFIERS}
    last: dict[str, list[float]] = {}
    for s in late(record.steps):
        for x in s.layers:
            if x.name in first and s.index > record.steps[0].index:
                last.setdefault(x.name, []).append(x.constant if x.output.zeros > 0.5 else 0.0)
    found = {name: (first[name].constant, median(seen)) for name, seen in last.items()}
    return {
        name: (begun, ended)
        for name, (begun, ended) in found.items()
        if units_of(first[name]) >= FEWEST and begun <= USUAL[0] and ended >= KILLED
    }


def units_of(layer: LayerStep) -> int:
    """Units of a layer: channels of pictures, else the last dimension.

    Args:
        layer: What it gave.
    """
    shape = layer.output.shape
    return shape[1] if len(shape) == 4 else shape[-1] if shape else 0


def _ends(record: Record, ran: Sequence[LayerStep]) -> set[str]:
    """The last layer that ran, and the last one inside each model."""
    kinds = dict(record.modules())
    ends: dict[str, str] = {}
    for layer in ran:
        for name, root in record.model.items():
            if any(kinds.get(layer.name) is m for m in root.modules()):
                ends[name] = layer.name
    return {ran[-1].name, *ends.values()}


RECURRENT = ("RNN", "GRU", "LSTM")


def _recurrent(record: Record) -> list[Finding]:
    """Recurrent layers whose states stand at their bounds before anything is learnt, and still do later."""
    shares: dict[str, float] = {}
    ended: dict[str, float] = {}
    for layer in record.steps[0].layers if record.steps[0].index == 0 else ():
        if layer.kind in RECURRENT and layer.saturated >= 0.5:
            shares[layer.name] = layer.saturated
            ended[layer.name] = median(
                x.saturated for s in late(record.steps) for x in s.layers if x.name == layer.name
            )
    still = [name for name, share in ended.items() if share >= 0.2]
    if not still:
        return []
    return [
        Finding(
            "units.saturated",
            "the states of a recurrent layer stand at their bounds from the start",
            f"{', '.join(f'in {n!r} {shares[n]:.0%}' for n in still[:4])} of the states are within 1% of a "
            f"bound at the first update, {ended[still[0]]:.0%} in the last half",
            "high" if max(shares[n] for n in still) >= 0.6 else "medium",
            "its first weights or biases are so large that the gates stand open and their derivatives are "
            "nearly "
            "zero: of four gates the forgetting one alone is begun open on purpose",
            "leave torch's first values; set a bias of 1 for the forget gate alone (the second quarter)",
            picture=of_shares(
                "States of each recurrent layer at their bounds at the first update",
                "share of the states",
                shares,
                USUAL,
            ),
        )
    ]


def _attention(record: Record) -> list[Finding]:
    """Attention that looks at one entry alone from the first update to the last."""
    kinds = ("softmax", "attention")
    first = [
        o for s in record.steps[:1] for o in s.operations if o.function in kinds and math.isfinite(o.value)
    ]
    last = [
        o for s in late(record.steps) for o in s.operations if o.function in kinds and math.isfinite(o.value)
    ]
    begun, ended = median(o.value for o in first), median(o.value for o in last)
    if not (begun >= 0.5 and ended >= 0.5):
        return []
    shares = (median(o.value for o in s.operations if o.function in kinds) for s in record.steps)
    return [
        Finding(
            "units.saturated",
            "attention is saturated from the start",
            f"{begun:.0%} of the rows give more than 0.99 to one entry at the first update, {ended:.0%} in "
            f"the last half; scores of shape {list(first[0].shape)}",
            "high" if begun >= 0.6 else "medium",
            "the scores are too large for a softmax, whose derivative is nearly zero there",
            "divide the scores by the root of the width of the keys, and look at the first weights",
            place=first[0].place,
            picture=Picture(
                "Rows of attention that give more than 0.99 to one entry: few at first when right",
                "update",
                "share of the rows",
                {"one entry alone": curve(record.steps, shares)},
                (0.5, "found from here on"),
            ),
        )
    ]
