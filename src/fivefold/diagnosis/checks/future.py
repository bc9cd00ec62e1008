"""Models that see what they are to predict."""

from torch import Tensor, nn

from fivefold.diagnosis.checks.pictures import of_answers, of_shares
from fivefold.diagnosis.checks.probes import (
    ROUNDING,
    answer,
    differs,
    given_tensors,
    in_evaluation,
    last_call,
)
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.calls import DIFFERENCES, LOSSES
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import Entry, Slot, Tape

LEAST = 4
MANY = 0.95


def targets_of(tape: Tape) -> list[Tensor]:
    """Return what a loss on a tape was given beside what the model made: its targets."""
    out = []
    for entry in tape.entries:
        if entry.call in LOSSES or entry.call in DIFFERENCES:
            leaves = [*entry.args, *entry.kwargs.values()]
            made = any(isinstance(leaf, Slot) for leaf in leaves)
            given = [
                leaf for leaf in leaves if isinstance(leaf, Tensor) and leaf.ndim >= 1 and not _weight(leaf)
            ]
            if made and given:
                out.append(given[0])
    return out


def _weight(tensor: Tensor) -> bool:
    return tensor.requires_grad


def _laid_out(x: Tensor, y: Tensor) -> Tensor | None:
    """Targets in the inputs' layout [a, b], or [a, b, d] for numbers; ``None`` where they do not fit."""
    if x.is_floating_point() != y.is_floating_point():
        return None
    if not x.is_floating_point():
        return y.reshape(x.shape) if x.ndim == 2 and y.numel() == x.numel() else None
    if x.ndim == 2:
        x = x[:, :, None]
    if x.ndim != 3:
        return None
    steps = x.shape[0] * x.shape[1]
    if y.numel() % steps or not 1 <= y.numel() // steps <= x.shape[2]:
        return None
    return y.reshape(x.shape[0], x.shape[1], -1)


def _equal(x: Tensor, y: Tensor) -> float:
    """Largest share of equal entries, over the channels of x where y has fewer."""
    if not x.is_floating_point():
        return float((x == y).float().mean())
    if y.shape[2] == x.shape[2]:
        return float((x == y).float().mean())
    best = 0.0
    for begin in range(x.shape[2] - y.shape[2] + 1):
        best = max(best, float((x[..., begin : begin + y.shape[2]] == y).float().mean()))
    return best


def check_future(record: Record) -> list[Finding]:
    """Find sequence models that see the token, or the value, which they are to predict.

    Statistics: the share of targets equal to the input at their own place, and at the next; where targets are
    the next inputs, the change of outputs at a place when only later inputs change; where they are the inputs
    themselves, the change of an output when the input at its own place changes. Null: targets are the next
    inputs and outputs do not change; a model that moves its inputs on by a place itself is given its targets
    and does not see them, so that its outputs do not change either. False alarms: models that fill gaps
    (their targets are ignored where the
    input is shown); models that reproduce sequences of numbers (found only where the output at a place knows
    the inputs up to it alone, so that nothing is left to predict, and no layer is narrower than a step).

    Args:
        record: What was seen.
    """
    found = last_call(record)
    if found is None:
        return []
    tape, entry = found
    for place, x in enumerate(given_tensors(entry)):
        for y in targets_of(tape):
            laid = _laid_out(x, y)
            if laid is None or min(x.shape[:2]) < 2:
                continue
            shown = x if not x.is_floating_point() or x.ndim == 3 else x[:, :, None]
            # Time is the second dimension, or the first where targets are shifted along it.
            for axis in (1, 0):
                length = x.shape[axis]
                if length < LEAST:
                    continue
                own = _equal(shown, laid)
                following = _equal(shown.narrow(axis, 1, length - 1), laid.narrow(axis, 0, length - 1))
                if following >= MANY and own < MANY:
                    return _sees_later(entry, place, x, axis, following)
                if own >= MANY and following < MANY and (axis == 1 or not x.is_floating_point()):
                    return _unshifted(record, entry, place, x, own, following)
    return []


def _unshifted(
    record: Record, entry: Entry, place: int, x: Tensor, own: float, following: float
) -> list[Finding]:
    if x.is_floating_point():
        past, later = (differ(pairs) for pairs in answers_around(entry, place, x, 1))
        width = x.shape[2] if x.ndim == 3 else 1
        narrow = min((w.outputs for w in record.first_weights[:-1]), default=width)
        if later or not past or narrow < width:
            return []
        asked = True
    else:
        own_place = answers_at(entry, place, x)
        asked = bool(own_place)
        if asked and not differ(own_place):
            return []  # it moves them on by a place itself
    what = "values" if x.is_floating_point() else "tokens"
    return [
        Finding(
            "mask.unshifted",
            f"the targets are the inputs, not the {what} that follow them",
            f"{own:.1%} of the targets equal the input at their own place, {following:.1%} the next input"
            + (", and outputs change with the input at their own place" if asked else ""),
            "high" if asked else "medium",
            "inputs and targets are cut from the sequence at the same places; or the model moves its inputs "
            "on by a place, and a mask shows them all the same",
            "use sequence[:-1] as inputs and sequence[1:] as targets, and a causal mask",
            picture=of_shares(
                "Targets that equal an input, the next one where nothing is wrong",
                "share of the targets",
                {"at their own place": own, "the next": following},
                (MANY, "nearly all"),
            ),
        )
    ]


Pairs = list[tuple[Tensor, Tensor]]


def differ(pairs: Pairs) -> bool:
    """Whether the two answers of any pair differ by more than rounding."""
    return any(differs(before, after) for before, after in pairs)


def answers_at(entry: Entry, place: int, x: Tensor) -> Pairs:
    """Outputs at a place in the middle beside those for another input there alone; none where no output has
    such places.

    Args:
        entry: The call of the model.
        place: Which of its tensors, of :func:`given_tensors`, becomes another.
        x: That tensor, [b, t, ...].
    """
    assert isinstance(entry.call, nn.Module)
    at = x.shape[1] // 2
    changed = x.clone()
    changed[:, at] = x[:, at].roll(1, dims=0)
    with in_evaluation(entry.call):
        before, after = answer(entry, place, x), answer(entry, place, changed)
    steps = x.shape[0] * x.shape[1]
    laid = [
        (a.reshape(*x.shape[:2], -1), b.reshape(*x.shape[:2], -1))
        for a, b in zip(before, after, strict=True)
        if a.shape[:2] == x.shape[:2] or (a.ndim >= 2 and a.shape[0] == steps)
    ]
    return [(a[:, at], b[:, at]) for a, b in laid]


def answers_around(entry: Entry, place: int, x: Tensor, axis: int) -> tuple[Pairs, Pairs]:
    """Outputs at some places beside those for other inputs before them, and for other inputs after them.

    Args:
        entry: The call of the model.
        place: Which of its tensors, of :func:`given_tensors`, becomes another.
        x: That tensor, [b, t, ...].
        axis: Its dimension that is time, 0 or 1.
    """
    assert isinstance(entry.call, nn.Module)
    cut = x.shape[axis] // 2
    rest = x.shape[axis] - cut
    a, b = x.shape[:2]
    with in_evaluation(entry.call):
        before = answer(entry, place, x)
        sides = []
        for start, size in ((0, cut), (cut, rest)):
            changed = x.clone()
            part = x.narrow(axis, start, size)
            # Other examples' entries in their place; moved along time as well, where examples are alike.
            changed.narrow(axis, start, size).copy_(part.flip(1 - axis).roll(1, dims=axis))
            sides.append(answer(entry, place, changed))
    past: Pairs = []
    later: Pairs = []
    for first, early, late in zip(before, *sides, strict=True):
        steps = first.shape[0] * (first.shape[1] if first.ndim >= 3 else 1)
        if first.ndim < 2 or (steps != a * b and first.shape[:2] != x.shape[:2]):
            continue
        o, p, q = (t.reshape(a, b, -1) for t in (first, early, late))
        past.append((o.narrow(axis, cut, rest), p.narrow(axis, cut, rest)))
        later.append((o.narrow(axis, 0, cut), q.narrow(axis, 0, cut)))
    return past, later


def _sees_later(entry: Entry, place: int, x: Tensor, axis: int, following: float) -> list[Finding]:
    past, later = answers_around(entry, place, x, axis)
    if not differ(later):
        return []
    what = "values" if x.is_floating_point() else "tokens"
    return [
        Finding(
            "mask.future",
            f"the model sees the {what} that it is to predict",
            f"outputs at the first {x.shape[axis] // 2} places change when only {what} after them change, "
            f"and targets are the next {what} ({following:.1%})",
            "high",
            "attention has no causal mask (or one that hides the wrong side), or a recurrent or "
            "convolutional layer runs in both directions",
            "mask places after the present one: is_causal=True, or torch.triu(..., diagonal=1) set to -inf "
            "before softmax; pad convolutions on the left alone",
            picture=of_answers(
                "How far outputs change with the inputs: not with later ones where nothing is wrong",
                {f"earlier {what} change": past, f"later {what} change": later},
                (ROUNDING, "rounding up to here"),
            ),
        )
    ]
