"""Texts as data: documents, their classes, and what had to be decided on the way."""

import unicodedata
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.core import require
from fivefold.tasks.rejected import Rejected
from fivefold.tasks.row_numbers import row_numbers
from fivefold.tasks.text.tokens import count_words


def twin_key(text: str) -> str:
    """Return what texts have in common that differ in capitals and spaces alone.

    >>> twin_key(" A  Cat")
    'a cat'
    """
    return " ".join(unicodedata.normalize("NFC", text.lower()).split())


@dataclass(frozen=True, eq=False)
class TextSet:
    """Documents with their labels.

    Args:
        source: What the user named.
        texts: The documents, NFC, without control characters, none empty.
        names: One a document: ``sports/7.txt``, ``sports.txt line 12`` or ``row 3``.
        classes: The labels, sorted, numbers by value; empty where there are none.
        labels: Codes [N] into ``classes``; -1 where unknown.
        given: [N], 0 for training and 1 for test where the source says so, else -1.
        rejected: What was left out, and why.
        notes: What a user should know, one sentence each.
        unit: What one document of a text file is (``"line"``, ``"paragraph"``, ``"percent"``, ``"file"``);
            empty where each row of a table or each string is one.
        column: The table's column of texts; empty where there was no table.

    Raises:
        ArgumentError: Arrays that do not fit together.

    >>> codes, given = np.array([0, 1]), np.array([-1, -1], dtype=np.int8)
    >>> TextSet("memory", ("a cat", "a dog"), ("row 1", "row 2"), ("cat", "dog"), codes, given).describe()
    '2 texts, 2 words at the median, 2 classes'
    """

    source: str
    texts: tuple[str, ...]
    names: tuple[str, ...]
    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    given: NDArray[np.int8]
    rejected: tuple[Rejected, ...] = ()
    notes: tuple[str, ...] = ()
    unit: str = ""
    column: str = ""

    def __post_init__(self) -> None:
        n = len(self.texts)
        shapes = (len(self.names), *self.labels.shape, *self.given.shape)
        require(shapes == (n, n, n), f"names, labels and given of {n} texts", shapes)
        highest = int(self.labels.max(initial=-1))
        require(
            highest < len(self.classes), f"labels below {len(self.classes)}, the number of classes", highest
        )

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: NDArray[Any]) -> "TextSet":
        """The documents of an index array [n] or a boolean mask [N]; classes, rejected ones and notes stay.

        Raises:
            ArgumentError: A row out of range, or a mask of another length.
        """
        rows = row_numbers(rows, len(self), "texts")
        return replace(
            self,
            texts=tuple(self.texts[row] for row in rows.tolist()),
            names=tuple(self.names[row] for row in rows.tolist()),
            labels=self.labels[rows],
            given=self.given[rows],
        )

    def describe(self) -> str:
        """One line: how many texts, how long, how many classes."""
        n, tests = len(self), int((self.given == 1).sum())
        count = f"{n:,} texts" if n != 1 else "1 text"
        if tests:
            count = f"{n - tests:,} training and {tests:,} test texts"
        parts = [count]
        if n:
            median = float(np.median([count_words(text) for text in self.texts]))
            parts.append(f"{median:,.0f} words at the median")
        if self.classes:
            parts.append(f"{len(self.classes):,} class{'es' if len(self.classes) != 1 else ''}")
        return ", ".join(parts)
