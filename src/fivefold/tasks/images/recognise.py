"""Telling pictures from tables, by the name that a user gives."""

from pathlib import Path
from typing import Any


def is_pictures(data: Any, target: str | None) -> bool:
    """Whether the data are pictures: a folder of them, IDX, NPZ; never a table, whatever it points at.

    Args:
        data: What a user gave to ``fit``.
        target: Its target; a folder of pictures has none.

    >>> is_pictures({"x": [1]}, "x"), is_pictures("table.csv", None)
    (False, False)
    """
    if target is not None or not isinstance(data, str | Path):
        return False
    path = Path(data).expanduser()
    try:
        known = path.is_dir() or path.suffix.lower() in {".npz", ".gz"} or "ubyte" in path.name
    except OSError:
        return False
    if not known:
        return False
    from fivefold.tasks.images.read import looks_like_images

    return looks_like_images(data)
