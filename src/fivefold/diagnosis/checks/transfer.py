"""Evaluation examples for which what training examples teach does not hold."""

import math

from fivefold.diagnosis.checks.overlaps import shared, windows
from fivefold.diagnosis.checks.rules import Examples, Judged, Rule
from fivefold.diagnosis.finding import Confidence, Finding
from fivefold.diagnosis.observation.record import Record

LEAST_ROWS = 150


def transfers(record: Record, own: Examples, rule: Rule, other: Examples, told: Judged) -> list[Finding]:
    """Find evaluation examples for which what the training examples teach does not hold.

    Statistics: R^2 of a simple rule (kernel ridge regression) on training examples, each left out; of the
    same rule on evaluation examples; of a rule made from those, each left out. Null: the first two agree
    within sampling error and a moderate change of population. Found where the rule keeps less than three
    tenths of what it explains (beyond 6 standard errors), sure where evaluation examples follow a rule of
    their own. False alarms: groups (a person, a machine) that are whole in one of the two, where few of
    them are there to learn from; windows that overlap within training (left out).

    Args:
        record: What was seen.
        own: Training examples.
        rule: Made from them.
        other: Evaluation examples.
        told: How well the rule tells their targets.
    """
    a, b = rule.own, told
    error = math.hypot(a.error, b.error)
    if len(other.x) < LEAST_ROWS // 2 or not (other.y.std(0) > 0).any():
        return []
    if a.share < 0.1 or a.z < 6 or b.share > 0.3 * a.share or a.share - b.share < 6 * error:
        return []
    if _overlap(record):
        return []
    inside = Rule(other).own
    follows = inside.z > 5 and inside.share > 0.4 * a.share and inside.share > b.share + 0.1
    seen = (
        f"a simple rule explains {a.share:.0%} of the targets of {len(own.x)} training examples that it was "
        "not "
        f"shown, and {max(b.share, 0.0):.0%} of those of {len(other.x)} evaluation examples"
    )
    if inside.z < 2 and b.z < 2 and len(other.x) >= LEAST_ROWS:
        return [
            Finding(
                "labels.unrelated",
                "the evaluation targets have nothing to do with the evaluation inputs",
                f"{seen}; nor does a rule made from these ({max(inside.share, 0.0):.0%}, z = {inside.z:.1f})",
                "medium",
                "inputs and targets of the evaluation are not in the same order",
                "shuffle and filter inputs and targets with the same index",
            )
        ]
    if follows:
        seen += f", though a rule made from these explains {inside.share:.0%}"
    return [
        Finding(
            "data.preparation",
            "what training examples teach does not hold for evaluation examples",
            seen,
            _sure(follows, a.share, b.share),
            "the two are encoded or prepared in different ways: another vocabulary, another order of columns "
            "or "
            "classes, other scales",
            "prepare both with the same code: one vocabulary, one encoder, fitted to the training set",
        )
    ]


def _sure(follows: bool, own: float, other: float) -> Confidence:
    return "high" if follows and other < 0.15 * own else "medium"


def _overlap(record: Record) -> bool:
    """Whether training examples overlap with each other, so that leaving one out hides nothing."""
    x = windows(record.training_rows, 800)
    return shared(x[::2], x[1::2])[0] > 0.3
