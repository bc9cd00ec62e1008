"""Every source that a table may come from."""

import numpy as np
import pandas as pd
import pytest

from fivefold.core import DataError
from fivefold.tasks.tables.source import as_table
from fivefold.tasks.tables.table import Table


def test_a_table_is_itself():
    table = Table({"x": np.ones(2)})
    assert as_table(table) is table


def test_paths_texts_and_lists_of_paths_are_read(tmp_path):
    for name, rows in (("a.csv", "x,c\n1,u\n2,v\n"), ("b.csv", "x,c\n3,w\n4,z\n")):
        (tmp_path / name).write_text(rows)
    path = tmp_path / "a.csv"
    for source in (path, str(path), [path]):
        assert as_table(source).column("x").tolist() == [1.0, 2.0]
    assert sorted(as_table([path, tmp_path / "b.csv"]).column("x").tolist()) == [1.0, 2.0, 3.0, 4.0]
    assert as_table(path, query="select x * 10 as y from data where x > 1").column("y").tolist() == [20.0]


def test_data_in_memory():
    expected = [1.5, 2.5]
    for source in ({"x": expected}, pd.DataFrame({"x": expected}), {"x": np.array(expected)}):
        assert as_table(source).column("x").tolist() == expected
    assert as_table(np.arange(6.0).reshape(3, 2)).rows == 3


def test_a_path_that_is_not_there_is_an_error_about_data(tmp_path):
    with pytest.raises(DataError):
        as_table(tmp_path / "nothing.csv")
