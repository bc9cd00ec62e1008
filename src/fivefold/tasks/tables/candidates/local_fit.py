r"""Least squares at many places at once, shrunken towards a global model, with its leave-one-out errors.

At place :math:`u` the deviations :math:`\theta` from the global coefficients minimise

.. math::
    \sum_i a_i K(d(u, u_i) / h) (r_i - c_i^\top \theta)^2 + \theta^\top \Lambda \theta, \qquad
    K(t) = (1 - t^2)_+^2,

:math:`r` the residuals of the global model, :math:`c_i = (1, (u_i - u) / h, x_i)`, :math:`h` the distance to
the k-th nearest row. The prior is :math:`\theta_j \sim N(0, \sigma^2 / \Lambda_{jj})`: it weighs as much as
:math:`\Lambda_{jj}` rows at the place itself, so that thin neighbourhoods fall back on the global model.
The level and its plane share one :math:`\Lambda_{jj}`, the coefficients of x another.

A row is left out of the global model and of the local one alike. With :math:`z` its row of the global design,
:math:`A` the penalised Gram matrix there, :math:`e` its residual and
:math:`\rho = e / (1 - a z^\top A^{-1} z)`, the residuals of the others become
:math:`r_j + z_j^\top A^{-1} z \, a \rho`, its own :math:`\rho`, and with the hat values :math:`s_j` of the
local fit its error is exactly

.. math:: \frac{\rho - \sum_j s_j r_j^{(-i)}}{1 - s_i} .

With another loss than the squared one, residuals, weights and hat values are those of a Newton step from the
global model, and the error becomes the shift of the linear predictor that a loss is taken at.

Sources: Fotheringham, Brunsdon and Charlton, Geographically Weighted Regression (2002); the planes are those
of Wang, Mei and Yan, Local linear estimation of spatially varying coefficient models (2008).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fivefold.tasks.tables.candidates.local_loss import Loss, Squared
from fivefold.tasks.tables.places import Places, squares

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
_ENTRIES = 250_000
"""Numbers held at a time."""
_DIRECTIONS = 2
_STEPS, _CLOSE = 40, 1e-9


@dataclass(frozen=True, eq=False)
class Rows:
    """Training rows as the local fits see them.

    Attributes:
        places: How far rows are apart.
        points: ``[n, D]``.
        x: ``[n, p]`` columns whose coefficients vary, about their means.
        residual: ``[n]`` residuals of the global model.
        weights: ``[n]`` weights a.
    """

    places: Places
    points: Floats
    x: Floats
    residual: Floats
    weights: Floats


@dataclass(frozen=True, eq=False)
class Left:
    r"""What the global model says of some rows when it was fitted without them.

    Attributes:
        rows: ``[E]`` which rows.
        design: ``[n, P]`` the global design, ones included.
        direction: ``[E, P]`` :math:`A^{-1} z a \rho`, by which the coefficients move.
        residual: ``[E]`` :math:`\rho`.
    """

    rows: Index
    design: npt.NDArray[np.floating]
    direction: Floats
    residual: Floats


@dataclass(frozen=True)
class Setting:
    """How local: rows in a neighbourhood, and how many rows the priors weigh.

    Attributes:
        neighbours: k.
        level: Of the level and its plane.
        slopes: Of the coefficients of x; infinite where they do not vary.
    """

    neighbours: int
    level: float
    slopes: float


@dataclass(frozen=True, eq=False)
class Surfaces:
    """Deviations at places: see :class:`fivefold.tasks.tables.local_predictor.LocalPredictor`.

    Attributes:
        level: ``[m]``.
        slope: ``[m, D]``.
        deviation: ``[m, p]``.
        reach: ``[m]``.
        level_error: ``[m]`` standard errors of the level for noise of variance one.
        error: ``[m, p]`` those of the deviations.
        distance: Largest bound of the relative distance from the exact solutions.
    """

    level: Floats
    slope: Floats
    deviation: Floats
    reach: Floats
    level_error: Floats
    error: Floats
    distance: float


def nearest(places: Places, at: Floats, points: Floats, count: int) -> tuple[Index, Floats]:
    """Return the ``count`` nearest of ``points [n, D]`` to each of ``at [m, D]`` in order, and distances.

    >>> index, distance = nearest(Places("x", "y", False), np.zeros((1, 2)), np.array([[3.0, 4], [0, 1]]), 2)
    >>> index.tolist(), distance.tolist()
    ([[1, 0]], [[1.0, 5.0]])
    """
    indices, distances = [], []
    step = max(1, _ENTRIES // len(points))
    for start in range(0, len(at), step):
        d = places.distance(at[start : start + step], points)
        if count < len(points):
            index = np.sort(np.argpartition(d, count - 1, axis=1)[:, :count], axis=1)
        else:
            index = np.repeat(np.arange(len(points))[None], len(d), axis=0)
        d = np.take_along_axis(d, index, axis=1)
        order = np.argsort(d, axis=1, kind="stable")
        indices.append(np.take_along_axis(index, order, axis=1))
        distances.append(np.take_along_axis(d, order, axis=1))
    return np.concatenate(indices), np.concatenate(distances)


def bisquare(distance: Floats) -> tuple[Floats, Floats]:
    """Return the kernel's weights ``[m, k]`` of sorted distances, and the bandwidths ``[m]``.

    The bandwidth is the distance to the last row, which has no weight. Where all rows lie at the place
    itself, all weights are one.

    >>> weights, reach = bisquare(np.array([[0.0, 0.5, 1.0]]))
    >>> weights.tolist(), reach.tolist()
    ([[1.0, 0.5625, 0.0]], [1.0])
    """
    reach = distance[:, -1].copy()
    reach[reach == 0] = 1e-9
    weights = np.maximum(1.0 - (distance / reach[:, None]) ** 2, 0.0) ** 2
    return np.asarray(weights), reach


def _chunks(count: int, entries: int) -> Iterator[slice]:
    step = max(1, _ENTRIES // max(entries, 1))
    for start in range(0, count, step):
        yield slice(start, start + step)


def _columns(rows: Rows, at: Floats, index: Index, reach: Floats) -> Floats:
    """The local designs ``[m, k, 3 + p]``."""
    offset = rows.points[index] - at[:, None, :]
    plane = np.matmul(offset, rows.places.directions(at)) / reach[:, None, None]
    return np.concatenate([np.ones((*index.shape, 1)), plane, rows.x[index]], axis=2)


def _times(matrix: Floats, vector: Floats) -> Floats:
    return np.asarray(np.matmul(matrix, vector[..., None])[..., 0])


def prior(setting: Setting, columns: int) -> Floats:
    """Return the diagonal of the prior's precision ``[3 + p]`` (``[3]`` where the slopes do not vary)."""
    level = np.full(1 + _DIRECTIONS, setting.level)
    return level if np.isinf(setting.slopes) else np.r_[level, np.full(columns, setting.slopes)]


def leave_one_out(rows: Rows, left: Left, settings: Sequence[Setting]) -> Floats:
    """Return errors ``[S, E]`` of rows that neither the global nor the local model saw.

    Args:
        rows: Training rows.
        left: The rows that are left out, one after the other.
        settings: What is tried.
    """
    out = np.empty((len(settings), len(left.rows)))
    counts = sorted({s.neighbours for s in settings})
    index, distance = nearest(rows.places, rows.points[left.rows], rows.points, counts[-1])
    others = _residuals(rows, left, index)
    p = rows.x.shape[1]
    for count in counts:
        priors = {s: prior(v, p) for s, v in enumerate(settings) if v.neighbours == count}
        for part in _chunks(len(left.rows), count * (3 + p)):
            own, near = left.rows[part], index[part, :count]
            x = np.column_stack([np.ones(len(own)), np.zeros((len(own), _DIRECTIONS)), rows.x[own]])
            kernel, reach = bisquare(distance[part, :count])
            c = _columns(rows, rows.points[own], near, reach)
            weighted = (c * (kernel * rows.weights[near])[:, :, None]).transpose(0, 2, 1)
            gram, moment = np.matmul(weighted, c), _times(weighted, others[part, :count])
            for s, precision in priors.items():
                q = len(precision)
                v = np.linalg.solve(gram[:, :q, :q] + np.diag(precision), x[:, :q, None])[..., 0]
                hat = (v * x[:, :q]).sum(1) * rows.weights[own]
                out[s, part] = (left.residual[part] - (v * moment[:, :q]).sum(1)) / (1.0 - hat)
    return out


def _residuals(rows: Rows, left: Left, index: Index) -> Floats:
    """Residuals ``[E, k]`` of the neighbours under the global models that did not see the rows left out."""
    out = np.empty(index.shape)
    # of all rows at once, by products of float32: gathering each row's neighbours would cost more than these
    direction = left.direction.astype(left.design.dtype)
    for part in _chunks(len(index), len(left.design)):
        near = index[part]
        moved = np.take_along_axis(direction[part] @ left.design.T, near, axis=1)
        out[part] = rows.residual[near] + moved
        own = near == left.rows[part][:, None]
        out[part][own] = np.broadcast_to(left.residual[part][:, None], own.shape)[own]
    return out


def fit_at(rows: Rows, at: Floats, setting: Setting, loss: Loss | None = None) -> Surfaces:
    """Fit the deviations at the places ``at [m, D]`` by Newton steps from the global model.

    Args:
        rows: Training rows; their weights are those of the loss.
        at: Places.
        setting: How local.
        loss: What is minimised; the squared error of the residuals by default, which two steps finish.
    """
    loss = Squared(rows.residual) if loss is None else loss
    m, p = len(at), rows.x.shape[1]
    index, distance = nearest(rows.places, at, rows.points, setting.neighbours)
    precision = prior(setting, p)
    q = len(precision)
    theta, error = np.zeros((m, 3 + p)), np.zeros((m, 3 + p))
    reach = np.empty(m)
    worst = 0.0
    for part in _chunks(m, setting.neighbours * (3 + p)):
        near = index[part]
        kernel, reach[part] = bisquare(distance[part])
        w = kernel * rows.weights[near]
        c = _columns(rows, at[part], near, reach[part])[:, :, :q]
        found = np.zeros((len(near), q))
        across = c.transpose(0, 2, 1)
        for _ in range(_STEPS):
            force, curvature = loss.pull(near, _times(c, found))
            slope = _times(across, w * force) - precision * found
            system = np.matmul(across * (w * curvature)[:, None, :], c) + np.diag(precision)
            rest = np.sqrt((slope**2).sum(1)) / precision.min()
            size = np.sqrt((found**2).sum(1))
            close = float((rest / np.where(size > 0, size, 1.0)).max())
            if close <= _CLOSE and size.any():
                break
            found = _descended(
                loss, near, c, w, precision, found, np.linalg.solve(system, slope[..., None])[..., 0]
            )
        theta[part, :q] = found
        worst = max(worst, close)
        spread = np.matmul(np.linalg.inv(system), across * w[:, None, :])
        # a row of weight a has the noise of a mean of a rows
        noise = curvature / np.where(rows.weights[near] > 0, rows.weights[near], 1.0)
        error[part, :q] = np.sqrt((spread**2 * noise[:, None, :]).sum(2))
    slopes = np.matmul(rows.places.directions(at), theta[:, 1:3, None])[:, :, 0] / reach[:, None]
    return Surfaces(theta[:, 0], slopes, theta[:, 3:], reach, error[:, 0], error[:, 3:], worst)


def _descended(
    loss: Loss, near: Index, c: Floats, w: Floats, precision: Floats, found: Floats, step: Floats
) -> Floats:
    """Take the Newton steps ``[m, q]``, each halved until its place's objective does not rise."""

    def objective(theta: Floats) -> Floats:
        fit = (w * loss.value(near, _times(c, theta))).sum(1)
        return np.asarray(fit + 0.5 * (precision * theta**2).sum(1))

    before = objective(found)
    allowed = before + 1e-12 * np.abs(before)
    length = np.ones(len(found))
    for _ in range(30):
        tried = found + length[:, None] * step
        high = objective(tried) > allowed
        if not high.any():
            return tried
        length[high] /= 2
    return np.where(high[:, None], found, tried)


def anchors(places: Places, points: Floats, most: int, generator: np.random.Generator) -> Floats:
    """Return at most ``most`` places ``[m, D]`` that stand for all: themselves, or means by k-means.

    Args:
        places: How far rows are apart.
        points: ``[n, D]`` known points.
        most: Most anchors.
        generator: Draws the first means (and 20,000 places, where there are more).
    """
    distinct = np.unique(points, axis=0)
    if len(distinct) <= most:
        return distinct
    if len(distinct) > 20_000:
        distinct = distinct[np.sort(generator.choice(len(distinct), 20_000, replace=False))]
    means = distinct[np.sort(generator.choice(len(distinct), most, replace=False))]
    for _ in range(10):
        owner = np.concatenate(
            [squares(distinct[part], means).argmin(1) for part in _chunks(len(distinct), most)]
        )
        count = np.bincount(owner, minlength=most)
        sums = np.stack([np.bincount(owner, weights=v, minlength=most) for v in distinct.T], axis=1)
        means = np.where(count[:, None] > 0, sums / np.maximum(count, 1)[:, None], means)
    if places.sphere:  # the mean of points on a sphere lies below its surface
        means *= (np.sqrt((distinct[0] ** 2).sum()) / np.sqrt((means**2).sum(1)))[:, None]
    return means
