"""Weights that grew manyfold while nothing was learnt."""

import math

from fivefold.diagnosis.checks.loss_level import draws_its_data, level_tells
from fivefold.diagnosis.checks.rates import peak_rate
from fivefold.diagnosis.checks.seen import curve, initial_loss, late_loss, median
from fivefold.diagnosis.finding import Finding, Picture
from fivefold.diagnosis.observation.record import Record

GROWN = 3.0
MOST_UPDATES = 2000
LEARNT = 0.8


def check_grown_weights(record: Record) -> list[Finding]:
    """Find rates so high that they throw the weights far out, where a norm within the network hides it.

    Statistic: the norm of all weights at the last watched update over the first, and the loss at the end
    over the
    first. Null: weights that are found by learning grow by less than twice in some hundred updates, and the
    loss
    falls meanwhile; steps of any size that are taken at random add up in length all the same. With batch
    norm or
    directions at the end the loss does not rise, since it does not depend on the size of the weights before
    it.
    Found where the norm grew threefold within two thousand updates while the loss kept four fifths of its
    first
    value. False alarms: first weights near zero (left out: the norm must have been that of usual ones, a
    hundredth a number).

    Args:
        record: What was seen.
    """
    steps = [s for s in record.steps if s.parameters]
    if len(steps) < 4 or record.count > MOST_UPDATES or not level_tells(record) or draws_its_data(record):
        return []
    norms = [math.hypot(*(p.weight for p in s.parameters if p.finite)) for s in steps]
    numbers = sum(p.numbers for p in steps[0].parameters)
    started, ended = initial_loss(record), late_loss(record)
    if norms[0] < 0.01 * math.sqrt(max(numbers, 1)) or not norms[-1] > GROWN * norms[0]:
        return []
    if not ended > LEARNT * started:
        return []
    rate = median(peak_rate(s) for s in steps)
    target = float(f"{rate * (norms[0] / norms[-1]) ** 2:.1g}")
    return [
        Finding(
            "rate.too-high",
            "the learning rate is too high: the weights are thrown far out",
            f"the norm of the weights went from {norms[0]:.3g} to {norms[-1]:.3g} in {record.count} "
            "updates, while "
            f"the loss went from {started:.3g} to {ended:.3g}",
            "medium",
            f"a rate of {rate:.2g} moves the weights by more than their size; batch norm, or directions at "
            "the end, "
            "hide how large they are, and make the gradient the smaller for it",
            f"lower the rate to about {target:g}",
            figures={"rate": rate, "to": target},
            picture=Picture("The norm of the weights", "update", "norm", {"weights": curve(steps, norms)}),
        )
    ]
