"""One finding of a diagnosis, and one fix that was tried, as the page shows them."""

import re
from typing import Any

from fivefold.report import numbers
from fivefold.report.diagnosis_figures import Curve, bars, lines
from fivefold.report.diagnosis_layers import points
from fivefold.report.record import finite, mapping, sequence, whole
from fivefold.report.text import SENTENCE, clean, code

TONES = {"high": "bad", "medium": "open", "low": ""}
WORDS = {"high": "high confidence", "medium": "medium confidence", "low": "low confidence"}

_WORD = re.compile(r"[a-z]+(?:[\s,](?!\d)|$)")
_LONG = 1_600
_MOST_CURVES = 6
_MOST_NAMES = 200
_MOST_LINES = 15
_MOST_DIFF = 8_000
_MOST_PANELS = 3
_MOST_COLUMNS, _MOST_ROWS, _MOST_SAID = 8, 20, 10
_TRIED = {
    "better": ("better", "good"),
    "no better": ("no better", "open"),
    "failed": ("failed", "bad"),
    "not tried": ("not tried", ""),
}


def finding(entry: dict[str, Any], key: str, rank: int) -> dict[str, Any]:
    """Return what the template needs of one finding: texts, its picture, its lines of code.

    Args:
        entry: ``code``, ``title``, ``evidence``, ``confidence``, ``cause``, ``fix``, ``place`` (``path``,
            ``line``), ``picture`` (see :func:`evidence`), ``excerpt`` (``first``, ``line``, ``lines``) and
            ``replay`` (see :func:`replayed`).
        key: Unique in the page.
        rank: Its number, from 1.

    >>> shown = finding({"title": "too fast", "confidence": "high"}, "f1", 1)
    >>> shown["title"], shown["tone"], shown["figure"]
    ('Too fast', 'bad', '')
    """
    sure = str(entry.get("confidence"))
    place = mapping(entry.get("place"))
    line = whole(place.get("line"))
    where = clean(place.get("path"), 200)
    return {
        "key": key,
        "rank": rank,
        "code": clean(entry.get("code"), 60),
        "title": capitalised(clean(entry.get("title"), 300)) or "A finding without a title",
        "confidence": WORDS.get(sure, "confidence unknown"),
        "tone": TONES.get(sure, ""),
        **{name: capitalised(clean(entry.get(name), _LONG)) for name in ("evidence", "cause", "fix")},
        "where": f"{where}, line {line:,}" if where and line is not None else where,
        "source": source(mapping(entry.get("excerpt"))),
        "replay": replayed(mapping(entry.get("replay"))),
        **evidence(mapping(entry.get("picture")), key),
    }


def capitalised(text: str) -> str:
    """Return the text with a capital first letter, unless its first word may be a name in code.

    >>> capitalised("the GRU is dead"), capitalised("relu1 is dead"), capitalised("tanh 1 is full")
    ('The GRU is dead', 'relu1 is dead', 'tanh 1 is full')
    """
    return text[:1].upper() + text[1:] if _WORD.match(text) else text


def evidence(picture: dict[str, Any], key: str) -> dict[str, str]:
    """Draw a finding's picture.

    Args:
        picture: ``title``, ``horizontal``, ``vertical``, ``curves`` (name to points [x, y]), ``level``
            ([value,
            name] or ``None``), ``logarithmic``, ``bars``, ``names``.
        key: Unique in the page.

    Returns:
        ``figure`` and ``caption``; both empty where there is nothing to draw.

    >>> evidence({"title": "Loss", "curves": {"loss": [[0, 1.0], [1, 2.0]]}}, "p")["caption"]
    'Loss.'
    """
    title = clean(picture.get("title"), 200) or "The evidence"
    curves = [(str(n), points(p)) for n, p in list(mapping(picture.get("curves")).items())[:_MOST_CURVES]]
    curves = [(name, found) for name, found in curves if found]
    at = sequence(picture.get("level"))
    height = finite(at[0]) if len(at) == 2 else None
    level = None if height is None else (height, clean(at[1], 60))
    log = picture.get("logarithmic") is True
    labels = (clean(picture.get("horizontal"), 60), clean(picture.get("vertical"), 60))
    says = "; ".join(f"{clean(name, 40)}: {_summary(found)}" for name, found in curves)
    if picture.get("bars") is True and curves:
        names = [clean(name, 60) for name in sequence(picture.get("names"))[:_MOST_NAMES]]
        sides = [(name, _by_place(found, len(names))) for name, found in curves[:2]]
        figure = bars(
            f"{key}-picture", title, names, sides, labels[1], log=log, level=level, description=says,
        )  # fmt: skip
    else:
        figure = lines(
            f"{key}-picture", title, [Curve(name, kept, i) for i, (name, kept) in enumerate(curves)], labels,
            log=log, level=level, description=says,
        )  # fmt: skip
    return {"figure": figure, "caption": f"{title.rstrip('.')}." if figure else ""}


def replayed(part: dict[str, Any]) -> dict[str, Any] | None:
    """Return the table of an operation that was made again; ``None`` where there is none.

    Args:
        part: ``title``, ``file``, ``columns`` and ``rows`` (texts), ``said`` (lines).

    >>> replayed({"title": "log, update 3", "columns": ["given"], "rows": [["x"], 3]})["rows"]
    [['x']]
    >>> replayed({}) is None
    True
    """
    columns = [clean(text, 40) for text in sequence(part.get("columns"))[:_MOST_COLUMNS]]
    rows = [
        [clean(text, 80) for text in sequence(row)[: len(columns)]]
        for row in sequence(part.get("rows"))[:_MOST_ROWS]
    ]
    rows = [row for row in rows if row and len(row) == len(columns)]
    title = clean(part.get("title"), 300)
    if not title or not rows:
        return None
    return {
        "title": title,
        "file": clean(part.get("file"), 200),
        "columns": columns,
        "rows": rows,
        "said": [text for line in sequence(part.get("said"))[:_MOST_SAID] if (text := clean(line, 400))],
    }


def source(part: dict[str, Any]) -> list[dict[str, Any]]:
    """Return lines of code with their numbers; the one that is meant is marked.

    >>> source({"first": 4, "line": 5, "lines": ["a", "b"]})[1]
    {'number': 5, 'text': 'b', 'here': True}
    """
    first, here = whole(part.get("first")), whole(part.get("line"))
    if first is None:
        return []
    texts = [item for item in sequence(part.get("lines"))[:_MOST_LINES] if isinstance(item, str)]
    # No line is given as more than one, whatever it holds.
    return [
        {"number": number, "text": code(text.replace("\n", " "), 300), "here": number == here}
        for number, text in enumerate(texts, first)
    ]


def trial(entry: dict[str, Any], key: str) -> dict[str, Any]:
    """Return what the template needs of one fix that was tried.

    Args:
        entry: ``code``, ``title``, ``change``, ``diff``, ``status`` (better, no better, failed, not tried),
            ``measure``, ``before``, ``after``, ``seconds``, ``curves`` (``before`` and ``after``: name to
            points [update, loss]).
        key: Unique in the page.

    >>> trial({"status": "better", "measure": "loss", "before": 2, "after": 1}, "t")["said"]
    'loss: 2 without, 1 with it'
    """
    word, tone = _TRIED.get(str(entry.get("status")), ("not judged", ""))
    measure = clean(entry.get("measure"), 80) or "loss"
    before, after = finite(entry.get("before")), finite(entry.get("after"))
    said = (
        f"{measure}: {numbers.number(before)} without, {numbers.number(after)} with it"
        if before is not None and after is not None
        else ""
    )
    seconds = finite(entry.get("seconds"))
    about, change = (
        capitalised(clean(entry.get(field), most)) for field, most in (("title", 300), ("change", SENTENCE))
    )
    return {
        "key": key,
        "code": clean(entry.get("code"), 60),
        "about": about,
        "change": about if entry.get("status") == "not tried" and about else change or "A change",
        "why": change if entry.get("status") == "not tried" and about else "",
        "status": word,
        "tone": tone,
        "said": said,
        "took": numbers.seconds(seconds) if seconds else "",
        "diff": diff(entry.get("diff")),
        "figures": _side_by_side(mapping(entry.get("curves")), key, said),
    }


def _side_by_side(held: dict[str, Any], key: str, said: str) -> list[dict[str, str]]:
    """One picture a name of a loss: as it is, and with the fix."""
    sides = [
        (name, mapping(held.get(field)))
        for name, field in (("as it is", "before"), ("with the fix", "after"))
    ]
    names = list(dict.fromkeys(str(name) for _, part in sides for name in part))[:_MOST_PANELS]
    found = []
    for number, name in enumerate(names):
        curves = [
            Curve(side, kept, rank)
            for rank, (side, part) in enumerate(sides)
            if (kept := points(part.get(name)))
        ]
        loss = clean(name, 60) or "loss"
        figure = lines(
            f"{key}-curves-{number}", f"{loss}: as it is, and with the fix", curves, ("update", loss),
            description=said,
        )  # fmt: skip
        if figure:
            caption = f"{capitalised(loss)}: the script as it is, and with the fix."
            found.append({"figure": figure, "caption": caption})
    return found


def diff(text: object) -> list[tuple[str, str]]:
    r"""Return the lines of a diff, each with what it does: ``"added"``, ``"removed"``, ``"place"`` or
    nothing.

    >>> diff("@@ -1 +1 @@\n-lr = 1\n+lr = 0.1")
    [('place', '@@ -1 +1 @@'), ('removed', '-lr = 1'), ('added', '+lr = 0.1')]
    """
    if not isinstance(text, str) or not text.strip():
        return []
    kinds = {"+": "added", "-": "removed", "@": "place"}
    shown = code(text.rstrip("\n"), _MOST_DIFF).split("\n")[:400]
    heads = ("+++", "---")
    return [("place" if line.startswith(heads) else kinds.get(line[:1], ""), line) for line in shown]


def _summary(found: list[tuple[float, float]]) -> str:
    heights = [y for _, y in found]
    return (
        f"{numbers.number(found[0][1])} first, {numbers.number(found[-1][1])} last, between "
        f"{numbers.number(min(heights))} and {numbers.number(max(heights))}"
    )


def _by_place(found: list[tuple[float, float]], count: int) -> list[float | None]:
    """Heights of bars by their place 0, 1, ...; a place twice or outside is left out."""
    at = {round(x): y for x, y in found if 0 <= x < count}
    return [at.get(i) for i in range(count)]
