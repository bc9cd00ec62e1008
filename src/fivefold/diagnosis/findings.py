"""Findings in order: the most costly first, and how sure."""

from collections.abc import Iterator, Sequence
from typing import overload

from fivefold.diagnosis.finding import Finding

COST = (
    "nonfinite",
    "step",
    "gradient",
    "parameters",
    "loss",
    "axis",
    "batch",
    "mode",
    "mask",
    "data",
    "rate",
    "schedule",
    "initialisation",
    "inputs",
    "targets",
    "labels",
    "output",
    "units",
    "capacity",
    "clipping",
    "regularisation",
    "normalisation",
    "precision",
    "imbalance",
    "fit",
)
"""Families of codes by what they cost, for findings of one confidence: what makes the numbers wrong stands
before what
makes them worse, and causes stand before their symptoms."""

_SURE = {"high": 0, "medium": 1, "low": 2}


class Findings(Sequence[Finding]):
    """Findings about a training, ranked: the surest first, then the most costly.

    A finding that another explains (its symptom) is kept, after all causes.

    Args:
        findings: In any order.
        notes: What could not be looked at, in sentences.

    >>> str(Findings([]))
    'No finding.'
    """

    def __init__(self, findings: Sequence[Finding], notes: Sequence[str] = ()) -> None:
        self._findings = tuple(sorted(findings, key=_rank))
        self.notes = tuple(notes)

    @overload
    def __getitem__(self, index: int) -> Finding: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Finding]: ...
    def __getitem__(self, index: int | slice) -> Finding | Sequence[Finding]:
        """The finding at a rank, from 0."""
        return self._findings[index]

    def __len__(self) -> int:
        """How many there are."""
        return len(self._findings)

    def __iter__(self) -> Iterator[Finding]:
        """The most costly first."""
        return iter(self._findings)

    def to_records(self) -> list[dict[str, str]]:
        """Plain JSON form, as ``diagnose --json`` prints it."""
        return [finding.to_record() for finding in self._findings]

    def __str__(self) -> str:
        """All findings as text, one paragraph each."""
        if not self._findings:
            return "\n".join(["No finding.", *self.notes])
        parts = []
        for number, f in enumerate(self._findings, 1):
            where = f" ({f.place.path}, line {f.place.line})" if f.place else ""
            parts.append(
                f"{number}. {f.title} [{f.code}, {f.confidence}]{where}\n"
                f"   evidence: {f.evidence}\n   cause: {f.cause}\n   fix: {f.fix}"
            )
        return "\n".join([*parts, *self.notes])


def _rank(finding: Finding) -> tuple[int, int, str]:
    family = finding.code.split(".", maxsplit=1)[0]
    place = COST.index(family) if family in COST else len(COST)
    return _SURE[finding.confidence], place, finding.title
