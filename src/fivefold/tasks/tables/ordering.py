"""The order of the levels of an ordered target: said by the user, or that of numbers."""

import re
from collections.abc import Iterable, Sequence

import numpy as np

from fivefold.core import ArgumentError, DataError
from fivefold.tasks.tables.convert import format_number
from fivefold.tasks.tables.target import MOST_LEVELS

_SHOWN = 20
_WHOLE = re.compile(r"[+-]?(?:0|[1-9]\d{0,14})(?:\.0+)?")


def _listed(labels: Iterable[str]) -> str:
    every = list(labels)
    more = f" and {len(every) - _SHOWN:,} more" if len(every) > _SHOWN else ""
    return ", ".join(repr(label[:40]) for label in every[:_SHOWN]) + more


def _number(label: str) -> float:
    try:
        return float(label)
    except ValueError:
        return float("nan")


def order_as_texts(order: Sequence[object]) -> tuple[str, ...]:
    """Return the levels that a user names as the texts that a schema gives: 3 and 3.0 become ``"3"``.

    Raises:
        ArgumentError: A text instead of a sequence, fewer than two levels, or one named twice.

    >>> order_as_texts(("low", 2.0))
    ('low', '2')
    """
    if isinstance(order, str) or not isinstance(order, Sequence):
        raise ArgumentError(
            "an order as a sequence of levels, lowest first", repr(order)[:80], 'for example ("low", "high")'
        )
    texts = []
    for level in order:
        number = isinstance(level, int | float | np.number) and not isinstance(level, bool)
        texts.append(format_number(float(level)) if number else str(level).strip())  # type: ignore[arg-type]
    twice = sorted({text for text in texts if texts.count(text) > 1})
    if twice:
        raise ArgumentError("an order that names every level once", f"{_listed(twice)} more than once")
    if len(texts) < 2:
        raise ArgumentError("an order of at least two levels", _listed(texts) or "none")
    return tuple(texts)


def level_order(name: str, labels: Sequence[str], order: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the levels of an ordered target, lowest first.

    Args:
        name: The target.
        labels: Its distinct labels.
        order: The levels as the user orders them (:func:`order_as_texts`); without, labels must be numbers.

    Raises:
        ArgumentError: An order that lacks a label or names another one.
        DataError: One label or more than 20; labels that are no numbers, without an order.

    >>> level_order("quality", ["10", "9", "2"])
    ('2', '9', '10')
    >>> level_order("size", ["high", "low"], ("low", "high"))
    ('low', 'high')
    """
    if len(labels) < 2:
        raise DataError(f"a target {name!r} that varies", f"the one level {_listed(labels)}")
    if len(labels) > MOST_LEVELS:
        raise DataError(
            f"at most {MOST_LEVELS} levels of the ordered target {name!r}",
            f"{len(labels):,}",
            f"say --types {name}=number where they are numbers, or join some",
        )
    if order is not None:
        absent = [label for label in sorted(labels) if label not in order]
        unknown = [level for level in order if level not in labels]
        if absent or unknown:
            parts = [f"without {_listed(absent)}"] if absent else []
            parts += [f"with {_listed(unknown)}, which no row has"] if unknown else []
            raise ArgumentError(
                f"an order of exactly the labels of {name!r}: {_listed(sorted(labels))}",
                f"one {' and '.join(parts)}",
            )
        return tuple(order)
    numbers = {label: _number(label) for label in labels}
    if not np.isfinite(list(numbers.values())).all() or len(set(numbers.values())) < len(labels):
        raise DataError(
            f"an order of the labels of {name!r}: {_listed(sorted(labels))}",
            "labels that are not all numbers, different ones",
            f'say which comes first: --order "{",".join(sorted(labels))[:60]}", lowest first',
        )
    return tuple(sorted(labels, key=lambda label: numbers[label]))


def whole_number_order(labels: Sequence[str]) -> tuple[str, ...] | None:
    """Return 3 to 20 labels that are all whole numbers in their order, or ``None``.

    Labels with leading zeros are codes.

    >>> whole_number_order(["10", "9", "8"]), whole_number_order(["01", "02", "03"])
    (('8', '9', '10'), None)
    """
    if not 3 <= len(labels) <= MOST_LEVELS or not all(_WHOLE.fullmatch(label) for label in labels):
        return None
    if len({float(label) for label in labels}) < len(labels):
        return None
    return tuple(sorted(labels, key=float))
