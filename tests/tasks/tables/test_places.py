"""Coordinates: found by name, range and company; distances against known ones."""

import numpy as np
import pytest

from fivefold.tasks.tables.kinds import ColumnType, Kind
from fivefold.tasks.tables.places import EARTH, Places, find_places, squares
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.table import Table


def _table(**columns):
    return Table({k: np.asarray(v, dtype=np.float64) for k, v in columns.items()})


def _schema(table, kind=Kind.NUMBER):
    return Schema(tuple(ColumnType(name, kind, "") for name in table.names))


def _numbers(low, high, n=40, seed=0):
    return np.random.default_rng(seed).uniform(low, high, n)


@pytest.mark.parametrize(
    ("first", "second", "sphere"),
    [
        ("lat", "long", True),
        ("Latitude", "Longitude", True),
        ("LATITUDE", "LNG", True),
        ("pickup_latitude", "pickup_longitude", True),
        ("houseLat", "houseLon", True),
        ("Latitude", "Longitud", True),
        ("easting", "northing", False),
        ("X", "Y", False),
        ("utm_x", "utm_y", False),
    ],
)
def test_pairs_are_found_by_name(first, second, sphere):
    table = _table(size=_numbers(1, 9), **{second: _numbers(-80, -70, seed=1), first: _numbers(40, 50)})
    found = find_places(table, _schema(table))
    assert (found.first, found.second, found.sphere) == (first, second, sphere)
    assert "40 different places" in found.reason


@pytest.mark.parametrize(
    "columns",
    [
        {"flat": _numbers(40, 50), "long": _numbers(-80, -70, seed=1)},  # "flat" is no latitude
        {"lat": _numbers(40, 50)},
        {"lat": _numbers(400, 500), "lon": _numbers(-80, -70, seed=1)},  # not on the Earth
        {"lat": np.full(40, 47.0), "lon": _numbers(-80, -70, seed=1)},
        {"lat": np.arange(40) % 3, "lon": np.arange(40) % 3 + 1.0},  # three places
        {"pickup_lat": _numbers(40, 50), "dropoff_lon": _numbers(-80, -70, seed=1)},
        {
            "x": _numbers(4, 9),
            "y": _numbers(4, 9, seed=1),
            "z": _numbers(2, 5, seed=2),
        },  # measures of a stone
        {"x": np.arange(40.0), "y": np.arange(40.0) + 0.1 * _numbers(0, 1)},  # along a line
        {"lat": np.full(40, np.nan), "lon": np.full(40, np.nan)},
    ],
)
def test_other_columns_are_no_places(columns):
    table = _table(**columns)
    assert find_places(table, _schema(table)) is None


def test_texts_named_as_coordinates_are_no_places():
    table = _table(lat=_numbers(40, 50), lon=_numbers(-80, -70, seed=1))
    assert find_places(table, _schema(table, Kind.CATEGORY)) is None


def test_degrees_come_before_projected_coordinates():
    table = _table(x=_numbers(0, 9), y=_numbers(0, 9, seed=3), lat=_numbers(4, 5), lon=_numbers(7, 8, seed=1))
    assert find_places(table, _schema(table)).sphere


def test_a_coordinate_missing_or_off_the_earth_is_no_point():
    table = _table(lat=[47.0, np.nan, 47.0, 91.0, 47.0], lon=[8.0, 8.0, np.inf, 8.0, 500.0])
    known = np.isfinite(Places("lat", "lon", True).points(table)).all(1)
    assert known.tolist() == [True, False, False, False, False]


def test_distances_between_cities():
    """Paris to London, 343.6 km, and across the date line, by the law of cosines on the same sphere."""
    places = Places("lat", "lon", True)
    paris, london, fiji, samoa = places.points(
        _table(lat=[48.8566, 51.5074, -17.0, -14.0], lon=[2.3522, -0.1278, 179.0, -172.0])
    )
    found = places.distance(np.array([paris, fiji]), np.array([london, samoa]))
    assert found[0, 0] == pytest.approx(343.6, abs=0.1)
    a, b, turn = np.radians([-17.0, -14.0, 9.0])
    cosine = np.sin(a) * np.sin(b) + np.cos(a) * np.cos(b) * np.cos(turn)
    assert found[1, 1] == pytest.approx(EARTH * np.arccos(cosine), rel=1e-9)


def test_close_places_keep_their_digits():
    places = Places("lat", "lon", True)
    points = places.points(_table(lat=[47.0, 47.00001], lon=[8.0, 8.0]))
    assert places.distance(points[:1], points[1:])[0, 0] == pytest.approx(EARTH * np.radians(1e-5), rel=1e-6)


@pytest.mark.parametrize("sphere", [True, False])
def test_directions_span_the_surface(sphere):
    places = Places("a", "b", sphere)
    points = places.points(_table(a=[47.0, -30.0, 90.0, -90.0], b=[8.0, 170.0, 0.0, 0.0]))
    found = places.directions(points)
    np.testing.assert_allclose(
        np.einsum("mda,mdb->mab", found, found), np.eye(2)[None].repeat(4, 0), atol=1e-12
    )
    if sphere:
        np.testing.assert_allclose(np.einsum("md,mda->ma", points, found), 0.0, atol=1e-8)


def test_plane_distances_are_euclidean():
    places = Places("x", "y", False)
    points = places.points(_table(x=[1.0, 4.0], y=[2.0, 6.0]))
    assert places.distance(points[:1], points).tolist() == [[0.0, 5.0]]
    assert places.unit == ""


def test_squares_do_not_depend_on_the_rows_beside():
    generator = np.random.default_rng(0)
    a, b = generator.normal(5, 1, (300, 3)), generator.normal(5, 1, (50, 3))
    whole = squares(a, b)
    for at in (0, 1, 100, 299):
        np.testing.assert_array_equal(squares(a[at : at + 1], b)[0], whole[at])
