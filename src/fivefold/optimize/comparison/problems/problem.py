"""A test problem: an objective, where to start, and what is published about its minimum."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from fivefold.core import require
from fivefold.objective import Objective


@dataclass(frozen=True, eq=False, slots=True)
class Problem:
    """A published minimisation problem.

    Args:
        name: Its name in its collection.
        make: Makes the objective F of P parameters; each call makes a fresh one.
        starts: S published starts, [S, P].
        minimum: The lowest published F, in the objective's own scale (half the sum of squares for
            residuals); ``None`` where none is published.
        solution: The published minimiser [P]; ``None`` where there is none, or several.
        source: Who published it, and where.

    Raises:
        ArgumentError: Starts that are not [S, P], or a solution that is not [P].

    >>> import torch
    >>> start = torch.tensor([[3.0, 4.0]])
    >>> parabola = Problem("parabola", lambda: Objective.from_function(lambda w: w @ w, start[0]), start,
    ...                    0.0, torch.zeros(2), "school")
    >>> parabola.size, float(parabola.make().value(parabola.starts[0]))
    (2, 25.0)
    """

    name: str
    make: Callable[[], Objective]
    starts: Tensor
    minimum: float | None
    solution: Tensor | None
    source: str

    def __post_init__(self) -> None:
        shape = tuple(self.starts.shape)
        require(len(shape) == 2 and min(shape) >= 1, "starts of shape [S, P]", f"shape {shape}")
        if self.solution is not None:
            got = tuple(self.solution.shape)
            require(got == shape[1:], f"a solution of shape {shape[1:]}", f"shape {got}")

    @property
    def size(self) -> int:
        """The number of parameters P."""
        return self.starts.shape[1]
