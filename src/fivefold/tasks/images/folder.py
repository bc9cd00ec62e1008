"""A folder of pictures: a folder for each class, within folders for training and test if there are any."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from fivefold.core import DataError
from fivefold.tasks.images.decode import ENDINGS, plain_name
from fivefold.tasks.images.files import Entry, from_files
from fivefold.tasks.images.image_set import ImageSet
from fivefold.tasks.images.limits import Limits
from fivefold.tasks.rejected import Rejected

IGNORED = {"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "@eadir"}
"""What systems leave in folders; names that begin with a dot are ignored too."""

_SPLITS = {"train": 0, "training": 0, "test": 1, "testing": 1, "val": 2, "valid": 2, "validation": 2}
_TABLES = (".csv", ".tsv", ".parquet", ".json", ".jsonl")
_SHOWN = 5


@dataclass
class _Listing:
    """What a walk through a folder found.

    Args:
        top: The folder that the user named, for names.
        real: The same with its links resolved: no file outside of it is read.
        limits: Bounds.
    """

    top: Path
    real: Path
    limits: Limits
    entries: list[Entry] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def name(self, path: Path) -> str:
        return plain_name(path.relative_to(self.top).as_posix())

    def add(self, folder: Path, label: str | None, given: int) -> int:
        """Everything below a folder, in the order of names; returns how many files."""
        before = len(self.entries)
        for path, why in _below(folder, self.real):
            real = path.resolve() if why is None and path.is_symlink() else path
            self.entries.append(Entry(self.name(path), real, label, given, why))
            if len(self.entries) > self.limits.files:
                where = repr(plain_name(str(self.top)))
                raise DataError(f"at most {self.limits.files:,} files", f"more in {where}", "raise the limit")
        return len(self.entries) - before

    def loose(self, folder: Path) -> None:
        """Name the pictures that lie beside the folders of the classes, and the links."""
        for path in _visible(folder):
            if path.is_symlink() or not path.is_dir():
                why = _refused(path, self.real)
                if why is not None or path.name.lower().endswith(ENDINGS):
                    self.rejected.append(Rejected(self.name(path), why or "it is in no folder of a class"))


def read_folder(folder: Path, limits: Limits, *, labelled: bool) -> ImageSet:
    """Read the pictures of a folder; the name of the folder in which a picture lies is its class.

    ``FOLDER/CLASS/…/PICTURE`` or ``FOLDER/train/CLASS/…/PICTURE`` with ``test`` (or ``val``) beside it. With
    both, validation pictures join the training. A folder that holds nothing but one folder of folders is
    stepped into. Links to files within the folder are followed, all others are refused and named.

    Args:
        folder: The folder.
        limits: Bounds.
        labelled: Classes are wanted; otherwise every picture below the folder is taken.

    Raises:
        DataError: No pictures, no folders of classes, or more files than the limit.
    """
    if not labelled:
        return from_files(plain_name(str(folder)), every_file(folder, limits), (), (), limits)
    listing = _Listing(folder, folder.resolve(), limits)
    base = folder
    while (inner := _only_folder(base)) is not None:
        base = inner
        listing.notes.append(f"The classes are the folders of {listing.name(base)!r}.")
    folders = _folders(base)
    splits = {path: _SPLITS[path.name.lower()] for path in folders if path.name.lower() in _SPLITS}
    roles = set(splits.values())
    if 0 in roles and roles & {1, 2} and all(_folders(path) for path, role in splits.items() if role == 0):
        _add_splits(listing, base, splits)
    else:
        _add_classes(listing, base, -1)
    if not listing.entries:
        raise _no_classes(listing, base)
    return _done(listing, folder)


def every_file(folder: Path, limits: Limits) -> list[Entry]:
    """Each file below a folder, in the order of names; links that lead out of it are refused.

    Raises:
        DataError: More files than the limit.
    """
    listing = _Listing(folder, folder.resolve(), limits)
    listing.add(folder, None, -1)
    return listing.entries


def _done(listing: _Listing, folder: Path) -> ImageSet:
    name = plain_name(str(folder))
    images = from_files(name, listing.entries, listing.rejected, listing.notes, listing.limits)
    wanted = {entry.label for entry in listing.entries if entry.label is not None}
    lost = sorted(wanted - set(images.classes))
    if not lost:
        return images
    note = f"No picture of {_some(lost)} can be read: {_no_class(lost)}."
    return replace(images, notes=(*images.notes, note))


def _add_splits(listing: _Listing, base: Path, splits: dict[Path, int]) -> None:
    has_test = any(role == 1 and _folders(path) for path, role in splits.items())
    learnt: set[str] = set()
    for path, role in sorted(splits.items(), key=lambda item: (item[1], item[0])):
        given = (0 if has_test else 1) if role == 2 else role
        if role == 2:
            taken = "training" if has_test else "test"
            listing.notes.append(f"The pictures of {listing.name(path)!r} are taken as {taken} pictures.")
        if role == 0:
            learnt |= {plain_name(each.name) for each in _folders(path)}
        elif not _folders(path):
            listing.notes.append(f"{listing.name(path)!r} has no folders of classes: it is left out.")
            continue
        _add_classes(listing, path, given, learnt if role else None)
    others = [path for path in _folders(base) if path not in splits]
    if others:
        names = _some([listing.name(path) for path in others])
        listing.notes.append(f"{names} beside the training and test folders: left out.")
    listing.loose(base)


def _add_classes(listing: _Listing, base: Path, given: int, learnt: set[str] | None = None) -> None:
    """Each folder of ``base`` is a class; those that are not among the ones learnt are left out."""
    folders = _folders(base)
    empty, unknown, nested = [], [], 0
    for path in folders:
        label = plain_name(path.name)
        if learnt is not None and label not in learnt:
            unknown.append(label)
            continue
        if not listing.add(path, label, given):
            empty.append(label)
        nested += bool(_folders(path))
    if unknown:
        listing.notes.append(
            f"{_some(unknown)} in {listing.name(base)!r} has no training pictures: left out."
        )
    if empty:
        listing.notes.append(f"{_some(empty)} is an empty folder: {_no_class(empty)}.")
    if nested:
        listing.notes.append("Pictures in folders within a class's folder belong to that class.")
    by_case: dict[str, list[str]] = {}
    for path in folders:
        by_case.setdefault(path.name.casefold(), []).append(plain_name(path.name))
    for names in by_case.values():
        if len(names) > 1:
            listing.notes.append(f"The classes {_some(names)} differ only in case: they are kept apart.")
    listing.loose(base)


def _no_classes(listing: _Listing, base: Path) -> DataError:
    files = [path for path in _visible(base) if not path.is_dir()]
    tables = [path.name for path in files if path.name.lower().endswith(_TABLES)]
    packed = [path.name for path in files if path.name.lower().endswith(".npz")]
    loose = sum(path.name.lower().endswith(ENDINGS) for path in files)
    where = repr(plain_name(str(base)))
    if packed or tables:
        first = plain_name((packed or tables)[0])
        how = (
            "name the file" if packed else "name its tables, with a column of paths where they list pictures"
        )
        return DataError("a folder with a folder for each class", f"{where}, which holds {first!r}", how)
    if loose:
        return DataError(
            "a folder with a folder for each class",
            f"{loose:,} pictures directly in {where}",
            "move them into folders, or name a table with a column of paths and one of labels",
        )
    links = [each.name for each in listing.rejected]
    got = f"{_some(links)} in {where}, which lead elsewhere" if links else f"none below {where}"
    return DataError("pictures in a folder for each class", got, "name another folder")


def _only_folder(base: Path) -> Path | None:
    """The one folder of a folder, where it holds nothing else but small texts and has folders itself."""
    folders = _folders(base)
    if len(folders) != 1 or not _folders(folders[0]):
        return None
    loose = any(path.name.lower().endswith(ENDINGS) for path in _visible(base) if not path.is_dir())
    return None if loose else folders[0]


def _visible(folder: Path) -> list[Path]:
    """What is in a folder, sorted by name, without what systems leave there.

    Raises:
        DataError: It may not be read.
    """
    try:
        names = sorted(entry.name for entry in os.scandir(folder))
    except OSError as error:
        raise DataError(
            "a folder that can be read", f"{plain_name(str(folder))!r}, which cannot", "change its mode"
        ) from error
    return [folder / name for name in names if not name.startswith(".") and name.lower() not in IGNORED]


def _folders(folder: Path) -> list[Path]:
    return [path for path in _visible(folder) if path.is_dir() and not path.is_symlink()]


def _refused(path: Path, real: Path) -> str | None:
    """Why a file of a folder is not read, or ``None``."""
    if not path.is_symlink():
        return None if path.is_file() else "it is a pipe, a socket or a device"
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        return "it is a link that leads nowhere or in a circle"
    if target.is_dir():
        return "it is a link to a folder, which is not followed"
    if not target.is_relative_to(real):
        return "it is a link that leaves the folder"
    return None if target.is_file() else "it is a pipe, a socket or a device"


def _below(folder: Path, real: Path) -> Iterator[tuple[Path, str | None]]:
    """Every file below a folder, by name, and why it is not read where it is not; no recursion."""
    waiting = [folder]
    while waiting:
        path = waiting.pop()
        if path.is_dir() and not path.is_symlink():
            try:
                waiting.extend(reversed(_visible(path)))
            except DataError:
                yield path, "it is a folder that cannot be read"
        else:
            yield path, _refused(path, real)


def _some(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")


def _no_class(names: list[str]) -> str:
    return "it is no class" if len(names) == 1 else "they are no classes"
