"""Telling texts from tables, by the name that a user gives."""

import os
from itertools import islice
from pathlib import Path
from typing import Any

_LOOKED_AT = 2_000
_ENDINGS = (".txt", ".text", ".md", ".rst", ".txt.gz")
_WORDS = 5
"""Median words from which a column is one of texts, not of names."""


def is_texts(data: Any, target: str | None) -> bool:
    """Whether the data are texts: a folder of text files, or a table of nothing but texts and the target.

    A table with other columns stays a table.

    Args:
        data: What a user gave to ``fit``.
        target: Its target; a folder of texts has none.

    >>> is_texts({"x": [1]}, "x"), is_texts("table.csv", None)
    (False, False)
    """
    if not isinstance(data, str | Path):
        return False
    path = Path(data).expanduser()
    try:
        folder, file = path.is_dir(), path.is_file()
    except OSError:
        return False
    if target is None:
        return folder and _holds_texts(path)
    return file and _lists_texts(path, target)


def _holds_texts(folder: Path) -> bool:
    """Whether most of the first files of a folder are texts by their ending."""
    texts = others = 0
    for _, folders, files in islice(os.walk(folder), _LOOKED_AT):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files[:_LOOKED_AT]:
            if not name.startswith("."):
                texts += name.lower().endswith(_ENDINGS)
                others += not name.lower().endswith(_ENDINGS)
        if texts + others >= _LOOKED_AT:
            break
    return texts > others


def _lists_texts(path: Path, target: str) -> bool:
    """Whether the first rows of a table hold one column of several words, the target, and nothing else."""
    from fivefold.core import FivefoldError
    from fivefold.tasks.tables.read import read
    from fivefold.tasks.text.text_table import SPLITS, text_column

    try:
        table = read(path, query="SELECT * FROM data LIMIT 50")
    except FivefoldError:
        return False  # the reader of tables says what is wrong with it
    if target not in table.names:
        return False
    column = text_column(table, target)
    others = [name for name in table.names if name not in {column, target} and name.lower() not in SPLITS]
    if column is None or others:
        return False
    lengths = sorted(len(str(value).split()) for value in table.column(column) if value is not None)
    return bool(lengths) and lengths[len(lengths) // 2] >= _WORDS
