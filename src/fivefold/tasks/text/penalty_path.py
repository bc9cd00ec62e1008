"""The penalty of a bag of words: downhill from a usual one, each fit begun at the one before."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fivefold.tasks.temperature import tempered_losses
from fivefold.tasks.text.bag_of_words import FEWEST_TERMS, BagOfWords, Design
from fivefold.tasks.text.cut_texts import CutTexts

Codes = npt.NDArray[np.int64]
PENALTIES = (3e-4, 1e-4, 3e-5, 1e-5, 3e-6)
"""Penalties on squared weights, per training text, from strong to weak."""
_USUAL = 0.1
"""The penalty of all training texts together near which the search begins."""
_STEPS = 20
"""Steps of L-BFGS that the time shall hold, or terms are left out."""
_FIRST = 4
"""Steps that are timed."""


@dataclass(frozen=True, eq=False)
class Path:
    """What came of the penalties that were tried.

    Attributes:
        bag: That of the smallest loss.
        losses: Log loss on the held-out texts by penalty.
        untried: Penalties that the loss led to and that there was no time for.
        terms: How many terms there would be with more time, or 0 where none were left out.
        seconds: Spent.
    """

    bag: BagOfWords
    losses: dict[float, float]
    untried: tuple[float, ...]
    terms: int
    seconds: float


def choose_penalty(
    cut: CutTexts,
    labels: Codes,
    held: tuple[CutTexts, Codes],
    classes: int,
    seconds: float = float("inf"),
    now: Callable[[], float] = time.monotonic,
) -> Path:
    """Fit a bag of words with the penalty of the smallest log loss on held-out texts, at its own temperature.

    Begun at the penalty nearest to 0.1 / n, to weaker ones while the loss falls; where it does not fall at
    once, to stronger ones. The first is tried whatever the clock says, with one step at least; a later one
    that the clock ends is not judged. Where 20 steps would take longer than the time, terms are left out,
    but 1,000 stay.

    Args:
        cut: Training texts.
        labels: Their codes ``[n]``, every class among them.
        held: Held-out texts and their codes.
        classes: How many classes there are.
        seconds: When to begin nothing further.
        now: The clock, in seconds.

    Raises:
        ArgumentError: A class without a training text.
        DataError: Texts without a word.
    """
    begun = now()
    design = Design.of(cut, labels, classes)
    all_terms, left_out = len(design.terms), 0
    place = int(np.argmin(np.abs(np.log(np.array(PENALTIES) * len(cut) / _USUAL))))
    weaker, stronger = PENALTIES[place:], PENALTIES[:place][::-1]
    before = now()
    start, timed = design.fit(weaker[0], iterations=_FIRST)
    slow = _STEPS * (now() - before) / timed.gradients
    room = max(0.0, seconds - (now() - begun))
    if slow > room and all_terms > FEWEST_TERMS:
        most = max(FEWEST_TERMS, int(all_terms * room / slow))
        design, left_out = Design.of(cut, labels, classes, most), all_terms
        start, _ = design.fit(weaker[0], start=start, iterations=_FIRST)

    def late() -> bool:
        return now() - begun >= seconds

    H, truth = start.features(held[0]), held[1]
    found: dict[float, BagOfWords] = {}
    losses: dict[float, float] = {}
    untried: tuple[float, ...] = ()
    for side in (weaker, stronger):
        for at, penalty in enumerate(side):
            if found and late():
                untried = side[at:]
                break
            start, regression = design.fit(penalty, start=start, stop=late)
            if found and late() and not regression.converged:
                untried = side[at:]
                break
            found[penalty] = start
            scores = np.asarray(H @ start.weights + start.bias)
            losses[penalty] = float(tempered_losses(scores, truth).mean())
            if losses[penalty] > min(losses.values()):
                break
        best = min(losses, key=lambda penalty: losses[penalty])
        if untried or best != weaker[0]:
            break
        start = found[best]
    return Path(found[best], losses, untried, left_out, now() - begun)
