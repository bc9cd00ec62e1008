"""``fivefold diagnose SCRIPT|DIR [--json] [-- ARGS]``."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fivefold.cli.exits import FOUND, INTERRUPTED, guarded
from fivefold.cli.options import Debug, Json, Quiet
from fivefold.cli.terminal import may_colour, say
from fivefold.cli.terminal import out as write_out

if TYPE_CHECKING:
    from fivefold.diagnosis.findings import Findings

DATA = 3


def diagnose(
    target: Annotated[
        str, typer.Argument(metavar="SCRIPT|DIR", help="A Python script that trains, or a saved model.")
    ],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- ARGS]", help="What the script gets.", show_default=False),
    ] = None,
    budget: Annotated[
        str | None, typer.Option(metavar="TIME", help="Stop the script then: 120s, 10m [default: never].")
    ] = None,
    stdin: Annotated[bool, typer.Option("--stdin", help="Let the script read standard input.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Say why a training script does not learn: ranked causes, evidence, fixes.

    Runs the script, unedited, in a process of its own and watches what it trains. Its output goes to
    standard error. Exit codes beside the common ones: 7 something was found with high confidence; 3 the
    script crashed, or trained nothing.
    """
    with guarded(debug):
        from fivefold.core import Budget

        Budget.parse(budget)
        if Path(target).is_dir():
            from fivefold.diagnosis.saved import saved_findings

            findings = saved_findings(target)
            if as_json:
                write_out(json.dumps({"findings": findings.to_records(), "notes": list(findings.notes)}))
            else:
                from fivefold.diagnosis.script.screen import render_findings

                write_out(render_findings(findings, colour=may_colour(sys.stdout), width=_width()))
            raise typer.Exit(_code(findings))
        from fivefold.diagnosis.script.source import read_source

        read_source(target)
        if not quiet:
            # Said before torch is loaded: the first line must not wait for it.
            say(f"running {target} under observation; what it writes follows")
        from fivefold.diagnosis.script.run import run_script
        from fivefold.diagnosis.script.screen import render_outcome

        outcome = run_script(
            target, arguments or (), budget=budget, stdin=stdin, listener=None if quiet else _tell
        )
        if as_json:
            write_out(json.dumps(outcome.to_record(), allow_nan=False))
        else:
            write_out(render_outcome(outcome, colour=may_colour(sys.stdout), width=_width()))
        if outcome.ended == "interrupted":
            raise typer.Exit(INTERRUPTED)
        code = _code(outcome.findings)
        raise typer.Exit(DATA if not code and outcome.failed else code)


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
    """The columns of the terminal, at most those of the other commands' screens."""
    from fivefold.report.terminal import WIDTH

    try:
        return max(40, min(WIDTH, os.get_terminal_size(sys.stdout.fileno()).columns))
    except (OSError, ValueError):
        return WIDTH
