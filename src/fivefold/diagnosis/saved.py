"""What a folder tells: the diagnosis that it holds, or what a saved model's fit found."""

import os
from collections.abc import Mapping
from typing import Any, cast

from fivefold.artifact import is_artifact, load
from fivefold.artifact.layout import CARD, MAX_FILE, RECORD, REPORT
from fivefold.artifact.strict_json import decode
from fivefold.core import ArtifactError
from fivefold.diagnosis.dossier import DIFF, FORMAT, VERSION
from fivefold.diagnosis.finding import Confidence, Finding
from fivefold.diagnosis.findings import Findings
from fivefold.diagnosis.script.messages import from_plain
from fivefold.diagnosis.script.outcome import Outcome

KIND = "diagnosis"
DIAGNOSIS = "diagnosis.json"
MADE = frozenset({DIAGNOSIS, REPORT, CARD, DIFF})
"""Files of a diagnosis that are made from its record."""

MOST = 200
TEXTS = ("code", "title", "evidence", "cause", "fix")


def saved_findings(directory: str | os.PathLike[str]) -> Findings:
    """Return the findings of a diagnosis that was written, or those that a saved model keeps.

    The notes of a saved model say which of its certificates hold.

    Args:
        directory: The folder of a diagnosis, or of a fivefold artifact.

    Raises:
        ArtifactError: It is none, or damaged.

    >>> saved_findings("/nonexistent")
    Traceback (most recent call last):
    fivefold.core.errors.ArtifactError: expected a saved model at /nonexistent; got nothing of that name; ...
    """
    bundle = load(directory)
    if bundle.kind == KIND:
        kept = {name: data for name, data in bundle.files.items() if name not in MADE}
        return findings_in(diagnosis_in(bundle.files), kept)
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
    return Findings(found, [*_watched(record.get("candidates")), *_certificates(record.get("certificates"))])


def is_diagnosis(directory: str | os.PathLike[str]) -> bool:
    """Whether the folder holds a diagnosis and nothing else, so that another may take its place.

    Args:
        directory: Any path.

    >>> is_diagnosis("/nonexistent")
    False
    """
    try:
        return is_artifact(directory) and load(directory).kind == KIND
    except ArtifactError:
        return False


def diagnosis_in(files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the record of a diagnosis from the files of its folder.

    Args:
        files: Contents by name.

    Raises:
        ArtifactError: There is none, it is damaged, or of a newer version.

    >>> diagnosis_in({"diagnosis.json": b'{"format": "fivefold diagnosis", "version": 1}'})["version"]
    1
    """
    fix = "diagnose the script again"
    if DIAGNOSIS not in files:
        raise ArtifactError(f"the record of the diagnosis ({DIAGNOSIS})", "a folder without one", fix)
    record = decode(files[DIAGNOSIS], DIAGNOSIS, MAX_FILE)
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise ArtifactError(f"a {FORMAT} in {DIAGNOSIS}", "something else", fix)
    version = record.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or not 1 <= version <= VERSION:
        raise ArtifactError(
            f"version {VERSION} of {DIAGNOSIS}", ascii(version)[:40], "install a newer fivefold"
        )
    return record


def findings_in(record: Mapping[str, Any], files: Mapping[str, bytes] | None = None) -> Findings:
    """Return the findings and notes of a record; what is none is left out.

    Args:
        record: As :func:`fivefold.diagnosis.dossier.dossier` gives it, or a part of it.
        files: Further files that were saved beside it.

    >>> len(findings_in({"findings": [3]}))
    0
    """
    found = [f for each in _list(record.get("findings"))[:MOST] if (f := from_plain(each)) is not None]
    return Findings(
        found, [str(note)[:2000] for note in _list(record.get("notes"))[:MOST]], record, (), files
    )


def outcome_in(record: Mapping[str, Any]) -> Outcome | None:
    """Return what came of the script that a record is about; ``None`` where it is about none.

    Args:
        record: As for :func:`findings_in`.

    >>> outcome_in({"script": {"path": "train.py", "updates": 3}}).updates
    3
    """
    script = record.get("script")
    if not isinstance(script, dict):
        return None
    files = record.get("files")
    files = files if isinstance(files, dict) else {}
    error = script.get("error")
    return Outcome(
        str(script.get("path", "")),
        findings_in(record),
        str(script.get("ended", "finished")),
        _whole(script.get("exit_code")),
        error if isinstance(error, dict) else None,
        _whole(script.get("updates")),
        [_training(each) for each in _list(record.get("trainings"))[:MOST] if isinstance(each, dict)],
        _number(script.get("seconds")),
        [str(path) for path in _list(files.get("written"))],
        [str(path) for path in _list(files.get("removed"))],
        script.get("unchanged") is not False,
    )


def trials_in(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the fixes that were tried, in plain form.

    >>> trials_in({"trials": [{"status": "better"}, 3]})
    [{'status': 'better'}]
    """
    return [each for each in _list(record.get("trials"))[:MOST] if isinstance(each, dict)]


def _training(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What a screen shows of a training, each of its type."""
    series = entry.get("series")
    loss = _list(series.get("loss")) if isinstance(series, dict) else []
    points = [[_number(x), _number(y)] for x, y in (p for p in loss if isinstance(p, list) and len(p) == 2)]
    return {
        "models": [str(name) for name in _list(entry.get("models"))],
        "optimizers": [str(name) for name in _list(entry.get("optimizers"))],
        "updates": _whole(entry.get("updates")),
        "watched": _whole(entry.get("watched")),
        "spent": _number(entry.get("spent")),
        "series": {"loss": points},
    }


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _finding(entry: Any) -> Finding | None:
    if not isinstance(entry, dict) or entry.get("confidence") not in {"high", "medium", "low"}:
        return None
    code, title, evidence, cause, fix = (str(entry.get(name, "")) for name in TEXTS)
    return Finding(code, title, evidence, cast(Confidence, entry["confidence"]), cause, fix)


def _watched(methods: Any) -> list[str]:
    """What watching the trainings of a fit's networks told, in sentences."""
    notes = []
    for each in _list(methods)[:MOST]:
        training = each.get("training") if isinstance(each, dict) else None
        watch = training.get("watch") if isinstance(training, dict) else None
        if isinstance(watch, dict) and watch.get("sentence"):
            notes.append(f"{each.get('name')}: {watch['sentence']}"[:2000])
    return notes


def _certificates(entries: Any) -> list[str]:
    known = [e for e in entries if isinstance(e, dict)][:MOST] if isinstance(entries, list) else []
    if not known:
        return ["the record of the fit holds no certificates"]
    words = {"yes": "holds", "no": "does not hold"}
    notes = [f"certificate: {e.get('claim')}: {words.get(str(e.get('holds')), 'unknown')}" for e in known]
    return [note[:2000] for note in notes]
