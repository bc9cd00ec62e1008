"""Whether a changed run is better than the run before it, and by which number."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from fivefold.diagnosis.trial.measuring import Curve, Measured

LEAST = 0.02
"""Relative fall of the error that counts as better."""

LEAST_OF_SYMPTOM = 0.15
"""The same for changes of how long and how freely a network is fitted, which help a little nearly always."""

REDEFINES = (
    "loss.sum",
    "loss.not-log-probabilities",
    "loss.classes-together",
    "loss.left-out",
    "loss.not-logarithms",
    "loss.sign",
    "loss.trivial",
    "regularisation.smoothing",
    "regularisation.penalty",
    "latent.collapsed",
    "imbalance.classes",
    "imbalance.weights",
    "loss.policy-sign",
    "loss.same-side",
)
"""Findings whose fix makes the loss another number, so that losses before and after say nothing."""

FLATTERED = ("mask.future", "mask.unshifted")
"""Findings of models that saw what they foretell: losses and shares of right answers were too good before."""

LARGEST = 3.0
"""Bound of one measure's part in the mean."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A number of both runs.

    Attributes:
        name: What it is.
        before: Without the change.
        after: With it.
        sign: 1 where higher is better, -1 where lower is.
        held_out: Whether it is of examples that were not trained on.
    """

    name: str
    before: float
    after: float
    sign: int
    held_out: bool

    @property
    def gain(self) -> float:
        """log(error before / error after), bounded; of a share such as accuracy the error is 1 - share.

        >>> round(Measure("accuracy", 0.8, 0.9, 1, True).gain, 3)
        0.693
        """
        if not math.isfinite(self.after):
            return -LARGEST if math.isfinite(self.before) else 0.0
        if not math.isfinite(self.before):
            return LARGEST
        return max(-LARGEST, min(LARGEST, self._ratio()))

    def _ratio(self) -> float:
        before, after = self.before, self.after
        if before == after:
            return 0.0
        if self.sign > 0 and max(before, after) <= 1.0:
            return math.log(max(1.0 - before, 1e-4) / max(1.0 - after, 1e-4))
        if min(before, after) > 0.0:
            return self.sign * math.log(after / before)
        # A bound that may have either sign: relative to the larger of the two.
        return self.sign * (after - before) / max(abs(before), abs(after))


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a changed run compares with the one before.

    Attributes:
        measure: The number that is shown: the held-out one that was printed last, or what was seen.
        gain: Of the number that is shown and of all of its kind, each half.
        better: Whether it is better.
    """

    measure: Measure | None
    gain: float
    better: bool


def judge(before: Measured, after: Measured, code: str = "") -> Judgement:
    """Compare two runs by what tells most: held-out numbers printed, those seen, others printed, the loss.

    Statistic: log(error before / error after) of the number printed last, and its mean over all numbers of
    the first kind there is, each half. Better where it is above 2% and the number printed last is not worse.
    The runs share their seed, but a change also changes what is drawn: differences of a few percent on small
    held-out sets may be chance.

    Args:
        before: The run without the change.
        after: The run with it.
        code: What the change is a fix of: where it makes the loss another number, losses do not judge; where
            the model saw what it foretells, neither losses nor shares of right answers do; where it fits
            longer or more freely, it takes 15%.
    """
    least = LEAST_OF_SYMPTOM if code.startswith("fit.") else LEAST
    if before.outcome.ended == "error" and not after.failed:
        return Judgement(None, LARGEST, True)  # it comes to its end
    for kind in _kinds(before, after):
        measures = [m for m in kind if not _says_nothing(m.name, code)]
        if not measures:
            continue
        shown = measures[-1]
        gain = 0.5 * (shown.gain + fmean(m.gain for m in measures))
        return Judgement(shown, gain, gain > least and shown.gain > -LEAST)
    return Judgement(None, 0.0, False)


def _kinds(before: Measured, after: Measured) -> list[list[Measure]]:
    shared = [p for name, p in before.printed.items() if p.sign and name in after.printed]
    shared.sort(key=lambda p: p.line)
    printed = [
        Measure(f"{p.name} (printed)", p.last, after.printed[p.name].last, p.sign, p.held_out) for p in shared
    ]
    names = {p.name for p in shared if p.training}
    held = [m for m in printed if m.held_out]
    plain = [m for m in printed if not m.held_out and m.name.removesuffix(" (printed)") not in names]
    seen = []
    for name, sign in (("held-out loss", -1), ("held-out accuracy", 1)):
        if name in before.curves and name in after.curves:
            last = _end(before.curves[name]), _end(after.curves[name])
            seen.append(Measure(f"{name} (seen)", *last, sign, True))
    training = []
    if "training loss" in before.curves and "training loss" in after.curves:
        ends = _late(before.curves["training loss"]), _late(after.curves["training loss"])
        training.append(Measure("training loss (seen)", *ends, -1, False))
    return [held, seen, plain, training]


LOSS = {"loss", "nll", "cost", "objective"}
RIGHT = {"accuracy", "acc", "correct", "perplexity", "ppl"}


def _says_nothing(name: str, code: str) -> bool:
    """Whether a number cannot tell the effect of a fix; a log loss has its own name, and a meaning of its
    own.

    >>> [_says_nothing("val loss (printed)", code) for code in ("mask.future", "mask.padding")]
    [True, False]
    """
    words = set(name.replace("log loss", "").split())
    if code in FLATTERED:
        return bool((LOSS | RIGHT) & words)
    return code in REDEFINES and bool(LOSS & words)


def _end(curve: Curve) -> float:
    return median(y for _, y in curve[-3:]) if len(curve) >= 8 else curve[-1][1]


def _late(curve: Curve) -> float:
    """Median over the last tenth of the updates."""
    last = curve[-1][0]
    return median(y for x, y in curve if x >= 0.9 * last)


def best(judged: Sequence[tuple[int, Judgement]]) -> int | None:
    """Which of several changes helps most; ``None`` where none does.

    Args:
        judged: Numbers of the changes, and how each compares.
    """
    helped = [(number, j) for number, j in judged if j.better]
    return max(helped, key=lambda pair: (pair[1].gain, -pair[0]))[0] if helped else None
