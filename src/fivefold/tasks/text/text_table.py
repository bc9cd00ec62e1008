"""A table with a column of texts, one of labels, and perhaps one that says training or test."""

from typing import Any

from fivefold.core import ArgumentError, DataError
from fivefold.tasks.labelled_table import given_split, labels_of, names_of, split_column, target_column
from fivefold.tasks.rejected import Rejected
from fivefold.tasks.tables.source import as_table
from fivefold.tasks.tables.table import Table
from fivefold.tasks.text.folder import Found
from fivefold.tasks.text.memory import strings_of
from fivefold.tasks.text.tokens import count_words

TEXTS = (
    "text",
    "texts",
    "document",
    "content",
    "body",
    "message",
    "review",
    "comment",
    "sentence",
    "description",
)
"""Names of columns that hold texts, matched without regard to case."""
_LEAST_WORDS = 3.0
_SAMPLE = 1000


def text_column(table: Table, without: str | None = None) -> str | None:
    """The column of texts: of those with at least 3 words in the mean, or named so, the one of most words.

    >>> from fivefold.tasks.tables.read import from_frame
    >>> text_column(from_frame({"id": ["a", "b"], "said": ["it is not so", "well, it may be"]}))
    'said'
    """
    words = {}
    for name in table.names:
        column = table.column(name)
        if name == without or column.dtype.kind != "O":
            continue
        texts = [value for value in column[:_SAMPLE] if isinstance(value, str)]
        mean = sum(map(count_words, texts)) / len(texts) if texts else 0.0
        if mean >= _LEAST_WORDS or (texts and name.lower() in TEXTS):
            words[name] = (name.lower() in TEXTS, mean)
    return max(words, key=lambda name: words[name], default=None)


def read_table(
    source: Any,
    target: str | None,
    column: str | None,
    *,
    labelled: bool,
    fitted: str = "",
) -> Found:
    """Find the documents of a table.

    Args:
        source: CSV, TSV, JSON or Parquet, or what is in memory, as
            :func:`fivefold.tasks.tables.source.as_table` takes it.
        target: The column of labels; ``None`` takes ``label``, ``class`` or the like, or the only other one.
        column: The column of texts; ``None`` finds it.
        labelled: Labels are wanted.
        fitted: The column of texts of an earlier reading, taken where the table has it and ``column`` is
            ``None``; where not, that is noted and another one is found.

    Raises:
        DataError: No column of texts or of labels; a column that is not there.
        ArgumentError: One column for both.
    """
    table = as_table(source)
    missing = column is None and fitted != "" and fitted not in table.names
    if column is None and fitted and not missing:
        column = fitted
    if column is None:
        column = text_column(table, target)
        if column is None:
            raise DataError(
                "a column of texts",
                f"the columns {names_of(table)}, none with 3 words a row",
                "name it with column=",
            )
    texts = strings_of(table.column(column))
    if texts is None:
        raise DataError(
            "a column of texts", f"{column!r}, which holds numbers or dates", "name another column"
        )
    if column == target:
        raise ArgumentError("a target beside the texts", f"{target!r} for both")
    found = Found(notes=list(table.notes), column=column)
    if missing:
        found.notes.append(f"The column {fitted!r}, which held the texts of the fit, is not there.")
    labels: list[str | None] = [None] * table.rows
    split = split_column(table, {column, target}) if labelled else None
    if labelled:
        target = target_column(table, target, {column, split}, table.source)
        labels = labels_of(table.column(target), target, "texts")
        found.notes.append(f"Texts are in the column {column!r}, labels in {target!r}.")
    else:
        found.notes.append(f"Texts are in the column {column!r}.")
    roles = given_split(table, split, found.notes, "texts")
    for row, text in enumerate(texts):
        name = f"row {row + 1}"
        if labelled and labels[row] is None:
            found.rejected.append(Rejected(name, "it has no label"))
        else:
            found.documents.append((name, text, labels[row], roles[row]))
    return found
