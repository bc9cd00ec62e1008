"""What came of running a script: findings, how it ended, files, each in plain sentences."""

import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fivefold.diagnosis.findings import Findings

if TYPE_CHECKING:
    from fivefold.diagnosis.trial.trial import Trial


@dataclass(eq=False)
class Outcome:
    """What was seen of a script.

    Attributes:
        findings: Ranked, with notes on all that could not be seen.
        ended: ``"finished"``, ``"exit"``, ``"error"``, ``"interrupted"``, ``"budget"`` or ``"killed"``.
        code: The script's exit code; negative for the signal that ended it.
        error: What it was stopped by: type, message, file, line; or ``None``.
        updates: Updates of all optimizers.
        trainings: What was watched: models, optimizers, updates.
        seconds: Seconds of training.
        written: Files and folders that it wrote.
        removed: Files of others that it removed.
        unchanged: Whether the script itself was left as it was.
        path: The script.
        trials: Fixes that were tried beside it.
        replays: Files, by name, that make operations again whose results were not finite.
    """

    path: str
    findings: Findings = field(default_factory=lambda: Findings([]))
    ended: str = "killed"
    code: int = 0
    error: dict[str, Any] | None = None
    updates: int = 0
    trainings: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    written: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unchanged: bool = True
    trials: "tuple[Trial, ...]" = ()
    replays: dict[str, bytes] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether the script crashed, or trained nothing that could be judged."""
        return self.ended in {"error", "killed"} or not (self.updates or len(self.findings))

    def to_record(self) -> dict[str, Any]:
        """Plain JSON form, as ``diagnose --json`` prints it; without the series of pictures."""
        trainings = [{k: v for k, v in t.items() if k != "series"} for t in self.trainings]
        return {
            "findings": self.findings.to_records(),
            "notes": list(self.findings.notes),
            "files": {"written": self.written, "removed": self.removed},
            "script": {
                "path": self.path,
                "ended": self.ended,
                "exit_code": self.code,
                "error": self.error,
                "unchanged": self.unchanged,
                "updates": self.updates,
                "seconds": round(self.seconds, 3),
                "trainings": trainings,
            },
            "trials": [trial.to_record() for trial in self.trials],
        }


def ending_notes(outcome: Outcome, end: dict[str, Any], budget: float | None) -> list[str]:
    """Return the sentences on how a script ended and what could not be seen of it.

    Args:
        outcome: With all but its findings.
        end: The child's last message; empty where it could not send one.
        budget: Seconds that it was given, or ``None``.
    """
    seen = "the findings are of what ran until then" if outcome.updates else "no training was seen until then"
    notes = []
    if outcome.ended == "error" and outcome.error is not None:
        notes.append(_error_note(outcome))
    elif outcome.ended == "exit" and outcome.code and not outcome.updates:
        notes.append(
            f"the script left with exit code {outcome.code} before any training: if it needs arguments, give "
            "them after --"
        )
    elif outcome.ended == "exit" and outcome.code:
        notes.append(f"the script left with exit code {outcome.code}")
    elif outcome.ended == "budget":
        notes.append(f"the script was stopped after {budget:g} s (--budget); {seen}")
    elif outcome.ended == "interrupted":
        notes.append(f"the script was interrupted; {seen}")
    elif outcome.ended == "killed":
        notes.append(f"the script ended without a word ({_by(outcome.code)}); {seen}")
    if end and not outcome.updates and outcome.ended in {"finished", "exit"} and not outcome.code:
        notes.append(_no_training(end, outcome))
    if end.get("forks"):
        notes.append("the script started other processes: what they train and write was not watched")
    if end.get("workers"):
        notes.append(
            f"{end['workers']} worker processes of data loaders were left alone: their files are not listed"
        )
    if len(outcome.trainings) > 1:
        names = ", ".join("/".join(str(m) for m in t.get("models", [])) for t in outcome.trainings)
        notes.append(f"{len(outcome.trainings)} trainings were watched, each for itself: {names}")
    if not outcome.unchanged:
        notes.append(
            "the script file is not the one it was: it changed itself, or somebody edited it meanwhile"
        )
    return [*notes, *(str(note) for note in end.get("notes", []))]


def _error_note(outcome: Outcome) -> str:
    error = outcome.error or {}
    where = f"{error.get('file')}, line {error.get('line')}" if error.get("file") else outcome.path
    if error.get("type") == "EOFError" and "input(" in str(error.get("text")):
        return (
            f"the script asks for input ({where}), and its input is closed: give what it needs as arguments "
            "after --, or let it read yours with --stdin"
        )
    what = f"{error.get('type')}: {error.get('message')}".rstrip(": ")
    text = f" ({error['text']})" if error.get("text") else ""
    then = (
        "the findings are of what ran until then"
        if outcome.updates
        else "this was before any update of a model: no training loop was seen"
    )
    return f"the script stopped with {what} at {where}{text}; {then}"


def _no_training(end: dict[str, Any], outcome: Outcome) -> str:
    others = [str(name) for name in end.get("loaded", [])]
    if not end.get("torch"):
        which = f"it uses {', '.join(others)}, which is not watched" if others else "it never imports torch"
        return f"no training loop was seen: {which}; name the script that trains the model"
    if outcome.trainings:
        return (
            "no training loop was seen: a model was called, but no optimizer of torch made a step; name the "
            "script that trains it, or give the arguments that make it train after --"
        )
    return (
        "no training loop was seen: no model was called with gradients on; name the script that trains the "
        "model, or give the arguments that make it train after --"
    )


def _by(code: int) -> str:
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return f"{name}, as when memory runs out" if name == "SIGKILL" else name
    return f"exit code {code}"
