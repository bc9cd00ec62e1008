"""Which action costs least on average, given the probabilities of what is true."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.core import DataError, require
from fivefold.probability.samples import Array, as_matrix


@dataclass(frozen=True, eq=False, slots=True)
class Decision:
    """The action of least expected cost per row.

    Args:
        action: Its number ``[n]``; the first of several that cost the same.
        expected_cost: Of that action ``[n]``.
        regret: How much more the second-best action would cost ``[n]``; near 0 it hardly matters.
        costs: Expected, of every action ``[n, A]``.
    """

    action: NDArray[np.int64]
    expected_cost: Array
    regret: Array
    costs: Array


def least_cost(probabilities: Any, cost: Any) -> Decision:
    r"""Return for each row the action of least expected cost.

    .. math:: a^* = \arg\min_a \sum_k p_k\, C_{ka}

    With the cost 1 for a wrong class and 0 for the right one this is the most probable class. For two classes
    and costs only for errors, class 1 is named from the probability
    :math:`C_{01} / (C_{01} + C_{10})` on.

    Source: Berger 1985, "Statistical Decision Theory and Bayesian Analysis", section 4.4.

    Args:
        probabilities: p, ``[n, K]``, rows that sum to 1.
        cost: C, ``[K, A]``: what action a costs when class k is true, in any unit; gains are negative.

    Raises:
        DataError: Negative probabilities, rows that do not sum to 1, numbers that are not finite.
        ArgumentError: Shapes that do not fit.

    >>> miss, alarm = 10.0, 1.0
    >>> least_cost([[0.95, 0.05], [0.8, 0.2]], [[0, alarm], [miss, 0]]).action
    array([0, 1])
    """
    require(np.ndim(probabilities) == 2, "probabilities [n, K]", f"shape {np.shape(probabilities)}")
    require(np.ndim(cost) == 2, "a cost matrix [K, A]", f"shape {np.shape(cost)}")
    p = as_matrix(probabilities, "the probabilities", least=1)
    C = as_matrix(cost, "the cost matrix", least=1)
    require(len(C) == p.shape[1], f"a cost matrix with {p.shape[1]} rows, one per class", f"{len(C)} rows")
    if (p < 0).any():
        raise DataError("probabilities of at least 0", f"{p.min():g}")
    gap = np.abs(p.sum(1) - 1)
    if gap.max() > 1e-6:
        worst = int(gap.argmax())
        raise DataError(
            "rows of probabilities that sum to 1", f"{p[worst].sum():g} in row {worst}", "normalise them"
        )
    costs = p @ C
    action = costs.argmin(1)
    ranked = np.sort(costs, axis=1)
    regret = ranked[:, 1] - ranked[:, 0] if C.shape[1] > 1 else np.full(len(p), np.inf)
    return Decision(action, ranked[:, 0], regret, costs)
