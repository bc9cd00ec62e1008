"""The closed list of checks, and how they are run."""

from collections.abc import Callable

from fivefold.diagnosis.checks.accumulation import check_accumulation
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.findings import Findings
from fivefold.diagnosis.observation.record import Record

Check = Callable[[Record], list[Finding]]

CHECKS: tuple[Check, ...] = (check_accumulation,)
"""Every check of a training. Each reads the record, or plays its tapes again, and leaves both as they were.
"""


def run_checks(record: Record) -> Findings:
    """Run every check.

    A check that fails on a model that its author did not foresee must not hide what the others find: its
    failure becomes a note.

    Args:
        record: What was seen.
    """
    found: list[Finding] = []
    notes = list(record.notes)
    for check in CHECKS:
        try:
            found.extend(check(record))
        except Exception as error:
            notes.append(f"{check.__name__} could not look at this training: {type(error).__name__}: {error}")
    return Findings(found, notes)
