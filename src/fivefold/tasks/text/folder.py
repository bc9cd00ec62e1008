"""A folder of texts: a folder for each class, or a text file for each class, with training and test apart."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from fivefold.core import DataError
from fivefold.tasks.folders import ROLES, files_below, files_in, folders_in, plain_name, some
from fivefold.tasks.rejected import Rejected
from fivefold.tasks.text.endings import ENDINGS, stem_and_ending
from fivefold.tasks.text.files import Limits, read_text, too_long

Unit = Literal["auto", "line", "paragraph", "percent", "file"]
"""What one document of a text file is: a line, a paragraph, what stands between lines of ``%``, or all."""

_ABOUT = {"readme", "license", "licence", "copying", "changelog"}
"""Files that speak about the others: beside files of classes they are none."""
_BLANK = re.compile(r"\n[ \t]*\n\s*")
_PERCENT = re.compile(r"^%[ \t]*$\n?", re.M)


@dataclass
class Found:
    """Documents as they were found, before they are cleaned and counted.

    Attributes:
        documents: Name, text, label and role (0 training, 1 test, -1 unsaid) of each.
        rejected: Files that were left out.
        notes: What had to be decided.
        unit: What one document of a text file is; empty where each row of a table is one.
        column: The table's column of texts; empty where there is no table.
        bytes: Read so far, unpacked and in UTF-8.
        classes: Labels that folders or files are named by, be there texts in them or not.
    """

    documents: list[tuple[str, str, str | None, int]] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unit: str = ""
    column: str = ""
    bytes: int = 0
    classes: set[str] = field(default_factory=set)

    def read(self, path: Path, limits: Limits) -> tuple[str, str | None]:
        """Return a file's text and a note on its encoding, and count it.

        Raises:
            DataError: As :func:`read_text`, or more than the limit of all files together.
        """
        text, note = read_text(path, limits)
        self.bytes += len(text.encode("utf-8", "surrogatepass"))
        if self.bytes > limits.total:
            raise _too_much(path, limits)
        return text, note


def read_folder(folder: Path, limits: Limits, unit: Unit, *, labelled: bool) -> Found:
    """Find the documents of a folder.

    ``FOLDER/CLASS/…/DOCUMENT.txt``: each file a document. ``FOLDER/CLASS.txt``: a file for each class, whose
    documents are its lines, paragraphs or parts between lines of ``%``. Either below ``train`` and ``test``
    (or ``val``) folders. Links to files outside of the folder are refused and named. So are files beside the
    training and test folders, and ``README``, ``LICENSE`` and the like among files of classes.

    Args:
        folder: The folder.
        limits: Bounds.
        unit: What a document of a text file per class is; ``"auto"`` decides over all files together. In
            folders per class it is the file in any case.
        labelled: Classes are wanted; otherwise every text file below the folder is one document.

    Raises:
        DataError: No text files, a class's file that cannot be read, or more than the limits; a file for
            each class where each is to be one document.
    """
    found, real = Found(unit="file"), folder.resolve()
    files_seen = 0

    def walk(place: Path) -> Iterator[Path]:
        nonlocal files_seen
        for path in _texts(files_below(place, real), folder, found):
            files_seen += 1
            if files_seen > limits.files:
                raise _too_much(path, limits)
            yield path

    if not labelled:
        for path in walk(folder):
            _add_file(found, path, folder, None, -1, limits)
        return found
    splits = {path: ROLES[path.name.lower()] for path in folders_in(folder) if path.name.lower() in ROLES}
    roles = set(splits.values())
    bases = {folder: -1}
    if 0 in roles and roles & {1, 2}:
        spare = 0 if 1 in roles else 1
        bases = {path: spare if role == 2 else role for path, role in sorted(splits.items())}
        if 2 in roles:
            found.notes.append(f"The validation texts are taken as {('training', 'test')[spare]} texts.")
        others = [path.name for path in folders_in(folder) if path not in splits]
        if others:
            found.notes.append(f"{some(others)} beside the training and test folders: left out.")
        for path in _texts(files_in(folder, real), folder, found):
            found.rejected.append(Rejected(_name(path, folder), "it is beside the training and test folders"))
    files: list[tuple[Path, int]] = []
    for base, role in bases.items():
        classes = folders_in(base)
        for each in classes:
            label = plain_name(each.name)
            found.classes.add(label)
            for path in walk(each):
                _add_file(found, path, folder, label, role, limits)
        loose = list(_texts(files_in(base, real), folder, found))
        if classes:
            reason = "it is in no folder of a class"
            found.rejected += [Rejected(_name(path, folder), reason) for path in loose]
        else:
            for path in loose:
                if stem_and_ending(path.name)[0].lower() in _ABOUT:
                    found.rejected.append(Rejected(_name(path, folder), "its name is that of no class"))
                else:
                    files.append((path, role))
    if files:
        _add_class_files(found, files, folder, unit, limits)
    if not found.documents and not files:
        raise DataError(
            "a folder for each class, or a text file for each class",
            f"none in {str(folder)!r}",
            "a table is named by its file",
        )
    return found


def parts(text: str, unit: str) -> list[tuple[int, str]]:
    r"""Cut a text into documents, each with the number of its first line.

    >>> parts("one\ntwo\n\nthree\n", "line")
    [(1, 'one'), (2, 'two'), (4, 'three')]
    >>> parts("one\ntwo\n\nthree\n", "paragraph")
    [(1, 'one\ntwo'), (4, 'three')]
    >>> parts("one\ntwo\n\nthree\n", "file")
    [(1, 'one\ntwo\n\nthree\n')]
    """
    if unit == "file":
        return [(1, text)]
    if unit == "line":
        return [(i, line) for i, line in enumerate(text.split("\n"), 1) if line.strip()]
    mark = _BLANK if unit == "paragraph" else _PERCENT
    cut, place, line = [], 0, 1
    for match in mark.finditer(text):
        cut.append((line, text[place : match.start()]))
        line += text.count("\n", place, match.end())
        place = match.end()
    cut.append((line, text[place:]))
    found = []
    for start, part in cut:
        lead = part[: len(part) - len(part.lstrip())].count("\n")
        if part.strip():
            found.append((start + lead, part.strip()))
    return found


def guess_unit(texts: list[str]) -> str:
    r"""What one document is: between ``%``, a paragraph, or a line.

    ``%`` where every text has a line of it; a paragraph where every text has a blank line and the paragraphs
    have 2 to 50 lines at the median; else a line.

    >>> guess_unit(["a\nb\n"]), guess_unit(["a\n%\nb\n"]), guess_unit(["a\na\n\nb\nb\n"])
    ('line', 'percent', 'paragraph')
    """
    if all(_PERCENT.search(text) for text in texts):
        return "percent"
    sizes = sorted(part.count("\n") + 1 for text in texts for _, part in parts(text, "paragraph"))
    apart = all(_BLANK.search(text.strip()) for text in texts)
    return "paragraph" if apart and sizes and 2 <= sizes[len(sizes) // 2] <= 50 else "line"


def _add_class_files(
    found: Found, files: list[tuple[Path, int]], folder: Path, unit: Unit, limits: Limits
) -> None:
    read, recoded = [], []
    if unit == "file":
        fix = "put the texts of each class into a folder, or choose another unit"
        raise DataError("several texts of every class", f"one, the file {files[0][0].name!r}", fix)
    if len(files) > limits.files:
        raise _too_much(folder, limits)
    for path, role in files:
        if path.stat().st_size == 0:
            raise DataError("texts of every class", f"the empty file {path.name!r}", "fill or remove it")
        text, note = found.read(path, limits)
        if note:
            recoded.append(f"{path.name!r}: {note}.")
        read.append((path, role, text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")))
    chosen = guess_unit([text for _, _, text in read]) if unit == "auto" else unit
    found.unit = chosen
    words = {"line": "line", "paragraph": "paragraph", "percent": "part between lines of '%'"}[chosen]
    found.notes += [f"Each file is a class, each {words} of it a text.", *recoded]
    for path, role, text in read:
        label = plain_name(stem_and_ending(path.name)[0])
        found.classes.add(label)
        for line, part in parts(text, chosen):
            found.documents.append((f"{_name(path, folder)} line {line}", part, label, role))


def _add_file(found: Found, path: Path, folder: Path, label: str | None, role: int, limits: Limits) -> None:
    """A file as one document; one that cannot be read or is too long is left out and named."""
    name = _name(path, folder)
    try:
        text, note = found.read(path, limits)
    except DataError as error:
        if found.bytes > limits.total:
            raise
        found.rejected.append(Rejected(name, f"{error.got}"))
        return
    reason = too_long(text, limits)
    if reason:
        found.rejected.append(Rejected(name, reason))
        return
    if note:
        found.notes.append(f"{name}: {note}.")
    found.documents.append((name, text, label, role))


def _texts(files: Iterator[tuple[Path, str | None]], top: Path, found: Found) -> Iterator[Path]:
    """Those of the files that may be texts; the others are named."""
    for path, why in files:
        ending = stem_and_ending(path.name)[1]
        if why is None and ending not in ("", *ENDINGS):
            why = f"{ending!r} is no ending of a text file"
        if why is None:
            yield path
        else:
            found.rejected.append(Rejected(_name(path, top), why))


def _name(path: Path, top: Path) -> str:
    """A file's name for names and notes; what cannot be printed becomes ``?``."""
    return plain_name(path.relative_to(top).as_posix())


def _too_much(path: Path, limits: Limits) -> DataError:
    bound = f"at most {limits.files:,} files and {limits.total:,} bytes"
    return DataError(bound, f"more with {str(path)!r}", "raise the limit")
