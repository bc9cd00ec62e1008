"""Views of tables in memory, through the tables' own schema."""

import numpy as np
import pytest

from fivefold.diagnosis import view
from fivefold.tasks.tables.frames import from_frame
from fivefold.tasks.tables.schema import Schema


@pytest.fixture
def see():
    """Columns and the target's name to a view."""

    def make(columns, target="y", **overrides):
        table = from_frame(columns)
        return view(table, Schema.guess(table, target, overrides), target)

    return make


@pytest.fixture
def noise():
    """A table of independent columns of every kind, by seed."""

    def make(seed, rows=300, classes=0):
        rng = np.random.default_rng(seed)
        y = rng.integers(classes, size=rows).astype(str) if classes else rng.normal(size=rows)
        start = np.datetime64("2020-01-01")
        return {
            "a": rng.normal(size=rows),
            "b": rng.exponential(size=rows),
            "count": rng.poisson(4, size=rows),
            "flag": rng.integers(2, size=rows),
            "town": rng.choice([f"t{i}" for i in range(30)], rows),
            "customer_id": rng.integers(60, size=rows),
            "gaps": np.where(rng.random(rows) < 0.2, np.nan, rng.normal(size=rows)),
            "date": start + rng.integers(700, size=rows),
            "y": y,
        }

    return make
