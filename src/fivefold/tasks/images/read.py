"""Read pictures, whatever holds them: a folder, files, IDX, NPZ, or a table of paths."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np

from fivefold.core import ArgumentError, DataError, require
from fivefold.tasks.folders import ignored, plain_name
from fivefold.tasks.images.decode import begins_like_a_picture, read_start
from fivefold.tasks.images.endings import has_picture_ending
from fivefold.tasks.images.files import Entry, from_files
from fivefold.tasks.images.folder import every_file, read_folder
from fivefold.tasks.images.idx import idx_parts, idx_role
from fivefold.tasks.images.image_set import ImageSet
from fivefold.tasks.images.limits import Limits
from fivefold.tasks.images.memory import array_part, is_picture_array
from fivefold.tasks.images.npz import npz_parts
from fivefold.tasks.images.packed import from_parts
from fivefold.tasks.images.path_table import read_path_table
from fivefold.tasks.tables.frames import is_frame
from fivefold.tasks.thin_data import require_two_classes, thin_classes
from fivefold.tasks.user_path import user_path

_LOOKED_AT = 2000
_KINDS = {"folder": "a folder", "picture": "a picture", "idx": "an IDX file", "npz": "an NPZ file"}


def read_images(
    source: Any,
    *,
    target: str | None = None,
    labels: Any = None,
    labelled: bool = True,
    limits: Limits | None = None,
    whites: Mapping[str, float] | None = None,
) -> ImageSet:
    """Read pictures and, where wanted, their classes; what is no picture is left out and named.

    PNG, JPEG, WebP, BMP, GIF (first frame), TIFF and PPM, by content. Each file is decoded once, so that
    every picture of the result can be loaded.

    Args:
        source: A folder with a folder for each class, also below ``train`` and ``test``; a folder or a file
            of IDX; a file NPZ; a table (CSV, TSV, Parquet, JSON, a data frame) with a column of paths; an
            array or tensor [N, H, W], [N, H, W, 1, 3 or 4] or [N, 1 or 3, H, W] beside ``labels``. Without
            labels also any folder, a picture, a pattern, or a list of these.
        target: The column of labels, for tables.
        labels: A class for each picture of an array: texts or whole numbers.
        labelled: Classes are wanted, at least two; ``False`` for prediction.
        limits: What is read at most.
        whites: For pictures to be answered by a model, the ``whites`` of those that it was fitted to: the
            numbers of an NPZ file are taken on their scale. ``None`` decides it by the file.

    Returns:
        The pictures; ``asked`` and ``places`` tell which of the files asked for they are.

    Raises:
        DataError: Nothing there, no picture in it, no classes, or one only.
        ArgumentError: A list or one picture where classes are wanted, a target without a table, labels beside
            something else than an array or as many as it has not, or a source of another type.

    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name, grey in (("day/1", 250), ("day/2", 240), ("night/1", 5), ("night/2", 9)):
    ...         path = Path(folder, name + ".png")
    ...         path.parent.mkdir(exist_ok=True)
    ...         Image.new("L", (8, 6), grey).save(path)
    ...     images = read_images(folder)
    ...     images.describe(), images.load(None, 4, 4, colour=False)[:, 0, 0, 0].tolist()
    ('4 pictures, 6 high and 8 wide, grey, 2 classes', [250, 240, 5, 9])
    """
    limits = limits or Limits()
    if is_picture_array(source):
        return _of_array(source, labels, whites, labelled=labelled)
    listed = None if is_frame(source) or isinstance(source, str | Path) else _paths(source)
    require(
        labels is None,
        "labels of an array of pictures",
        f"labels of a {type(source).__name__}",
        "name a table's column of labels as target",
    )
    if listed is not None:
        return _read_list(listed, labelled=labelled, limits=limits)
    if is_frame(source):
        return _judged(read_path_table(source, target, limits, labelled=labelled), labelled=labelled)
    path = user_path(source)
    kind = _kind(path)
    there = kind != "missing" and (kind != "folder" or _signs(path) == "pictures")
    if target is not None and kind != "table" and there:
        means = {"folder": "its folders are the classes", "picture": "it has no class"}
        raise ArgumentError(
            "a target for a table alone, which names its column of labels",
            f"{target!r} for {_KINDS[kind]}",
            f"leave it out: {means.get(kind, 'the labels are in the file')}",
        )
    if kind == "missing":
        return _read_list([source], labelled=labelled, limits=limits)
    if kind == "picture":
        return _read_list([path], labelled=labelled, limits=limits)
    name = plain_name(str(source))
    if kind == "folder":
        folder = _idx_folder(path)
        if folder is None:
            return _judged(read_folder(path, limits, labelled=labelled), labelled=labelled)
        files = _within(folder)
        return _judged(from_parts(name, idx_parts(files, limits, labelled=labelled), []), labelled=labelled)
    if kind == "idx":
        beside = [each for each in _within(path.parent) if _partners(path.name, each.name)]
        beside = [each for each in beside if each.name != path.name] + [path]
        return _judged(from_parts(name, idx_parts(beside, limits, labelled=labelled), []), labelled=labelled)
    if kind == "npz":
        notes: list[str] = []
        parts, found = npz_parts(path, limits, notes, labelled=labelled, whites=whites)
        return _judged(from_parts(name, parts, notes, found), labelled=labelled)
    return _judged(read_path_table(path, target, limits, labelled=labelled), labelled=labelled)


def looks_like_images(source: str | Path) -> bool:
    """Whether a source is one of pictures: a folder with some, IDX, NPZ or a picture. Tables are tables.

    Cheap: at most 2,000 folders are looked at. An empty folder counts, for there is no better guess.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "notes.txt").write_text("hello")
    ...     looks_like_images(folder), looks_like_images(Path(folder, "notes.txt"))
    (False, False)
    """
    path = user_path(source)
    return _signs(path) != "others" if path.is_dir() else _kind(path) in {"picture", "idx", "npz"}


def _signs(folder: Path) -> Literal["pictures", "others", "nothing"]:
    """What the first 2,000 folders within a folder hold, by the names and the beginnings of files."""
    others = False
    for root, folders, files in islice(os.walk(folder), _LOOKED_AT):
        folders[:] = sorted(each for each in folders if not ignored(each))
        for name in files[:_LOOKED_AT]:
            if ignored(name):
                continue
            if has_picture_ending(name) or name.lower().endswith(".npz") or idx_role(name) is not None:
                return "pictures"
            if not Path(name).suffix and begins_like_a_picture(Path(root, name)):
                return "pictures"
            others = True
    return "others" if others else "nothing"


def _kind(path: Path) -> str:
    try:
        if path.is_dir():
            return "folder"
        if not path.is_file():
            return "missing"
        start = read_start(path, 4)
    except (OSError, ValueError):
        return "missing"
    if idx_role(path.name) is not None:
        return "idx"
    if start == b"PK\x03\x04" or path.name.lower().endswith(".npz"):
        return "npz"
    return "picture" if has_picture_ending(path.name) or begins_like_a_picture(path) else "table"


def _idx_folder(path: Path) -> Path | None:
    """The folder that holds IDX files: this one, or the only one below it (``FashionMNIST/raw``)."""
    for _ in range(3):
        try:
            inside = [each for each in path.iterdir() if not each.name.startswith(".")]
        except OSError:
            return None
        if any(idx_role(each.name) is not None for each in inside if each.is_file()):
            return path
        if len(inside) != 1 or not inside[0].is_dir() or inside[0].is_symlink():
            return None
        path = inside[0]
    return None


def _of_array(source: Any, labels: Any, whites: Mapping[str, float] | None, *, labelled: bool) -> ImageSet:
    if labelled and labels is None:
        raise ArgumentError("labels of the pictures", "none", "give a class for each: labels=[...]")
    notes: list[str] = []
    part, found = array_part(source, labels if labelled else None, notes, whites)
    return _judged(from_parts("memory", [part], notes, found), labelled=labelled)


def _within(folder: Path) -> list[Path]:
    """The files of a folder; links only where they stay in it."""
    real = folder.resolve()
    return [each for each in folder.iterdir() if each.is_file() and each.resolve().is_relative_to(real)]


def _partners(name: str, other: str) -> bool:
    """Whether two IDX files belong to one set; of the two forms of a file only the named one counts."""
    here, there = idx_role(name), idx_role(other)
    same = here is not None and there is not None and here[0] == there[0]
    return same and (here != there or name == other)


def _paths(source: Sequence[str | Path]) -> list[str | Path]:
    """The members of a list of paths; whatever else was given is named by its type."""
    if isinstance(source, list | tuple):
        others = [each for each in source if not isinstance(each, str | Path)]
        if not others:
            return list(source)
        got = f"{type(others[0]).__name__} in a {type(source).__name__}"
    else:
        got = type(source).__name__
    raise ArgumentError(
        "a folder, a file, a list of paths, or an array of pictures",
        got,
        "put pictures of memory into one array [N, height, width] or [N, height, width, 3]",
    )


def _read_list(sources: list[str | Path], *, labelled: bool, limits: Limits) -> ImageSet:
    from fivefold.tasks.tables.read import expand

    entries: list[Entry] = []
    for each in sources:
        path = user_path(each)
        if path.is_dir():
            top = plain_name(path.as_posix())
            entries += [replace(entry, name=f"{top}/{entry.name}") for entry in every_file(path, limits)]
        else:
            entries += [Entry(plain_name(p.as_posix()), p.resolve()) for p in expand(each)]
        if len(entries) > limits.files:
            raise DataError(f"at most {limits.files:,} files", "more", "name fewer, or raise the limit")
    if labelled:
        raise ArgumentError(
            "a source with classes", f"{len(entries):,} files", "name a folder with a folder for each class"
        )
    if not entries:
        raise DataError("at least one picture", "an empty list")
    name = entries[0].name if len(entries) == 1 else f"{entries[0].name} and {len(entries) - 1:,} more"
    return from_files(name, entries, (), (), limits)


def _judged(images: ImageSet, *, labelled: bool) -> ImageSet:
    """Refuse what no classifier can be learnt from; note what is thin."""
    if not labelled:
        return images
    require_two_classes(images.classes, images.source, "add pictures of another one")
    counts = np.bincount(
        images.labels[(images.labels >= 0) & (images.given != 1)], minlength=len(images.classes)
    )
    if counts.max() < 2:
        raise DataError(
            "at least 2 training pictures of some class",
            f"at most {counts.max()} in {images.source!r}",
            "add some",
        )
    return replace(images, notes=(*images.notes, *thin_classes(images.classes, counts, "picture")))
