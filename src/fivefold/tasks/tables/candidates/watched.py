"""What watching the final training of a network tells somebody who has a table."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fivefold.diagnosis.finding import Finding

if TYPE_CHECKING:
    from fivefold.diagnosis.findings import Findings
    from fivefold.diagnosis.watch import Watch

OVERHEAD = 0.02
"""Share of the final training that watching may take; that training is one of half a dozen of a fit."""

NOTES = "watch"
"""The key of a problem's notes under which a search asks that networks are watched."""

TOLD: dict[str, tuple[str, str, str, str]] = {
    "nonfinite": (
        "training.not-finite",
        "numbers stopped being finite while the {name} was trained",
        "values of the target, of the weights or of a column are so far from the others that sums of squares "
        "of them overflow; the weights from before that are kept",
        "look at the largest values of the target and of the columns in the table below; --drop leaves a "
        "column out",
    ),
    "rate.too-high": (
        "training.overshoots",
        "the updates of the {name} overshoot on this table",
        "a few rows with a target or a weight far from the others pull the updates to and fro; every network "
        "keeps its weights of its best epoch, so that the predictions are those that were measured",
        "look at the rows with the largest targets and weights: where they are mistakes, correct or remove "
        "them",
    ),
    "labels.unrelated": (
        "training.unrelated",
        "the target follows from the columns no better than by chance, as far as the {name} sees",
        "the target may belong to other rows: a join or a sort that moved one column and not the others",
        "compare a few rows with their source, and check how the target was joined to the table",
    ),
    "labels.noise": (
        "training.noise",
        "rows that are much alike have different targets",
        "the target holds mistakes, or depends on something that is not among the columns",
        "check the target of a few rows that are nearly the same, or add the column that tells them apart",
    ),
}
"""By code of a finding about a training, or its family: code, title, cause and fix in the words of a table.

Findings about what a user of a table cannot change (the recipe's decay and rate as such, the epochs, the
width) are left out: the recipe was chosen by measurement, and the race by held-out rows has judged it.
"""


def watching() -> "Watch":
    """Return what watches a training of the network, at :data:`OVERHEAD` of its time."""
    # imported where it is used: a prediction needs none of it
    from fivefold.diagnosis.watch import watch

    return watch(overhead=OVERHEAD)


def told(findings: "Findings", updates: int, full: int, name: str) -> dict[str, Any]:
    """Return what the report says of a watched training, as plain values.

    Args:
        findings: Of :meth:`fivefold.diagnosis.watch.Watch.findings`.
        updates: Updates that were made.
        full: Those that were looked at in full.
        name: What the network is called.
    """
    found: dict[str, Finding] = {}
    for each in findings:
        words = TOLD.get(each.code) or TOLD.get(each.code.partition(".")[0])
        if words is None or each.confidence == "low":
            continue
        code, title, cause, fix = words
        found.setdefault(
            code, Finding(code, title.format(name=name), each.evidence, each.confidence, cause, fix)
        )
    said = (
        f"While it was trained on all training rows it was watched: {full:,} of {updates:,} updates in full, "
    )
    said += "the gradients before the others. "
    said += (
        "Nothing was found that keeps it from learning."
        if not found
        else f"Found: {'; '.join(f.title for f in found.values())}."
    )
    return {
        "updates": updates,
        "full": full,
        "findings": [f.to_record() for f in found.values()],
        "sentence": said,
    }


def failed(error: Exception) -> dict[str, Any]:
    """Return the same of a training that could not be watched, and was made again without.

    Args:
        error: What watching raised.

    >>> failed(RuntimeError("no hooks"))["sentence"]
    'It could not be watched while it was trained (RuntimeError: no hooks).'
    """
    said = f"It could not be watched while it was trained ({type(error).__name__}: {error})."
    return {"updates": 0, "full": 0, "findings": [], "sentence": said[:300]}


def findings_of(trainings: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return the findings of all watched trainings, each said once.

    Args:
        trainings: Records as :meth:`~fivefold.tasks.tables.candidates.network.NetworkCandidate.fit` leaves
            them.

    >>> findings_of([{"epochs": 3}])
    []
    """
    found = [f for each in trainings for f in (each.get("watch") or {}).get("findings", [])]
    return list({f["code"]: f for f in found}.values())
