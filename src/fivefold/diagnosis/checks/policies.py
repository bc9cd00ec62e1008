"""Policies: log-probabilities of chosen actions in a loss, what they are weighed by, and how they were
chosen.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from fivefold.diagnosis.checks.pictures import of_numbers
from fivefold.diagnosis.finding import Finding, Picture
from fivefold.diagnosis.observation.calls import DIFFERENCES
from fivefold.diagnosis.observation.held_tensors import held_tensors
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import Entry, Slot, Tape

LEAST_CHOICES = 64
SURE = 1e-6
CORRELATED = 0.5
MOST_POINTS = 100


@dataclass(frozen=True, slots=True)
class Choice:
    """Log-probabilities picked out by an index.

    Attributes:
        log_probabilities: Of every action, [..., n].
        index: The actions chosen, [..., 1].
        slope: The derivative of the loss to the log-probabilities picked, as ``index``.
    """

    log_probabilities: Tensor
    index: Tensor
    slope: Tensor


def choices_in(tape: Tape) -> list[Choice]:
    """Return every pick by ``gather`` along the last dimension from rows of log-probabilities.

    Rows count whose exponentials sum to one, to a thousandth.

    Args:
        tape: One that can be played; it is played once, at the weights of now.
    """
    seen: list[tuple[Tensor, Tensor, Tensor]] = []

    def noted(function: Callable[..., Any]) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            out = function(*args, **kwargs)
            given = held_tensors((args, kwargs))
            if isinstance(out, Tensor) and len(given) == 2 and out.requires_grad:
                rows, index = given
                if index.shape[-1:] == (1,) and not index.is_floating_point() and rows.ndim == index.ndim:
                    seen.append((rows, index, out))
            return out

        return call

    def of_gather(entry: Entry) -> Any:
        return noted(entry.call) if getattr(entry.call, "__name__", "") == "gather" else None

    with torch.enable_grad():
        loss = tape.with_calls(of_gather).play()
        outs = [out for *_, out in seen]
        slopes = torch.autograd.grad(loss, outs, allow_unused=True) if outs and loss.requires_grad else ()
    found = []
    for (rows, index, _), slope in zip(seen, slopes, strict=False):
        total = rows.detach().exp().sum(-1)
        if slope is not None and bool((total - 1.0).abs().max() < 1e-3):
            found.append(Choice(rows.detach(), index, slope))
    return found


def _played(record: Record) -> list[tuple[Tape, list[Choice]]]:
    return [(t, found) for t in record.tapes if t.playable and (found := choices_in(t))]


def pulls_both_ways(record: Record) -> bool:
    """Whether the loss pulls the log-probabilities of some choices up and those of others down, by a
    hundredth of
    them or more each, as one of given labels never does.

    Args:
        record: What was seen; its last pass is played again.
    """
    tape = record.tapes[-1] if record.tapes and record.tapes[-1].playable else None
    if tape is None or not any(getattr(e.call, "__name__", "") == "gather" for e in tape.entries):
        return False
    slopes = torch.cat([torch.zeros(0), *(c.slope.flatten().cpu() for c in choices_in(tape))])
    counted = slopes[slopes != 0]
    share = float((counted > 0).double().mean()) if counted.numel() else 0.0
    return 0.01 <= share <= 0.99


def check_choices(record: Record) -> list[Finding]:
    """Find policies that never try anything but the action they hold most probable.

    Statistic: the chance that actions drawn from the probabilities of the last watched passes would all be
        the
    most probable ones, the product of their probabilities. Null: actions are drawn; found where the chance is
    below one in a million, over 64 choices or more. False alarms: none by chance; a model that learns from
    its own most probable labels on purpose, which is left out where the loss pulls all of them up.

    Args:
        record: What was seen.
    """
    choices = [c for _, each in _played(record) for c in each]
    counted = [_of_one(c) for c in choices]
    total = sum(int(best.numel()) for best, _, _ in counted)
    if total < LEAST_CHOICES or not all(bool(best.all()) for best, _, _ in counted):
        return []
    chance = sum(float(top.double().sum()) for _, top, _ in counted)
    slopes = torch.cat([slope for *_, slope in counted])
    if chance > math.log(SURE) or not bool((slopes > 0).any() and (slopes < 0).any()):
        return []
    return [
        Finding(
            "loss.no-exploration",
            "the policy never tries another action than its best",
            f"all {total} actions of the last watched updates are the most probable ones, whose probability "
            f"is {math.exp(chance / total):.0%} on average: drawn from the policy, that has a chance of "
            f"e^{chance:.0f}",
            "high",
            "actions are taken by argmax, so that nothing is learnt of any other",
            "draw the actions from the policy while it trains (Categorical(logits=...).sample())",
            picture=_of_chance(torch.cat([top.double() for _, top, _ in counted]).cumsum(0).tolist()),
        )
    ]


def _of_chance(logarithms: list[float]) -> Picture:
    """The logarithm of the chance that the actions so far would be the best ones, were they drawn."""
    last = len(logarithms) - 1
    places = sorted({*range(0, last, max(1, last // MOST_POINTS)), last})
    return Picture(
        "Chance that actions drawn from the policy would all be its best, as more are counted",
        "action",
        "logarithm of the chance",
        {"chance": tuple((float(i), logarithms[i]) for i in places)},
        (math.log(SURE), "one in a million"),
    )


def _of_one(choice: Choice) -> tuple[Tensor, Tensor, Tensor]:
    """For each pick that counts in the loss: whether it is the best of its row, the best's log-probability,
    and
    the slope.
    """
    rows, index = choice.log_probabilities, choice.index
    top = rows.max(-1, keepdim=True)
    counts = choice.slope != 0
    picked = rows.expand(*index.shape[:-1], rows.shape[-1]).gather(-1, index)
    best = top.values.expand_as(picked)
    return (picked >= best - 1e-6)[counts], best[counts], choice.slope[counts]


def check_policy_sign(record: Record) -> list[Finding]:
    """Find policies that make actions less probable whose outcome was better than expected.

    Statistic, for losses that hold both log-probabilities of choices and the difference of outcomes and a
    critic's guess of them: the correlation of the loss's slope along the log-probability of each choice with
    how much better than the guess its outcome was. Null: -1 for a policy gradient, below 0 for its variants;
    found where it is above 0.5 in every pass that can be played, of 64 choices or more, which chance gives
    once in ten thousand passes. False alarms: outcomes that are costs, which are to become small: hence
    medium.

    Args:
        record: What was seen.
    """
    found = []
    for tape, choices in _played(record):
        slopes = torch.cat([c.slope.flatten() for c in choices]).double()
        better = _better_than_guessed(tape, slopes.numel())
        if better is None or slopes.numel() < LEAST_CHOICES:
            return []
        counts = slopes != 0
        if int(counts.sum()) < LEAST_CHOICES:
            return []
        found.append(float(torch.corrcoef(torch.stack([slopes[counts], better[counts]]))[0, 1]))
    if not found or not all(value > CORRELATED for value in found):
        return []
    return [
        Finding(
            "loss.policy-sign",
            "the policy's loss makes better actions less probable",
            "the slope of the loss along the log-probabilities of the actions goes with how much better than "
            f"the critic's guess they turned out: correlation {min(found):.2f} or more in {len(found)} of "
            f"{len(found)} watched passes, where a policy gradient has -1",
            "medium",
            "a minus sign is missing before log-probability times advantage: the policy climbs down (unless "
            "outcomes are costs)",
            "minimise -(log_prob * advantage.detach()).mean()",
            picture=of_numbers(
                "Correlation of the loss's slope with the advantage: -1 of a policy gradient",
                "correlation",
                {f"pass {i + 1}": value for i, value in enumerate(found)},
                (CORRELATED, "most by chance"),
            ),
        )
    ]


def _better_than_guessed(tape: Tape, count: int) -> Tensor | None:
    """The first difference of a constant and what the model made with so many numbers: constant less made."""
    seen: list[Tensor] = []

    def noted(function: Callable[..., Any], sign: float) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            out = function(*args, **kwargs)
            if isinstance(out, Tensor) and out.numel() == count:
                seen.append(sign * out.detach().flatten().double())
            return out

        return call

    def instead(entry: Entry) -> Any:
        sides = [isinstance(a, Slot) for a in entry.args[:2]]
        if entry.call not in DIFFERENCES or sides not in ([True, False], [False, True]):
            return None
        reverse = getattr(entry.call, "__name__", "") == "__rsub__"
        return noted(entry.call, -1.0 if sides[0] != reverse else 1.0)

    with torch.no_grad():
        tape.with_calls(instead).play()
    return seen[0] if seen else None
