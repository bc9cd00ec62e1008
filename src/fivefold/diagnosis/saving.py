"""A diagnosis in a folder: the page, what it was made from, and the finding as text. All of it or nothing."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fivefold.artifact import Bundle, save
from fivefold.artifact.layout import CARD, MAX_FILE, REPORT
from fivefold.artifact.strict_json import encode
from fivefold.artifact.write import check_target
from fivefold.core import ArtifactError
from fivefold.diagnosis.dossier import DIFF
from fivefold.diagnosis.saved import DIAGNOSIS, KIND, findings_in, is_diagnosis, trials_in
from fivefold.diagnosis.script.screen import accepted_diff


def save_diagnosis(
    directory: str | os.PathLike[str], record: Mapping[str, Any], files: Mapping[str, bytes] | None = None
) -> Path:
    """Write a diagnosis so that its name stands for the old one or the whole new one, and for nothing else.

    The folder holds ``report.html`` (the page), ``diagnosis.json`` (the record that it was made from),
    ``README.md`` (the findings as text), ``fix.diff`` (what the fixes that helped change, where some were
    tried), and what every fivefold artifact has to be verified by. A folder that holds a diagnosis is
    replaced; anything else of that name is not.

    Args:
        directory: The folder. Missing parents are made.
        record: As :func:`fivefold.diagnosis.dossier.dossier` gives it.
        files: Further files by plain name; those above 64 MiB are left out.

    Returns:
        The folder.

    Raises:
        ArtifactError: Something else stands there, or the disk refused.
        ArgumentError: The record holds what JSON cannot, or more than 64 MiB of it.
    """
    from fivefold.report.diagnosis_page import render_diagnosis

    check_place(directory)
    told = dict(record)
    contents: dict[str, bytes] = {
        DIAGNOSIS: encode(told, DIAGNOSIS, MAX_FILE),
        REPORT: render_diagnosis(told).encode(),
        CARD: _card(told).encode("utf-8", "replace"),
    }
    diff = accepted_diff(trials_in(told))
    if diff:
        contents[DIFF] = diff.encode("utf-8", "replace")
    kept = {name: data for name, data in (files or {}).items() if len(data) <= MAX_FILE}
    bundle = Bundle(KIND, {"subject": str(told.get("subject", ""))}, {}, {**kept, **contents})
    return save(directory, bundle, overwrite=True)


def check_place(directory: str | os.PathLike[str]) -> None:
    """Refuse a name under which no diagnosis may be written; for asking before a long run.

    Args:
        directory: The folder.

    Raises:
        ArtifactError: Something else than a diagnosis stands there, or nothing can be written there.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     check_place(Path(place) / "a")
    """
    check_target(directory, overwrite=True)
    place = Path(directory)
    if place.is_dir() and any(place.iterdir()) and not is_diagnosis(place):
        raise ArtifactError(
            f"a free name or a diagnosis of ours at {ascii(str(place))[1:-1]}",
            "a saved model",
            "choose another --out; nothing was changed",
        )


def _card(record: Mapping[str, Any]) -> str:
    """The findings as text, indented, so that nothing in it is markup."""
    text = str(findings_in(record)).splitlines()
    return "\n".join(
        [
            "# A diagnosis by fivefold",
            "",
            "`report.html` shows it, `fivefold diagnose DIR` tells it again, `fivefold report DIR` draws "
            "it anew.",
            "",
            *(f"    {line}" for line in text),
            "",
        ]
    )
