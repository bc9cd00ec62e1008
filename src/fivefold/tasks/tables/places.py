r"""Places: which two columns say where a row lies, and how far two rows are apart.

Latitude and longitude become points on a sphere of the Earth's mean radius :math:`R`; the chord between two
points is :math:`c = 2 R \sin(d / 2R)`, so that the haversine formula is :math:`d = 2 R \arcsin(c / 2R)`.
Projected coordinates (easting and northing, x and y) are points of the plane as they are.
"""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fivefold.tasks.tables.kinds import Kind
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.table import Table

Floats = npt.NDArray[np.float64]
EARTH = 6371.0088
"""Mean radius of the Earth in kilometres."""
_PAIRS = (
    (True, ("lat", "latitude"), ("lon", "long", "lng", "longitude", "longitud")),
    (False, ("easting", "eastings"), ("northing", "northings")),
    (False, ("x",), ("y",)),
)
_LEAST, _ALIKE = 10, 0.95
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]


@dataclass(frozen=True)
class Places:
    """The two columns that say where a row lies.

    Attributes:
        first: Latitude, easting or x.
        second: Longitude, northing or y.
        sphere: Whether they are degrees on the Earth.
        reason: Why these columns, for the report.
    """

    first: str
    second: str
    sphere: bool
    reason: str = ""

    def points(self, table: Table) -> Floats:
        """Return the rows' points ``[n, 3]`` in km on the sphere or ``[n, 2]``; NaN where there is none.

        >>> columns = {"lat": np.array([0.0, 90.0]), "lon": np.array([0.0, 7.0])}
        >>> Places("lat", "lon", True).points(Table(columns)).round(3).tolist()
        [[6371.009, 0.0, 0.0], [0.0, 0.0, 6371.009]]
        """
        pair = [np.array(table.column(name), dtype=np.float64) for name in (self.first, self.second)]
        known = np.isfinite(pair[0]) & np.isfinite(pair[1])
        if self.sphere:
            known &= _on_earth(*pair)
        a, b = (np.where(known, values, 0.0) for values in pair)
        if self.sphere:
            north, east = np.radians(a), np.radians(b)
            level = np.cos(north)
            points = EARTH * np.column_stack([level * np.cos(east), level * np.sin(east), np.sin(north)])
        else:
            points = np.column_stack([a, b])
        points[~known] = np.nan
        return points

    def distance(self, a: Floats, b: Floats) -> Floats:
        """Return distances ``[m, n]`` between points ``a [m, D]`` and ``b [n, D]``, in km on the sphere.

        >>> p = Places("lat", "lon", True)
        >>> poles = p.points(Table({"lat": np.array([90.0, -90.0]), "lon": np.array([0.0, 0.0])}))
        >>> round(float(p.distance(poles[:1], poles[1:])[0, 0] / EARTH), 6)
        3.141593
        """
        chord = np.sqrt(squares(a, b))
        if self.sphere:
            chord = 2 * EARTH * np.arcsin(np.minimum(chord / (2 * EARTH), 1.0))
        return np.asarray(chord)

    def directions(self, points: Floats) -> Floats:
        """Return two unit vectors that span the surface at points ``[m, D]``: ``[m, D, 2]``."""
        if not self.sphere:
            return np.repeat(np.eye(2)[None], len(points), axis=0)
        up = points / np.sqrt((points**2).sum(1, keepdims=True))
        # at the very pole every direction is south: any one will do
        level = np.column_stack([-up[:, 1], up[:, 0], np.zeros(len(up))])
        length = np.sqrt((level**2).sum(1, keepdims=True))
        east = np.where(length > 1e-12, level / np.maximum(length, 1e-300), np.array([0.0, 1.0, 0.0]))
        return np.stack([east, np.cross(up, east)], axis=2)

    @property
    def unit(self) -> str:
        """Unit of distances, for sentences."""
        return " km" if self.sphere else ""

    def state(self) -> dict[str, Any]:
        """Return the saved form."""
        return {"first": self.first, "second": self.second, "sphere": self.sphere}


def squares(a: Floats, b: Floats) -> Floats:
    """Return squared straight distances ``[m, n]``, every entry by itself: no bits depend on other rows.

    >>> squares(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])).tolist()
    [[25.0]]
    """
    out = np.zeros((len(a), len(b)))
    away = np.empty_like(out)
    for j in range(a.shape[1]):
        np.subtract(a[:, j, None], b[None, :, j], out=away)
        away *= away
        out += away
    return out


def _on_earth(latitude: Floats, longitude: Floats) -> npt.NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        return (np.abs(latitude) <= 90.0) & (longitude >= -180.0) & (longitude <= 360.0)


def find_places(table: Table, schema: Schema) -> Places | None:
    """Return the columns that say where a row lies, or ``None``.

    Numbers are taken whose names differ in nothing but "latitude" and "longitude" (or lat, lon, long, lng),
    in "easting" and "northing", or in "x" and "y", that hold at least ten different places, and:

    - degrees lie on the Earth;
    - x and y have no companion z (three measures of a thing, not a map) and a correlation below 0.95.

    Args:
        table: Typed training rows.
        schema: Kinds of the columns.

    >>> from fivefold.tasks.tables.kinds import ColumnType
    >>> kinds = Schema((ColumnType("Lat", Kind.NUMBER, ""), ColumnType("Long", Kind.NUMBER, "")))
    >>> rows = Table({"Lat": np.linspace(47, 48, 20), "Long": np.linspace(-122, -121, 20) ** 2 % 90})
    >>> find_places(rows, kinds).reason
    'named as latitude and longitude, in degrees, 20 different places'
    """
    numbers = {
        c.name: _words(c.name) for c in schema.columns if c.kind is Kind.NUMBER and c.name in table.columns
    }
    for sphere, first_names, second_names in _PAIRS:
        for first, words in numbers.items():
            at = [i for i, word in enumerate(words) if word in first_names]
            if len(at) != 1:
                continue
            rest = words[: at[0]], words[at[0] + 1 :]
            partners = [
                name
                for name, other in numbers.items()
                if any(other == [*rest[0], s, *rest[1]] for s in second_names)
            ]
            measures = first_names == ("x",) and [*rest[0], "z", *rest[1]] in numbers.values()
            if partners and not measures:
                found = _judged(
                    table,
                    first,
                    partners[0],
                    sphere,
                    f"{first_names[-1]} and {second_names[-1 if not sphere else 3]}",
                )
                if found is not None:
                    return found
    return None


def _judged(table: Table, first: str, second: str, sphere: bool, called: str) -> Places | None:
    a, b = (np.asarray(table.column(name), dtype=np.float64) for name in (first, second))
    known = np.isfinite(a) & np.isfinite(b)
    a, b = a[known], b[known]
    count = len(np.unique(np.column_stack([a, b]), axis=0))
    if count < _LEAST or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    if sphere and not _on_earth(a, b).all():
        return None
    if not sphere and abs(float(np.corrcoef(a, b)[0, 1])) > _ALIKE:
        return None
    what = "in degrees, " if sphere else ""
    return Places(first, second, sphere, f"named as {called}, {what}{count:,} different places")
