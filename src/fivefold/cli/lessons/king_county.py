"""Real numbers for the lessons: house sales in King County, which includes Seattle, 2014 and 2015.

Both files are taken from ``examples/house_prices.parquet``, whose source and licence stand beside it; a test
makes them anew from there. The lessons read them because the examples are not installed with the package.
"""

from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Months(NamedTuple):
    """Mean log prices by zip code and month, each from half of the sales."""

    zipcodes: NDArray[np.int64]  # [63], from the cheapest to the dearest
    places: Array  # [63, 2], kilometres north and east of the county's middle
    first: Array  # [63, 12], May 2014 to April 2015
    second: Array  # [63, 12], the same from the other half of the sales


def sales() -> dict[str, Array]:
    """Read 800 sales, every 27th of the file: lat, long, sqft_living, yr_built, price, [800] each.

    >>> sorted(sales())
    ['lat', 'long', 'price', 'sqft_living', 'yr_built']
    """
    text = files("fivefold.cli.lessons").joinpath("king_county_sales.csv").read_text(encoding="utf-8")
    head, *rows = text.splitlines()
    return dict(zip(head.split(","), np.array([row.split(",") for row in rows], dtype=float).T, strict=True))


def months() -> Months:
    """Read the mean log prices of the 63 zip codes that have four sales or more in each of twelve months.

    >>> months().first.shape
    (63, 12)
    """
    text = files("fivefold.cli.lessons").joinpath("king_county_months.csv").read_text(encoding="utf-8")
    table = np.array([row.split(",") for row in text.splitlines()[1:]], dtype=float)
    degree = 111.2  # kilometres; a degree of longitude is shorter by the cosine of the latitude
    angles = table[:, 1:3] - table[:, 1:3].mean(axis=0)
    places = angles * degree * np.array([1.0, np.cos(np.radians(table[:, 1].mean()))])
    return Months(table[:, 0].astype(np.int64), places, table[:, 3:15], table[:, 15:27])
