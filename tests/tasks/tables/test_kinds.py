"""A column's type survives JSON and refuses records that no version wrote."""

import json

import pytest

from fivefold.core import ArtifactError
from fivefold.tasks.tables.dates import DateForm
from fivefold.tasks.tables.figures import NumberForm
from fivefold.tasks.tables.kinds import ColumnType, Kind, Physical

FULL = ColumnType(
    "when",
    Kind.DATE,
    "dates written day-month-year",
    certain=False,
    used=False,
    physical=Physical.TEXT,
    levels=("a", "b"),
    number_form=NumberForm(",", ".", "%"),
    date_form=DateForm.DAY_FIRST,
)


@pytest.mark.parametrize("column", [FULL, ColumnType("x", Kind.NUMBER, "numbers")])
def test_the_record_is_json_and_comes_back(column):
    assert ColumnType.from_record(json.loads(json.dumps(column.to_record()))) == column


@pytest.mark.parametrize("name", list(FULL.to_record()))
def test_a_record_without_a_field_is_refused(name):
    record = FULL.to_record()
    del record[name]
    with pytest.raises(ArtifactError, match="record of a column"):
        ColumnType.from_record(record)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "colour"},
        {"physical": "stone"},
        {"date_form": "backwards"},
        {"number_form": 3},
        {"levels": 3},
    ],
)
def test_values_outside_their_sets_are_refused(change):
    with pytest.raises(ArtifactError):
        ColumnType.from_record({**FULL.to_record(), **change})
