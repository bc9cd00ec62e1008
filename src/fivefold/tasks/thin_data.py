"""Labelled pictures or texts of which there are few: what is refused, noted, and warned of."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fivefold.core import DataError
from fivefold.report.numbers import plural
from fivefold.tasks.rejected import Rejected

_FEW = 5
_SHOWN = 5
_RARE, _SHORT_TEST, _LATE = 20, 100, 1.25
"""Training examples of a class and test examples below which a fit warns; times its budget above which."""


def require_two_classes(classes: Sequence[str], source: str, fix: str) -> None:
    """Refuse a source from which no classifier can be learnt.

    Raises:
        DataError: It has one class, or none.

    >>> require_two_classes(["cat"], "pets", "add pictures of another one")
    Traceback (most recent call last):
    fivefold.core.errors.DataError: expected at least two classes; got only 'cat' in 'pets'; add pictures of \
another one
    """
    if len(classes) < 2:
        only = f"only {classes[0]!r}" if classes else "none"
        raise DataError("at least two classes", f"{only} in {source!r}", fix)


def thin_classes(classes: Sequence[str], counts: npt.NDArray[np.integer], what: str) -> list[str]:
    """Note the classes with fewer than five training examples.

    Args:
        classes: Their names [K].
        counts: Their training examples [K].
        what: What one is called, ``"picture"`` or ``"text"``.

    >>> thin_classes(["cat", "dog"], np.array([2, 9]), "picture")
    ["Classes with fewer than 5 training pictures can hardly be learnt: 'cat' (2)."]
    """
    few = [f"{classes[i]!r} ({counts[i]})" for i in np.flatnonzero(counts < _FEW).tolist()]
    if not few:
        return []
    shown = ", ".join(few[:_SHOWN]) + (f" and {len(few) - _SHOWN:,} more" if len(few) > _SHOWN else "")
    return [f"Classes with fewer than {_FEW} training {what}s can hardly be learnt: {shown}."]


def left_out(rejected: Sequence[Rejected], what: str) -> list[str]:
    """Warn of what could not be read.

    >>> left_out([Rejected("7.jpg", "it is truncated")], "file")
    ['1 file was left out: 7.jpg (it is truncated).']
    """
    if not rejected:
        return []
    first = ", ".join(f"{r.name} ({r.reason})" for r in rejected[:3])
    more = f" and {len(rejected) - 3:,} more" if len(rejected) > 3 else ""
    verb = "was" if len(rejected) == 1 else "were"
    return [f"{plural(len(rejected), what)} {verb} left out: {first}{more}."]


def few_examples(rarest: int, tested: int, what: str) -> list[str]:
    """Warn of a rare class and of a short test.

    Args:
        rarest: Training examples of the rarest class.
        tested: Test examples.
        what: What one is called, ``"picture"`` or ``"text"``.

    >>> few_examples(1, 99, "text")[0]
    'A class has only 1 training text: expect little of it.'
    """
    said = []
    if rarest < _RARE:
        said.append(f"A class has only {plural(rarest, 'training ' + what)}: expect little of it.")
    if tested < _SHORT_TEST:
        test = plural(tested, "test " + what)
        said.append(f"With {test} the interval of the accuracy is wide: it says little.")
    return said


def late(seconds: float, budget: float) -> list[str]:
    """Warn of a fit that took a quarter more than its budget.

    >>> late(80.0, 60.0)
    ['The fit took 80 s for a budget of 60 s.']
    """
    return (
        [f"The fit took {seconds:.0f} s for a budget of {budget:.0f} s."] if seconds > _LATE * budget else []
    )
