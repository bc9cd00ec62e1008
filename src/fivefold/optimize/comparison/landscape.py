"""What F looks like around a point: its eigen-directions, its values on a plane of two, and along a path."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.core import Budget, NumericalError, Status, require
from fivefold.linalg import eigh
from fivefold.objective import DataObjective, Linear, Objective

WHOLE_SIZE = 1000
"""Largest P of a linear model at which the whole spectrum is computed; beyond it, only its two ends."""
WHOLE_GENERAL = 200
"""The same where each column of the Hessian costs a product through automatic differentiation."""
_NUMBERS = 2**22
"""Numbers that a block of points may take in each of the objective's working copies: 32 MiB in float64."""
_MOST_POINTS = 100_000
_ENDLESS = 1e15


@dataclass(frozen=True, eq=False, slots=True)
class Landscape:
    """Eigen-directions of the Hessian at a point.

    Args:
        w: The point [P].
        values: Eigenvalues that were found, falling: all P, or the ends of the spectrum.
        vectors: Their eigenvectors, [P, len(values)], each with its largest entry positive.
        whole: Whether the values are all there are.
        status: ``CONVERGED`` where each vector's residual reached the tolerance.
    """

    w: Tensor
    values: Tensor
    vectors: Tensor
    whole: bool
    status: Status

    @property
    def plane(self) -> Tensor:
        """The directions of largest and smallest curvature, [2, P]; with one parameter the second is 0."""
        if self.vectors.shape[1] == 1:
            return torch.cat([self.vectors.mT, torch.zeros_like(self.vectors.mT)])
        return torch.stack([self.vectors[:, 0], self.vectors[:, -1]])

    def curved(self) -> "Landscape":
        """Leave out directions whose eigenvalue is 0 up to rounding: a trillionth of the largest."""
        kept = self.values.abs() > 1e-12 * self.values.abs().max()
        if bool(kept.all()) or not bool(kept.any()):
            return self
        return Landscape(self.w, self.values[kept], self.vectors[:, kept], self.whole, self.status)

    @property
    def condition(self) -> float:
        """lambda_max / lambda_min; infinite where the smallest is not positive."""
        low = float(self.values[-1])
        return float(self.values[0]) / low if low > 0 else math.inf

    @property
    def largest_rate(self) -> float:
        """2 / lambda_max, beyond which gradient descent grows along the steepest direction."""
        top = float(self.values[0])
        return 2 / top if top > 0 else math.inf


def landscape(objective: Objective, w: Tensor, *, ends: int = 6, seed: int = 0) -> Landscape:
    r"""Return the eigen-directions of the Hessian at w.

    .. math:: \nabla^2 F(w) v_i = \lambda_i v_i

    All of them up to P = 1000 for a linear model and 200 for another; beyond that the ``ends`` largest and
    smallest, by Lanczos.

    Args:
        objective: F.
        w: The point [P].
        ends: How many of either end beyond that, at least 1.
        seed: Of Lanczos' first block.

    Raises:
        ArgumentError: Not one point, or fewer than 1 of either end.
        NumericalError: The Hessian is not finite there.

    >>> F = Objective.from_function(lambda w: w[0] ** 2 + 5 * w[1] ** 2, torch.zeros(2))
    >>> found = landscape(F, torch.ones(2))
    >>> found.values.tolist(), found.condition, found.plane.tolist()
    ([10.0, 2.0], 5.0, [[0.0, 1.0], [1.0, 0.0]])
    """
    require(tuple(w.shape) == (objective.size,), f"one point of shape ({objective.size},)", tuple(w.shape))
    require(ends >= 1, "at least 1 of either end", ends)
    operator = objective.hessian(w)
    linear = isinstance(objective, DataObjective) and isinstance(objective.model, Linear)
    if objective.size <= (WHOLE_SIZE if linear else WHOLE_GENERAL):
        H = operator.to_dense()
        _require_finite(H)
        found = eigh((H + H.mT) / 2)
        return Landscape(w, found.values, found.vectors, True, found.status)
    _require_finite(operator.apply(w.new_ones(objective.size, 1)))
    most = {"method": "lanczos", "tolerance": 1e-6, "seed": seed, "budget": Budget(steps=200)}
    top = eigh(operator, ends, **most)  # type: ignore[arg-type]
    low = eigh(operator, ends, which="smallest", **most)  # type: ignore[arg-type]
    good = top.status.succeeded and low.status.succeeded
    return Landscape(
        w,
        torch.cat([top.values, low.values.flip(0)]),
        torch.cat([top.vectors, low.vectors.flip(1)], dim=1),
        False,
        Status.CONVERGED if good else Status.OUT_OF_BUDGET,
    )


def _require_finite(numbers: Tensor) -> None:
    if not bool(torch.isfinite(numbers).all()):
        raise NumericalError("a finite Hessian at w", "infinity or NaN", "look at another point")


def project(path: Tensor, origin: Tensor, directions: Tensor) -> Tensor:
    r"""Return the coordinates of points in orthonormal directions, :math:`\langle w_t - o, v_i \rangle`.

    Args:
        path: [T, P].
        origin: [P].
        directions: [k, P].

    Returns:
        [T, k].

    >>> project(torch.tensor([[1.0, 2.0]]), torch.ones(2), torch.eye(2)).tolist()
    [[0.0, 1.0]]
    """
    return (path - origin) @ directions.mT


def plane_values(
    objective: Objective, origin: Tensor, directions: Tensor, first: Tensor, second: Tensor
) -> Tensor:
    r"""Return F on the grid :math:`o + s v_1 + t v_2`.

    Args:
        objective: F.
        origin: [P].
        directions: [2, P].
        first: s, [m].
        second: t, [n]; m n at most 100,000.

    Returns:
        [m, n]; not finite where F is not.

    Raises:
        ArgumentError: Too many points, or directions that are not two of length P.

    >>> F = Objective.from_function(lambda w: w @ w, torch.zeros(2))
    >>> s = torch.tensor([0.0, 1.0])
    >>> plane_values(F, torch.zeros(2), torch.eye(2), s, s).tolist()
    [[0.0, 1.0], [1.0, 2.0]]
    """
    P = objective.size
    require(tuple(directions.shape) == (2, P), f"directions of shape (2, {P})", tuple(directions.shape))
    m, n = len(first), len(second)
    require(m * n <= _MOST_POINTS, f"at most {_MOST_POINTS:,} points", m * n)
    s, t = torch.meshgrid(first.to(origin), second.to(origin), indexing="ij")
    offsets = torch.stack([s.reshape(-1), t.reshape(-1)], dim=1)
    return torch.cat(
        [
            values_at(objective, origin + part @ directions)
            for part in torch.split(offsets, block_size(objective))
        ]
    ).reshape(m, n)


def values_at(objective: Objective, points: Tensor) -> Tensor:
    """Return F at points [T, P] in blocks of bounded size, [T].

    >>> values_at(Objective.from_function(lambda w: w @ w, torch.zeros(1)), torch.ones(3, 1)).tolist()
    [1.0, 1.0, 1.0]
    """
    if len(points) == 0:
        return points.new_zeros(0)
    with torch.no_grad():
        return torch.cat(
            [objective.value(part).detach() for part in torch.split(points, block_size(objective))]
        )


def block_size(objective: Objective) -> int:
    """Return how many points may be evaluated at once: fewer where there are many rows or parameters.

    >>> block_size(Objective.from_function(lambda w: w @ w, torch.zeros(2)))
    2097152
    """
    rows = objective.rows if isinstance(objective, DataObjective) else 1
    outputs = objective.likelihood.outputs if isinstance(objective, DataObjective) else 1
    return max(1, _NUMBERS // max(objective.size, rows * outputs))


def along_path(objective: Objective, path: Tensor, inside: int = 4) -> tuple[Tensor, Tensor]:
    r"""Return F along the polyline through points, and the length travelled.

    Args:
        objective: F.
        path: Points [T, P], T >= 1.
        inside: Points evaluated inside each segment, at least 0.

    Returns:
        The length [S] and F [S], with S = 1 + (T - 1)(inside + 1); the path's own points are every
        (inside + 1)-th.

    Raises:
        ArgumentError: No points, fewer than 0 inside, or more than 100,000 in all.

    >>> F = Objective.from_function(lambda w: w @ w, torch.zeros(1))
    >>> length, value = along_path(F, torch.tensor([[2.0], [-1.0]]), inside=2)
    >>> length.tolist(), value.tolist()
    ([0.0, 1.0, 2.0, 3.0], [4.0, 1.0, 0.0, 1.0])
    """
    require(len(path) >= 1, "a path of at least 1 point", len(path))
    require(inside >= 0, "at least 0 points inside a segment", inside)
    count = 1 + (len(path) - 1) * (inside + 1)
    require(count <= _MOST_POINTS, f"at most {_MOST_POINTS:,} points", count)
    share = torch.arange(1, inside + 2, dtype=path.dtype, device=path.device) / (inside + 1)
    steps = path[1:] - path[:-1]
    between = (path[:-1, None, :] + share[:, None] * steps[:, None, :]).reshape(-1, path.shape[1])
    lengths = (steps.norm(dim=1) / (inside + 1)).repeat_interleave(inside + 1)
    length = torch.cat([path.new_zeros(1), lengths.cumsum(0)])
    return length, values_at(objective, torch.cat([path[:1], between]))


def descent_steps(values: Tensor, coordinates: Tensor, share: float) -> float:
    r"""Return how many steps gradient descent needs at its best fixed rate, on a quadratic.

    .. math:: \min k: \sum_i \lambda_i c_i^2 (1 - \eta\lambda_i)^{2k} \le s \sum_i \lambda_i c_i^2,
              \quad \eta = 2 / (\lambda_{max} + \lambda_{min})

    Source: Nocedal and Wright, "Numerical Optimization", 2006, section 3.3.

    Args:
        values: Eigenvalues [P], at least 0; those of 0 hold no value and do not count.
        coordinates: c, the start's coordinates in the eigen-directions about the minimum [P].
        share: s, the share of the start's F - min F that may be left, in (0, 1).

    Returns:
        k, whole; infinite beyond 1e15, and 0 from the minimum.

    Raises:
        ArgumentError: Shapes that differ, or a share outside (0, 1).

    >>> descent_steps(torch.tensor([9.0, 1.0]), torch.tensor([0.0, 1.0]), 0.01)
    11.0
    """
    require(values.shape == coordinates.shape, f"coordinates {tuple(values.shape)}", coordinates.shape)
    require(0 < share < 1, "a share in (0, 1)", share)
    curved = values > 0
    lambdas = values[curved].to(torch.float64)
    parts = lambdas * coordinates[curved].to(torch.float64) ** 2
    if not float(parts.sum()) > 0:
        return 0.0
    shrink = (1 - 2 * lambdas / (lambdas.max() + lambdas.min())).abs()

    def left(k: float) -> float:
        return float((parts * shrink ** (2 * k)).sum() / parts.sum())

    low, high = 0.0, 1.0
    while left(high) > share:
        low, high = high, 2 * high
        if high > _ENDLESS:
            return math.inf
    while high - low > 1:
        middle = math.floor((low + high) / 2)
        low, high = (low, float(middle)) if left(middle) <= share else (float(middle), high)
    return high
