"""What must come of each hostile file by the time it is read, typed and checked, before a fit."""

import numpy as np
import pytest

from fivefold import core
from fivefold.diagnosis import check_table
from fivefold.tasks.tables.read import read
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.table import missing

LATER = {"one_row", "some_targets_missing"}
"""Cases whose outcome belongs to the fit's own preparation; here they must only be read."""


def test_the_outcome_is_the_one_registered(case, tmp_path):
    said: list[str] = []
    before = None
    try:
        source = case.write(tmp_path)
        before = sorted(path.name for path in tmp_path.iterdir())
        table = read(source)
        said += table.notes
        if case.name in LATER:
            return
        schema = Schema.guess(table, case.target)
        said += [f"{column.name!r} {column.reason}" for column in (*schema.columns, schema.target)]
        known = table.take(np.flatnonzero(~missing(table.column(case.target))))
        if known.rows == 0:
            known = table
        schema.apply_target(known)
        said += schema.apply(known, fitting=True).notes
        said += [f"{finding.title} {finding.evidence}" for finding in check_table(known, schema, case.target)]
        if case.new is not None:
            later = schema.apply(read(case.new(tmp_path)))
            said += later.notes
            assert later.names == tuple(column.name for column in schema.used)
        got, parts = None, ("said", "said")
    except core.FivefoldError as error:
        got, said, parts = type(error).__name__, [str(error)], (error.expected, error.got)
    assert all(parts), "an error says what was expected and what came"
    assert got == case.error, said
    text = " ".join(said).lower()
    assert all(word.lower() in text for word in case.words), (case.words, said)
    assert len(max(said, key=len, default="")) < 1000, "a message is no place for a whole cell"
    if before is not None and case.new is None:
        assert sorted(path.name for path in tmp_path.iterdir()) == before, "reading left something behind"


def test_every_case_has_a_name_of_its_own_and_a_known_outcome(case):
    assert case.stage in {"read", "fit", "predict"}
    assert case.error is None or issubclass(getattr(core, case.error), core.FivefoldError)
    assert case.words or case.error is None


def test_a_wrong_outcome_would_be_seen(tmp_path):
    path = tmp_path / "fine.csv"
    path.write_text("a,y\n1,2\n3,4\n")
    with pytest.raises(core.DataError, match="'z'"):
        read(path).column("z")
