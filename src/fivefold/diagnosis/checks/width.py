"""Networks that are too narrow for what they must tell apart."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from fivefold.diagnosis.checks.heads import heads, weighted_layers, width_of
from fivefold.diagnosis.checks.loss_level import level_tells
from fivefold.diagnosis.checks.pictures import of_numbers
from fivefold.diagnosis.checks.probes import ask, differs, in_evaluation, last_question
from fivefold.diagnosis.checks.seen import initial_loss, late, late_loss, losses_of, median
from fivefold.diagnosis.finding import Confidence, Finding
from fivefold.diagnosis.observation.record import Record

OF_CLASSES = ("cross_entropy", "nll_loss")
MOST_LAYERS = 16


def hidden_widths(record: Record) -> dict[str, int]:
    """Numbers that stand for one example, token or pixel between two layers, by the layer that gives them.

    Layers that no other layer of their model reads are left out, since their width is that of an output.
    Convolutions count their channels and the positions of each.

    Args:
        record: What was seen.
    """
    kinds = dict(record.modules())
    ends = heads(record)
    return {x.name: width_of(x, kinds[x.name]) for x in weighted_layers(record) if x.name not in ends}


def passes_through(record: Record, names: Sequence[str]) -> bool:
    """Whether the model's outputs follow from what these layers give alone: with that held still, they no
    longer change when the examples change places.

    Args:
        record: What was seen; the last call of its model is asked again.
        names: Layers of the model.
    """
    asked = last_question(record)
    if asked is None:
        return False
    model, entry, x = asked
    inside = {id(m) for m in model.modules()}
    held = [m for name, m in record.modules() if name in names and id(m) in inside]
    if len(x) < 2 or not held or bool((x == x.roll(1, 0)).all()):
        return False
    still: dict[tuple[int, int], Any] = {}
    calls: Counter[int] = Counter()

    def hook(module: nn.Module, args: Any, output: Any) -> Any:
        calls[id(module)] += 1
        return still.setdefault((id(module), calls[id(module)]), output)

    with in_evaluation(model):
        state = torch.get_rng_state()
        handles = [m.register_forward_hook(hook) for m in held]
        try:
            before = ask(entry, x)
            torch.set_rng_state(state)
            calls.clear()
            after = ask(entry, x.roll(1, 0))
        finally:
            for handle in handles:
                handle.remove()
    return bool(before) and not any(differs(a, b) for a, b in zip(before, after, strict=True))


def _thin_states(record: Record, names: Sequence[str]) -> dict[str, int]:
    """Recurrent layers of both directions whose state has two units or fewer in each, a quarter of their
    inputs at most: what they know of all that stands on one side.
    """
    kinds = dict(record.modules())
    layers = {n: m for n in names if isinstance(m := kinds[n], nn.RNNBase) and m.bidirectional}
    return {n: m.hidden_size for n, m in layers.items() if m.hidden_size <= min(2, m.input_size // 4)}


def check_width(record: Record) -> list[Finding]:
    """Find hidden layers that are narrower than what they must tell apart.

    Statistics: the smallest number of units of a hidden layer through which all that reaches the output must
    pass (shown by holding it still), beside the number of classes (or outputs), of a recurrent layer of both
    directions also those of one direction, beside two and a quarter of its inputs; and whether the training
    ends far from what it should reach (right in less than 85%, or a loss above a third of the first). Null:
    at least as many as classes; log2 of their number is the least that could tell them apart at all. False
    alarms: bottlenecks on purpose in networks that reproduce their inputs (as many outputs as inputs; there,
    two numbers or fewer for 16 or more); narrow networks on noisy tasks (said with medium confidence at
    most).

    Args:
        record: What was seen.
    """
    widths = hidden_widths(record)
    kinds = dict(record.modules())
    ran = [
        x for x in weighted_layers(record) if not isinstance(kinds[x.name], nn.Embedding | nn.EmbeddingBag)
    ]
    if not widths or len(ran) < 2:
        return []
    conv = isinstance(kinds[ran[-1].name], nn.modules.conv._ConvNd)
    outputs = ran[-1].output.shape[1 if conv else -1]
    inputs = next((f.inputs for f in record.first_weights if f.name == ran[0].name), 0)
    name = min(widths, key=lambda layer: widths[layer])
    width = widths[name]
    calls = losses_of(record, OF_CLASSES)
    right = median(c.right for s in late(record.steps, 0.25) for c in s.losses)
    ended, started = late_loss(record), initial_loss(record)
    poor = not right > 0.85 if calls else not ended < 0.33 * started
    told = bool(calls) or level_tells(record)
    reproduces = outputs == inputs and not calls
    if reproduces:
        needed = 2.0 if outputs >= 16 else outputs / 4
    else:
        needed = max(2.0, math.log2(max(outputs, 2))) if calls else 2.0
    confidence: Confidence = "high" if poor and told else "medium"
    thin = _thin_states(record, list(widths))
    if width > needed and thin and poor:
        name, width = min(thin.items(), key=lambda item: item[1])
        needed = float(max(needed, width))
        widths |= thin
    if width > needed:
        if not (calls and outputs >= 4 and width < outputs and poor):
            return []
        confidence = "medium"
    if calls and width >= 2 * outputs:
        return []
    if not passes_through(record, [layer for layer, each in widths.items() if each <= width]):
        return []  # a head of its own, or a path beside others
    narrow = sorted(widths, key=lambda layer: widths[layer])[:MOST_LAYERS]
    return [
        Finding(
            "capacity.small",
            "a hidden layer is too narrow",
            f"{name} has {width} units{' a direction' if name in thin else ''} before {outputs} outputs"
            + (f"; the network is right in {right:.0%} of the last batches" if math.isfinite(right) else "")
            + f"; the loss went from {started:.3g} to {ended:.3g}",
            confidence,
            "everything that the network knows of an example must pass through these few numbers",
            "widen the layer, at least to several times the number of outputs",
            picture=of_numbers(
                "Width of the hidden layers",
                "units",
                {layer: each for layer, each in widths.items() if layer in narrow},
                (needed, "too few up to here") if width <= needed else (outputs, "outputs"),
                logarithmic=True,
            ),
            figures={"units": float(width)},
        )
    ]
