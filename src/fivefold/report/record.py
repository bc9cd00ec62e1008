"""Careful reading of a plain record: any part may be missing, of another type, or not a number."""

import math
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any, TypeVar

Item = TypeVar("Item")


def mapping(value: object) -> dict[str, Any]:
    """Return ``value`` as a dictionary with text keys, empty where it is not one.

    >>> mapping({"a": 1}), mapping(None), mapping([1])
    ({'a': 1}, {}, {})
    """
    return {str(key): item for key, item in value.items()} if isinstance(value, Mapping) else {}


def entries(value: object) -> list[dict[str, Any]]:
    """Return the dictionaries of a list; what is not a dictionary is left out.

    >>> entries([{"a": 1}, None, 3]), entries("text")
    ([{'a': 1}], [])
    """
    return [mapping(item) for item in value if isinstance(item, Mapping)] if _listed(value) else []  # type: ignore[attr-defined]


def sequence(value: object) -> list[Any]:
    """Return ``value`` as a list, empty where it is not one.

    >>> sequence((1, 2)), sequence("ab"), sequence(None)
    ([1, 2], [], [])
    """
    return list(value) if _listed(value) else []  # type: ignore[call-overload]


def finite(value: object) -> float | None:
    """Return a finite number as a float, otherwise ``None``.

    >>> finite(2), finite(float("nan")), finite(None), finite("2"), finite(True)
    (2.0, None, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        number = float(value)
    except (OverflowError, ValueError):
        return None
    return number if math.isfinite(number) else None


def whole(value: object) -> int | None:
    """Return a finite number as an integer, otherwise ``None``.

    >>> whole(3.0), whole(float("inf"))
    (3, None)
    """
    number = finite(value)
    return None if number is None else round(number)


def first(items: Iterable[Item], limit: int) -> tuple[list[Item], int]:
    """Return the first ``limit`` items and how many were left out.

    >>> first([1, 2, 3], 2), first([1], 2)
    (([1, 2], 1), ([1], 0))
    """
    listed = list(items)
    return listed[:limit], max(0, len(listed) - limit)


def _listed(value: object) -> bool:
    return isinstance(value, list | tuple)
