"""The diagnosis that a saved model carries: what its fit found, and its certificates."""

import os
from typing import Any, cast

from fivefold.artifact import load
from fivefold.artifact.layout import MAX_FILE, RECORD
from fivefold.artifact.strict_json import decode
from fivefold.diagnosis.finding import Confidence, Finding
from fivefold.diagnosis.findings import Findings

MOST = 200
TEXTS = ("code", "title", "evidence", "cause", "fix")


def saved_findings(directory: str | os.PathLike[str]) -> Findings:
    """Return the findings that a saved model keeps; its notes say which certificates hold.

    Args:
        directory: The folder of a fivefold artifact.

    Raises:
        ArtifactError: It is none, or damaged.

    >>> saved_findings("/nonexistent")
    Traceback (most recent call last):
    fivefold.core.errors.ArtifactError: expected a saved model at /nonexistent; got nothing of that name; ...
    """
    bundle = load(directory)
    if RECORD not in bundle.files:
        return Findings(
            [], [f"the saved model ({bundle.kind}) keeps no record of its fit, hence no diagnosis"]
        )
    record = decode(bundle.files[RECORD], RECORD, MAX_FILE)
    record = record if isinstance(record, dict) else {}
    table = record.get("table")
    entries = table.get("findings", []) if isinstance(table, dict) else []
    found = (
        [f for each in entries[:MOST] if (f := _finding(each)) is not None]
        if isinstance(entries, list)
        else []
    )
    return Findings(found, _certificates(record.get("certificates")))


def _finding(entry: Any) -> Finding | None:
    if not isinstance(entry, dict) or entry.get("confidence") not in {"high", "medium", "low"}:
        return None
    code, title, evidence, cause, fix = (str(entry.get(name, "")) for name in TEXTS)
    return Finding(code, title, evidence, cast(Confidence, entry["confidence"]), cause, fix)


def _certificates(entries: Any) -> list[str]:
    known = [e for e in entries if isinstance(e, dict)][:MOST] if isinstance(entries, list) else []
    if not known:
        return ["the record of the fit holds no certificates"]
    words = {"yes": "holds", "no": "does not hold"}
    notes = [f"certificate: {e.get('claim')}: {words.get(str(e.get('holds')), 'unknown')}" for e in known]
    return [note[:2000] for note in notes]
