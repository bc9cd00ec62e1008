"""Columns of a table that the network is given and does not read."""

import torch
from torch import Tensor

from fivefold.diagnosis.checks.pictures import of_numbers
from fivefold.diagnosis.checks.probes import answer, given_tensors, in_evaluation, last_question
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import Entry

LEAST_ROWS = 8
MOST_COLUMNS = 16
"""Columns of a table of codes; longer rows of whole numbers are texts."""

SHIFTS = (1, 3)


def check_unread_columns(record: Record) -> list[Finding]:
    """Find columns of codes that vary, are given to the network, and change nothing that it gives.

    Statistic: for each column of a table of whole numbers with at most sixteen columns, whether the outputs
    stay the same to the bit, in evaluation mode, when the numbers of that column change places between the
    rows, in two ways. Null: a column that is read changes outputs at nearly every row; equal ones have
    probability zero. Found where half of the columns or more are read, so that the table as a whole is
    not there for something else. False alarms: columns that a model is given and leaves out on purpose
    (medium).

    Args:
        record: What was seen.
    """
    asked = last_question(record)
    if asked is None:
        return []
    module, entry, _ = asked
    widths = {x.shape for step in record.steps for x in step.inputs if x.integer}
    for place, table in enumerate(given_tensors(entry)):
        if table.ndim != 2 or table.is_floating_point() or table.dtype == torch.bool:
            continue
        if {shape[1] for shape in widths if len(shape) == 2} - {table.shape[1]}:
            continue  # texts, whose length is another from batch to batch
        if len(table) < LEAST_ROWS or not 2 <= table.shape[1] <= MOST_COLUMNS or table.is_complex():
            continue
        with in_evaluation(module):
            far = _far(entry, place, table)
        unread = [c for c, distance in far.items() if distance == 0.0]
        if not unread or 2 * len(unread) > len(far):
            continue
        return [
            Finding(
                "inputs.ignored",
                "the network does not read a column that it is given",
                f"of a table {list(table.shape)} of whole numbers, column {', '.join(map(str, unread))} "
                f"(from 0; {len(torch.unique(table[:, unread[0]]))} different numbers in it) may change "
                f"places between the rows: every output stays the same to the bit; the other "
                f"{len(far) - len(unread)} change them",
                "medium",
                "another column is taken in its place: an index that is off, or the same one twice",
                "look at which columns are taken out of this table, and give each of them to its layer",
                picture=of_numbers(
                    "How far outputs move when a column changes places between the rows",
                    "largest change",
                    {f"column {c}": distance for c, distance in far.items()},
                    (0.0, "not read"),
                ),
            )
        ]
    return []


def _far(entry: Entry, place: int, table: Tensor) -> dict[int, float]:
    """How far outputs move for each column that varies; empty where they are not the same twice."""
    before, again = answer(entry, place, table), answer(entry, place, table)
    if not before or _distance(before, again) > 0.0:
        return {}
    far = {}
    for c in range(table.shape[1]):
        if len(torch.unique(table[:, c])) < 2:
            continue
        moved = []
        for shift in SHIFTS:
            other = table.clone()
            other[:, c] = table[:, c].roll(shift)
            moved.append(_distance(before, answer(entry, place, other)))
        far[c] = max(moved)
    return far


def _distance(a: list[Tensor], b: list[Tensor]) -> float:
    return max((float((x - y).abs().max()) for x, y in zip(a, b, strict=True) if x.numel()), default=0.0)
