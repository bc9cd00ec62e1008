"""What came of trying a fix."""

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from fivefold.core import require
from fivefold.diagnosis.trial.measuring import Curve

TrialStatus = Literal["better", "no better", "failed", "not tried"]
STATUSES = ("better", "no better", "failed", "not tried")


@dataclass(frozen=True, eq=False)
class Trial:
    """A fix that was tried beside the script, or why it was not.

    Attributes:
        code: The finding's code.
        title: The finding.
        status: ``"better"``, ``"no better"``, ``"failed"`` (it crashed, or did not end) or ``"not tried"``.
        change: What was changed, in a sentence; what stood in the way where nothing was.
        diff: The whole change so far, from the user's files to this one, as ``patch -p1`` and ``git apply``
            take it in the script's folder; empty unless the fix helped.
        measure: The number that judged, as ``"test accuracy (printed)"``.
        before: That number without this change.
        after: With it.
        higher_is_better: Whether more of it is better.
        curves_before: Losses by update without this change, by name.
        curves_after: With it.
        seconds: What the runs took, added up.
        tried: How many versions of the change were run.

    >>> trial = Trial("rate.too-low", "the learning rate is too low", "better", "lr=0.001", measure="loss")
    >>> trial.to_record()["before"] is None
    True
    """

    code: str
    title: str
    status: TrialStatus
    change: str
    diff: str = ""
    measure: str = ""
    before: float = math.nan
    after: float = math.nan
    higher_is_better: bool = False
    curves_before: Mapping[str, Curve] = field(default_factory=dict)
    curves_after: Mapping[str, Curve] = field(default_factory=dict)
    seconds: float = 0.0
    tried: int = 0

    def __post_init__(self) -> None:
        require(self.status in STATUSES, f"one of {', '.join(STATUSES)}", self.status)

    def to_record(self) -> dict[str, Any]:
        """Plain JSON form; numbers that are not finite are ``None``."""
        return {
            "code": self.code,
            "title": self.title,
            "status": self.status,
            "change": self.change,
            "diff": self.diff,
            "measure": self.measure,
            "before": _finite(self.before),
            "after": _finite(self.after),
            "higher_is_better": self.higher_is_better,
            "curves": {
                "before": {name: [list(p) for p in c] for name, c in self.curves_before.items()},
                "after": {name: [list(p) for p in c] for name, c in self.curves_after.items()},
            },
            "seconds": round(self.seconds, 3),
            "tried": self.tried,
        }

    def __str__(self) -> str:
        """The trial in a sentence."""
        if self.status == "not tried":
            return f"{self.code}: not tried, {self.change}"
        if self.status == "failed":
            return f"{self.code}: {self.change}: failed"
        numbers = f"{self.measure} {self.before:.4g} before, {self.after:.4g} after" if self.measure else ""
        return f"{self.code}: {self.change}: {self.status}" + (f" ({numbers})" if numbers else "")


def unified(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    r"""Return the change from some texts to others as a unified diff with ``a/`` and ``b/`` names.

    Args:
        before: Texts by the files' names from the script's folder.
        after: The same files.

    >>> print(unified({"t.py": "lr = 1\n"}, {"t.py": "lr = 0.1\n"}), end="")
    --- a/t.py
    +++ b/t.py
    @@ -1 +1 @@
    -lr = 1
    +lr = 0.1
    """
    out: list[str] = []
    for name, text in before.items():
        lines = _lines(text), _lines(after[name])
        for line in difflib.unified_diff(*lines, f"a/{name}", f"b/{name}"):
            out.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    return "".join(out)


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
