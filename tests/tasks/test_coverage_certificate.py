"""The verdict on coverage follows from where its interval lies."""

import pytest

from fivefold.tasks.coverage_certificate import LEVEL, coverage_certificate, percent


@pytest.mark.parametrize(
    ("low", "high", "holds"), [(0.9, 0.99, True), (0.8, 0.8999, False), (0.85, 0.95, None), (0.8, 0.9, None)]
)
def test_the_verdict_is_unknown_where_the_interval_holds_the_level(low, high, holds):
    share = {"value": (low + high) / 2, "low": low, "high": high}
    found = coverage_certificate(share, 1200, "intervals", "rows", "table")
    assert found.holds is holds
    assert found.bound == LEVEL
    assert found.assumptions == ("new rows are exchangeable with the rows of this table",)
    assert "1,200 rows" in found.method
    assert percent(LEVEL) == "90.0%"
