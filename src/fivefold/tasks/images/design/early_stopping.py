"""Which networks are not worth the rest of their training."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from fivefold.core import require

RUNGS = (0.25, 0.5)
"""Shares of a training after which it is judged."""
_STRICT = (2 / 3, 1.0)
"""Of the share that is stopped, what a rung stops: early accuracies tell less of late ones."""
WINDOW = 40
"""Earlier networks that set the bars, the last ones."""


@dataclass(frozen=True, slots=True)
class Bars:
    r"""What a network must reach at each rung to go on.

    The bar of a rung is the lower quantile of what earlier networks had at the same rung:
    successive halving without waiting for the others (Li, Jamieson et al., "A system for massively parallel
    hyperparameter tuning", 2020, whose rungs grow by a factor of 4; Golovin et al., "Google Vizier", 2017,
    stop below the median). Bars are set anew for each network, or for each round of several processes.

    Args:
        heights: One accuracy for each of :data:`RUNGS`; minus infinity lets everything pass.

    >>> Bars((0.5, 0.6)).stops(0, 0.4), Bars((0.5, 0.6)).stops(1, 0.6)
    (True, False)
    """

    heights: tuple[float, ...] = field(default=(-math.inf,) * len(RUNGS))

    def stops(self, rung: int, accuracy: float) -> bool:
        """Whether a network that has this accuracy at a rung is given up."""
        return accuracy < self.heights[rung]


def bars_from(curves: Sequence[Sequence[float]], *, share: float = 0.5, least: int = 8) -> Bars:
    """Set the bars from the accuracies of earlier networks.

    Args:
        curves: For each network its accuracy at the rungs that it reached, and at the end.
        share: Of the earlier networks that a new one must beat at half of its training, in 0..1; at a
            quarter two thirds of that; 0 stops nothing.
        least: Networks that must have been judged at a rung before it has a bar.

    Raises:
        ArgumentError: A share out of its range.

    >>> bars_from([(0.1 * k, 0.1 * k) for k in range(9)]).heights
    (0.30000000000000004, 0.4)
    """
    require(0 <= share <= 1, "a share in 0..1", share)
    heights = []
    for rung, strict in enumerate(_STRICT):
        values = sorted(curve[rung] for curve in curves if len(curve) > rung)
        enough = len(values) >= least and share > 0
        place = min(int(strict * share * len(values)), len(values) - 1)
        heights.append(values[place] if enough else -math.inf)
    return Bars(tuple(heights))
