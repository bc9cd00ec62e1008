"""Findings in order: the most costly first, and how sure."""

from collections.abc import Iterator, Sequence
from typing import overload

from fivefold.diagnosis.finding import Finding

COST = (
    "nonfinite",
    "step",
    "gradient.accumulates",
    "gradient.detached",
    "parameters",
    "loss.probabilities",
    "loss.not-log-probabilities",
    "loss.broadcast",
    "axis",
    "batch",
    "mode",
    "mask",
    "data",
    "precision",
    "schedule",
    "clipping",
    "regularisation",
    "initialisation",
    "capacity.linear",
    "inputs.ignored",
    "output.activation",
    "inputs",
    "targets",
    "loss.sum",
    "rate",
    "labels",
    "latent",
    "imbalance",
    "normalisation",
    "units.saturated",
    "gradient.explodes",
    "units.dead",
    "gradient.vanishes",
    "capacity",
    "output",
    "fit",
)
"""Codes, or families of codes, causes before symptoms: what makes the numbers wrong stands first, then what
keeps the
training from moving well, then what follows from either."""

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
    known = finding.code if finding.code in COST else family
    place = COST.index(known) if known in COST else len(COST)
    return _SURE[finding.confidence], place, finding.title
