"""Tables whose columns were scaled each for itself, or as one."""

import numpy as np
import pytest
import torch

from fivefold.diagnosis.checks.scaled_together import check_scaled_together, together
from fivefold.diagnosis.observation.record import Record

MEANS, SPREADS = [5.0, 0.3, 1.0, 12.0], [3.5, 0.2, 2.0, 8.0]


def table(n: int = 1500, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(MEANS, SPREADS, (n, 4))


def of(x: np.ndarray) -> Record:
    record = Record()
    rows = torch.tensor(x, dtype=torch.float32)
    record.training_rows.inputs = list(rows.split(100))
    record.training_rows.targets = [None] * len(record.training_rows.inputs)
    return record


def test_columns_scaled_as_one() -> None:
    x = table()
    clock = np.random.default_rng(1).uniform(0, 2 * np.pi, len(x))
    scaled = np.column_stack([(x - x.mean()) / x.std(), np.sin(clock), np.cos(clock)])
    (found,) = check_scaled_together(of(scaled))
    assert (found.code, found.confidence) == ("axis.scaling", "high")
    assert found.evidence.startswith("columns 0 to 3 of 6 columns have mean")
    assert check_scaled_together(of((x - x.mean(0)) / x.std(0))) == []
    assert check_scaled_together(of(x)) == []


def test_columns_of_one_unit_may_be_scaled_as_one() -> None:
    g = np.random.default_rng(2)
    windows = g.normal(3.0, 2.0, (1000, 1)) + g.normal(0.0, 0.3, (1000, 12))
    assert check_scaled_together(of((windows - windows.mean()) / windows.std())) == []
    components = g.normal(0.0, 1.0, (1000, 6)) * np.array([5.0, 3.0, 1.0, 0.5, 0.2, 0.1])
    assert check_scaled_together(of(components / components.std())) == []


def test_tables_that_were_not_scaled_are_rarely_found() -> None:
    """Columns of any scale: 3 standard errors are met by chance in a few of 1000."""
    g = np.random.default_rng(3)
    met = 0
    for _ in range(300):
        scales = 10.0 ** g.uniform(-2, 1, 5)
        x = g.normal(scales * g.normal(size=5), scales, (500, 5))
        met += together(x) is not None
    assert met <= 6


@pytest.mark.parametrize("rows", [150, 400])
def test_few_rows_tell_nothing(rows: int) -> None:
    x = table(rows)
    assert bool(check_scaled_together(of((x - x.mean()) / x.std()))) == (rows >= 200)
