"""A folder of pictures: a folder for each class, within folders for training and test if there are any."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from fivefold.core import DataError
from fivefold.tasks.folders import ROLES, files_below, files_in, folders_in, plain_name, some, visible
from fivefold.tasks.images.endings import has_picture_ending
from fivefold.tasks.images.files import Entry, from_files
from fivefold.tasks.images.image_set import ImageSet
from fivefold.tasks.images.limits import Limits
from fivefold.tasks.rejected import Rejected

_TABLES = (".csv", ".tsv", ".parquet", ".json", ".jsonl")


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
        for path, why in files_below(folder, self.real):
            real = path.resolve() if why is None and path.is_symlink() else path
            self.entries.append(Entry(self.name(path), real, label, given, why))
            if len(self.entries) > self.limits.files:
                where = repr(plain_name(str(self.top)))
                raise DataError(f"at most {self.limits.files:,} files", f"more in {where}", "raise the limit")
        return len(self.entries) - before

    def loose(self, folder: Path) -> None:
        """Name the pictures that lie beside the folders of the classes, and the links."""
        for path, why in files_in(folder, self.real):
            if why is not None or has_picture_ending(path.name):
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
    folders = folders_in(base)
    splits = {path: ROLES[path.name.lower()] for path in folders if path.name.lower() in ROLES}
    roles = set(splits.values())
    if 0 in roles and roles & {1, 2} and all(folders_in(path) for path, role in splits.items() if role == 0):
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
    note = f"No picture of {some(lost)} can be read: {_no_class(lost)}."
    return replace(images, notes=(*images.notes, note))


def _add_splits(listing: _Listing, base: Path, splits: dict[Path, int]) -> None:
    has_test = any(role == 1 and folders_in(path) for path, role in splits.items())
    learnt: set[str] = set()
    for path, role in sorted(splits.items(), key=lambda item: (item[1], item[0])):
        given = (0 if has_test else 1) if role == 2 else role
        if role == 2:
            taken = "training" if has_test else "test"
            listing.notes.append(f"The pictures of {listing.name(path)!r} are taken as {taken} pictures.")
        if role == 0:
            learnt |= {plain_name(each.name) for each in folders_in(path)}
        elif not folders_in(path):
            listing.notes.append(f"{listing.name(path)!r} has no folders of classes: it is left out.")
            continue
        _add_classes(listing, path, given, learnt if role else None)
    others = [path for path in folders_in(base) if path not in splits]
    if others:
        names = some([listing.name(path) for path in others])
        listing.notes.append(f"{names} beside the training and test folders: left out.")
    listing.loose(base)


def _add_classes(listing: _Listing, base: Path, given: int, learnt: set[str] | None = None) -> None:
    """Each folder of ``base`` is a class; those that are not among the ones learnt are left out."""
    folders = folders_in(base)
    empty, unknown, nested = [], [], 0
    for path in folders:
        label = plain_name(path.name)
        if learnt is not None and label not in learnt:
            unknown.append(label)
            continue
        if not listing.add(path, label, given):
            empty.append(label)
        nested += bool(folders_in(path))
    if unknown:
        listing.notes.append(f"{some(unknown)} in {listing.name(base)!r} has no training pictures: left out.")
    if empty:
        listing.notes.append(f"{some(empty)} is an empty folder: {_no_class(empty)}.")
    if nested:
        listing.notes.append("Pictures in folders within a class's folder belong to that class.")
    by_case: dict[str, list[str]] = {}
    for path in folders:
        by_case.setdefault(path.name.casefold(), []).append(plain_name(path.name))
    for names in by_case.values():
        if len(names) > 1:
            listing.notes.append(f"The classes {some(names)} differ only in case: they are kept apart.")
    listing.loose(base)


def _no_classes(listing: _Listing, base: Path) -> DataError:
    files = [path for path in visible(base) if not path.is_dir()]
    tables = [path.name for path in files if path.name.lower().endswith(_TABLES)]
    packed = [path.name for path in files if path.name.lower().endswith(".npz")]
    loose = sum(has_picture_ending(path.name) for path in files)
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
    got = f"{some(links)} in {where}, which lead elsewhere" if links else f"none below {where}"
    return DataError("pictures in a folder for each class", got, "name another folder")


def _only_folder(base: Path) -> Path | None:
    """The one folder of a folder, where it holds nothing else but small texts and has folders itself."""
    folders = folders_in(base)
    if len(folders) != 1 or not folders_in(folders[0]):
        return None
    loose = any(has_picture_ending(path.name) for path in visible(base) if not path.is_dir())
    return None if loose else folders[0]


def _no_class(names: list[str]) -> str:
    return "it is no class" if len(names) == 1 else "they are no classes"
