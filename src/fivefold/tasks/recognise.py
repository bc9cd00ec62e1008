"""Telling pictures and texts from tables, by the name that a user gives."""

import codecs
import os
import zlib
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fivefold.tasks.user_path import user_path

if TYPE_CHECKING:
    from fivefold.tasks.tables.table import Column

_LOOKED_AT = 2_000
_WORDS = 5
"""Median words, each letter of Han and kana one, from which a column is one of texts, not of names."""
_EACH = 5
"""Rows of each number of a target, on average, below which its numbers are quantities, not classes."""
_PICTURES = 0.2
"""Share of pictures from which a folder is one of pictures, whatever else it holds."""


def kind_of(data: Any, target: str | None) -> str:
    """Return ``"pictures"``, ``"texts"`` or ``"table"``.

    A folder is asked what its files are. With a target, a table of nothing but paths to pictures,
    or nothing but texts, and the target (and a column that says training or test) is taken for what it
    lists, in a file or in memory. Every other table stays a table: one whose target holds fractions, too, or
    numbers most of which come fewer than five times.

    Args:
        data: What a user gave to ``fit``.
        target: Its target; a folder has none.

    >>> kind_of({"x": [1]}, "x"), kind_of("table.csv", None)
    ('table', 'table')
    """
    if not isinstance(data, str | Path):
        return _in_memory(data, target)
    path = user_path(data)
    try:
        folder, file = path.is_dir(), path.is_file()
    except OSError:
        return "table"
    if target is not None and not folder and not _packed(path):
        return _listed(path, target) if file else "table"
    if folder or (file and (_packed(path) or path.suffix.lower() == ".gz")):
        from fivefold.tasks.images.read import looks_like_images

        if folder and _holds_texts(path):
            return "texts"
        return "pictures" if looks_like_images(data) else "table"
    return "table"


def _in_memory(data: Any, target: str | None) -> str:
    from fivefold.tasks.images.image_set import ImageSet
    from fivefold.tasks.tables.frames import is_frame
    from fivefold.tasks.text.text_set import TextSet

    if isinstance(data, ImageSet | TextSet):
        return "pictures" if isinstance(data, ImageSet) else "texts"
    return _listed(data, target) if target is not None and is_frame(data) else "table"


def _packed(path: Path) -> bool:
    """Whether a name is that of a file of many pictures."""
    return path.suffix.lower() == ".npz" or "ubyte" in path.name


def _holds_texts(folder: Path) -> bool:
    """Whether most of the first files of a folder are texts by their ending, and few are pictures.

    Pictures may have a text beside each of them, or several: a fifth of the files makes a folder of pictures.
    """
    from fivefold.tasks.images.endings import has_picture_ending

    texts = others = pictures = 0
    for root, folders, files in islice(os.walk(folder), _LOOKED_AT):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files[:_LOOKED_AT]:
            if not name.startswith("."):
                text = _is_text(Path(root, name))
                texts, others = texts + text, others + (not text)
                pictures += has_picture_ending(name)
        if texts + others >= _LOOKED_AT:
            break
    return texts > others and pictures < _PICTURES * (texts + others)


def _is_text(path: Path) -> bool:
    """Whether a file has the ending of a text, or none and begins as texts do."""
    from fivefold.tasks.images.decode import begins_like_a_picture, read_start
    from fivefold.tasks.images.idx import idx_role
    from fivefold.tasks.text.endings import has_text_ending, stem_and_ending

    if has_text_ending(path.name):
        return True
    if stem_and_ending(path.name)[1] or idx_role(path.name) is not None or begins_like_a_picture(path):
        return False
    try:
        start = read_start(path, 512)
    except OSError:
        return False
    return bool(start) and b"\x00" not in start


def _listed(source: Any, target: str) -> str:
    """What a table lists: its first rows tell, and of texts the numbers of its target."""
    from fivefold.core import FivefoldError
    from fivefold.tasks.images.path_table import path_column
    from fivefold.tasks.labelled_table import says_split
    from fivefold.tasks.tables.frames import column_names
    from fivefold.tasks.tables.read import from_frame, read
    from fivefold.tasks.text.text_table import text_column
    from fivefold.tasks.text.tokens import count_words

    file = isinstance(source, Path)
    try:
        names = _header(source) if file else column_names(source)
        if names is not None and len(_others(names, target)) != 1:
            return "table"  # known from the names alone: the rows are not read twice
        table = read(source, query="SELECT * FROM data LIMIT 50") if file else from_frame(source)
    except FivefoldError:
        return "table"  # the reader of tables says what is wrong with it
    others = [name for name in table.names if name != target and not says_split(table, name)]
    if target not in table.names or len(others) != 1:
        return "table"
    if path_column(table) == others[0]:
        return "pictures"
    if text_column(table, target) != others[0]:
        return "table"
    lengths = sorted(count_words(str(value)) for value in table.column(others[0]) if value is not None)
    if not lengths or lengths[len(lengths) // 2] < _WORDS:
        return "table"
    quoted = '"' + target.replace('"', '""') + '"'
    try:
        whole = read(source, query=f"SELECT {quoted} FROM data") if file else table  # noqa: S608
        labels = whole.column(target)
    except FivefoldError:
        return "table"
    return "table" if _quantities(labels) else "texts"


def _quantities(labels: "Column") -> bool:
    """Whether a target is of numbers that are no classes: fractions, or hardly ever the same one twice."""
    import numpy as np

    if labels.dtype.kind != "f":
        return False
    known = labels[~np.isnan(labels)]
    classes = np.unique(known)
    return bool((classes != np.rint(classes)).any() or len(known) < _EACH * len(classes))


def _others(names: Sequence[str], target: str) -> list[str]:
    """Columns beside the target and what may say training or test, by its name."""
    from fivefold.tasks.labelled_table import SPLITS

    return [name for name in names if name != target and name.lower() not in SPLITS]


def _header(path: Path) -> Sequence[str] | None:
    """The names of a table's columns from the beginning of its file; ``None`` where that does not tell.

    What cannot be read does not tell either: the reader of tables says why.
    """
    try:
        return _first_names(path)
    except (OSError, EOFError, zlib.error, ValueError, ImportError):
        return None


def _first_names(path: Path) -> Sequence[str] | None:
    from fivefold.tasks.tables import csvtext
    from fivefold.tasks.tables.read import kind_of as format_of

    form = format_of(path)
    if form == "parquet":
        from pyarrow import parquet

        names: list[str] = parquet.read_schema(path).names
        return names
    if form != "csv" or csvtext.compression_of(path) == "zstd":
        return None
    with csvtext.open_bytes(path) as file:
        start = file.read(csvtext.SAMPLE)
    if b"\x00" in start:  # another encoding than one whose letters of the header are bytes
        return None
    decoder = codecs.getincrementaldecoder("utf-8")()
    return csvtext.inspect_csv(path, decoder.decode(start)).names  # a letter cut at the end is left out
