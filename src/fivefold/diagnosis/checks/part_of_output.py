"""Training examples of a loss that looks at some rows of what the model gives: a few nodes of a graph."""

import torch
from torch import Tensor

from fivefold.diagnosis.checks.played import given_at, losses_on
from fivefold.diagnosis.checks.probes import ask, in_evaluation, last_question
from fivefold.diagnosis.observation.calls import LOSSES
from fivefold.diagnosis.observation.record import Record, Rows

EXACT = (torch.float32, torch.float64)
"""Types that hold the number of any row."""


def rows_in_loss(record: Record) -> Rows | None:
    """Return the inputs of those rows of the model's output that meet a target, with these targets.

    Which row a prediction is, is asked of the tape: what lies between the model and the loss is made again of
    an output whose rows hold their own numbers. ``None`` where targets are known for whole batches, or where
    the loss is given other things than some rows of the last output.

    Args:
        record: What was seen.
    """
    asked = last_question(record)
    if asked is None or any(t is not None for t in record.training_rows.targets) or not asked[2].ndim:
        return None
    module, entry, x = asked
    tape = next((t for t in reversed(record.tapes) if any(e is entry for e in t.entries)), None)
    if tape is None or not tape.playable:
        return None
    losses = [i for loss in LOSSES for i in losses_on(tape, loss)]
    with in_evaluation(module):
        out = ask(entry, x)
    if len(losses) != 1 or len(out) != 1 or out[0].ndim != 2 or len(out[0]) != len(x):
        return None
    if out[0].dtype not in EXACT:
        return None
    calls = [i for i, e in enumerate(tape.entries) if e is entry]
    numbers = torch.arange(len(x), device=out[0].device, dtype=out[0].dtype)[:, None]
    given = given_at(tape, losses[0], instead={calls[0]: numbers.expand(out[0].shape)})
    told, target = given.get("input"), given.get("target")
    if not isinstance(told, Tensor) or not isinstance(target, Tensor) or told.ndim != 2:
        return None
    rows = told[:, 0].round().long().clamp(0, len(x) - 1)
    if told.shape[1] != out[0].shape[1] or not bool((told == rows[:, None]).all()):
        return None
    if len(target) != len(rows) or len(rows) >= len(x):
        return None
    return Rows([x.detach()[rows].cpu()], [target.detach().cpu()], [0], [True], [[]])
