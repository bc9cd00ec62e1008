"""The order of classes: numbers by value, then words."""

import math


def number(text: str) -> float | None:
    """Return the finite number that a text is; ``None`` where it is none.

    >>> number("-2.5"), number("--1"), number("inf")
    (-2.5, None, None)
    """
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def label_order(text: str) -> tuple[int, float, str]:
    """Return where a label stands among others, for sorting.

    >>> sorted(["10", "b", "9", "--1"], key=label_order)
    ['9', '10', '--1', 'b']
    """
    value = number(text)
    return (1, 0.0, text) if value is None else (0, value, text)
