"""The page of a comparison of methods: one HTML file, no script, nothing loaded, every value escaped."""

from collections.abc import Sequence
from typing import Any

from fivefold.report import numbers
from fivefold.report.compare_figures import Line, curves, eigenvalues, plane, profile, remaining
from fivefold.report.evidence import certificates
from fivefold.report.record import entries, finite, first, mapping, sequence, whole
from fivefold.report.template import environment
from fivefold.report.text import NAME, SENTENCE, clean
from fivefold.report.theme import CONTENT_SECURITY_POLICY, stylesheet

_MOST_METHODS, _MOST_PROBLEMS, _MOST_POINTS = 20, 12, 2000
_TONES = {
    "converged": "good",
    "out of budget": "open",
    "stalled": "open",
    "diverged": "bad",
    "ill-posed": "bad",
}


def render_comparison(record: dict[str, Any]) -> str:
    """Return the comparison of methods as a page that stands alone.

    Args:
        record: The plain record of a comparison: ``headline``, ``command``, ``budget``, ``problems`` (each
            with ``name``, ``facts``, ``sentences``, ``methods``, ``spectrum``, ``plane``) and ``profiles``.
            Any part may be missing or of another type; texts count as hostile.

    Returns:
        HTML. The same record gives the same bytes.

    >>> page = render_comparison({"headline": "<newton> wins."})
    >>> "&lt;newton&gt; wins." in page, "<script" in page
    (True, False)
    """
    record = mapping(record)
    problems, more = first(entries(record.get("problems")), _MOST_PROBLEMS)
    versions = mapping(record.get("environment"))
    return (
        environment()
        .get_template("compare.html")
        .render(
            policy=CONTENT_SECURITY_POLICY,
            css=stylesheet(),
            title=clean(record.get("title"), 160) or "Comparison of methods",
            source=clean(record.get("source"), 120),
            target=clean(record.get("target"), NAME),
            headline=clean(record.get("headline"), 420) or "This record holds no comparison.",
            keys=[_key(k) for k in entries(record.get("keys"))[:3]],
            sentences=_texts(record.get("sentences"), 8),
            problems=[_problem(p, f"p{i}") for i, p in enumerate(problems, 1)],
            more_problems=more,
            profiles=_profiles(mapping(record.get("profiles"))),
            rules=_texts(record.get("rules"), 20),
            notes=_texts(record.get("notes"), 30),
            command=clean(record.get("command"), 2_000),
            environment=[(clean(k, NAME), clean(v, 200)) for k, v in list(versions.items())[:40]],
            seconds=numbers.seconds(record["seconds"]) if record.get("seconds") is not None else "",
        )
    )


def _texts(value: object, most: int) -> list[str]:
    return [text for item in sequence(value)[:most] if (text := clean(item, SENTENCE))]


def _key(key: dict[str, Any]) -> dict[str, Any]:
    return {
        "label": clean(key.get("label"), 80),
        "value": clean(key.get("value"), 40),
        "details": _texts(key.get("details"), 3),
        "tone": clean(key.get("tone"), 10) if key.get("tone") in ("good", "bad", "open") else "",
    }


def _problem(problem: dict[str, Any], key: str) -> dict[str, Any]:
    """What the template needs of one problem: rows, pictures and sentences."""
    methods, more = first(entries(problem.get("methods")), _MOST_METHODS)
    methods = [{**m, "rank": _rank(m, i)} for i, m in enumerate(methods)]
    level, span = finite(problem.get("level")), finite(problem.get("span"))
    floor = finite(problem.get("floor")) or 0.0
    mark = None if level is None else (level, "solved below this line")
    facts = [
        (clean(pair[0], 60), clean(pair[1], 300))
        for pair in sequence(problem.get("facts"))[:20]
        if isinstance(pair, list | tuple) and len(pair) == 2
    ]
    return {
        "key": key,
        "name": clean(problem.get("name"), 80) or "the problem",
        "sentences": _texts(problem.get("sentences"), 12),
        "facts": facts,
        "rows": [_row(m, m["rank"]) for m in methods],
        "more": more,
        "gradients": curves(
            f"{key}-gradients", "F less the best found, against gradients",
            _lines(methods, "gradients", "gap"), ("gradients of all rows", "F − lowest F"),
            xlog=True, steps=True, floor=floor, mark=mark, description=_ends(methods, "gradients"),
        ),
        "seconds": curves(
            f"{key}-seconds", "F less the best found, against seconds",
            _lines(methods, "seconds", "gap"), ("seconds", "F − lowest F"),
            xlog=True, steps=True, floor=floor, mark=mark, description=_ends(methods, "seconds"),
        ),
        "along": curves(
            f"{key}-along", "F less the best found, along each path",
            _lines(methods, "length", "height", "along"),
            ("length walked, in units of the way from start to solution", "F − lowest F"),
            floor=floor, description="Between two points of a method F is evaluated on the straight line.",
        ),
        "spectrum": _spectrum(mapping(problem.get("spectrum")), methods, key),
        "plane": _plane(mapping(problem.get("plane")), methods, f"{key}-plane", "path"),
        "extremes": _plane(mapping(problem.get("extremes")), methods, f"{key}-extremes", "extreme_path"),
        "certificates": [_certificate(m) for m in methods if entries(m.get("certificates"))],
        "solved": "" if span is None or level is None or not span > 0 else numbers.number(level / span),
    }  # fmt: skip


def _rank(method: dict[str, Any], place: int) -> int:
    """What decides a method's colour: its number in all problems alike, where the record has one."""
    rank = whole(method.get("rank"))
    return place if rank is None or not 0 <= rank < 1000 else rank


def _row(method: dict[str, Any], rank: int) -> dict[str, Any]:
    line = Line("", [], [], rank)
    status = clean(method.get("status"), 40) or "unknown"
    reached = mapping(method.get("reached"))
    return {
        "name": clean(method.get("name"), NAME) or "(no name)",
        "about": clean(method.get("about"), 300),
        "colour": line.colour,
        "status": status,
        "tone": _TONES.get(status, "open"),
        "reason": clean(method.get("reason"), 300),
        "gradients": _reached(reached.get("gradients"), numbers.number),
        "seconds": _reached(reached.get("seconds"), numbers.seconds),
        "gap": numbers.number(method.get("gap"), 2) if finite(method.get("gap")) is not None else "–",
        "spent": numbers.number(method.get("gradients")),
        "took": numbers.seconds(method.get("seconds")),
        "verdict": clean(method.get("verdict"), SENTENCE),
        "won": method.get("won") is True,
    }


def _reached(value: object, write: Any) -> str:
    return str(write(value)) if finite(value) is not None else "not reached"


def _certificate(method: dict[str, Any]) -> dict[str, Any]:
    found = certificates(method)
    rows = found["rows"]
    held = sum(row["tone"] == "good" for row in rows)
    return {
        "name": clean(method.get("name"), NAME),
        "rows": rows,
        "sentence": f"{held} of {len(rows)} hold" if held < len(rows) else f"all {held} hold",
    }


def _lines(methods: Sequence[dict[str, Any]], x: str, y: str, part: str = "trajectory") -> list[Line]:
    found = []
    for method in methods:
        numbers_of = mapping(method.get(part))
        xs, ys = ([finite(v) for v in sequence(numbers_of.get(name))[:_MOST_POINTS]] for name in (x, y))
        found.append(Line(clean(method.get("name"), NAME), xs, ys, method["rank"]))
    return found


def _ends(methods: Sequence[dict[str, Any]], measure: str) -> str:
    write = numbers.seconds if measure == "seconds" else lambda v: f"{numbers.number(v)} gradients"
    parts = [
        f"{clean(m.get('name'), NAME)} ends {numbers.number(m.get('gap'), 2)} above, "
        f"after {write(m.get(measure))}"
        for m in methods
        if finite(m.get("gap")) is not None and finite(m.get(measure)) is not None
    ]
    return "; ".join(parts)


def _spectrum(spectrum: dict[str, Any], methods: Sequence[dict[str, Any]], key: str) -> dict[str, Any] | None:
    values = [v for item in sequence(spectrum.get("values"))[:2000] if (v := finite(item)) is not None]
    if not values:
        return None
    ends = (clean(spectrum.get("steepest"), 60), clean(spectrum.get("flattest"), 60))
    lines = []
    for method in methods:
        left = mapping(method.get("left"))
        xs, ys = ([finite(v) for v in sequence(left.get(n))[:2000]] for n in ("eigenvalue", "share"))
        lines.append(Line(clean(method.get("name"), NAME), xs, ys, method["rank"]))
    return {
        "figure": eigenvalues(f"{key}-eigenvalues", values, ends),
        "left": remaining(f"{key}-left", [], lines, clean(spectrum.get("left"), 600)),
        "sentences": _texts(spectrum.get("sentences"), 10),
        "directions": [
            {
                "which": clean(d.get("which"), 40),
                "value": numbers.number(d.get("value")),
                "columns": _texts(d.get("columns"), 8),
            }
            for d in entries(spectrum.get("directions"))[:6]
        ],
    }


def _plane(
    part: dict[str, Any], methods: Sequence[dict[str, Any]], key: str, path: str
) -> dict[str, Any] | None:
    s = [v for item in sequence(part.get("first")) if (v := finite(item)) is not None]
    t = [v for item in sequence(part.get("second")) if (v := finite(item)) is not None]
    rows = [[finite(v) for v in sequence(row)] for row in sequence(part.get("height"))]
    if len(rows) != len(s) or any(len(row) != len(t) for row in rows) or len(s) * len(t) > 20_000:
        return None
    levels = sorted({v for item in sequence(part.get("levels"))[:20] if (v := finite(item)) and v > 0})
    labels = (clean(part.get("up"), 60) or "steepest", clean(part.get("across"), 60) or "flattest")
    figures = []
    for place, line in enumerate(_lines(methods, "first", "second", path)):
        drawn = plane(f"{key}-{place + 1}", line, (s, t, rows), levels, labels)
        if drawn:
            figures.append({"name": line.name, "colour": line.colour, "figure": drawn,
                            "note": clean(mapping(methods[place].get(path)).get("note"), 300)})  # fmt: skip
    return {"figures": figures, "sentences": _texts(part.get("sentences"), 6)} if figures else None


def _profiles(part: dict[str, Any]) -> dict[str, Any] | None:
    at = [finite(v) for v in sequence(part.get("factors"))[:_MOST_POINTS]]
    methods = entries(part.get("methods"))[:_MOST_METHODS]
    lines: list[Line] = []
    bands: list[Line] = []
    rows = []
    for rank, method in enumerate(methods):
        name = clean(method.get("name"), NAME)
        for field, into in (("share", lines), ("lower", bands), ("upper", bands)):
            ys = [finite(v) for v in sequence(method.get(field))]
            if len(ys) == len(at) and None not in ys:
                into.append(Line(name, at, ys, rank))
        rows.append(
            {
                "name": name,
                "colour": Line("", [], [], rank).colour,
                "solved": numbers.percent(method.get("solved")),
                "area": numbers.number(method.get("area"), 2, keep=True),
                "span": numbers.span(method.get("area_lower"), method.get("area_upper"), method.get("area")),
            }
        )
    if not lines:
        return None
    return {
        "figure": profile("profiles", lines, bands),
        "rows": rows,
        "sentences": _texts(part.get("sentences"), 6),
    }
