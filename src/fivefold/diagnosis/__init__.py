"""Floor 7: checks that become findings, each with its evidence and its fix."""

from fivefold.diagnosis.check import check_table, ranked
from fivefold.diagnosis.duplicates import Duplicates, check_split, count_duplicates, shared_rows
from fivefold.diagnosis.finding import Confidence, Finding
from fivefold.diagnosis.shift import check_shift, summarise
from fivefold.diagnosis.view import View, view

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
