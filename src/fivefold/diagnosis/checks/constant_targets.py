"""Columns of zeros and ones among the targets that are the same for every example."""

import numpy as np

from fivefold.diagnosis.checks.pictures import of_numbers
from fivefold.diagnosis.checks.seen import losses_of, stacked
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record

LEAST_ROWS = 300
MOST_COLUMNS = 64
LEAST_BELOW = 10
"""Examples that pass the last threshold but one, where none passes the last."""


def check_constant_targets(record: Record) -> list[Finding]:
    """Find thresholds of grades, or tags, that every example has.

    Statistic: of targets [n, k] of zeros and ones, the columns that are the same in all n kept training
    examples. Null: a tag that a share p of the examples lacks is there in all with probability
    (1 - p)^n, below 5% where p is above 3 / n; n is 300 or more. Where columns are nested (each at most
    the one before, as y > 0, y > 1 ... are), one that all pass, or that none passes though ten or more pass
    the one before, is a threshold beyond the grades: >= in the place of > or the other way round. False
    alarms: a tag that all examples have on purpose (medium, where columns are not nested); a tag that none
    has is rare (left out), a last grade that does not occur is not (medium).

    Args:
        record: What was seen.
    """
    _, y = stacked(record.training_rows)
    if y is None or y.ndim != 2 or not 2 <= y.shape[1] <= MOST_COLUMNS or len(y) < LEAST_ROWS:
        return []
    share = y.mean(0)
    varied = (share > 0) & (share < 1)
    if not np.isin(y, (0.0, 1.0)).all() or not varied.any():
        return []
    nested = bool(int(varied.sum()) >= 2 and (y[:, 1:] <= y[:, :-1]).all())
    all_have = np.flatnonzero(share == 1)
    last = bool(nested and share[-1] == 0 and share[-2] * len(y) >= LEAST_BELOW)
    if not len(all_have) and not last:
        return []
    which = int(all_have[0]) if len(all_have) else y.shape[1] - 1
    calls = [c for c in losses_of(record) if c.target.shape[1:] == y.shape[1:]]
    return [
        Finding(
            "targets.constant",
            f"column {which} of the targets is the same for every example",
            f"it is {share[which]:.0f} in all {len(y)} kept training examples; the others are 1 in "
            + ", ".join(f"{s:.0%}" for s in share[varied][:8])
            + ("; each is at most the one before, as thresholds of grades are" if nested else ""),
            "high" if nested and len(all_have) else "medium",
            "a threshold lies beyond the grades (>= in the place of >, or the other way round), so that all "
            "grades are off by one"
            if nested
            else "the labels are made so that all examples have this one",
            "compare grades with the thresholds so that the lowest passes none and the highest all: k "
            "thresholds tell k + 1 grades apart"
            if nested
            else "look at how this column is made",
            place=calls[-1].place if calls else None,
            picture=of_numbers(
                "Examples that have each label: neither all nor none where nothing is wrong",
                "share of the examples",
                {f"column {i}": float(s) for i, s in enumerate(share[:16])},
                (1.0, "all"),
            ),
        )
    ]
