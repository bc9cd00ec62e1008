"""A box of bounds on the parameters: the projection onto it, and how far a point is from stationary in it."""

import math

import torch
from torch import Tensor

from fivefold.core import ArgumentError, require
from fivefold.linalg import Array
from fivefold.linalg.arrays import to_tensor
from fivefold.objective import Objective


class Box:
    """The points with low <= w <= high, coordinate by coordinate.

    Args:
        low: [P]; may be minus infinity.
        high: [P], at least low; may be infinity.

    >>> box = Box(torch.zeros(2), torch.tensor([1.0, torch.inf]))
    >>> box.project(torch.tensor([[-1.0, 5.0]])).tolist()
    [[0.0, 5.0]]
    >>> box.distance(torch.zeros(1, 2), torch.tensor([[3.0, -0.5]])).tolist()
    [0.5]
    """

    kind = "bounds"

    def __init__(self, low: Tensor, high: Tensor) -> None:
        self.low, self.high = low, high

    def project(self, w: Tensor) -> Tensor:
        """The nearest point in the box, for points [..., P]."""
        return torch.minimum(torch.maximum(w, self.low), self.high)

    def contains(self, w: Tensor) -> Tensor:
        """Whether points [..., P] lie in it: [...]."""
        return ((w >= self.low) & (w <= self.high)).all(-1)

    def distance(self, w: Tensor, gradient: Tensor) -> Tensor:
        """|w - project(w - g)| per point: 0 exactly where no direction into the box leads down."""
        norm: Tensor = (w - self.project(w - gradient)).norm(dim=-1)
        return norm

    def held(self, w: Tensor, gradient: Tensor) -> Tensor:
        """Which coordinates lie on a bound that the negative gradient points out of, [..., P]."""
        return ((w <= self.low) & (gradient > 0)) | ((w >= self.high) & (gradient < 0))

    def largest_fall(self, w: Tensor, gradient: Tensor, m: float) -> float:
        r"""How much lower F can be in the box than at w [P], if F is convex with strong convexity m >= 0.

        .. math:: \max_{v \in \text{box}}\; g^\top (w - v) - \tfrac m2 |w - v|^2

        which is separable; infinite where m = 0 and a side that the negative gradient points to is open.
        """
        if m > 0:
            v = self.project(w - gradient / m)
            return max(float((gradient * (w - v) - 0.5 * m * (w - v).square()).sum()), 0.0)
        end = torch.where(gradient > 0, self.low, self.high)
        fall = torch.where(gradient == 0, torch.zeros_like(w), gradient * (w - end))
        return float(fall.sum())


def box_of(objective: Objective, bounds: tuple[Array | float, Array | float]) -> Box:
    """Read a pair of bounds.

    Args:
        objective: F, for its size, dtype and device.
        bounds: low and high, each one number or [P] of them; infinities are allowed, NaN is not.

    Raises:
        ArgumentError: No pair, NaN, a wrong length, bounds that cross, or one that no number satisfies.

    >>> F = Objective.from_function(lambda w: (w**2).sum(), [1.0, 2.0])
    >>> box_of(F, (0.5, [1.0, math.inf])).high.tolist()
    [1.0, inf]
    """
    require(
        isinstance(bounds, tuple | list) and len(bounds) == 2, "bounds as a pair (low, high)", repr(bounds)
    )
    ends = []
    for name, given in zip(("the low bound", "the high bound"), bounds, strict=True):
        end = to_tensor(given, name, dims=(0, 1), finite=False)
        end = end.to(dtype=objective.dtype, device=objective.device)
        if end.ndim == 1 and end.shape[0] != objective.size:
            raise ArgumentError(f"{name} as one number or [{objective.size}]", f"shape {tuple(end.shape)}")
        require(not bool(torch.isnan(end).any()), f"{name} without NaN", "NaN", "use infinity for no bound")
        ends.append(end.expand(objective.size).clone())
    low, high = ends
    crossed = ((low > high) | (low == math.inf) | (high == -math.inf)).nonzero()[:, 0].tolist()
    if crossed:
        j = crossed[0]
        raise ArgumentError(
            "low <= high with a number between them",
            f"low {float(low[j]):g} and high {float(high[j]):g} at {len(crossed)} coordinates, first {j}",
            "exchange them",
        )
    return Box(low, high)
