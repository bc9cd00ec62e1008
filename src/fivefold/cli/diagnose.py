"""``fivefold diagnose SCRIPT|DIR [--deep] [--try] [--out DIR] [--json] [-- ARGS]``."""

import json
import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fivefold.cli.exits import FOUND, INTERRUPTED, guarded
from fivefold.cli.fit import free_name, shown
from fivefold.cli.options import Debug, Json, Quiet
from fivefold.cli.terminal import may_colour, say
from fivefold.cli.terminal import out as write_out

if TYPE_CHECKING:
    from fivefold.diagnosis.findings import Findings
    from fivefold.diagnosis.script.outcome import Outcome

DATA = 3
ENDING = ".diagnosis"


def diagnose(
    target: Annotated[
        str,
        typer.Argument(
            metavar="SCRIPT|DIR",
            help="A Python script that trains, a diagnosis that was written, or a saved model.",
        ),
    ],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- ARGS]", help="What the script gets.", show_default=False),
    ] = None,
    budget: Annotated[
        str | None, typer.Option(metavar="TIME", help="Stop the script then: 120s, 10m [default: never].")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="DIR", help="Directory for the page [default: SCRIPT.diagnosis]."
        ),
    ] = None,
    try_them: Annotated[
        bool,
        typer.Option("--try", help="Apply the fixes to copies, train them beside it, measure the effect."),
    ] = False,
    deep: Annotated[
        bool,
        typer.Option(
            "--deep", help="Look at some updates in depth: curvature, edge of stability, gradient noise."
        ),
    ] = False,
    stdin: Annotated[bool, typer.Option("--stdin", help="Let the script read standard input.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Say why a training script does not learn: ranked causes, evidence, fixes.

    Runs the script, unedited, in a process of its own and watches what it trains. Its output goes to
    standard error. Writes a page of the findings, with pictures of the training. Exit codes beside the common
    ones: 7 something was found with high confidence; 3 the script crashed, or trained nothing.
    """
    with guarded(debug):
        from fivefold.core import Budget, require

        Budget.parse(budget)
        saved = Path(target).is_dir() or target.endswith(".replay.safetensors")
        again = "diagnose the script itself again"
        require(not (deep and saved), "a script where --deep is asked for", target, again)
        if Path(target).is_dir():
            raise typer.Exit(_tell_again(target, as_json))
        if target.endswith(".replay.safetensors"):
            raise typer.Exit(_make_again(target, as_json))
        from fivefold.diagnosis.script.source import read_source

        read_source(target)
        place = choose_folder(target, out)
        if not quiet:
            # Said before torch is loaded: the first line must not wait for it.
            say(f"running {target} under observation; what it writes follows")
        from fivefold.diagnosis.script.run import run_script

        outcome = run_script(
            target,
            arguments or (),
            budget=budget,
            deep=deep,
            stdin=stdin,
            listener=None if quiet else _tell,
        )
        command = _command(target, budget, arguments or (), deep=deep, tried=try_them, stdin=stdin)
        page, failed = _write(outcome, place, command, arguments or ())
        if try_them and outcome.ended != "interrupted":
            # The page of the findings is there already: trials take long, and may be killed.
            _try(target, arguments or (), outcome, quiet)
            page, failed = _write(outcome, place, command, arguments or ())
        if as_json:
            found = {**outcome.to_record(), "page": str(page) if page else None}
            write_out(json.dumps(found, allow_nan=False))
        else:
            from fivefold.diagnosis.script.screen import render_outcome

            trials = [trial.to_record() for trial in outcome.trials]
            write_out(
                render_outcome(
                    outcome,
                    page=shown(page) if page else "",
                    trials=trials,
                    colour=may_colour(sys.stdout),
                    width=_width(),
                )
            )
        if failed is not None:
            raise failed
        if outcome.ended == "interrupted":
            raise typer.Exit(INTERRUPTED)
        code = _code(outcome.findings)
        raise typer.Exit(DATA if not code and outcome.failed else code)


def choose_folder(script: str, wanted: Path | None) -> Path | None:
    """Return where the page goes, before the script runs.

    Where it is wanted; else ``<script>.diagnosis`` in the working folder, in the place of an older diagnosis,
    or the next free such name where something else stands there. ``None`` where nobody said where and nothing
    can be written: that must not keep a script from being diagnosed.

    Args:
        script: Its name up to the last dot names the folder.
        wanted: ``--out``.

    Raises:
        ArtifactError: Nothing of ours can be written where it is wanted.

    >>> choose_folder("runs/train.py", None).name
    'train.diagnosis'
    """
    from fivefold.core import ArtifactError
    from fivefold.diagnosis.saving import check_place

    if wanted is not None:
        check_place(wanted)
        return wanted
    stem = (
        re.sub(r"[^\w-]+", "-", Path(script).name.lstrip(".").removesuffix(".py")).strip("-")[:100]
        or "script"
    )
    first = Path(f"{stem}{ENDING}")
    for place in (first, free_name(first)):
        try:
            check_place(place)
        except ArtifactError:
            continue
        return place
    say("the working folder cannot be written to: there will be no page (--out DIR puts it elsewhere)")
    return None


def _write(
    outcome: "Outcome", place: Path | None, command: str, arguments: Sequence[str]
) -> tuple[Path | None, Exception | None]:
    """Write the page of what was trained or found; an error waits until the findings have been printed."""
    if place is None or not (outcome.updates or len(outcome.findings)):
        return None, None
    from fivefold.diagnosis.dossier import dossier
    from fivefold.diagnosis.saving import save_diagnosis

    found = outcome.findings
    try:
        record = dossier(found, found.notes, outcome=outcome, command=command, arguments=arguments)
        return save_diagnosis(place, record, outcome.replays) / "report.html", None
    except Exception as error:
        return None, error


def _make_again(file: str, as_json: bool) -> int:
    """Make the operation of a file again, and print what comes of it; the exit code."""
    from fivefold.diagnosis.replay import replayed_findings

    findings = replayed_findings(file)
    told = {"findings": findings.to_records(), "notes": list(findings.notes)}
    write_out(json.dumps(told, allow_nan=False) if as_json else "\n".join(findings.notes))
    return _code(findings)


def _tell_again(directory: str, as_json: bool) -> int:
    """Print the diagnosis that a folder holds; the exit code."""
    from fivefold.diagnosis.saved import outcome_in, saved_findings, trials_in
    from fivefold.diagnosis.script.screen import render_findings, render_outcome

    findings = saved_findings(directory)
    outcome = outcome_in(findings.record)
    page = Path(directory) / "report.html"
    if as_json:
        told: dict[str, Any] = {"findings": findings.to_records(), "notes": list(findings.notes)}
        if outcome is not None:
            told = {**outcome.to_record(), "trials": trials_in(findings.record), "page": str(page)}
        write_out(json.dumps(told, allow_nan=False))
    elif outcome is not None:
        write_out(
            render_outcome(
                outcome,
                page=shown(page),
                trials=trials_in(findings.record),
                colour=may_colour(sys.stdout),
                width=_width(),
            )
        )
    else:
        write_out(render_findings(findings, colour=may_colour(sys.stdout), width=_width()))
    return _code(findings)


def _try(target: str, arguments: Sequence[str], outcome: "Outcome", quiet: bool) -> None:
    """Try the fixes; whatever becomes of that, what was found stays."""
    from fivefold.diagnosis.trial.verb import try_fixes

    try:
        outcome.trials = try_fixes(target, arguments, outcome, listener=None if quiet else say)
    except KeyboardInterrupt:
        say("the trials were interrupted; what was found before stands below")
    except Exception as error:
        say(f"the fixes could not be tried: {type(error).__name__}: {error}")


def _command(
    target: str, budget: str | None, arguments: Sequence[str], *, deep: bool, tried: bool, stdin: bool
) -> str:
    """The command as one would type it again."""
    words = ["fivefold", "diagnose", target]
    words += ["--budget", budget] if budget else []
    words += ["--deep"] if deep else []
    words += ["--try"] if tried else []
    words += ["--stdin"] if stdin else []
    return shlex.join([*words, *(["--", *arguments] if arguments else [])])


def _code(findings: "Findings") -> int:
    return FOUND if any(f.confidence == "high" for f in findings) else 0


def _tell(message: dict[str, Any]) -> None:
    """Say what was found while the script still runs."""
    if message.get("kind") != "found" or message.get("final"):
        return
    found = message.get("findings") or []
    first = f"; the first: {found[0].get('title')} ({found[0].get('confidence')})" if found else ""
    plural = "" if len(found) == 1 else "s"
    say(f"after {message.get('seconds', 0.0):.0f} s of training: {len(found)} finding{plural}{first}")


def _width() -> int:
    """The columns of the terminal, at most those of the screen."""
    from fivefold.diagnosis.script.screen import WIDTH

    try:
        return max(40, min(WIDTH, os.get_terminal_size(sys.stdout.fileno()).columns))
    except (OSError, ValueError):
        return WIDTH
