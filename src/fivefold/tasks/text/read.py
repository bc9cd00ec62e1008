"""Read texts with their classes from a table, a text file for each class, or a folder for each class."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from fivefold.core import ArgumentError, DataError, require
from fivefold.tasks.rejected import Rejected
from fivefold.tasks.text.files import Limits, clean, read_text
from fivefold.tasks.text.folder import Found, Unit, parts, read_folder
from fivefold.tasks.text.text_set import TextSet
from fivefold.tasks.text.text_table import read_table
from fivefold.tasks.user_path import user_path

_FEW = 5
_SHOWN = 5
_PLAIN = (".txt", ".text", ".md", ".rst", ".txt.gz")


def read_texts(
    source: str | Path | Sequence[str | Path],
    *,
    target: str | None = None,
    column: str | None = None,
    unit: Unit = "auto",
    labelled: bool = True,
    limits: Limits | None = None,
) -> TextSet:
    r"""Read texts.

    Args:
        source: A table (CSV, TSV, JSON, Parquet) with a column of texts; a folder with a folder of text files
            for each class; or a folder with a text file for each class. ``train`` and ``test`` folders are
            respected. Without labels also a text file, whose paragraphs or lines are the texts.
        target: The table's column of labels; ``None`` finds it.
        column: The table's column of texts; ``None`` finds it.
        unit: What one document of a text file is: ``"line"``, ``"paragraph"``, ``"percent"`` (the parts
            between lines of ``%``); ``"auto"`` decides and notes it.
        labelled: Whether classes are wanted.
        limits: Bounds; the defaults of :class:`Limits` where ``None``.

    Returns:
        The texts, with what was left out and what had to be decided.

    Raises:
        DataError: No texts, fewer than two classes, a binary or damaged file, or more than the limits.
        ArgumentError: A column for a folder, or an unknown unit.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     _ = (Path(place) / "cats.txt").write_text("it purrs\nit sleeps\n", encoding="utf-8")
    ...     _ = (Path(place) / "dogs.txt").write_text("it barks\n", encoding="utf-8")
    ...     texts = read_texts(place)
    >>> texts.texts, texts.classes, texts.labels.tolist()
    (('it purrs', 'it sleeps', 'it barks'), ('cats', 'dogs'), [0, 0, 1])
    """
    known = unit in ("auto", "line", "paragraph", "percent")
    require(known, "a unit 'auto', 'line', 'paragraph' or 'percent'", repr(unit))
    limits = Limits() if limits is None else limits
    path = user_path(source) if isinstance(source, str | Path) else None
    if path is not None and path.is_dir():
        if target is not None or column is not None:
            raise ArgumentError(
                "no target or column for a folder",
                repr(target or column),
                "its classes are its folders or files",
            )
        found = read_folder(path, limits, unit, labelled=labelled)
    elif path is not None and not labelled and path.name.lower().endswith(_PLAIN) and column is None:
        found = _one_file(path, unit, limits)
    else:
        found = read_table(source, target, column, labelled=labelled)
    name = str(path) if path is not None else "several files"
    return _gathered(name, found, limits, labelled=labelled)


def _one_file(path: Path, unit: Unit, limits: Limits) -> Found:
    """The documents of one text file without labels: paragraphs, where nothing else is asked for."""
    text, note = read_text(path, limits)
    text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    chosen = "paragraph" if unit == "auto" else unit
    found = Found(notes=[f"Each {chosen} of {path.name!r} is a text."], unit=chosen)
    if note:
        found.notes.append(f"{path.name!r}: {note}.")
    found.documents = [(f"{path.name} line {line}", part, None, -1) for line, part in parts(text, chosen)]
    return found


def _gathered(source: str, found: Found, limits: Limits, *, labelled: bool) -> TextSet:
    """Clean the documents, leave out the empty and the huge, and number the classes."""
    texts, names, given, rejected, words = [], [], [], list(found.rejected), []
    controls = empty = 0
    for name, raw, label, role in found.documents:
        if len(raw) > limits.characters:
            reason = f"it has {len(raw):,} characters, more than {limits.characters:,}"
            rejected.append(Rejected(name, reason))
            continue
        text, taken = clean(raw)
        text = text.strip()
        controls += taken > 0
        if not text:
            empty += 1
            rejected.append(Rejected(name, "it is empty"))
            continue
        texts.append(text)
        names.append(name)
        given.append(role)
        words.append(None if label is None else clean(label)[0])
    if not texts:
        why = f": {rejected[0].name}: {rejected[0].reason}" if rejected else ""
        raise DataError("at least one text", f"none in {source!r}{why}")
    classes = _ordered({word for word in words if word is not None}) if labelled else ()
    codes = {word: i for i, word in enumerate(classes)}
    labels = np.array([-1 if word is None else codes.get(word, -1) for word in words], dtype=np.int64)
    notes = list(found.notes)
    if empty:
        notes.append(f"{_many(empty, 'text is', 'texts are')} empty and left out.")
    others = len(rejected) - empty
    if others:
        first = next(each for each in rejected if each.reason != "it is empty")
        many = _many(others, "text or file is", "texts or files are")
        notes.append(f"{many} left out: {first.name}: {first.reason}.")
    if controls:
        notes.append(f"Control characters were taken out of {_many(controls, 'text', 'texts')}.")
    roles = np.array(given, dtype=np.int8)
    result = TextSet(
        source, tuple(texts), tuple(names), classes, labels, roles, tuple(rejected), tuple(notes), found.unit
    )
    return replace(result, notes=(*notes, *_judged(result))) if labelled else result


def _judged(texts: TextSet) -> list[str]:
    """Refuse what no classifier can be learnt from; note what is thin or stands under two labels."""
    if len(texts.classes) < 2:
        only = f"only {texts.classes[0]!r}" if texts.classes else "none"
        raise DataError(
            "at least two classes", f"{only} in {texts.source!r}", "a classifier tells classes apart"
        )
    notes = []
    counts = np.bincount(texts.labels[texts.given != 1], minlength=len(texts.classes))
    few = [f"{texts.classes[i]!r} ({counts[i]})" for i in np.flatnonzero(counts < _FEW)]
    if few:
        shown = ", ".join(few[:_SHOWN]) + (f" and {len(few) - _SHOWN:,} more" if len(few) > _SHOWN else "")
        notes.append(f"Classes with fewer than {_FEW} training texts can hardly be learnt: {shown}.")
    seen: dict[str, list[int]] = {}
    for row, text in enumerate(texts.texts):
        seen.setdefault(" ".join(text.split()), []).append(row)
    repeated = [rows for rows in seen.values() if len(rows) > 1]
    if repeated:
        extra = sum(len(rows) - 1 for rows in repeated)
        notes.append(f"{_many(extra, 'text repeats', 'texts repeat')} another one letter by letter.")
    torn = [rows for rows in repeated if len({int(texts.labels[row]) for row in rows}) > 1]
    if torn:
        a, b = torn[0][0], next(r for r in torn[0] if texts.labels[r] != texts.labels[torn[0][0]])
        notes.append(
            f"{_many(len(torn), 'text stands', 'texts stand')} under more than one class: "
            f"{texts.names[a]} and {texts.names[b]}, for one."
        )
    across = sum(len({int(texts.given[row]) for row in rows} & {0, 1}) == 2 for rows in repeated)
    if across:
        notes.append(f"{_many(across, 'text stands', 'texts stand')} in both training and test.")
    return notes


def _ordered(classes: set[str]) -> tuple[str, ...]:
    """Sorted; numbers by value where all are numbers."""
    if all(word.lstrip("-").isdecimal() for word in classes):
        return tuple(sorted(classes, key=lambda word: (int(word), word)))
    return tuple(sorted(classes))


def _many(count: int, one: str, more: str) -> str:
    return f"{count:,} {one if count == 1 else more}"
