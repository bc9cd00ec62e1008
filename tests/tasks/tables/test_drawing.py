"""The draw from a table: the same for the same seed, whatever the format; groups whole; rare classes kept."""

import duckdb
import numpy as np
import pytest

from fivefold.core import DataError
from fivefold.tasks.tables.drawing import draw, with_rare_classes
from fivefold.tasks.tables.numbered import MemoryRows
from fivefold.tasks.tables.prepare import prepare
from fivefold.tasks.tables.source import opened
from fivefold.tasks.tables.table import Table


def _table(n=6000, seed=0):
    rng = np.random.default_rng(seed)
    odds = rng.uniform(size=n)
    label = np.where(odds < 0.002, "rare", np.where(odds < 0.3, "some", "most")).astype(object)
    return Table(
        {
            "x": rng.normal(size=n),
            "g": np.repeat(1 + np.arange(n // 20), 20)[rng.permutation(n)].astype(float),
            "label": label,
        }
    )


def test_parquet_and_csv_give_the_same_rows_with_any_number_of_threads(tmp_path):
    query = "select range * 0.5 as x, 'w' || (range % 100) as g, range % 7 + 0.5 as y from range(5000)"
    for form in ("parquet", "csv"):
        duckdb.execute(f"copy ({query}) to '{tmp_path}/t.{form}' (format {form})")
    found = []
    for form in ("parquet", "csv"):
        for group in (None, "g"):
            with opened(tmp_path / f"t.{form}", wanted=1000) as rows:
                found.append(draw(rows, 1000, 3, group))
    for a, b in ((found[0], found[2]), (found[1], found[3])):
        assert np.array_equal(a.chosen, b.chosen)
        assert np.array_equal(a.fresh, b.fresh)
        assert a.record == b.record
        for name in a.table.names:
            assert a.table.column(name).tolist() == b.table.column(name).tolist()
    assert np.array_equal(found[0].table.column("x"), found[0].chosen * 0.5)  # in the order of the file


def test_the_reason_says_how_much_and_why():
    rows = MemoryRows(_table())
    assert "6,000 rows; 500 drawn at random were used, because --rows asks" in draw(rows, 500, 0).reason
    limited = draw(rows, None, 0, limit=2**23)
    assert limited.record["limit"] == 2**23
    assert "the limit is 8 MiB" in limited.reason
    assert len(limited.chosen) == 2**23 // rows.size.per_row
    assert not np.array_equal(limited.chosen, draw(rows, None, 1, limit=2**23).chosen)
    assert draw(rows, None, 0) is None
    assert draw(rows, "all", 0) is None
    assert draw(rows, 6000, 0) is None


def test_groups_are_whole_and_times_keep_nothing_aside():
    table = _table()
    sample = draw(MemoryRows(table), 2000, 0, group="g")
    every = table.column("g")
    for numbers in (sample.chosen, sample.fresh):
        inside = np.unique(every[numbers])
        assert np.array_equal(np.flatnonzero(np.isin(every, inside)), numbers)
    assert "in whole groups of g" in sample.reason
    timed = draw(MemoryRows(table), 2000, 0, time="x")
    assert len(timed.fresh) == 0
    assert len(timed.chosen) == 2000


def test_a_stored_draw_is_repeated_and_another_table_is_refused():
    rows = MemoryRows(_table())
    first = draw(rows, None, 7, limit=2**23)
    again = draw(rows, 100, 7, stored=first.record)
    assert np.array_equal(first.chosen, again.chosen)
    assert np.array_equal(first.fresh, again.fresh)
    assert again.record == first.record
    with pytest.raises(DataError, match="6,000 rows from which the plan drew"):
        draw(MemoryRows(_table(5000)), 100, 7, stored=first.record)


def test_every_class_keeps_rows_and_counts_as_often_as_it_occurs():
    table = _table()
    sample = draw(MemoryRows(table), 2000, 0)
    prepared = prepare(sample.table, "label", group=None)
    more = with_rare_classes(sample, prepared, 0)
    whole = table.column("label")
    drawn = whole[more.chosen]
    assert (drawn == "rare").sum() == (whole == "rare").sum() < 50  # all that there are
    assert not set(more.chosen) & set(more.fresh)
    assert set(sample.chosen) <= set(more.chosen)
    assert more.record["drawn"] == len(more.chosen)
    weighed = more.weighed(prepare(more.table, "label"))
    for label in ("rare", "some", "most"):
        share = weighed.weights[weighed.target == label].sum() / len(drawn)
        assert share == pytest.approx((whole == label).mean())
    assert "fewer than 50 rows" in weighed.notes[-1]
    own = more.weighed(prepare(more.table, "label", weight="g"))  # beside a weight of the user
    assert own.weights.mean() == pytest.approx(1)


def test_classes_that_are_all_there_need_no_weights():
    table = _table()
    table = table.take(np.flatnonzero(table.column("label") != "rare"))
    sample = draw(MemoryRows(table), 2000, 0)
    prepared = prepare(sample.table, "label")
    assert with_rare_classes(sample, prepared, 0) is sample
    assert sample.weighed(prepared) is prepared
