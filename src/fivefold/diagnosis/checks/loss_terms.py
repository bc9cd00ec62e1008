"""Losses of which one term is a sum over the batch and another a mean."""

import math
from contextlib import ExitStack

import torch

from fivefold.diagnosis.checks.mixing import relates_rows
from fivefold.diagnosis.checks.pictures import of_numbers
from fivefold.diagnosis.checks.played import numbers_on, terms_of
from fivefold.diagnosis.checks.probes import in_evaluation, last_question
from fivefold.diagnosis.checks.time_axis import axis_of_time
from fivefold.diagnosis.finding import Confidence, Finding
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import Tape

EXACT = 0.02
"""Relative error to which the parts of a batch give a sum or a mean of the whole."""


def check_terms(record: Record) -> list[Finding]:
    """Find losses that add a sum over the examples to a mean over them.

    Statistic: each term T of the loss, on the last watched batch and on its two halves: T(h1) + T(h2) = T for
    a sum, the mean of the two for a mean, both exactly, in evaluation mode; the factor of the sum, times the
    examples in a batch, over that of the mean: the weight it would have as a mean. Null: all terms are of one
    kind; a term that is neither (a distance of distributions, a contrast of pairs) is left out; by chance
    both
    hold to 2% in less than one batch in a thousand. A mean times the very number of examples is a sum again
    (medium where all watched batches are of one size, since a factor may be that number by chance).
    False alarms: a factor that was chosen for the sum, so
    that found are only weights above 1; a division by a number that is a multiple of the batch makes a mean
    of a sum (left out), and so may a factor that is the size of an example rather than of the batch (left
    out).

    Args:
        record: What was seen.
    """
    asked = last_question(record)
    if asked is None or not asked[2].ndim or len(asked[2]) < 8 or not record.tapes[-1].playable:
        return []
    if axis_of_time(record) == 0 or relates_rows(record):
        return []  # halves of what comes first are no halves of a batch: steps of time, or rows of a graph
    n = len(asked[2]) - len(asked[2]) % 2
    tape = record.tapes[-1].of_rows(torch.arange(n), len(asked[2]))
    found = terms_of(tape)
    if not 2 <= len(found) <= 16:
        return []
    whole = len(asked[2])
    again = _summed_again(record, whole)
    if not again and any(_multiple(v, whole) for v in numbers_on(tape)):
        return []
    halves = [tape.of_rows(torch.arange(begin, n, 2), n) for begin in (0, 1)]
    sums, means = [], []
    as_means: dict[str, float] = {}
    with ExitStack() as stack:
        stack.enter_context(torch.no_grad())
        for module in tape.modules:
            stack.enter_context(in_evaluation(module))
        for i, (term, factor) in enumerate(found):
            value = _value(term)
            one, other = (_value(terms_of(half)[i][0]) for half in halves)
            if not math.isfinite(value + one + other) or abs(one - other) < 1e-6 * abs(value):
                continue  # no part of the batch: a penalty on the weights
            if abs(one + other - value) < EXACT * abs(value):
                sums.append((abs(factor), value))
                as_means[f"term {i + 1}, a sum"] = abs(factor) * n
            elif abs((one + other) / 2 - value) < EXACT * abs(value):
                means.append((abs(factor), value))
                as_means[f"term {i + 1}, a mean"] = abs(factor)
    if again:
        return _found_again(as_means, whole, again, tape) if not sums else []
    if not sums or not means:
        return []
    factor, value = max(sums)
    weight = factor * n / max(f for f, _ in means)
    if weight <= 1.0:
        return []
    return [
        Finding(
            "loss.sum",
            "one term of the loss is a sum over the batch, the other a mean",
            f"of halves of a batch of {n}, a term with the factor {factor:.3g} gives halves of its value "
            f"({value:.3g}), and another its mean: as a mean the first would have the factor "
            f"{factor * n:.3g}, {weight:.3g} times that of the other",
            "high" if weight >= 2.0 else "medium",
            "a sum over the examples grows with the batch, so that this term outweighs the other",
            "take the mean over the examples in both (dim=1 sums within an example, then .mean())",
            place=tape.entries[-1].place,
            picture=of_numbers(
                "Factor of each term, were all of them means over the examples",
                "factor as a mean",
                as_means,
                (max(f for f, _ in means), "of a mean"),
                logarithmic=True,
            ),
        )
    ]


def _summed_again(record: Record, whole: int) -> Confidence | None:
    """Whether some but not all terms are multiplied by the number of examples, on each tape by its own.

    A number that is also one of an example's (of its pixels, its classes) is no sign of that.
    """
    step = record.steps[-1] if record.steps else None
    shapes = [x.shape for x in step.inputs] if step else []
    shapes += [x.output.shape for x in step.layers[-1:]] if step else []
    shapes += [x.shape for call in step.losses for x in (call.prediction, call.target)] if step else []
    own = {abs(whole / math.prod(shape[at:])) for shape in shapes for at in range(1, len(shape))}
    own |= {whole / n for shape in shapes for n in shape[1:]}
    sizes: set[int] = set()
    for tape in record.tapes:
        given = next(
            (a for e in tape.entries for a in e.args if isinstance(a, torch.Tensor) and a.ndim), None
        )
        factors = [abs(factor) for _, factor in terms_of(tape)] if tape.playable else []
        if given is None or not factors:
            continue
        if len(given) < 8 or {f == len(given) for f in factors} != {True, False}:
            return None
        sizes.add(len(given))
    if not sizes or 1.0 in own:
        return None
    return "high" if len(sizes) > 1 else "medium"


def _found_again(as_means: dict[str, float], n: int, sure: Confidence, tape: Tape) -> list[Finding]:
    """A mean that is multiplied by the number of examples, beside one that is not."""
    larger = [f for f in as_means.values() if f == n]
    others = [f for f in as_means.values() if f != n]
    if not larger or not others:
        return []
    return [
        Finding(
            "loss.sum",
            "one term of the loss is a mean times the number of examples, the other a mean",
            f"of {len(as_means)} terms that are means over the examples, {len(larger)} have the factor {n}, "
            f"the number of examples in the batch, and others {max(others):.3g}",
            sure,
            "a mean times the number of examples is their sum: this term outweighs the other, the more the "
            "larger the batch",
            "leave the factor out, or choose one that does not follow the size of the batch",
            place=tape.entries[-1].place,
            picture=of_numbers(
                "Factor of each term", "factor", as_means, (max(others), "of the other"), logarithmic=True
            ),
        )
    ]


def _value(term: Tape) -> float:
    out = term.play()
    return float(out) if out.numel() == 1 else math.nan


def _multiple(value: float, n: int) -> bool:
    """Whether a factor or a divisor makes a mean over n examples."""
    large = abs(value) if abs(value) > 1 else 1.0 / max(abs(value), 1e-300)
    return large > 1.5 and abs(large / n - round(large / n)) < 1e-6 and round(large / n) >= 1
