"""A section of the fit report: what the data look like."""

from typing import Any

from fivefold.report import figures, numbers
from fivefold.report.finding import things
from fivefold.report.record import entries, finite, first, mapping, sequence, whole
from fivefold.report.text import NAME, SENTENCE, clean

_OPEN, _MOST_COLUMNS, _MOST_SENTENCES, _MOST_VALUES = 24, 300, 20, 400


def dataset(record: dict[str, Any]) -> dict[str, Any]:
    """Return what the template needs about the table: facts, columns, spectrum and findings."""
    data, table = mapping(record.get("data")), mapping(record.get("table"))
    found = entries(table.get("columns"))
    shown, more = first(found, _MOST_COLUMNS)
    rows = whole(data.get("rows"))
    columns = [_column(c, rows) for c in shown]
    values = [v for item in sequence(table.get("spectrum"))[:_MOST_VALUES] if (v := finite(item)) is not None]
    rank = finite(table.get("effective_rank"))
    findings, more_findings = first(entries(table.get("findings")), _MOST_SENTENCES)
    collinear, more_collinear = first(entries(table.get("collinear")), _MOST_SENTENCES)
    warned = set(_sentences(record.get("warnings")))
    notes = [text for text in _sentences(data.get("dropped")) if text not in warned]
    dropped, more_dropped = first(notes, _MOST_SENTENCES)
    leaks, more_leaks = first(_sentences(table.get("leaks")), _MOST_SENTENCES)
    return {
        "facts": _facts(data, found, things(record)),
        "open": columns[:_OPEN],
        "rest": columns[_OPEN:],
        "more": more,
        "spectrum": figures.spectrum("spectrum", values, rank),
        "conditioning": _conditioning(table, len(values), rank),
        "duplicates": clean(table.get("duplicates"), SENTENCE),
        "leaks": leaks,
        "more_leaks": more_leaks,
        "collinear": [text for c in collinear if (text := _collinear(c))],
        "more_collinear": more_collinear,
        "dropped": dropped,
        "more_dropped": more_dropped,
        "findings": [_finding(f) for f in findings],
        "more_findings": more_findings,
    }


def _column(column: dict[str, Any], rows: int | None) -> dict[str, str]:
    gaps = whole(column.get("missing"))
    share = f" ({numbers.percent(gaps / rows)})" if gaps and rows else ""
    return {
        "name": clean(column.get("name"), NAME) or "(empty name)",
        "kind": clean(column.get("kind"), 20) or "unknown",
        "reason": clean(column.get("reason"), 200),
        "missing": "none" if gaps == 0 else numbers.count(column.get("missing")) + share,
        "distinct": numbers.count(column.get("distinct")),
        "summary": clean(column.get("summary"), 160),
        "spark": figures.sparkline(sequence(column.get("histogram")), "distribution of the values"),
    }


def _finding(finding: dict[str, Any]) -> dict[str, str]:
    return {
        "title": clean(finding.get("title"), 300) or clean(finding.get("code"), NAME) or "(no title)",
        "evidence": clean(finding.get("evidence"), SENTENCE),
        "confidence": clean(finding.get("confidence"), 20),
        "cause": clean(finding.get("cause"), SENTENCE),
        "fix": clean(finding.get("fix"), SENTENCE),
    }


def _collinear(entry: dict[str, Any]) -> str:
    names = ", ".join(clean(name, NAME) for name in sequence(entry.get("columns"))[:8])
    return clean(entry.get("sentence"), SENTENCE) or names


def _facts(data: dict[str, Any], columns: list[dict[str, Any]], thing: str) -> list[tuple[str, str]]:
    facts = [
        ("Source", clean(data.get("source"), 200)),
        (thing.capitalize(), numbers.count(data.get("rows")) if finite(data.get("rows")) is not None else ""),
        ("Columns", numbers.count(data.get("columns")) if finite(data.get("columns")) is not None else ""),
        ("Target", clean(data.get("target"), NAME)),
        ("Task", clean(data.get("task"), NAME)),
        ("Family", ": ".join(t for k in ("family", "family_reason") if (t := clean(data.get(k), SENTENCE)))),
    ]
    classes = [clean(c, 24) for c in sequence(data.get("classes"))]
    if classes:
        more = f" and {len(classes) - 8:,} more" if len(classes) > 8 else ""
        facts.append(("Classes", ", ".join(classes[:8]) + more))
    kinds: dict[str, int] = {}
    for column in columns:
        kind = clean(column.get("kind"), 20) or "unknown"
        kinds[kind] = kinds.get(kind, 0) + 1
    if kinds:
        listed = sorted(kinds.items(), key=lambda item: -item[1])[:8]
        facts.append(("Types", ", ".join(numbers.plural(count, kind, _many(kind)) for kind, count in listed)))
    return [(name, text) for name, text in facts if text]


def _conditioning(table: dict[str, Any], directions: int, rank: float | None) -> list[str]:
    """Sentences about the condition number and the effective rank.

    A condition number above 30 marks dependencies that matter (Belsley, Kuh and Welsch, Regression
    Diagnostics, 1980).
    """
    said = []
    condition = finite(table.get("condition"))
    if condition is not None:
        if condition < 10:
            meaning = "the columns are nearly independent"
        elif condition < 30:
            meaning = "some columns overlap, without harm"
        elif condition < 1e8:
            meaning = "columns overlap so much that a single coefficient means little"
        else:
            meaning = "some columns are combinations of others"
        said.append(
            f"The condition number of the standardised design is {numbers.number(condition)}: {meaning}."
        )
    elif directions:
        said.append("The condition number is not finite: some columns are combinations of others.")
    if rank is not None:
        of = f" of {directions} directions" if directions else " directions"
        said.append(f"The effective rank is {numbers.number(rank)}{of}: so many carry the variation.")
    return said


def _many(kind: str) -> str:
    return kind[:-1] + "ies" if kind.endswith("y") else kind + "s"


def _sentences(value: object) -> list[str]:
    return [text for item in sequence(value) if (text := clean(item, SENTENCE))]
