"""Numbers that are not finite."""

import math

from fivefold.diagnosis.checks.rates import check_rate_too_high, peak_rate
from fivefold.diagnosis.checks.seen import curve, median
from fivefold.diagnosis.finding import Finding, Picture
from fivefold.diagnosis.observation.reasons import PRODUCTS
from fivefold.diagnosis.observation.record import Nonfinite, Record

GROWTH = 10.0
"""Loss at the last finite watched update over that at the first, or weights over first weights, from which on
numbers that overflow are a training that diverged."""


def check_nonfinite(record: Record) -> list[Finding]:
    """Find the first update whose gradient or loss is not finite, and where it comes from.

    Statistic: the norm of all gradients at every update, and the loss where it is seen. Null: finite. What
    overflows because loss or weights have grown tenfold before is no fault of an operation: it is called what
    it is, a training that diverges. False alarms: loss scaling of half precision skips such updates on
    purpose; the scaler does not call the optimizer then, so they are not seen.

    Args:
        record: What was seen.
    """
    if record.first_nonfinite is None:
        return []
    at = record.first_nonfinite
    trace = record.nonfinite
    picture = _before(record)
    if trace is None:
        return [
            Finding(
                "nonfinite.gradient",
                f"numbers are not finite from update {at} on",
                f"the gradient of update {at} is the first that is not finite",
                "high",
                "an operation overflowed or has no finite value or derivative at its input",
                "look for logarithms, roots and divisions of numbers that can be zero, and for rates that "
                "are too high",
                picture=picture,
            )
        ]
    growth = _growth(record)
    if growth and _by_growth(trace):
        known = any(f.confidence == "high" for f in check_rate_too_high(record))
        return [] if known else [_diverged(record, trace, at, growth, picture)]
    return [
        Finding(
            "nonfinite.operation",
            _title(trace, at),
            f"update {at} is the first that is not finite: {trace.evidence}"
            + (f"; before it {growth}" if growth else ""),
            "medium" if trace.where == "unknown" else "high",
            trace.cause,
            trace.fix,
            place=trace.place,
            picture=picture,
        )
    ]


def _title(trace: Nonfinite, at: int) -> str:
    if trace.where == "inputs":
        return f"{trace.operation} hold numbers that are not finite".replace("outside hold", "outside holds")
    if trace.where == "targets":
        return "the targets hold numbers that are not finite"
    if trace.where == "weights":
        verb = "are not finite" if at == 0 else "makes weights that are not finite"
        return f"{trace.operation} {verb}"
    where = f" in {trace.module}" if trace.module else ""
    return f"{trace.operation}{where} gives numbers that are not finite"


def _by_growth(trace: Nonfinite) -> bool:
    """Whether numbers that are too large explain what was found: an update made them, or plain products."""
    if trace.where == "weights":
        return True
    name = trace.operation.removeprefix("the derivative of ")
    return name in PRODUCTS and (trace.overflow or trace.where == "backward")


def _growth(record: Record) -> str:
    """How loss and weights grew before, in words; empty where neither did."""
    losses = [s.loss for s in record.steps if math.isfinite(s.loss)]
    norms = [
        math.hypot(*(p.weight for p in s.parameters if math.isfinite(p.weight)))
        for s in record.steps
        if s.parameters
    ]
    said = []
    if len(losses) >= 2 and losses[0] > 0 and losses[-1] > GROWTH * losses[0]:
        said.append(f"the loss went from {losses[0]:.3g} to {losses[-1]:.3g}")
    if len(norms) >= 2 and norms[0] > 0 and not max(norms) <= GROWTH * norms[0]:
        said.append(f"the weights grew from a norm of {norms[0]:.3g} to {max(norms):.3g}")
    return " and ".join(said)


def _before(record: Record) -> Picture | None:
    """Loss, gradient and weights while they were finite; ``None`` where that was one update at most."""
    steps = record.steps
    norms = (math.hypot(*(p.weight for p in s.parameters)) if s.parameters else math.nan for s in steps)
    curves = {
        "loss": curve(steps, (s.loss for s in steps)),
        "norm of the gradient": curve(steps, (s.gradient for s in steps)),
        "norm of the weights": curve(steps, norms),
    }
    shown = {name: points for name, points in curves.items() if len(points) > 1}
    title = "Loss, gradient and weights before numbers stop being finite"
    return Picture(title, "update", "size", shown, logarithmic=True) if shown else None


def _diverged(record: Record, trace: Nonfinite, at: int, growth: str, picture: Picture | None) -> Finding:
    rate = median(peak_rate(s) for s in record.steps)
    first = trace.operation + (f" in {trace.module}" if trace.module else "")
    return Finding(
        "rate.too-high",
        "the training diverges: the learning rate is too high",
        f"{growth}, and update {at} is not finite (first {first})",
        "high",
        f"a rate of {rate:.2g} steps beyond the valley, and each step makes the next one longer",
        f"lower the rate, to {rate / 10:.1g} to begin with",
        picture=picture,
        figures={"rate": rate, "to": rate / 10},
    )
