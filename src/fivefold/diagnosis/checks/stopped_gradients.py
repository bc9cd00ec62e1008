"""Parts of a loss that are held still and turn its gradient round."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from fivefold.diagnosis.checks.loss_level import draws_its_data, takes_turns
from fivefold.diagnosis.checks.pictures import of_shares
from fivefold.diagnosis.checks.seen import initial_loss, late_loss
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import DETACHING, Entry, Tape

LEAST_TAPES = 3
WAYS = (0.0, 1.0, 2.0, 4.0, 8.0)
"""How far outputs are moved the way that updates move them."""

MOST = 0.5


def check_stopped_gradients(record: Record) -> list[Finding]:
    """Find ``detach()`` in a loss after which updates climb it.

    Statistic: of the numbers that the models gave and to which the loss has another derivative without
    ``detach()``, the share at which that points the other way than the one that updates follow, on each
    watched
    tape, as it was and with these numbers moved on by up to 8 as long as updates go on that way; and the
    loss at
    the end beside the first. Null: where one side of a distance is held
    still on purpose (codebooks, targets of a network that learns from itself, weights of examples), both
    point
    the same way and turn at the same place, and the loss falls. Found where half of the numbers or more come
    to
    point apart on every tape (three or more) and the loss has risen. False alarms: losses whose level means
    nothing (policies and models that take turns are left
    out).

    Args:
        record: What was seen.
    """
    started, ended = initial_loss(record), late_loss(record)
    if draws_its_data(record) or takes_turns(record) or not ended > started + 0.1 * abs(started):
        return []
    seen = [found for tape in record.tapes if (found := _apart(tape)) is not None]
    if len(seen) < LEAST_TAPES or min(seen) < MOST:
        return []
    tape = next(t for t in reversed(record.tapes) if _detached(t))
    place = next(e.place for e in tape.entries if e.call in DETACHING)
    return [
        Finding(
            "gradient.detached",
            "a part of the loss that is held still turns its gradient round",
            f"at {min(seen):.0%} to {max(seen):.0%} of the numbers that the model gave, on {len(seen)} "
            "watched tapes, "
            "the derivative that updates use and that of the loss without detach() come to point away from "
            "each "
            f"other when they are moved on; the loss rose from {started:.3g} to {ended:.3g}",
            "high",
            "detach() takes out the term that holds the other one back: what is left has no least value",
            "leave detach() out of the loss",
            place=place,
            picture=of_shares(
                "Numbers at which updates move away from where the loss is less: none where nothing is wrong",
                "share of the numbers",
                {f"tape {i + 1}": value for i, value in enumerate(seen)},
                (MOST, "found from here on"),
            ),
        )
    ]


def _detached(tape: Tape) -> bool:
    return tape.playable and any(e.call in DETACHING for e in tape.entries)


def _apart(tape: Tape) -> float | None:
    """Largest share of the numbers at which the derivatives with and without ``detach()`` point apart, of
    those
    where they differ, there and further along the way on which updates move them; ``None`` where nothing is
    detached, or that is used nowhere else.
    """
    if not _detached(tape):
        return None
    first, full = _slopes(tape, whole=False), _slopes(tape, whole=True)
    if not len(full) or not bool(torch.isfinite(full).all()):
        return None
    differ = ((first - full).abs() > 1e-6 * full.abs().max()).double()
    found = []
    for far in WAYS:
        off = -far * first.sign() * differ
        used, full = _slopes(tape, off, whole=False) * differ, _slopes(tape, off, whole=True) * differ
        if not float(used @ first) > 0.0 or not bool(torch.isfinite(full).all()):
            break  # updates turn back themselves
        found.append(float((used * full < 0.0).double().sum() / differ.sum()))
    return max(found, default=None)


def _slopes(tape: Tape, off: Tensor | None = None, *, whole: bool) -> Tensor:
    """Derivatives of the loss to what the models gave, with what is detached held still or, as a whole, not.

    ``off`` is added to what they gave, as one long vector.
    """
    leaves: list[Tensor] = []

    def making(call: nn.Module) -> Callable[..., Any]:
        def made(*args: Any, **kwargs: Any) -> Any:
            with torch.no_grad():
                out = call(*args, **kwargs)
            return tree_map(leaf, out)

        return made

    def leaf(each: Any) -> Any:
        if not isinstance(each, Tensor) or not each.is_floating_point():
            return each
        begin = sum(x.numel() for x in leaves)
        moved = 0.0 if off is None else off[begin : begin + each.numel()].to(each).reshape(each.shape)
        leaves.append((each.detach() + moved).requires_grad_(True))
        return leaves[-1]

    def instead(entry: Entry) -> Callable[..., Any] | None:
        if isinstance(entry.call, nn.Module):
            return making(entry.call)
        return _same if whole and entry.call in DETACHING else None

    with torch.enable_grad():
        loss = tape.with_calls(instead).play()
        if not loss.requires_grad or not leaves:
            return torch.empty(0)
        slopes = torch.autograd.grad(loss, leaves, allow_unused=True)
    pairs = zip(slopes, leaves, strict=True)
    return torch.cat(
        [(torch.zeros_like(x) if s is None else s).detach().reshape(-1).double() for s, x in pairs]
    )


def _same(x: Tensor) -> Tensor:
    return x
