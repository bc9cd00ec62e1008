"""Local fits against row-by-row least squares, and leave-one-out errors against fits without the row."""

import numpy as np
import pytest

from fivefold.tasks.tables.candidates.local_fit import (
    Left,
    Rows,
    Setting,
    anchors,
    bisquare,
    fit_at,
    leave_one_out,
    nearest,
)
from fivefold.tasks.tables.places import EARTH, Places
from fivefold.tasks.tables.table import Table

PLANE, SPHERE = Places("x", "y", False), Places("lat", "lon", True)
INF = float("inf")


def _scene(places, n=60, p=2, seed=0, weighted=False):
    """Rows away from the origin, their global design ``[n, 4]``, targets, weights and the global penalty."""
    generator = np.random.default_rng(seed)
    if places.sphere:
        degrees = {"lat": generator.uniform(38.0, 39.0, n), "lon": generator.uniform(-122.0, -121.0, n)}
        points = places.points(Table(degrees))
    else:
        points = 500.0 + 10.0 * generator.normal(size=(n, 2))
    x = generator.normal(size=(n, p))
    design = np.column_stack([np.ones(n), x, points[:, 0] - points[:, 0].mean()])
    y = 5.0 + design @ generator.normal(size=design.shape[1]) + generator.normal(size=n)
    a = generator.uniform(0.5, 1.5, n) if weighted else np.ones(n)
    return points, x, design, y, a, np.r_[0.0, np.full(p, 2.0), 0.7]


def _global(design, y, a, penalty):
    inverse = np.linalg.inv(design.T @ (design * a[:, None]) + np.diag(penalty))
    return inverse @ (design.T @ (a * y)), inverse


def _at(places, points, x, residual, a, place, setting):
    """The deviations at one place by plain least squares with further rows, written anew."""
    d = places.distance(place[None], points)[0]
    h = np.sort(d)[setting.neighbours - 1]
    k = np.where(d < h, (1 - (d / h) ** 2) ** 2, 0.0) * a
    offset = (points - place) @ places.directions(place[None])[0] / h
    c = np.column_stack([np.ones(len(x)), offset, x])
    priors = np.r_[np.full(3, setting.level), np.full(x.shape[1], setting.slopes)]
    if np.isinf(setting.slopes):
        c, priors = c[:, :3], priors[:3]
    tall = np.vstack([c * np.sqrt(k)[:, None], np.diag(np.sqrt(priors))])
    theta = np.linalg.lstsq(tall, np.r_[residual * np.sqrt(k), np.zeros(len(priors))], rcond=None)[0]
    return np.r_[theta, np.zeros(3 + x.shape[1] - len(theta))], h


def _rows(places, points, x, design, y, a, penalty):
    w, inverse = _global(design, y, a, penalty)
    return Rows(places, points, x, y - design @ w, a), inverse


SETTINGS = [Setting(20, 0.5, 1.0), Setting(35, 8.0, 16.0), Setting(35, 0.5, INF)]


@pytest.mark.parametrize("places", [PLANE, SPHERE], ids=["plane", "sphere"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_deviations_are_those_of_weighted_ridge_at_every_place(places, setting):
    points, x, design, y, a, penalty = _scene(places, weighted=True)
    rows, _ = _rows(places, points, x, design, y, a, penalty)
    at = points[:5] + 0.01
    found = fit_at(rows, at, setting)
    for j, place in enumerate(at):
        theta, h = _at(places, points, x, rows.residual, a, place, setting)
        np.testing.assert_allclose(found.reach[j], h, rtol=1e-12)
        np.testing.assert_allclose(found.level[j], theta[0], rtol=1e-8)
        np.testing.assert_allclose(found.deviation[j], theta[3:], rtol=1e-8, atol=1e-12)
        directions = places.directions(place[None])[0]
        np.testing.assert_allclose(found.slope[j] @ directions * h, theta[1:3], rtol=1e-7, atol=1e-10)
    assert found.distance < 1e-12


@pytest.mark.parametrize("places", [PLANE, SPHERE], ids=["plane", "sphere"])
@pytest.mark.parametrize("weighted", [False, True])
def test_leave_one_out_is_what_fits_without_the_row_give(places, weighted):
    """Both fits are made again without the row; the bandwidth is that of the row's neighbourhood with it."""
    points, x, design, y, a, penalty = _scene(places, weighted=weighted)
    rows, inverse = _rows(places, points, x, design, y, a, penalty)
    own = np.arange(0, 60, 7)
    z = design[own]
    hat = a[own] * ((z @ inverse) * z).sum(1)
    alone = rows.residual[own] / (1 - hat)
    left = Left(own, design, z @ inverse * (a[own] * alone)[:, None], alone)
    found = leave_one_out(rows, left, SETTINGS)
    for s, setting in enumerate(SETTINGS):
        for e, i in enumerate(own):
            others = np.delete(np.arange(60), i)
            w, _ = _global(design[others], y[others], a[others], penalty)
            residual = y - design @ w
            # the row stays in the search for neighbours, with no weight
            theta, _ = _at(
                places, points, x, residual, np.where(np.arange(60) == i, 0.0, a), points[i], setting
            )
            error = residual[i] - theta[0] - x[i] @ theta[3:]
            np.testing.assert_allclose(found[s, e], error, rtol=1e-7, atol=1e-9)


def test_a_global_model_taken_as_fixed_would_give_other_errors():
    """The correction for the row's part in the global model is no decoration."""
    points, x, design, y, a, penalty = _scene(PLANE)
    rows, inverse = _rows(PLANE, points, x, design, y, a, penalty)
    own = np.arange(10)
    z = design[own]
    alone = rows.residual[own] / (1 - ((z @ inverse) * z).sum(1))
    right = leave_one_out(rows, Left(own, design, z @ inverse * alone[:, None], alone), SETTINGS[:1])
    fixed = leave_one_out(rows, Left(own, design, np.zeros((10, 4)), rows.residual[own]), SETTINGS[:1])
    assert np.abs(right - fixed).max() > 0.02 * np.abs(right).mean()


def test_standard_errors_are_the_spread_over_noise():
    points, x, design, y, a, penalty = _scene(PLANE, weighted=True)
    rows, _ = _rows(PLANE, points, x, design, y, a, penalty)
    generator = np.random.default_rng(1)
    found = fit_at(rows, points[:1], SETTINGS[0]).error[0]
    draws = []
    for _ in range(2000):
        noise = generator.normal(size=60) / np.sqrt(a)
        draws.append(fit_at(Rows(PLANE, points, x, noise, a), points[:1], SETTINGS[0]).deviation[0])
    np.testing.assert_allclose(np.std(draws, axis=0), found, rtol=0.08)  # 5 standard errors of 2,000 draws


def test_a_strong_prior_falls_back_on_the_global_model():
    points, x, design, y, a, penalty = _scene(PLANE)
    rows, _ = _rows(PLANE, points, x, design, y, a, penalty)
    found = fit_at(rows, points, Setting(20, 1e9, 1e9))
    assert np.abs(found.level).max() < 1e-6
    assert np.abs(found.deviation).max() < 1e-6


def test_rows_at_one_place_count_alike():
    weights, reach = bisquare(np.zeros((1, 4)))
    assert weights.tolist() == [[1.0, 1.0, 1.0, 1.0]]
    assert reach[0] > 0


@pytest.mark.parametrize("count", [1, 7, 40])
def test_the_nearest_rows_in_order(count):
    points = np.random.default_rng(0).normal(5.0, 1.0, (40, 2))
    index, distance = nearest(PLANE, points[:6], points, count)
    full = np.sqrt(((points[:6, None] - points) ** 2).sum(2))
    np.testing.assert_array_equal(index, np.argsort(full, axis=1, kind="stable")[:, :count])
    np.testing.assert_allclose(distance, np.sort(full, axis=1)[:, :count], rtol=1e-12)


def test_anchors_are_the_places_where_these_are_few():
    points = np.repeat(np.random.default_rng(0).normal(size=(20, 2)), 3, axis=0)
    found = anchors(PLANE, points, 20, np.random.default_rng(0))
    np.testing.assert_array_equal(found, np.unique(points, axis=0))


@pytest.mark.parametrize("n", [900, 21_000])
def test_anchors_cover_the_rows_evenly_and_lie_on_the_sphere(n):
    generator = np.random.default_rng(0)
    table = Table({"lat": generator.uniform(38, 39, n), "lon": generator.uniform(-122, -121, n)})
    points = SPHERE.points(table)
    found = anchors(SPHERE, points, 50, np.random.default_rng(3))
    assert found.shape == (50, 3)
    np.testing.assert_allclose(np.sqrt((found**2).sum(1)), EARTH, rtol=1e-12)
    # a square of 111 by 87 km in 50 cells: a cell's half diagonal is about 10 km
    assert SPHERE.distance(points[:900], found).min(1).max() < 25.0
    again = anchors(SPHERE, points, 50, np.random.default_rng(3))
    np.testing.assert_array_equal(found, again)
