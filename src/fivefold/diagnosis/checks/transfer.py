"""Evaluation examples for which what training examples teach does not hold."""

import math

import numpy as np
from scipy.optimize import linear_sum_assignment

from fivefold.diagnosis.checks.overlaps import shared, windows
from fivefold.diagnosis.checks.pictures import of_shares
from fivefold.diagnosis.checks.rules import Examples, Features, Judged, Rule
from fivefold.diagnosis.finding import Confidence, Finding
from fivefold.diagnosis.observation.record import Record

LEAST_ROWS = 150


def transfers(record: Record, own: Examples, rule: Rule, other: Examples, told: Judged) -> list[Finding]:
    """Find evaluation examples for which what the training examples teach does not hold.

    Statistics: R^2 of a simple rule (kernel ridge regression) on training examples, each left out; of the
    same rule on evaluation examples; of a rule made from those, each left out. Null: the first two agree
    within sampling error and a moderate change of population. Found where the rule keeps less than three
    tenths of what it explains (beyond 6 standard errors), sure where evaluation examples follow a rule of
    their own. Where inputs are alike on both sides (scales, and correlations between columns,
    :func:`same_structure`
    above 0.8) and no renaming of classes helps, it is the pairing that broke. False alarms: groups (a person,
    a machine) that are whole in one of the two, where few of them are there to learn from; windows that
    overlap within training (left out).

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
        f"not shown, and {max(b.share, 0.0):.0%} of those of {len(other.x)} evaluation examples"
    )
    picture = of_shares(
        "What the rule explains, of examples that it was not shown",
        "share of the variance explained",
        {"training": a.share, "evaluation": b.share, "evaluation, own rule": inside.share},
        (0.3 * a.share, "it holds from here on"),
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
                picture=picture,
            )
        ]
    if follows:
        seen += f", though a rule made from these explains {inside.share:.0%}"
    if follows and own.classes.size and inside.accuracy > 1.4 * (kept := _renamed(rule, other)):
        alike = same_structure(own, other)
        if alike > 0.8 and _one_scale(own, other):
            return [
                Finding(
                    "labels.unrelated",
                    "training targets belong to other inputs, or evaluation targets do",
                    f"{seen}; the inputs of the two are alike (correlations between their columns agree to "
                    f"{min(alike, 1.0):.0%}), and no renaming of the classes helps ({kept:.0%} right beside "
                    f"{inside.accuracy:.0%})",
                    _sure(follows, a.share, b.share),
                    "in one of the two, inputs and targets are no longer in the same order: shifted by "
                    "a row, or filtered without each other",
                    "cut, shift and filter inputs and targets with the same index",
                    picture=picture,
                )
            ]
    return [
        Finding(
            "data.preparation",
            "what training examples teach does not hold for evaluation examples",
            seen,
            _sure(follows, a.share, b.share),
            "the two are encoded or prepared in different ways: another vocabulary, another order of columns "
            "or classes, other scales",
            "prepare both with the same code: one vocabulary, one encoder, fitted to the training set",
            picture=picture,
        )
    ]


def _sure(follows: bool, own: float, other: float) -> Confidence:
    return "high" if follows and other < 0.15 * own else "medium"


def _renamed(rule: Rule, other: Examples) -> float:
    """Share of evaluation labels that the rule tells where its classes are renamed as suits them best."""
    told, labels = rule.tell(other.x).argmax(1), other.y.argmax(1)
    k = other.y.shape[1]
    table = np.zeros((k, k))
    np.add.at(table, (told, labels), 1.0)
    rows, columns = linear_sum_assignment(-table)
    return float(table[rows, columns].sum() / len(labels))


def _one_scale(own: Examples, other: Examples) -> bool:
    """Whether columns have about the same means and deviations on both sides, in the median."""
    if own.tokens:
        return True
    spread = own.x.std(0)
    used = spread > 0
    ratio = float(np.median(other.x.std(0)[used] / spread[used]))
    apart = float(np.median(np.abs(other.x.mean(0) - own.x.mean(0))[used] / spread[used]))
    return 0.6 < ratio < 1.6 and apart < 0.5


def same_structure(own: Examples, other: Examples) -> float:
    """How alike the correlations between input columns are on both sides, beside those of two halves of one.

    The correlation of the entries of the two correlation matrices (at most 200 columns), over the same for
    two halves of the training examples: about 1 where inputs are made in one way, whatever the shares of what
    they show, and far below where columns or names were numbered anew; nan where halves do not agree either.

    Args:
        own: Training examples.
        other: Evaluation examples.
    """
    features = Features(own)
    x, e = features.of(own.x), features.of(other.x)
    order = np.random.default_rng(0).permutation(len(x))
    parts = [x[order[::2]], x[order[1::2]], e]
    varied = np.array([p.std(0) > 1e-6 * max(float(p.std(0).max()), 1e-300) for p in parts]).all(0)
    columns = np.argsort(-parts[0].var(0) * varied)[: min(200, int(varied.sum()))]
    if len(columns) < 4:
        return math.nan
    above = np.triu_indices(len(columns), 1)
    one, two, three = (np.corrcoef(p[:, columns].T)[above] for p in parts)
    halves = float(np.corrcoef(one, two)[0, 1])
    return float(np.corrcoef(one, three)[0, 1]) / halves if halves > 0.5 else math.nan


def _overlap(record: Record) -> bool:
    """Whether training examples overlap with each other, so that leaving one out hides nothing."""
    x = windows(record.training_rows, 800)
    return shared(x[::2], x[1::2])[0] > 0.3
