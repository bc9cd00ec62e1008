"""Outputs that stand at the bound of their activation where the loss asks for what lies beyond it."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from fivefold.diagnosis.checks.loss_level import draws_its_data, takes_turns
from fivefold.diagnosis.checks.seen import initial_loss, late_loss
from fivefold.diagnosis.finding import Finding, Picture
from fivefold.diagnosis.observation.held_tensors import held_tensors
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import Entry, Tape

LEAST_TAPES = 2
LEAST_ROWS = 8
BEYOND = 5.0
"""How far below zero, in parts of where most outputs lie above it, the loss is asked at the least."""

MOST_DOUBLINGS = 40
GAIN = 0.3
"""Share of what the whole training gained that lies beyond the bound."""

Line = list[tuple[float, float]]


def check_bounded_output(record: Record) -> list[Finding]:
    """Find outputs that are never below zero where the loss would be far lower with them below it.

    Statistic: for each output of the model that is nowhere negative, the loss of the batch with a constant
    taken
    off it, from five times its upper quartile up, beside what the whole training gained. Null: the bias of a
    last layer moves an output by a constant, and training brings that to its best place, so that no constant
    gains; at most an output that is far from trained would, and it does not lie at zero. Found where the gain
    is 0.3 of what the training gained or more, on every watched tape, and the loss rises again further on.
    Outputs that a penalty alone holds down gain without end (left out); losses that are not defined below
    zero (a
    variance, a rate) give no number there. False alarms: outputs that a penalty holds at zero on purpose and
    that
    do something else besides (medium).

    Args:
        record: What was seen.
    """
    gained = initial_loss(record) - late_loss(record)
    if not gained > 0.0 or draws_its_data(record) or takes_turns(record):
        return []
    seen = [_beyond(tape) for tape in record.tapes if tape.playable]
    if len(seen) < LEAST_TAPES or not all(seen):
        return []
    for place in sorted(set.intersection(*(set(lines) for lines in seen))):
        lines = [found[place] for found in seen]
        gains = [line[0][1] - min(v for _, v in line) for line in lines]
        if min(gains) < GAIN * gained:
            continue
        best = min(lines[-1], key=lambda point: point[1])
        return [
            Finding(
                "output.activation",
                "an output stands at the bound of its activation, and the loss asks for what lies beyond",
                f"output {place} (from 0) of the model is nowhere below zero; with {best[0]:.3g} taken off "
                "it the "
                f"loss of the last watched batch would be {best[1]:.3g} instead of {lines[-1][0][1]:.3g}, "
                "where "
                f"the whole training gained {gained:.3g}",
                "medium",
                "it ends in an activation without negative values (softplus, ReLU, exp, sigmoid), and what "
                "it "
                "stands for, a logarithm say, goes below zero",
                "give this output without an activation, or use it as what the activation makes of it (a "
                "variance, not its logarithm)",
                place=next(t for t in reversed(record.tapes) if t.playable).entries[0].place,
                picture=Picture(
                    "The loss with a constant taken off the output: least at 0 where nothing is wrong",
                    "taken off",
                    "loss",
                    {"loss": tuple(lines[-1])},
                    (lines[-1][0][1], "as it is"),
                ),
            )
        ]
    return []


def _beyond(tape: Tape) -> dict[int, Line]:
    """For each output that is nowhere negative, the loss at constants taken off it, 0 first, where it is
    least
    between the first and the last of them.
    """
    places = [i for i, e in enumerate(tape.entries) if isinstance(e.call, nn.Module)]
    if len(places) != 1:
        return {}
    entry = tape.entries[places[0]]
    found: dict[int, Line] = {}
    with torch.no_grad():
        (given,), loss = tape.outputs()
        for i, out in enumerate(held_tensors(given)):
            if not out.is_floating_point() or not out.ndim or len(out) < LEAST_ROWS or bool((out < 0).any()):
                continue
            size = float(out.double().quantile(0.75)) if out.numel() <= 1 << 20 else math.nan
            if not size > 0.0 or not bool((out > 0).all()):
                continue
            line: Line = [(0.0, float(loss))]
            for k in range(MOST_DOUBLINGS):
                off = BEYOND * size * 2.0**k
                value = _played(tape, entry, _instead(given, out, out - off))
                if not math.isfinite(value):
                    break
                line.append((off, value))
                if value > line[0][1]:
                    break  # from here on it rises
            if len(line) > 2 and line[-1][1] > min(v for _, v in line) < line[0][1]:
                found[i] = line
    return found


def _played(tape: Tape, entry: Entry, given: Any) -> float:
    """The loss where a call gives something else; nan where it is not defined."""

    def gives(*args: Any, **kwargs: Any) -> Any:
        return given

    try:
        return float(tape.with_calls(lambda e: gives if e is entry else None).play())
    except (RuntimeError, ValueError):
        return math.nan


def _instead(given: Any, one: Tensor, other: Tensor) -> Any:
    return tree_map(lambda leaf: other if leaf is one else leaf, given)
