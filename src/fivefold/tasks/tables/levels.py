r"""A category of many levels as one number: what its level adds to the target, shrunken by its evidence.

With :math:`t` the centred target, :math:`n_l` the rows of level :math:`l`, and the model
:math:`t_i = b_{l(i)} + e_i,\ b \sim N(0, \sigma_b^2),\ e \sim N(0, \sigma^2)`, the expectation of the level's
effect given its rows is

.. math::
    \hat b_l = \frac{\sum_{i \in l} t_i}{n_l + \lambda}, \qquad \lambda = \sigma^2 / \sigma_b^2,

with the variances by the analysis of variance,

.. math::
    \sigma^2 = \frac{\sum_i (t_i - \bar t_{l(i)})^2}{n - L}, \qquad
    \sigma_b^2 = \frac{\sum_l n_l \bar t_l^2 - (L - 1) \sigma^2}{n - \sum_l n_l^2 / n} .

A training row must not see its own target through its level: its coordinate comes from the rows of the other
four of five folds (cross-fitting). Both are expectations given what was seen, so that one coefficient fits
both. Sources: Robinson, That BLUP is a good thing, Statistical Science 6 (1991); Micci-Barreca, A
preprocessing scheme for high-cardinality categorical attributes, SIGKDD Explorations 3 (2001).
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from fivefold.core import numpy_generator

Floats = npt.NDArray[np.float64]
_FOLDS = 5


def shrinkage(codes: npt.NDArray[np.int64], t: Floats) -> float:
    r"""Return :math:`\lambda`: how many rows a level needs to count half; infinite where levels tell nothing.

    Args:
        codes: ``[n]`` levels from 0.
        t: ``[n]`` centred target.

    >>> shrinkage(np.array([0, 0, 1, 1]), np.array([1.0, 1.0, -1.0, -1.0]))
    0.0
    """
    n, size = len(t), np.bincount(codes)
    levels = int((size > 0).sum())
    if not 1 < levels < n:
        return float("inf")
    sums = np.bincount(codes, weights=t)
    between = float((sums**2 / np.maximum(size, 1)).sum())
    within = max(float(t @ t) - between, 0.0) / (n - levels)
    own = (between - (levels - 1) * within) / (n - float((size.astype(np.float64) ** 2).sum()) / n)
    return within / own if own > 0 else float("inf")


@dataclass(frozen=True, eq=False)
class LevelMeans:
    """The shrunken means of a category's levels, one coordinate per working target.

    Attributes:
        column: The column.
        levels: Its levels in training.
        values: ``[L, q]`` their shrunken means over the standard deviations of the cross-fitted coordinates.
    """

    kind: ClassVar[str] = "level means"
    column: str
    levels: tuple[str, ...]
    values: Floats

    @classmethod
    def fit(cls, column: str, values: Any, targets: Floats, seed: int) -> "tuple[LevelMeans, Floats] | None":
        """Learn the means, and return them with the cross-fitted coordinates ``[n, q]`` of the training rows.

        Args:
            column: The column.
            values: ``[n]`` its values, ``None`` where missing.
            targets: ``[n, q]`` centred targets.
            seed: Seed of the folds.

        Returns:
            ``None`` where the levels tell nothing about any target.
        """
        levels = tuple(sorted({v for v in values if v is not None}))
        codes = cls(column, levels, np.zeros((len(levels), 0))).codes(values)
        known = np.flatnonzero(codes >= 0)
        fold = numpy_generator(seed, "level means", column).permutation(len(codes)) % _FOLDS
        means: list[Floats] = []
        crossed: list[Floats] = []
        cell, shape = codes[known] * _FOLDS + fold[known], (len(levels), _FOLDS)
        count = np.bincount(cell, minlength=shape[0] * _FOLDS).reshape(shape)
        for t in targets[known].T:
            weight = shrinkage(codes[known], t)
            sums = np.bincount(cell, weights=t, minlength=shape[0] * _FOLDS).reshape(shape)
            others = (sums.sum(1)[:, None] - sums) / (count.sum(1)[:, None] - count + max(weight, 1e-6))
            own = np.zeros(len(codes))
            own[known] = others.reshape(-1)[cell]
            if own.std() > 0:
                means.append(sums.sum(1) / (count.sum(1) + weight) / own.std())
                crossed.append(own / own.std())
        if not means:
            return None
        return cls(column, levels, np.column_stack(means)), np.column_stack(crossed)

    def codes(self, values: Any) -> npt.NDArray[np.int64]:
        """Return the level ``[n]`` of every value, -1 where it is missing or unseen."""
        table = {level: i for i, level in enumerate(self.levels)}
        return np.fromiter((table.get(v, -1) for v in values), dtype=np.int64, count=len(values))

    def transform(self, values: Any) -> tuple[Floats, list[str]]:
        """Return coordinates ``[n, q]`` and their names; 0, the mean of levels, where it is not known."""
        codes = self.codes(values)
        return np.where((codes >= 0)[:, None], self.values[codes], 0.0), self.names()

    def names(self) -> list[str]:
        """Return the names of the coordinates."""
        count = self.values.shape[1]
        return [
            f"{self.column} (mean of the level)" + (f" {q + 1}" if count > 1 else "") for q in range(count)
        ]

    def state(self) -> dict[str, Any]:
        """Return the saved form."""
        return {"kind": self.kind, "column": self.column, "levels": list(self.levels), "values": self.values}
