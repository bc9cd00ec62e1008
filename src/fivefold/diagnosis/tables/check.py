"""All checks of a table, most costly findings first."""

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.tables.collinear import check_collinear
from fivefold.diagnosis.tables.duplicates import check_duplicates
from fivefold.diagnosis.tables.imbalance import check_imbalance
from fivefold.diagnosis.tables.leaks import check_leaks
from fivefold.diagnosis.tables.structure import check_groups, check_time
from fivefold.diagnosis.tables.view import SchemaLike, TableLike, view

COST = (
    "leak.copy",
    "leak.code",
    "leak.gap",
    "leak.threshold",
    "duplicates.split",
    "duplicates.rows",
    "structure.group",
    "structure.time",
    "imbalance.rare",
    "imbalance.share",
    "shift.column",
    "collinear.exact",
    "collinear.near",
)
"""Codes by what they cost: a leak makes every figure a lie, a collinear column hides which one matters."""


def ranked(findings: list[Finding]) -> list[Finding]:
    """The findings, most costly first: by confidence low last, then by :data:`COST`.

    Args:
        findings: In any order.
    """
    places = {code: i for i, code in enumerate(COST)}
    return sorted(findings, key=lambda f: (f.confidence == "low", places.get(f.code, len(COST)), f.title))


def check_table(table: TableLike, schema: SchemaLike, target: str) -> list[Finding]:
    """Check a table before anything is fitted to it.

    Args:
        table: The table as read.
        schema: The kinds of its columns, the target's included.
        target: The column to predict.

    Returns:
        Findings, most costly first.
    """
    data = view(table, schema, target)
    if data.rows < 2:
        return []
    return ranked(
        [
            *check_leaks(data),
            *check_duplicates(data),
            *check_groups(data),
            *check_time(data),
            *check_imbalance(data),
            *check_collinear(data),
        ]
    )
