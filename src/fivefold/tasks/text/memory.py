"""Texts in memory: a list, an array or a series of strings, with a label each or without."""

from collections.abc import Sequence
from types import UnionType
from typing import Any

from fivefold.core import ArgumentError
from fivefold.tasks.as_numpy import is_array_like
from fivefold.tasks.labelled_table import labels_of
from fivefold.tasks.rejected import Rejected
from fivefold.tasks.tables.frames import is_frame, physical
from fivefold.tasks.tables.table import Column, missing
from fivefold.tasks.text.folder import Found


def is_array(source: object) -> bool:
    """Whether a source is an array or a series, which can hold nothing but texts; a list may be one of paths.

    >>> import numpy as np
    >>> is_array(np.array(["a cat"])), is_array(["a cat"]), is_array({"text": ["a cat"]})
    (True, False, False)
    """
    return is_array_like(source) and not is_frame(source)


def documents_of(texts: Any, labels: Any = None) -> Found:
    """Return texts in memory as documents, named by their places, from 1.

    Args:
        texts: N strings in a list, a 1-D array or a series; of the latter two a missing one is an empty text.
        labels: N classes, as texts or whole numbers, likewise; a text whose label is missing is left out.
            ``None`` where none are known.

    Raises:
        ArgumentError: Something else than strings, or another number of labels.
        DataError: Labels that are fractions or dates.

    >>> import numpy as np
    >>> documents_of(["it purrs", "it barks"], np.array([0, 1])).documents
    [('text 1', 'it purrs', '0', -1), ('text 2', 'it barks', '1', -1)]
    """
    found = Found()
    column = _strings(texts, found.notes)
    if labels is None:
        found.documents += [(f"text {i}", text, None, -1) for i, text in enumerate(column, 1)]
        return found
    classes = labels_of(physical("labels", labels, found.notes), "labels", "texts")
    if len(classes) != len(column):
        raise ArgumentError(f"a label for each of {len(column)} texts", f"{len(classes)} labels")
    for i, (text, label) in enumerate(zip(column, classes, strict=True), 1):
        if label is None:
            found.rejected.append(Rejected(f"text {i}", "it has no label"))
        else:
            found.documents.append((f"text {i}", text, label, -1))
    return found


def _strings(texts: Any, notes: list[str]) -> Sequence[str]:
    if isinstance(texts, list | tuple):
        other = first_other(texts, str)
        if other is not None:
            raise ArgumentError("a list of strings", other, "give '' for a text that is missing")
        return texts
    if not is_array(texts):
        fix = "give texts as a list of strings; of a data frame, its column"
        raise ArgumentError("a list, an array or a series of strings", f"a {type(texts).__name__}", fix)
    found = strings_of(physical("texts", texts, notes))
    if found is None:
        raise ArgumentError("strings", "numbers or dates", "give texts")
    return found


def first_other(values: Sequence[object], kind: type | UnionType) -> str | None:
    """Name the first value that is of another kind, with its place; ``None`` where there is none.

    >>> first_other(["a", None], str), first_other(["a"], str)
    ('None at place 1 (from 0)', None)
    """
    places = (place for place, value in enumerate(values) if not isinstance(value, kind))
    return next((f"{values[place]!r:.40} at place {place} (from 0)" for place in places), None)


def strings_of(column: Column) -> list[str] | None:
    """Return the cells of a column as texts, empty where they are missing; ``None`` of numbers or dates.

    >>> import numpy as np
    >>> [strings_of(np.array(cells)) for cells in (["a", None], [np.nan], [1.0])]
    [['a', ''], [''], None]
    """
    gaps = missing(column)
    if column.dtype.kind != "O" and not gaps.all():
        return None
    return ["" if gap else str(cell) for cell, gap in zip(column, gaps, strict=True)]
