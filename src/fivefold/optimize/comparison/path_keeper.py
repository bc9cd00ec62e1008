"""A data objective that keeps the points at which it was evaluated, as far as each lowered F."""

import math

from torch import Tensor

from fivefold.linalg import Array
from fivefold.objective import DataObjective
from fivefold.optimize.comparison.counted import made_twin

MOST_POINTS = 400


class PathKeeper:
    """Points of one run, each lower than those before; bounded, and thinned out evenly where there are more.

    >>> import torch
    >>> keeper = PathKeeper()
    >>> for value in (3.0, 4.0, 1.0):
    ...     keeper.see(torch.tensor([value]), torch.tensor(value))
    >>> [float(w) for w in keeper.points]
    [3.0, 1.0]
    """

    def __init__(self) -> None:
        self._points: list[Tensor] = []
        self._last: Tensor | None = None
        self._lowest = math.inf
        self._stride, self._count = 1, 0

    def see(self, w: Tensor, value: Tensor) -> None:
        """Take in points w [..., P] with F there [...]."""
        for point, here in zip(w.reshape(-1, w.shape[-1]), value.reshape(-1).tolist(), strict=True):
            if not here < self._lowest:
                continue
            self._lowest, self._last = here, point.detach().clone()
            if self._count % self._stride == 0:
                self._points.append(self._last)
            self._count += 1
            if len(self._points) > MOST_POINTS:
                self._points, self._stride = self._points[::2], 2 * self._stride

    @property
    def points(self) -> list[Tensor]:
        """The points [P], the first and the lowest among them."""
        lacks = self._last is not None and (not self._points or self._points[-1] is not self._last)
        return [*self._points, self._last] if lacks and self._last is not None else list(self._points)


class _Kept(DataObjective):
    """Before a data objective's class: shows the keeper what is evaluated on all rows."""

    _keeper: PathKeeper | None

    def on(self, rows: Array) -> DataObjective:
        part = super().on(rows)
        vars(part)["_keeper"] = None  # another function
        return part

    def _value_and_gradient(self, w: Tensor) -> tuple[Tensor, Tensor]:
        value, gradient = super()._value_and_gradient(w)
        if self._keeper is not None:
            self._keeper.see(w, value)
        return value, gradient


def keep_path(objective: DataObjective, keeper: PathKeeper) -> DataObjective:
    """Return a twin of a data objective, of its own class too, whose keeper sees every point it evaluates.

    Args:
        objective: F; it stays as it is.
        keeper: Where the points go, as long as value and gradient are evaluated on all rows.

    >>> import torch
    >>> from fivefold.objective import Linear
    >>> from fivefold.probability import Gaussian
    >>> X = torch.ones(3, 1, dtype=torch.float64)
    >>> keeper = PathKeeper()
    >>> F = DataObjective(Linear(X, intercept=False), Gaussian(sd=1.0), (X, [1.0, 1.0, 1.0]))
    >>> F = keep_path(F, keeper)
    >>> _ = F.gradient([[0.0], [0.5]]), F.on([0]).gradient([1.0])
    >>> [float(w) for w in keeper.points]
    [0.0, 0.5]
    """
    twin = made_twin(objective, _Kept)
    vars(twin).update(_keeper=keeper)
    return twin
