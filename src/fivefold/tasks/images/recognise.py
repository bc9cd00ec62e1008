"""Telling pictures from tables, by the name that a user gives."""

from pathlib import Path
from typing import Any


def is_pictures(data: Any, target: str | None) -> bool:
    """Whether the data are pictures: a folder of them, IDX, NPZ, or a table of nothing but paths and labels.

    A table with other columns stays a table, whatever it points at.

    Args:
        data: What a user gave to ``fit``.
        target: Its target; a folder of pictures has none.

    >>> is_pictures({"x": [1]}, "x"), is_pictures("table.csv", None)
    (False, False)
    """
    if not isinstance(data, str | Path):
        return False
    path = Path(data).expanduser()
    try:
        folder, file = path.is_dir(), path.is_file()
    except OSError:
        return False
    if target is not None:
        return file and _lists_pictures(path, target)
    if folder or (file and (path.suffix.lower() in {".npz", ".gz"} or "ubyte" in path.name)):
        from fivefold.tasks.images.read import looks_like_images

        return looks_like_images(data)
    return False


def _lists_pictures(path: Path, target: str) -> bool:
    """Whether the first rows of a table hold paths to pictures, the target, and nothing else but a split."""
    from fivefold.core import FivefoldError
    from fivefold.tasks.images.path_table import SPLITS, path_column
    from fivefold.tasks.tables.read import read

    try:
        table = read(path, query="SELECT * FROM data LIMIT 50")
    except FivefoldError:
        return False  # the reader of tables says what is wrong with it
    column = path_column(table)
    others = [name for name in table.names if name not in {column, target} and name.lower() not in SPLITS]
    return column is not None and column != target and target in table.names and not others
