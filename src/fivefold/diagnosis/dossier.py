"""All that a diagnosis found as one plain record, bounded: what its page, its file and its screen are made
of.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fivefold.diagnosis.calibration import calibration
from fivefold.diagnosis.excerpt import excerpt, near
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.looked_for import questions
from fivefold.diagnosis.script.messages import MOST_FINDINGS, to_plain
from fivefold.diagnosis.script.outcome import Outcome

FORMAT = "fivefold diagnosis"
VERSION = 1
"""Version of the record. A reader accepts this version and refuses a newer one."""

DIFF = "fix.diff"
"""The file beside the page that holds the change that helped."""

DEEPEST = 8
MOST_ITEMS = 1_000
MOST_KEYS = 200
LONGEST_TEXT = 20_000


def dossier(
    findings: Sequence[Finding],
    notes: Sequence[str] = (),
    *,
    trainings: Sequence[Mapping[str, Any]] = (),
    outcome: Outcome | None = None,
    subject: str = "",
    command: str = "",
    arguments: Sequence[str] = (),
    files: Mapping[str, bytes] | None = None,
) -> dict[str, Any]:
    """Return the record of a diagnosis.

    Args:
        findings: Ranked; at most 100 are kept.
        notes: What could not be seen.
        trainings: What was watched, as :func:`fivefold.diagnosis.observation.series.described` gives it;
            those
            of the outcome where there is one.
        outcome: What came of running a script, and of trying fixes, where one was run.
        subject: What was diagnosed; the script's name where there is an outcome.
        command: How, as one would type it.
        arguments: What the script got.
        files: What is saved beside the record, by name; those of the outcome where there is one. Operations
            to be made again stand as tables beside their findings.

    Returns:
        Dictionaries with text keys, lists, texts, finite numbers, booleans and ``None``: at most 1,000 items
        a list, 200 keys a dictionary, 20,000 characters a text and 8 levels.

    >>> made = dossier([Finding("a.b", "t", "e", "low", "c", "f")])
    >>> made["format"], made["findings"][0]["code"]
    ('fivefold diagnosis', 'a.b')
    """
    watched = list(trainings) if outcome is None else list(outcome.trainings)
    files = (files or {}) if outcome is None else outcome.replays
    told = [_with_code(each) for each in list(findings)[:MOST_FINDINGS]]
    for place, table in _tables(findings, files).items():
        told[place]["replay"] = table
    record: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "subject": subject or ("" if outcome is None else near(outcome.path)),
        "command": command,
        "findings": told,
        "notes": list(notes),
        "trainings": watched,
        "trials": [],
        "looked_for": questions(),
        "calibration": calibration(),
    }
    if outcome is not None:
        came = outcome.to_record()
        record["script"] = {**came["script"], "path": near(outcome.path), "arguments": list(arguments)}
        record["script"].pop("trainings", None)
        record["trials"] = came["trials"]
        record["files"] = {
            "written": [near(path) for path in outcome.written],
            "removed": [near(path) for path in outcome.removed],
        }
    plain: dict[str, Any] = bounded(record)
    return plain


def _tables(findings: Sequence[Finding], files: Mapping[str, bytes]) -> dict[int, dict[str, Any]]:
    if not files:
        return {}
    from fivefold.diagnosis.replay_table import tables_of  # with what makes an operation again, where one is

    return tables_of(list(findings)[:MOST_FINDINGS], files)


def bounded(value: Any, depth: int = DEEPEST) -> Any:
    """Return the value as JSON can hold it, cut to the bounds above; what is not finite becomes ``None``.

    >>> bounded({"a": (1, float("nan")), 3: {"b"}})
    {'a': [1, None], '3': "{'b'}"}
    """
    if isinstance(value, Mapping):
        items = list(value.items())[:MOST_KEYS]
        return {_text(key): bounded(item, depth - 1) for key, item in items} if depth else {}
    if isinstance(value, list | tuple):
        return [bounded(item, depth - 1) for item in value[:MOST_ITEMS]] if depth else []
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and not isinstance(value, bool):
        # Longer ones could not be read again by everybody.
        return value if abs(value) < 1 << 63 else None
    return value if value is None or isinstance(value, bool) else _text(value)


def _text(value: object) -> str:
    text = str(value)
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def _with_code(finding: Finding) -> dict[str, Any]:
    """A finding in plain form, with the lines of code around its place."""
    plain = to_plain(finding)
    if finding.place is not None:
        plain["place"]["path"] = near(str(plain["place"]["path"]))
        lines = excerpt(finding.place)
        if lines is not None:
            plain["excerpt"] = lines
    return plain
