"""All checks of a table together: real tables keep quiet or say what is true of them."""

import numpy as np
import pytest
from sklearn import datasets

from fivefold.diagnosis import check_table
from fivefold.tasks.tables.frames import from_frame
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.table import Table


def codes(table, target="target"):
    return [finding.code for finding in check_table(table, Schema.guess(table, target), target)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("iris", []), ("wine", []), ("diabetes", []), ("breast_cancer", ["collinear.near"])],
)
def test_published_tables(name, expected):
    frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    assert codes(from_frame(frame)) == expected


@pytest.mark.parametrize("classes", [0, 3])
def test_false_alarms_on_noise(noise, classes):
    """One alarm in a thousand tables for each of two tests: 2 or more in 60 have probability 0.01."""
    alarms = [codes(from_frame(noise(seed, classes=classes)), "y") for seed in range(60)]
    assert sum(bool(found) for found in alarms) <= 1


def test_findings_come_most_costly_first(noise):
    table = noise(1)
    table = {**table, "copy": table["y"] * 3, "sum": table["a"] + table["b"]}
    table = {name: np.concatenate([values, values[:20]]) for name, values in table.items()}
    assert codes(from_frame(table), "y") == ["leak.copy", "duplicates.rows", "collinear.exact"]


def test_boolean_and_date_targets_and_gaps_in_the_target(noise):
    table = noise(2)
    when = np.asarray(table["date"]).astype("datetime64[us]")
    late = {**table, "y": when, "late": when + np.timedelta64(3, "D")}
    assert codes(from_frame(late), "y")[0] == "leak.copy"
    two = np.array([None if i % 7 == 0 else bool(i % 2) for i in range(300)], dtype=object)
    assert codes(from_frame({**table, "y": two, "score": np.arange(300) % 2 * 1.5}), "y")[0] == "leak.code"


def test_one_row_is_not_judged():
    table = Table({"x": np.array([1.0, 2.0]), "y": np.array([1.0, 2.0])})
    schema = Schema.guess(table, "y")
    assert check_table(table, schema, "y") == []
