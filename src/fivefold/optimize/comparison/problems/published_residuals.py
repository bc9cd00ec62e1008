"""A published least-squares problem as a :class:`Problem`: residuals, a start and a sum of squares."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from fivefold.objective import Objective
from fivefold.optimize.comparison.problems.problem import Problem

Residuals: TypeAlias = Callable[[Tensor], Tensor]
"""Parameters [P] to residuals [m]."""
Row: TypeAlias = tuple[str, Residuals, Sequence[float], float, Sequence[float] | None]
"""Name, residuals, start, least sum of squares and minimiser: a line of a collection."""


def published_residuals(
    name: str,
    residuals: Residuals,
    start: Sequence[float],
    sum_of_squares: float | None,
    solution: Sequence[float] | None,
    source: str,
) -> Problem:
    r"""Make a problem of published residuals, in float64.

    .. math:: F(w) = \tfrac12 \sum_i r_i(w)^2

    so that its minimum is half the published sum of squares.

    Args:
        name: Its name.
        residuals: r, [P] to [m], in torch operations.
        start: The published start, P numbers.
        sum_of_squares: The lowest published :math:`\sum r_i^2`, or ``None``.
        solution: The published minimiser, P numbers; ``None`` where there is none, or several.
        source: Who published it.

    >>> slope = published_residuals("slope", lambda w: 2 * w - 3, [0.0], 0.0, [1.5], "school")
    >>> float(slope.make().value(slope.starts[0]))
    4.5
    """
    first = torch.tensor(start, dtype=torch.float64)
    best = None if solution is None else torch.tensor(solution, dtype=torch.float64)
    minimum = None if sum_of_squares is None else 0.5 * sum_of_squares
    return Problem(
        name, lambda: Objective.from_residuals(residuals, first), first[None].clone(), minimum, best, source
    )


def numbers(text: str, like: Tensor) -> Tensor:
    """Read numbers separated by white space into a tensor of the dtype and device of another.

    >>> numbers("1 .5", torch.zeros(1))
    tensor([1.0000, 0.5000])
    """
    return torch.tensor([float(each) for each in text.split()], dtype=like.dtype, device=like.device)
