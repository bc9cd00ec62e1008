"""The lessons' numbers are those of the example file, from which this test makes them anew."""

from pathlib import Path

import duckdb
import numpy as np
import pytest

from fivefold.cli.lessons.king_county import months, sales


@pytest.fixture(scope="module")
def table(examples: Path) -> dict[str, np.ndarray]:
    file = str(examples / "house_prices.parquet")
    return duckdb.sql(
        "select *, date_diff('month', date '2014-05-01', cast(date as date)) as month, cast(date as date) as "
        f"day from read_parquet('{file}', file_row_number=true) order by file_row_number"
    ).fetchnumpy()


def test_sales_are_every_27th_row(table: dict[str, np.ndarray]) -> None:
    found = sales()
    rows = 27 * np.arange(800)
    assert set(found) == {"lat", "long", "sqft_living", "yr_built", "price"}
    for name, values in found.items():
        np.testing.assert_allclose(values, table[name][rows].astype(float), rtol=0, atol=5e-5)


def test_months_are_means_of_half_the_sales(table: dict[str, np.ndarray]) -> None:
    found = months()
    order = np.lexsort((table["file_row_number"], table["day"], table["zipcode"].astype(int)))
    codes, month = table["zipcode"].astype(int)[order], table["month"].astype(int)[order]
    log_price = np.log(table["price"].astype(float))[order]
    complete = []
    for code in np.unique(codes):
        cells = [log_price[(codes == code) & (month == m)] for m in range(12)]
        if min(map(len, cells)) < 4:
            continue
        complete.append(code)
        (row,) = np.flatnonzero(found.zipcodes == code)
        for half, values in ((0, found.first[row]), (1, found.second[row])):
            means = [cell[half::2].mean() for cell in cells]
            np.testing.assert_allclose(values, means, rtol=0, atol=5.001e-4)
    assert sorted(found.zipcodes) == complete
    assert np.all(np.diff(found.first.mean(axis=1)) > -1e-3), "from the cheapest to the dearest"


def test_places_are_kilometres(table: dict[str, np.ndarray]) -> None:
    found = months()
    seattle, enumclaw = (found.places[list(found.zipcodes).index(code)] for code in (98103, 98022))
    # From the north of Seattle to Enumclaw: 57 km as the crow flies, by the haversine formula of their means.
    ends = []
    for code in (98103, 98022):
        rows = table["zipcode"].astype(int) == code
        ends.append(np.radians([table["lat"][rows].mean(), table["long"][rows].mean()]))
    (a, b), (c, d) = ends
    half = np.sin((a - c) / 2) ** 2 + np.cos(a) * np.cos(c) * np.sin((b - d) / 2) ** 2
    assert np.linalg.norm(seattle - enumclaw) == pytest.approx(2 * 6371 * np.arcsin(np.sqrt(half)), rel=0.01)
