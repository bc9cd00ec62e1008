"""The model card: what a person needs to know before using a saved model."""

import re
from collections.abc import Mapping
from typing import Any

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")
_MARKS = re.compile(r"([\\`*_{}\[\]<>()#+!|&~])")

_NEW = {"rows": "NEW_DATA.csv", "pictures": "FOLDER_OF_PICTURES", "texts": "FILE_OR_FOLDER_OF_TEXTS"}
"""What a model predicts, and what stands for it in a command."""


def model_card(kind: str, library_version: str, record: Mapping[str, Any] | None = None) -> str:
    r"""Return a model card in Markdown, from the record of the fit where there is one.

    Text from the data (names of columns, sentences with levels in them) is escaped, so that it shows as it is
    and forms no link, picture or tag.

    Args:
        kind: The kind of the saved model.
        library_version: The version of fivefold that writes it.
        record: The record of the fit report; any part may be missing or ``None``.

    >>> print(model_card("tables", "1.0", {"headline": "RMSE 5 on <b>unseen</b> rows"}).splitlines()[2])
    RMSE 5 on \<b\>unseen\</b\> rows
    """
    record = record or {}
    lines = [f"# {_plain(record.get('title')) or 'A model saved by fivefold'}", ""]
    if record.get("headline"):
        lines += [_plain(record["headline"]), ""]
    for warning in _list(record.get("warnings")):
        lines += [f"- **Warning:** {_plain(warning)}"]
    said = record.get("things")
    things = said if isinstance(said, str) and said in _NEW else "rows"
    lines += _section("Data", _data(_dict(record.get("data")), things))
    lines += _section(f"Measured on {things} that the fit never saw", _scores(_dict(record.get("test"))))
    lines += _section("Intervals", _intervals(_dict(record.get("intervals"))))
    lines += _section("What could go wrong", _risks(_list(record.get("risks"))))
    lines += _section(
        "Use",
        [
            f"    fivefold predict DIR {_NEW[things]} --out predictions.csv",
            "    fivefold report DIR",
            "",
            "`model.json` holds the model's description, `tensors.safetensors` its numbers, and",
            "`manifest.json` the size and SHA-256 of every file. Nothing in this directory is code, and",
            "reading it executes nothing. The hashes show damage; they do not show who made the model.",
        ],
    )
    lines += ["", f"Kind `{_plain(kind)}`, written by fivefold {_plain(library_version)}.", ""]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def _plain(value: object, limit: int = 500) -> str:
    """One line of text in which Markdown and HTML mean nothing."""
    if value is None:
        return ""
    text = _CONTROL.sub(" ", str(value)).encode("utf-8", "replace").decode()
    return _MARKS.sub(r"\\\1", text if len(text) <= limit else text[: limit - 1] + "…")


def _dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) and not isinstance(value, bool) else "unknown"


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", f"## {title}", "", *lines] if lines else []


def _data(data: Mapping[str, Any], things: str) -> list[str]:
    names = {
        "source": "Source",
        "rows": things.capitalize(),
        "columns": "Columns",
        "target": "Target",
        "task": "Task",
        "classes": "Classes",
    }
    lines = []
    for key, name in names.items():
        value = data.get(key)
        if isinstance(value, list | tuple):
            value = ", ".join(str(item) for item in value)
        if value not in (None, ""):
            lines.append(f"- {name}: {_plain(value)}")
    return lines + [f"- {_plain(sentence)}" for sentence in _list(data.get("dropped"))]


def _scores(test: Mapping[str, Any]) -> list[str]:
    metrics = [str(name) for name in _list(test.get("metrics"))][:4]
    rows = [score for score in _list(test.get("scores")) if isinstance(score, Mapping)]
    if not metrics or not rows:
        return []
    lines = [_plain(test["sentence"]), ""] if test.get("sentence") else []
    lines += [f"| model | {' | '.join(_plain(name) for name in metrics)} |"]
    lines += ["|" + " --- |" * (len(metrics) + 1)]
    for score in rows:
        cells = []
        for name in metrics:
            cell = _dict(_dict(score.get("metrics")).get(name))
            interval = (
                f" ({_number(cell.get('low'))} to {_number(cell.get('high'))})" if "low" in cell else ""
            )
            cells.append(_number(cell.get("value")) + interval)
        lines.append(f"| {_plain(score.get('name'))} | {' | '.join(cells)} |")
    return lines


def _intervals(intervals: Mapping[str, Any]) -> list[str]:
    coverage = _dict(intervals.get("coverage"))
    if not coverage:
        return []
    return [
        f"Intervals that claim {_number(intervals.get('level'))} held {_number(coverage.get('value'))} "
        f"of unseen rows ({_number(coverage.get('low'))} to {_number(coverage.get('high'))}); median width "
        f"{_number(intervals.get('median_width'))}."
    ]


def _risks(risks: list[Any]) -> list[str]:
    return [
        f"- **{_plain(risk.get('title'))}** {_plain(risk.get('text'))}"
        for risk in risks
        if isinstance(risk, Mapping)
    ]
