"""A few labelled examples whose labels belong to others, told by what as many held-out ones would teach."""

import numpy as np

from fivefold.diagnosis.checks.labels import LEAST_ROWS
from fivefold.diagnosis.checks.pictures import of_shares
from fivefold.diagnosis.checks.rules import Examples, Rule, distinct, every_draw
from fivefold.diagnosis.checks.seen import losses_of, within_updates
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record

LEAST, LEAST_OTHERS = 40, 100
DRAWS = 19
MOST_OTHERS = 600
TOLD, NOT_TOLD = 5.0, 2.0


def check_few_labels(record: Record) -> list[Finding]:
    """Find labels that have nothing to do with their examples where there are too few to tell by themselves.

    Of 40 to 149 training examples. Statistic: z, what a rule (kernel ridge regression) explains of held-out
    labels over its standard error: of the rule made from the training examples, and of 19 rules made from
    as many held-out examples each, judged by the held-out examples that each was not made from. Null:
    training examples of the same population are a twentieth draw of n, so that their z is the least of the
    twenty with probability 1/20; it is to be below 2 besides, as is that of training examples left out, while
    the least of the 19 is above 5. False alarms: a training set of another population whose labels no rule
    tells.

    Args:
        record: What was seen.
    """
    draws = every_draw(record.training_rows)
    if draws is None or within_updates(record) or not record.evaluation_rows.inputs:
        return []
    examples = distinct(draws)
    held = every_draw(record.evaluation_rows, like=draws)
    n = len(examples.x)
    if held is None or not LEAST <= n < LEAST_ROWS or not (examples.y.std(0) > 0).any():
        return []
    if held.tokens != examples.tokens or (
        not held.tokens and (held.x.shape[1] != examples.x.shape[1] or examples.x.shape[1] < 2)
    ):
        return []
    others = distinct(held)
    if not held.tokens:
        others = _new(others, examples)
    if len(others.x) < n + LEAST_OTHERS:
        return []
    generator = np.random.default_rng(0)
    rule = Rule(examples)
    told = rule.judge(others.part(generator.permutation(len(others.x))[:MOST_OTHERS]))
    if rule.own.z > NOT_TOLD or told.z > NOT_TOLD:
        return []
    usual = []
    for _ in range(DRAWS):
        order = generator.permutation(len(others.x))
        taught = Rule(others.part(order[:n]))
        usual.append(taught.judge(others.part(order[n : n + MOST_OTHERS])))
    least = min(usual, key=lambda judged: judged.z)
    if not least.z > TOLD:
        return []
    what = "labels" if len(examples.classes) else "targets"
    calls = losses_of(record)
    return [
        Finding(
            "labels.unrelated",
            f"the {what} have nothing to do with the inputs",
            f"a simple rule (kernel ridge) made from the {n} training examples tells "
            f"{max(told.share, 0.0):.1%} of the held-out {what} (z = {told.z:.1f}); {DRAWS} rules made from "
            f"{n} held-out examples each, {least.share:.0%} or more of the others (z = {least.z:.1f} up)",
            "high",
            f"inputs and {what} are no longer in the same order: one was shuffled, sorted or filtered "
            "without the other",
            f"shuffle and filter inputs and {what} with the same index",
            place=calls[-1].place if calls else None,
            picture=of_shares(
                f"What rules made from {n} examples explain of held-out {what}",
                "share of the variance explained",
                {"training examples": told.share, f"held-out ones, least of {DRAWS}": least.share},
                (2 * told.error, "by chance up to here"),
            ),
        )
    ]


def _new(others: Examples, examples: Examples) -> Examples:
    """Those that are no training examples."""
    x, e = examples.x, others.x
    square = (e**2).sum(1)[:, None] + (x**2).sum(1)[None] - 2 * e @ x.T
    return others.part(np.flatnonzero(square.min(1) > 1e-6 * max(float(x.var(0).sum()), 1e-12)))
