"""Read texts with their classes from a table, a file or a folder for each class, or from memory."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fivefold.core import ArgumentError, DataError, require
from fivefold.tasks.folders import some
from fivefold.tasks.label_order import label_order
from fivefold.tasks.rejected import Rejected
from fivefold.tasks.tables.frames import is_frame
from fivefold.tasks.tables.read import expand
from fivefold.tasks.text.endings import has_text_ending
from fivefold.tasks.text.files import Limits, clean, too_long
from fivefold.tasks.text.folder import Found, Unit, parts, read_folder
from fivefold.tasks.text.memory import documents_of, first_other, is_array
from fivefold.tasks.text.text_set import TextSet, twin_key
from fivefold.tasks.text.text_table import read_table
from fivefold.tasks.thin_data import require_two_classes, thin_classes
from fivefold.tasks.user_path import user_path

_WITH_LABELS = "texts in memory come with their classes: labels=[...], one a text"
_LISTED = "give texts as a list of strings, '' for one that is missing"


def read_texts(
    source: Any,
    *,
    target: str | None = None,
    column: str | None = None,
    unit: Unit = "auto",
    labelled: bool = True,
    limits: Limits | None = None,
    fitted: str = "",
    labels: Any = None,
) -> TextSet:
    r"""Read texts.

    Args:
        source: A table (CSV, TSV, JSON, Parquet, a data frame) with a column of texts; a folder with a folder
            of text files for each class; or a folder with a text file for each class. ``train`` and ``test``
            folders are respected. Without labels also text files, whose paragraphs or lines are the texts. In
            memory: a list, an array or a series of strings with ``labels``; without, a list is one of paths.
        target: The table's column of labels; ``None`` finds it.
        column: The table's column of texts; ``None`` finds it.
        unit: What one document of a text file is: ``"line"``, ``"paragraph"``, ``"percent"`` (the parts
            between lines of ``%``) or the whole ``"file"``; ``"auto"`` decides and notes it.
        labelled: Whether classes are wanted.
        limits: Bounds; the defaults of :class:`Limits` where ``None``.
        fitted: A table's column of texts as the fit read it: taken where the table has it, otherwise another
            one is found, which is noted.
        labels: Of texts in memory, a class for each; texts without one are left out.

    Returns:
        The texts, with what was left out and what had to be decided.

    Raises:
        DataError: No texts, fewer than two classes, a binary or damaged file, or more than the limits.
        ArgumentError: A column for a folder, an unknown unit, labels of what is not in memory or not as many
            as texts, or texts in memory without labels where classes are wanted.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     _ = (Path(place) / "cats.txt").write_text("it purrs\nit sleeps\n", encoding="utf-8")
    ...     _ = (Path(place) / "dogs.txt").write_text("it barks\n", encoding="utf-8")
    ...     texts = read_texts(place)
    >>> texts.texts, texts.classes, texts.labels.tolist()
    (('it purrs', 'it sleeps', 'it barks'), ('cats', 'dogs'), [0, 0, 1])
    >>> read_texts(["it purrs", "it barks"], labels=["cats", "dogs"]).classes
    ('cats', 'dogs')
    """
    known = unit in ("auto", "line", "paragraph", "percent", "file")
    require(known, "a unit 'auto', 'line', 'paragraph', 'percent' or 'file'", repr(unit))
    limits = Limits() if limits is None else limits
    if labels is not None or is_array(source):
        fix = "give the texts themselves as a list, or the column of a table's labels as target"
        require(not isinstance(source, str | Path), "texts in memory with labels", repr(str(source)), fix)
        require(labels is not None or not labelled, "labels of the texts", "none", _WITH_LABELS)
        return texts_of(source, limits, labels)
    other = first_other(source, str | Path) if isinstance(source, list | tuple) else type(source).__name__
    framed = is_frame(source)
    if other is not None and not framed and not isinstance(source, str | Path):
        expected = "a table, a folder, a file, a list of paths, or texts in memory"
        expected += " with labels" if labelled else ""
        raise ArgumentError(expected, other, _WITH_LABELS if labelled else _LISTED)
    named = [source] if isinstance(source, str | Path) else [] if framed else list(source)
    paths = [_path(each) for each in named]
    path = paths[0] if isinstance(source, str | Path) else None
    if path is not None and path.is_dir():
        if target is not None or column is not None:
            raise ArgumentError(
                "no target or column for a folder",
                repr(target or column),
                "its classes are its folders or files",
            )
        found = read_folder(path, limits, unit, labelled=labelled)
    elif not labelled and column is None and paths and all(has_text_ending(each.name) for each in paths):
        found = _text_files(expand(paths), unit, limits)
    else:
        try:
            found = read_table(source if framed else named, target, column, labelled=labelled, fitted=fitted)
        except DataError as error:
            if framed or (labelled and path is not None) or any(each.exists() for each in paths):
                raise
            fix = _WITH_LABELS if labelled else f"{error.fix}; {_LISTED}"
            raise DataError(error.expected, error.got, fix) from error
    name = str(path) if path is not None else "memory" if framed else "several files"
    return _gathered(name, found, limits, labelled=labelled)


def _path(name: str | Path) -> Path:
    path = user_path(name)
    try:
        path.exists()
    except (OSError, ValueError) as error:  # too long, or a NUL character
        why = error.strerror if isinstance(error, OSError) else error
        got = f"{str(name)[:80]!r}: {why}"
        fix = "give texts as a list of strings, with labels where classes are wanted"
        raise DataError("the name of a file or folder", got, fix) from error
    return path


def texts_of(texts: Any, limits: Limits | None = None, labels: Any = None) -> TextSet:
    r"""Return texts in memory as a set, cleaned and bounded like those of files.

    Args:
        texts: A list, an array or a series of strings; they are named by their places, from 1.
        limits: Bounds; the defaults of :class:`Limits` where ``None``.
        labels: A class for each, at least two of them; ``None`` where none are known.

    Raises:
        ArgumentError: Something else than strings, or another number of labels.
        DataError: No text, or none that is not empty; labels that are no classes.

    >>> found = texts_of(["cafe\u0301", " "])
    >>> found.texts, found.names, found.rejected[0].name
    (('café',), ('text 1',), 'text 2')
    """
    limits = Limits() if limits is None else limits
    return _gathered("the list", documents_of(texts, labels), limits, labelled=labels is not None)


def _text_files(paths: Sequence[Path], unit: Unit, limits: Limits) -> Found:
    """The documents of text files without labels: paragraphs, where nothing else is asked for."""
    chosen = "paragraph" if unit == "auto" else unit
    where = repr(paths[0].name) if len(paths) == 1 else f"the {len(paths):,} files"
    found = Found(notes=[f"Each {chosen} of {where} is a text."], unit=chosen)
    for path in paths:
        text, note = found.read(path, limits)
        text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        if note:
            found.notes.append(f"{path.name!r}: {note}.")
        for line, part in parts(text, chosen):
            name = path.name if chosen == "file" else f"{path.name} line {line}"
            found.documents.append((name, part, None, -1))
    return found


def _gathered(source: str, found: Found, limits: Limits, *, labelled: bool) -> TextSet:
    """Clean the documents, leave out the empty and the huge, and number the classes."""
    texts, names, given, rejected, words = [], [], [], list(found.rejected), []
    controls = empty = 0
    named = {clean(label)[0] for label in found.classes}
    for name, raw, said, role in found.documents:
        label = None if said is None else clean(said)[0].strip()
        if label == "":
            rejected.append(Rejected(name, "it has no label"))
            continue
        if label is not None:
            named.add(label)
        reason = too_long(raw, limits)
        if reason:
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
        words.append(label)
    if not texts:
        why = f": {rejected[0].name}: {rejected[0].reason}" if rejected else ""
        raise DataError("at least one text", f"none in {source!r}{why}")
    classes = tuple(sorted({word for word in words if word is not None}, key=label_order)) if labelled else ()
    codes = {word: i for i, word in enumerate(classes)}
    labels = np.array([-1 if word is None else codes.get(word, -1) for word in words], dtype=np.int64)
    notes = list(found.notes)
    if empty and labelled:  # else each of them is named, with the predictions
        notes.append(f"{_many(empty, 'text is', 'texts are')} empty and left out.")
    others = len(rejected) - empty
    if others and labelled:
        first = next(each for each in rejected if each.reason != "it is empty")
        many = _many(others, "text or file is", "texts or files are")
        notes.append(f"{many} left out: {first.name}: {first.reason}.")
    lost = sorted(named - set(classes), key=label_order)
    if lost:
        notes.append(f"Classes without a text, of which nothing is learnt: {some(lost)}.")
    if controls:
        notes.append(f"Control characters were taken out of {_many(controls, 'text', 'texts')}.")
    roles = np.array(given, dtype=np.int8)
    result = TextSet(
        source,
        tuple(texts),
        tuple(names),
        classes,
        labels,
        roles,
        tuple(rejected),
        tuple(notes),
        found.unit,
        found.column,
    )
    return replace(result, notes=(*notes, *_judged(result))) if labelled else result


def _judged(texts: TextSet) -> list[str]:
    """Refuse what no classifier can be learnt from; note what is thin or stands under two labels."""
    require_two_classes(texts.classes, texts.source, "add texts of another one")
    counts = np.bincount(texts.labels[texts.given != 1], minlength=len(texts.classes))
    notes = thin_classes(texts.classes, counts, "text")
    tests = texts.given == 1
    tried = np.bincount(texts.labels[tests], minlength=len(texts.classes))
    if tests.any() and not tried.all():
        untried = some([texts.classes[i] for i in np.flatnonzero(tried == 0)])
        notes.append(f"Classes without a test text, about which nothing is measured: {untried}.")
    seen: dict[str, list[int]] = {}
    for row, text in enumerate(texts.texts):
        seen.setdefault(twin_key(text), []).append(row)
    repeated = [rows for rows in seen.values() if len(rows) > 1]
    if repeated:
        extra = sum(len(rows) - 1 for rows in repeated)
        notes.append(
            f"{_many(extra, 'text repeats', 'texts repeat')} another one, but for capitals and spaces."
        )
    torn = [rows for rows in repeated if len({int(texts.labels[row]) for row in rows}) > 1]
    if torn:
        a, b = torn[0][0], next(r for r in torn[0] if texts.labels[r] != texts.labels[torn[0][0]])
        notes.append(
            f"{_many(len(torn), 'text stands', 'texts stand')} under more than one class: "
            f"{texts.names[a]} and {texts.names[b]}, for one."
        )
    across = sum(len({bool(tests[row]) for row in rows}) == 2 for rows in repeated)
    if across:
        notes.append(f"{_many(across, 'text stands', 'texts stand')} in both training and test.")
    return notes


def _many(count: int, one: str, more: str) -> str:
    return f"{count:,} {one if count == 1 else more}"
