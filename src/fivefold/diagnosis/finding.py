"""A finding: what is wrong, the evidence, the cause and the fix."""

from dataclasses import dataclass, field
from typing import Literal

from fivefold.core import require

Confidence = Literal["high", "medium", "low"]


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the user's code.

    Attributes:
        path: The file.
        line: The line, from 1.
    """

    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A small picture of the evidence: a few curves, or a few bars with names.

    Attributes:
        title: What is to be seen, in a few words.
        horizontal: What the horizontal axis shows.
        vertical: What the vertical axis shows.
        curves: Name to points ``((x, y), ...)``, at least one of them with two points.
        level: A horizontal line to compare with, and what it is; ``None`` where there is none.
        logarithmic: Whether the vertical axis is logarithmic.
        bars: Whether points are drawn as bars whose names are ``names``, at x = 0, 1, ...
        names: Names of the bars.
    """

    title: str
    horizontal: str
    vertical: str
    curves: dict[str, tuple[tuple[float, float], ...]]
    level: tuple[float, str] | None = None
    logarithmic: bool = False
    bars: bool = False
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One thing that costs accuracy, honesty or trust.

    Attributes:
        code: Stable, dotted, the family first: ``"leak.copy"``.
        title: The finding in one sentence without a full stop.
        evidence: What was measured.
        confidence: ``"high"``, ``"medium"`` or ``"low"``.
        cause: Why it is so, as far as can be told.
        fix: What to do.
        columns: The columns it is about.
        place: The line of code it is about, where one is.
        picture: A small picture of the evidence.
        figures: What an edit of the script needs to know: numbers and shapes that were measured, by name.

    >>> Finding("leak.copy", "'cents' is a copy of the target", "rank correlation 1.0000", "high",
    ...         "it was made from the target", "--drop cents", ("cents",)).to_record()["code"]
    'leak.copy'
    """

    code: str
    title: str
    evidence: str
    confidence: Confidence
    cause: str
    fix: str
    columns: tuple[str, ...] = ()
    place: Place | None = None
    picture: Picture | None = None
    figures: dict[str, float | tuple[int, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = self.confidence in {"high", "medium", "low"}
        require(known, "a confidence of high, medium or low", self.confidence)

    def to_record(self) -> dict[str, str]:
        """Plain JSON form, without the columns, which title and fix name."""
        return {
            "code": self.code,
            "title": self.title,
            "evidence": self.evidence,
            "confidence": self.confidence,
            "cause": self.cause,
            "fix": self.fix,
        }
