"""Classes with too few rows to learn or to judge."""

import numpy as np

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.tables.view import View

LEAST_ROWS = 20
LEAST_SHARE = 0.05


def check_imbalance(data: View) -> list[Finding]:
    """Findings for a target of classes in which some are rare.

    A class of k rows has its error rate known to about one in the square root of k: 20 rows leave 0.2.

    Args:
        data: The typed table.
    """
    if data.classes is None or data.rows == 0:
        return []
    counts = np.bincount(data.y.astype(np.int64), minlength=len(data.classes))
    rare = [(name, int(n)) for name, n in zip(data.classes, counts, strict=True) if n < LEAST_ROWS]
    least = int(counts.argmin())
    share = float(counts[least]) / data.rows
    out = []
    if rare:
        shown = ", ".join(f"{name!r} {n}" for name, n in sorted(rare, key=lambda pair: pair[1])[:6])
        out.append(
            Finding(
                "imbalance.rare",
                f"{len(rare)} of {len(data.classes)} classes have fewer than {LEAST_ROWS} rows",
                f"rows: {shown}",
                "high",
                "the classes are rare, or misspelt variants of others",
                "join classes, or collect rows: neither learning nor judging works on so few",
                (data.target,),
            )
        )
    elif share < LEAST_SHARE:
        common = float(counts.max()) / data.rows
        out.append(
            Finding(
                "imbalance.share",
                f"the class {data.classes[least]!r} has {share:.1%} of the rows",
                f"always saying {data.classes[int(counts.argmax())]!r} is right in {common:.1%} of them",
                "high",
                "the class is rare",
                "judge by log loss, not by accuracy, and set the threshold by what errors cost",
                (data.target,),
            )
        )
    return out
