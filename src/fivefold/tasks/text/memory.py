"""Texts in memory: a list, an array or a series of strings, with a label each or without."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from fivefold.core import ArgumentError
from fivefold.tasks.labelled_table import labels_of
from fivefold.tasks.rejected import Rejected
from fivefold.tasks.tables.frames import is_frame, physical
from fivefold.tasks.text.folder import Found


@runtime_checkable
class Series(Protocol):
    """A column as pandas, Polars and Arrow have it."""

    def to_numpy(self) -> Any:
        """Its values."""
        ...


def is_array(source: object) -> bool:
    """Whether a source is an array or a series, which can hold nothing but texts; a list may be one of paths.

    >>> is_array(np.array(["a cat"])), is_array(["a cat"]), is_array({"text": ["a cat"]})
    (True, False, False)
    """
    return isinstance(source, np.ndarray | Series) and not is_frame(source)


def documents_of(texts: Any, labels: Any = None) -> Found:
    """Return texts in memory as documents, named by their places, from 1.

    Args:
        texts: N strings in a list, a 1-D array or a series; of the latter two a missing one is an empty text.
        labels: N classes, as texts or whole numbers, likewise; a text whose label is missing is left out.
            ``None`` where none are known.

    Raises:
        ArgumentError: Something else than strings, or another number of labels.
        DataError: Labels that are fractions or dates.

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
        for place, text in enumerate(texts):
            if not isinstance(text, str):
                raise ArgumentError("a list of strings", f"{text!r:.40} at place {place} (from 0)")
        return texts
    if not is_array(texts):
        fix = "give texts as a list of strings; of a data frame, its column"
        raise ArgumentError("a list, an array or a series of strings", f"a {type(texts).__name__}", fix)
    column = physical("texts", texts, notes)
    if column.dtype.kind != "O":
        raise ArgumentError("strings", "numbers or dates", "give texts")
    return ["" if text is None else str(text) for text in column]
