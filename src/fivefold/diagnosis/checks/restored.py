"""Weights at the end that are those from before the training."""

import math

import torch

from fivefold.diagnosis.checks.fit_quality import held_out_losses
from fivefold.diagnosis.checks.seen import curve
from fivefold.diagnosis.finding import Finding, Picture
from fivefold.diagnosis.observation.record import Record, Step

EQUAL = 1e-6
MOVED = 1e-3


def check_restored(record: Record) -> list[Finding]:
    """Find trainings whose weights end where they began, though updates moved them.

    Statistic: the norm of each tensor of weights at the end over the one before the first watched update, of
    the tensors whose norm a watched update found elsewhere by a thousandth or more. Null: every one of them
    differs; a training brings a tensor's norm back to within a millionth by chance about once in a thousand,
    and all of several tensors never. Weights that stood there at a later update already, too (folds that
    begin at the same weights), are left out. False alarms: a script that sets its model back on purpose, once
    it was evaluated.

    Args:
        record: What was seen.
    """
    steps = [s for s in record.steps if s.parameters]
    if not record.ended or len(steps) < 4:
        return []
    first = _norms(steps[0])
    moved = _moved(steps, first)
    if not moved or any(_equal(_norms(s), first, moved) for s in steps[2:]):
        return []
    held = dict(record.parameters())
    if any(name not in held for name in moved):
        return []
    end = {name: float(torch.linalg.vector_norm(held[name].detach())) for name in moved}
    if not _equal(end, first, moved):
        return []
    losses = [(s.index, s.loss) for s in steps if math.isfinite(s.loss)]
    told = held_out_losses(record)
    fell = f"; the loss went from {losses[0][1]:.3g} to {losses[-1][1]:.3g} meanwhile" if losses else ""
    total = {"training": curve(steps, (_total(_norms(s), moved) for s in steps))}
    total["at the end"] = (
        (float(steps[-1].index), _total(end, moved)),
        (float(record.count), _total(end, moved)),
    )
    return [
        Finding(
            "fit.restored",
            "the weights at the end are those from before the first update",
            f"{record.count} updates moved the norm of {len(moved)} tensors of weights by up to "
            f"{max(moved.values()):.1%}; at the end all of them are where they began{fell}",
            "high",
            "a state kept from before the training is loaded at the end: no better one ever took its place, "
            "as where the best loss begins at a number that no loss falls below"
            + (f" (the held-out loss was least at {min(v for _, v in told):.3g})" if told else ""),
            "begin the best loss at float('inf') (a best score at -inf), copy the state whenever it "
            "improves, and load it only where one was kept",
            picture=Picture("The norm of the weights", "update", "norm", total),
        )
    ]


def _norms(step: Step) -> dict[str, float]:
    return {p.name: p.weight for p in step.parameters}


def _moved(steps: list[Step], first: dict[str, float]) -> dict[str, float]:
    """Tensors whose norm a later update found elsewhere, and how far at most, in parts of the first."""
    far: dict[str, float] = {}
    for s in steps[1:]:
        for p in s.parameters:
            if first.get(p.name, 0.0) > 0.0:
                far[p.name] = max(far.get(p.name, 0.0), abs(p.weight / first[p.name] - 1.0))
    return {name: by for name, by in far.items() if MOVED < by < math.inf}


def _equal(norms: dict[str, float], first: dict[str, float], moved: dict[str, float]) -> bool:
    return all(abs(norms.get(name, math.nan) - first[name]) <= EQUAL * first[name] for name in moved)


def _total(norms: dict[str, float], moved: dict[str, float]) -> float:
    return math.hypot(*(norms.get(name, 0.0) for name in moved))
