"""A finding: what is wrong, the evidence, the cause and the fix."""

from dataclasses import dataclass
from typing import Literal

from fivefold.core import require

Confidence = Literal["high", "medium", "low"]


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
