"""Findings in order: the most costly first, and how sure."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from fivefold.diagnosis.finding import Finding

if TYPE_CHECKING:
    from fivefold.diagnosis.trial.trial import Trial

COST = (
    "nonfinite",
    "step",
    "gradient.accumulates",
    "gradient.detached",
    "parameters",
    "loss.probabilities",
    "loss.not-log-probabilities",
    "loss.broadcast",
    "loss",
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
        record: All that the diagnosis saw, as :func:`fivefold.diagnosis.dossier.dossier` gives it; made of
            findings and notes alone where there is none.
        trials: Fixes that were tried beside the script.
        files: Files by name that are saved beside the page, such as replays of operations.

    >>> str(Findings([]))
    'No finding.'
    """

    def __init__(
        self,
        findings: Sequence[Finding],
        notes: Sequence[str] = (),
        record: Mapping[str, Any] | None = None,
        trials: "Sequence[Trial]" = (),
        files: Mapping[str, bytes] | None = None,
    ) -> None:
        self._findings = tuple(sorted(findings, key=_rank))
        self.notes = tuple(notes)
        self._record = record
        self.trials = tuple(trials)
        self.files = dict(files or {})

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

    @property
    def record(self) -> dict[str, Any]:
        """All that the diagnosis saw, in plain form: what its page is made from."""
        from fivefold.diagnosis.dossier import dossier

        return dict(self._record) if self._record is not None else dossier(self, self.notes)

    def save(self, directory: str | os.PathLike[str]) -> Path:
        """Write the page of the findings to a folder, with the record that it was made from.

        ``directory/report.html`` shows the findings first, then the training in pictures as far as it was
        seen. ``fivefold.diagnose(directory)`` tells the findings again. A diagnosis that stands there is
        replaced; nothing else is.

        Args:
            directory: The folder. Missing parents are made.

        Returns:
            The folder.

        Raises:
            ArtifactError: Something else stands there, or the disk refused.

        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as place:
        ...     found = Findings([Finding("a.b", "too fast", "2 > 1", "high", "rate", "slow down")])
        ...     sorted(path.name for path in found.save(f"{place}/d").iterdir())[:3]
        ['README.md', 'diagnosis.json', 'manifest.json']
        """
        from fivefold.diagnosis.saving import save_diagnosis

        return save_diagnosis(directory, self.record, self.files)

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
