"""Models that are trained against each other: what a critic is shown, and what each side asks of it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fivefold.diagnosis.checks.loss_level import takes_turns
from fivefold.diagnosis.checks.pictures import of_numbers, of_pairs
from fivefold.diagnosis.checks.seen import median
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.held_tensors import held_tensors
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import Entry, Slot, Tape

SURE = 0.95
BEYOND = 0.1
BOUNDS = (-1.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Shown:
    """One call of a module in a tape: what it was given, and the slope of the loss along what it gave.

    Attributes:
        module: The module.
        made: Whether another model made what it was given.
        given: The first tensor that it was given.
        level: The mean of its output.
        slope: The derivative of the loss to its output.
    """

    module: nn.Module
    made: bool
    given: Tensor
    level: float
    slope: Tensor


def shown_in(tape: Tape, *, critic: nn.Module | None = None, level: float = math.nan) -> list[Shown]:
    """Return every call of a module in a tape that gives one tensor which the loss has a derivative to.

    Args:
        tape: One that can be played; it is played once, at the weights of now.
        critic: A module whose outputs are all put at one number instead, where the slopes are taken then.
        level: That number.
    """
    seen: list[tuple[nn.Module, bool, Tensor, Tensor]] = []

    def watched(module: nn.Module, made: bool) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            out = module(*args, **kwargs)
            if module is critic and isinstance(out, Tensor):
                out = torch.full_like(out, level).requires_grad_(True)
            first = next(iter(held_tensors((args, kwargs))), None)
            if isinstance(out, Tensor) and isinstance(first, Tensor) and out.requires_grad:
                seen.append((module, made, first.detach(), out))
            return out

        return call

    def instead(entry: Entry) -> Any:
        made = entry.still or any(isinstance(a, Slot) for a in entry.args)
        return watched(entry.call, made) if isinstance(entry.call, nn.Module) else None

    with torch.enable_grad():
        loss = tape.with_calls(instead).play()
        outs = [out for *_, out in seen]
        slopes = torch.autograd.grad(loss, outs, allow_unused=True) if outs and loss.requires_grad else ()
    return [
        Shown(module, made, given, float(out.detach().mean()), slope)
        for (module, made, given, out), slope in zip(seen, slopes, strict=False)
        if slope is not None
    ]


def _critics(
    record: Record, *, critic: nn.Module | None = None, level: float = math.nan
) -> Iterator[tuple[Shown, Shown]]:
    """Calls of one module in one pass, with data and with what another model made of the same shape."""
    for tape in record.tapes:
        if not tape.playable:
            continue
        shown = shown_in(tape, critic=critic, level=level)
        for data in shown:
            for made in shown:
                if (
                    data.module is made.module
                    and made.made
                    and not data.made
                    and data.given.shape[1:] == made.given.shape[1:]
                    and data.given.is_floating_point()
                ):
                    yield data, made


def check_adversaries(record: Record) -> list[Finding]:
    """Find generators that cannot make what their critic is shown as data, or that want what the critic
    wants.

    Statistics, where two models take turns and one is called both with data and with what the other made: the
    share of the data's numbers beyond a bound (-1, 0 or 1) that everything made keeps to and a twentieth of
    it touches; and the share of examples in which, from an output between those for data and for what was
    made, the generator's loss pulls the critic's output to the side to which the critic's own loss pulls it.
    Null: numbers that touch a bound and never pass it come from an activation; the two losses pull to
    opposite sides, in every example. False alarms: none by construction for the first, where a tenth of the
    data or more lies beyond; cooperating models that take turns are left out unless the critic's loss pulls
    data and what was made apart, to opposite sides, in nearly all examples.

    Args:
        record: What was seen.
    """
    if not takes_turns(record):
        return []
    pairs = list(_critics(record))
    if not pairs:
        return []
    return _range(pairs) or _same_side(record, pairs)


def _range(pairs: list[tuple[Shown, Shown]]) -> list[Finding]:
    data = torch.cat([d.given.flatten() for d, _ in pairs]).double()
    made = torch.cat([m.given.flatten() for _, m in pairs]).double()
    for sign, word in ((1.0, "below"), (-1.0, "above")):
        low = float((sign * made).min())
        bound = min(BOUNDS, key=lambda b: abs(low - b))
        touched = float((sign * made < bound + 0.01).double().mean())
        beyond = float((sign * data < bound - 0.05 * float(data.std())).double().mean())
        if bound <= low + 1e-6 and touched > 0.05 and beyond > BEYOND and math.isfinite(low):
            return [
                Finding(
                    "output.activation",
                    "the generator cannot reach the data",
                    f"what it makes lies in [{float(made.min()):.3g}, {float(made.max()):.3g}], and "
                    f"{touched:.0%} of it at the bound {sign * bound:g}; {beyond:.0%} of the data's numbers "
                    f"lie {word} that, in [{float(data.min()):.3g}, {float(data.max()):.3g}]",
                    "high",
                    "the generator's last activation has another range than the data",
                    "scale the data to the range of the last activation (tanh: -1 to 1, sigmoid: 0 to 1), or "
                    "change the activation",
                    picture=of_pairs(
                        "Range of what is made, which reaches as far as the data where nothing is wrong",
                        "number",
                        {
                            "what is made": (float(made.min()), float(made.max())),
                            "data": (float(data.min()), float(data.max())),
                        },
                        ("least", "largest"),
                        (sign * bound, "bound"),
                    ),
                )
            ]
    return []


def _positive(slope: Tensor) -> float:
    """Share of positive slopes among those that are not zero; nan where there are none."""
    counted = slope[slope != 0]
    return float((counted > 0).double().mean()) if counted.numel() else math.nan


def _same_side(record: Record, pairs: list[tuple[Shown, Shown]]) -> list[Finding]:
    critic = pairs[0][0].module
    mine = [(d, m) for d, m in pairs if d.module is critic]
    # Where the critic's loss is content with its answers its slopes have any sign: they are taken between.
    level = 0.5 * (median(d.level for d, _ in mine) + median(m.level for _, m in mine))
    between = [(d, m) for d, m in _critics(record, critic=critic, level=level) if d.module is critic]
    apart = [(_positive(d.slope), _positive(m.slope)) for d, m in between]
    made_up = [b for a, b in apart if a <= 1 - SURE and b >= SURE]
    made_down = [b for a, b in apart if a >= SURE and b <= 1 - SURE]
    if len(made_up) < len(apart) and len(made_down) < len(apart):
        return []
    asked: list[float] = []
    for tape in record.tapes:
        calls = shown_in(tape, critic=critic, level=level) if tape.playable else []
        only = [c for c in calls if c.module is critic]
        if only and all(c.made for c in only):
            asked += [_positive(c.slope) for c in only]
    same = [a >= SURE if made_up else a <= 1 - SURE for a in asked]
    if not same or not all(same):
        return []
    least = min(a if made_up else 1 - a for a in asked)
    own = min(made_up or [1 - b for b in made_down])
    return [
        Finding(
            "loss.same-side",
            "the generator's loss asks the critic for what the critic's own loss asks",
            f"in all {len(same)} watched passes of the generator its loss pulls the critic's output for what "
            f"was made to the same side as the critic's loss does, in {least:.0%} of the examples or more; "
            "data are pulled to the other",
            "high",
            "the target or the sign of the generator's loss is that of the critic: it learns to be found out",
            "give the generator's loss the target that data have in the critic's loss (ones), or turn its "
            "sign",
            picture=of_numbers(
                "Examples in which the answer for what was made is pulled to the critic's side",
                "share of the examples, at least",
                {"critic's loss": own, "generator's loss": least},
                (1 - SURE, "the generator's, up to here"),
            ),
        )
    ]
