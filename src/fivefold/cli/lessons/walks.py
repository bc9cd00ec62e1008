"""Walks on a hilly ground: three grounds, a map with the paths upon it, and the curves of what is left."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fivefold.cli.lessons.layers import Figure, contour, frame, line, panel, points, powers

Array = NDArray[np.float64]


class Ground(NamedTuple):
    """A function of two weights, with what is needed to walk on it and to draw its map."""

    value: Callable[[Array], Any]  # [..., 2] -> [...]
    gradient: Callable[[Array], Array]  # [2] -> [2]
    hessian: Callable[[Array], Array]  # [2] -> [2, 2]
    low: tuple[float, float]  # corner of the map
    high: tuple[float, float]
    levels: tuple[float, ...]
    floors: tuple[tuple[float, float], ...]  # the minima


class Walk(NamedTuple):
    """A path [t, 2] on the map, with its colour and its name in the legend."""

    path: Array
    colour: str
    label: str | None = None
    width: float = 1.5
    marker: str | None = "o"


def bowl(steep: float, turned: float = 0.0) -> Ground:
    """Return ½ (a² + steep·b²), a and b counted along axes turned by so many degrees.

    >>> float(bowl(8.0).value(np.array([1.0, 1.0])))
    4.5
    """
    angle = np.deg2rad(turned)
    axes = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    H = (axes * np.array([1.0, steep])) @ axes.T
    tall = (-5.0, -3.0), (5.0, 3.0)
    return Ground(
        lambda w: 0.5 * np.sum(w * (w @ H), axis=-1),
        lambda w: H @ w,
        lambda w: H,
        *tall,
        tuple(steep * height for height in (0.04, 0.15, 0.4, 0.8, 1.4, 2.2, 3.2)),
        ((0.0, 0.0),),
    )


def valley() -> Ground:
    """Return Rosenbrock's bent valley (1 − x)² + 100 (y − x²)², with its floor at (1, 1).

    >>> float(valley().value(np.array([1.0, 1.0])))
    0.0
    """

    def gradient(w: Array) -> Array:
        off = w[1] - w[0] ** 2
        return np.array([-2.0 * (1.0 - w[0]) - 400.0 * w[0] * off, 200.0 * off])

    def hessian(w: Array) -> Array:
        return np.array([[2.0 - 400.0 * (w[1] - 3.0 * w[0] ** 2), -400.0 * w[0]], [-400.0 * w[0], 200.0]])

    return Ground(
        lambda w: (1.0 - w[..., 0]) ** 2 + 100.0 * (w[..., 1] - w[..., 0] ** 2) ** 2,
        gradient,
        hessian,
        (-1.8, -0.8),
        (1.8, 2.2),
        (0.5, 3.0, 12.0, 40.0, 100.0, 220.0, 450.0),
        ((1.0, 1.0),),
    )


def two_valleys() -> Ground:
    """Return ¼ x⁴ − ½ x² + ½ y²: floors at x = ±1, a saddle between them.

    >>> two_valleys().gradient(np.array([1.0, 0.0]))
    array([0., 0.])
    """
    return Ground(
        lambda w: 0.25 * w[..., 0] ** 4 - 0.5 * w[..., 0] ** 2 + 0.5 * w[..., 1] ** 2,
        lambda w: np.array([w[0] ** 3 - w[0], w[1]]),
        lambda w: np.diag([3.0 * w[0] ** 2 - 1.0, 1.0]),
        (-2.0, -1.2),
        (2.0, 1.8),
        (-0.2, -0.1, 0.0, 0.1, 0.3, 0.6, 1.0, 1.5, 2.2),
        ((-1.0, 0.0), (1.0, 0.0)),
    )


def seen(path: Array, ground: Ground) -> Array:
    """Cut a path where it has left the map by more than its width, or is no number any more.

    >>> seen(np.array([[0.0, 0.0], [9.0, 0.0], [99.0, 0.0], [0.0, 0.0]]), bowl(8.0))[:, 0]
    array([ 0.,  9., 99.])
    """
    low, high = np.array(ground.low), np.array(ground.high)
    near = np.all(np.abs(path - 0.5 * (low + high)) < 1.5 * (high - low), axis=1)
    end = len(path) if near.all() else int(np.argmin(near)) + 1
    return path[:end][np.all(np.isfinite(path[:end]), axis=1)]


def land(title: str, ground: Ground, walks: Sequence[Walk], **options: Any) -> dict[str, Any]:
    """Draw the map: lines of equal height, the walks, a dot at the first start and stars on the floors."""
    across, up = (np.linspace(a, b, 61) for a, b in zip(ground.low, ground.high, strict=True))
    height = ground.value(np.stack(np.meshgrid(across, up), axis=-1))
    shown = [(walk, seen(walk.path, ground)) for walk in walks]
    paths = [
        line(
            path[:, 0],
            path[:, 1],
            walk.colour,
            width=walk.width,
            **({"marker": walk.marker} if walk.marker else {}),
            **({"label": walk.label} if walk.label else {}),
        )
        for walk, path in shown
    ]
    start = walks[0].path[0]
    marks = [
        points([start[0]], [start[1]], "ink", size=7.0),
        points([x for x, _ in ground.floors], [y for _, y in ground.floors], "green", marker="*", size=12.0),
    ]
    limits = {"xlim": (ground.low[0], ground.high[0]), "ylim": (ground.low[1], ground.high[1])}
    return panel(
        title,
        [contour(across, up, height, ground.levels), *paths, *marks],
        **{"xlabel": "w₁", "ylabel": "w₂", **limits, **options},
    )


def left_over(
    title: str,
    curves: Sequence[tuple[Array, str, str | None]],
    decades: tuple[int, int],
    x: NDArray[Any] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Draw curves (values, colour, label) on a logarithmic axis from 10^low to 10^high, by the step."""
    low, high = decades
    layers = []
    for values, colour, label in curves:
        finite = np.where(np.isfinite(values), values, 10.0**high)
        at = np.arange(len(values)) if x is None else x[: len(values)]
        layers.append(
            line(
                at,
                np.clip(finite, 10.0 ** (low - 1), 10.0 ** (high + 1)),
                colour,
                width=1.7,
                **({"label": label} if label else {}),
            )
        )
    most = max(len(values) for values, _, _ in curves) - 1
    stride = max(1, round((high - low) / 5))
    return panel(
        title,
        layers,
        **{
            "xlabel": "step",
            "ylog": True,
            "xlim": (0, most),
            "ylim": (10.0**low, 10.0**high),
            "yticks": powers(low, high, stride),
            **options,
        },
    )


def walk_frame(
    value: str, caption: str, ground: Ground, path: Array, colour: str, decades: tuple[int, int]
) -> Figure:
    """Make one position of the slider: the walk on its map, and the height above the floor at each step."""
    with np.errstate(over="ignore", invalid="ignore"):
        heights = ground.value(path) - ground.value(np.array(ground.floors[0]))
    return frame(
        value,
        caption,
        f"A walk on lines of equal height, and the height above the floor after each step, {value}",
        land("The walk", ground, [Walk(path, colour, marker="o" if len(path) < 110 else None)]),
        left_over("Height above the floor, F − F*", [(heights, colour, None)], decades),
    )
