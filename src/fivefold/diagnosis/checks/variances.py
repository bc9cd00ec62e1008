"""Standard deviations that are given where a variance is asked for."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from fivefold.diagnosis.checks.played import SCALING
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import Entry, Slot, Tape

PASSED_ON = {
    "add",
    "__add__",
    "__radd__",
    "clamp",
    "clamp_min",
    "expand",
    "reshape",
    "squeeze",
    "unsqueeze",
    "view",
}
"""Operations that leave a deviation a deviation, and a variance a variance."""

ROOTS = {torch.sqrt, Tensor.sqrt, torch.std, Tensor.std}
EXPONENTIALS = {torch.exp, Tensor.exp}


def check_variances(record: Record) -> list[Finding]:
    """Find a Gaussian likelihood that is given standard deviations for variances.

    Statistic: how the third argument of ``gaussian_nll_loss`` is made, in all forward passes that were kept:
    as a root, or as exp(a / 2), which is the root of exp(a). Null: a variance is exp(a), softplus(a), or the
    square of a deviation. False alarms: none in the training itself, which can make any positive number a
    variance, where what it learnt is read as a variance everywhere else, too.

    Args:
        record: What was seen.
    """
    calls = [
        (tape, entry)
        for tape in record.tapes
        if tape.playable
        for entry in tape.entries
        if entry.call is functional.gaussian_nll_loss
    ]
    forms = [form_of(tape, _variance(entry)) for tape, entry in calls]
    if not forms or not all(forms):
        return []
    return [
        Finding(
            "loss.deviation",
            "the likelihood is given a standard deviation for a variance",
            f"in {len(forms)} of {len(forms)} calls the third argument of gaussian_nll_loss is made as "
            f"{forms[-1]}",
            "high",
            "gaussian_nll_loss takes the variance: what is learnt as a deviation is then the square of one, "
            "and whoever reads it as a deviation gets other intervals and likelihoods than were trained",
            "give it the variance: exp(log_var), or std ** 2",
            place=calls[-1][1].place,
        )
    ]


def _variance(entry: Entry) -> Any:
    return entry.kwargs.get("var", entry.args[2] if len(entry.args) > 2 else None)


def form_of(tape: Tape, given: Any) -> str:
    """Return how a deviation was made, in words; empty for what may be a variance.

    Args:
        tape: What made it.
        given: Its place on the tape.
    """
    made = {slot: entry for entry in tape.entries for slot in entry.outputs}
    entry = _maker(made, given)
    if entry is None:
        return ""
    if entry.call in ROOTS:
        return f"a {getattr(entry.call, '__name__', 'root')}"
    half = _maker(made, entry.args[0]) if entry.call in EXPONENTIALS else None
    if half is None or getattr(half.call, "__name__", "") not in SCALING:
        return ""
    return "exp(a / 2), the root of exp(a)" if math.isclose(_factor(half), 0.5) else ""


def _maker(made: dict[int, Entry], given: Any) -> Entry | None:
    """The call that made a number, behind those that pass it on."""
    while isinstance(given, Slot):
        entry = made.get(given.index)
        if entry is None or getattr(entry.call, "__name__", "") not in PASSED_ON:
            return entry
        slots = [a for a in entry.args if isinstance(a, Slot)]
        given = slots[0] if len(slots) == 1 else None
    return None


def _factor(entry: Entry) -> float:
    """The number that a call multiplies by; nan where it is none."""
    numbers = [float(a) for a in entry.args if isinstance(a, int | float) and not isinstance(a, bool)]
    if len(numbers) != 1 or not numbers[0]:
        return math.nan
    return 1.0 / numbers[0] if "div" in getattr(entry.call, "__name__", "") else numbers[0]
