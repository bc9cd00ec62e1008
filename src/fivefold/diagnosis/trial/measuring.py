"""One run of a text in a copy of the script's folders, and what it came to."""

import math
import os
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fivefold.diagnosis.script.outcome import Outcome
from fivefold.diagnosis.script.run import Run
from fivefold.diagnosis.trial.printed import Printed, printed_numbers
from fivefold.diagnosis.trial.workspace import PREFIX, copy_folders

MOST_OUTPUT = 8 << 20
"""Bytes of a script's output that are read, the last ones."""

Curve = tuple[tuple[float, float], ...]


@dataclass(frozen=True, eq=False)
class Measured:
    """What a run came to.

    Attributes:
        outcome: What was seen of it.
        printed: The numbers that it printed, by name.
        curves: ``"training loss"``, ``"held-out loss"`` and ``"held-out accuracy"`` by update, where seen.
        seconds: How long it took.
        said: The last line that it printed.
    """

    outcome: Outcome
    printed: Mapping[str, Printed] = field(default_factory=dict)
    curves: Mapping[str, Curve] = field(default_factory=dict)
    seconds: float = 0.0
    said: str = ""

    @property
    def failed(self) -> str:
        """Why it tells nothing; empty where it came to its end."""
        if self.outcome.ended in {"finished", "exit"} and self.outcome.code == 0:
            return "" if self.outcome.updates else "it made no update"
        if self.outcome.ended == "budget":
            return "it did not end in its time"
        error = self.outcome.error or {}
        if error:
            where = f" at line {error['line']}" if error.get("line") else ""
            return f"it stopped with {error.get('type')}: {str(error.get('message'))[:200]}{where}"
        return f"it ended with exit code {self.outcome.code}"


def measure(
    script: Path,
    texts: Mapping[str, str],
    arguments: Sequence[str],
    *,
    folder: Path,
    written: Sequence[str] = (),
    budget: float | None = None,
    seed: int = 0,
    stop: threading.Event | None = None,
) -> Measured:
    """Run a script with changed texts in a copy of its folders, which is gone afterwards.

    Args:
        script: The user's script, which is read only.
        texts: New texts of files, by their paths from the script's folder.
        arguments: What follows the script.
        folder: The user's working folder.
        written: What the script wrote when it was run before.
        budget: Seconds after which it is stopped.
        seed: For what the script does not seed itself.
        stop: Set by another thread to stop it.

    Raises:
        DataError: The folders cannot be copied, or the script writes elsewhere.
    """
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as place:
        space = copy_folders(script, folder, Path(place), written)
        for name, text in texts.items():
            target = space.home / name
            if target.is_symlink():
                target.unlink()
            target.write_bytes(text.encode())
        output = Path(place) / "output"
        environment = {
            **os.environ,
            "TMPDIR": str(space.temporary),
            "PYTHONHASHSEED": os.environ.get("PYTHONHASHSEED", str(seed)),
            "FIVEFOLD_SEED": str(seed),
        }
        begun = time.monotonic()
        with output.open("wb") as file:
            outcome = Run(
                space.script,
                arguments,
                budget=budget,
                folder=space.folder,
                environment=environment,
                output=file.fileno(),
                stop=stop,
            )()
        seconds = time.monotonic() - begun
        with output.open("rb") as file:
            file.seek(max(0, output.stat().st_size - MOST_OUTPUT))
            text = file.read().decode(errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    curves = _curves(outcome.trainings)
    return Measured(outcome, printed_numbers(text), curves, seconds, lines[-1][:200] if lines else "")


def _curves(trainings: Sequence[dict[str, Any]]) -> dict[str, Curve]:
    """The curves of the training with most updates."""
    seen = [t for t in trainings if isinstance(t.get("series"), dict)]
    if not seen:
        return {}
    series = max(seen, key=lambda t: t.get("updates", 0))["series"]
    names = {"loss": "training loss", "held_out": "held-out loss", "right": "held-out accuracy"}
    found = {shown: _points(series.get(key)) for key, shown in names.items()}
    return {name: points for name, points in found.items() if points}


def _points(points: Any) -> Curve:
    if not isinstance(points, list):
        return ()
    pairs = [p for p in points if isinstance(p, list | tuple) and len(p) == 2]
    return tuple((float(x), float(y)) for x, y in pairs if math.isfinite(x) and math.isfinite(y))
