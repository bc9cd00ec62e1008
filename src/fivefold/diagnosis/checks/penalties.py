"""Penalties on the weights in losses that are written by hand."""

import math
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from fivefold.diagnosis.checks.played import terms_of
from fivefold.diagnosis.checks.rates import risen
from fivefold.diagnosis.checks.seen import curve, losses_of, median
from fivefold.diagnosis.finding import Finding, Picture
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import Slot, Tape

PULLS = 0.7
"""Of the gradient of what is not a penalty, from which on a penalty is found."""

SHRUNK, GONE = 0.5, 0.25
"""What is left of the norm of the weights, at most, and where it is all but gone."""


def check_penalties(record: Record) -> list[Finding]:
    """Find terms of a loss that depend on the weights alone and have taken most of them away.

    Statistic: the norm of the gradient of those terms over that of all others, median over the watched
    tapes, and
    what is left of the norm of the weights. Null: below 0.3 beside the noise of batches, and weights that
    keep
    their size; where a penalty and the loss have come to balance, the first is 1, so that both are asked for:
    0.7 and half of the norm (high where a quarter is left). False alarms: weights that are to become sparse
    on
    purpose. Losses of torch's functions are looked at by their values elsewhere.

    Args:
        record: What was seen.
    """
    if any(c.function != "difference" for c in losses_of(record)) or risen(record) > 5.0:
        return []
    steps = [s for s in record.steps if s.parameters]
    weights = [math.hypot(*(p.weight for p in s.parameters)) for s in steps]
    left = weights[-1] / max(weights[0], 1e-30) if weights else 1.0
    if left > SHRUNK:
        return []
    held = [p for _, p in record.parameters() if p.requires_grad]
    pulls = median(pull for tape in record.tapes if (pull := _pull(tape, held)) is not None)
    if not pulls > PULLS:
        return []
    return [
        Finding(
            "regularisation.penalty",
            "a penalty on the weights outweighs the loss",
            f"the terms of the loss that depend on the weights alone pull {pulls:.2g} times as hard as all "
            "others; "
            f"the weights' norm went from {weights[0]:.3g} to {weights[-1]:.3g}",
            "high" if left < GONE else "medium",
            "the factor of the penalty is too large, or it is a sum over all weights where a mean was meant",
            "lower the factor until the penalty is a small part of the loss",
            picture=Picture(
                "The norm of the weights",
                "update",
                "norm",
                {"weights": curve(steps, weights)},
                (SHRUNK * weights[0], "half of the first"),
            ),
        )
    ]


def _pull(tape: Tape, held: list[nn.Parameter]) -> float | None:
    """Norm of the gradient of the terms without a model over that of all others; ``None`` where there are
    none
    of them.
    """
    if not tape.playable:
        return None
    alone = [(cut, factor) for term, factor in terms_of(tape) if (cut := _without_model(term)) is not None]
    if not alone:
        return None
    with torch.enable_grad():
        whole = _gradient(tape.play(), held)
        terms = [factor * term.play() for term, factor in alone]
        penalty = _gradient(torch.stack([t for t in terms if t.requires_grad]).sum(), held)
    others = float((whole - penalty).norm())
    return float(penalty.norm()) / others if others > 0.0 else None


def _without_model(term: Tape) -> Tape | None:
    """A term with the calls alone that it is made from; ``None`` where a model is among them, or no
    weights.
    """
    needed, kept = {term._loss}, []
    for entry in reversed(term.entries):
        if needed & set(entry.outputs):
            if isinstance(entry.call, nn.Module):
                return None
            kept.append(entry)
            leaves = tree_leaves((entry.args, entry.kwargs))
            needed |= {leaf.index for leaf in leaves if isinstance(leaf, Slot)}
    weights = any(isinstance(a, nn.Parameter) for e in kept for a in tree_leaves((e.args, e.kwargs)))
    return replace(term, entries=kept[::-1]) if weights else None


def _gradient(loss: Tensor, held: list[nn.Parameter]) -> Tensor:
    slopes = torch.autograd.grad(loss, held, allow_unused=True)
    pairs = zip(slopes, held, strict=True)
    return torch.cat([(torch.zeros_like(p) if s is None else s).reshape(-1).double() for s, p in pairs])
