"""Floor 7: checks that become findings, each with its evidence and its fix."""

from fivefold.diagnosis.finding import Confidence, Finding
from fivefold.diagnosis.tables.check import check_table, ranked
from fivefold.diagnosis.tables.duplicates import Duplicates, check_split, count_duplicates, shared_rows
from fivefold.diagnosis.tables.shift import check_shift, summarise
from fivefold.diagnosis.tables.view import View, view

__all__ = [
    "Confidence",
    "Duplicates",
    "Finding",
    "View",
    "check_shift",
    "check_split",
    "check_table",
    "count_duplicates",
    "ranked",
    "shared_rows",
    "summarise",
    "view",
]
