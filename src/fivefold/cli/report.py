"""``fivefold report DIR``: of a saved model, or of a diagnosis."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from fivefold.cli.exits import guarded
from fivefold.cli.fit import shown
from fivefold.cli.options import Debug, Json
from fivefold.cli.terminal import out as write_out


def report(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The saved model, or the diagnosis.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Write the page there and leave the folder as it is."
        ),
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Print and rebuild the report of a saved model or of a diagnosis.

    The page is made anew from the record that the folder keeps.
    """
    with guarded(debug):
        from fivefold.artifact import TextSink, load, save
        from fivefold.artifact.layout import REPORT

        bundle = load(directory)
        record = stored_record(bundle.files, bundle.kind)
        if as_json and out is None:
            write_out(json.dumps(record, allow_nan=False))
            return
        page, text = drawn(record, bundle.kind)
        place = directory / REPORT
        if out is not None:
            place = out
            with TextSink(out) as sink:
                sink.write(page)
        elif bundle.files.get(REPORT) != page.encode():
            # The manifest lists the page too, so the whole artifact is replaced in one step.
            bundle.files[REPORT] = page.encode()
            save(directory, bundle, overwrite=True)
        if as_json:
            write_out(json.dumps(record, allow_nan=False))
            return
        write_out(text)
        write_out(f"\nreport:  {shown(place)}")


def drawn(record: dict[str, Any], kind: str) -> tuple[str, str]:
    """Return the page and the screen of a record.

    Args:
        record: Of a fit or of a diagnosis.
        kind: Of the artifact.
    """
    from fivefold.diagnosis.saved import KIND

    if kind == KIND:
        from fivefold.diagnosis.saved import findings_in, outcome_in, trials_in
        from fivefold.diagnosis.script.screen import render_findings, render_outcome
        from fivefold.report.diagnosis_page import render_diagnosis

        outcome = outcome_in(record)
        if outcome is None:
            return render_diagnosis(record), render_findings(findings_in(record))
        return render_diagnosis(record), render_outcome(outcome, trials=trials_in(record))
    from fivefold.report.page import render, render_text

    return render(record), render_text(record).rstrip("\n")


def stored_record(files: dict[str, bytes], kind: str = "") -> dict[str, Any]:
    """Return the record of the fit, or of the diagnosis, from the files of an artifact.

    Raises:
        ArtifactError: There is none, or it is no record.

    >>> stored_record({"record.json": b'{"version": 1}'})
    {'version': 1}
    """
    from fivefold.diagnosis.saved import KIND, diagnosis_in

    if kind == KIND:
        return diagnosis_in(files)
    from fivefold.artifact.layout import MAX_FILE, RECORD
    from fivefold.artifact.strict_json import decode
    from fivefold.core import ArtifactError

    fix = "fit the model again"
    if RECORD not in files:
        raise ArtifactError(f"the record of the fit ({RECORD})", "a model saved without one", fix)
    record = decode(files[RECORD], RECORD, MAX_FILE)
    if not isinstance(record, dict):
        raise ArtifactError(f"a record in {RECORD}", type(record).__name__, fix)
    return record
