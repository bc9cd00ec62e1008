"""Which rows train, choose and test: random, by group, or by time.

A group (``--group``) is never divided between two parts. With a time (``--time``) the test rows are the last
ones, and every fold is judged on rows later than those it was trained on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fivefold.core import DataError, numpy_generator

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Splitter:
    """How rows are divided.

    Attributes:
        seed: Seed of every random division.
        strata: ``[n]`` codes of classes that every part should hold in proportion, or ``None``.
        groups: ``[n]`` codes of groups that stay together, or ``None``.
        times: ``[n]`` times that order the rows, or ``None``.
    """

    seed: int
    strata: npt.NDArray[np.int64] | None = None
    groups: npt.NDArray[np.int64] | None = None
    times: Floats | None = None

    def take(self, rows: Rows) -> "Splitter":
        """Return the splitter of some of the rows."""

        def part(values: Any) -> Any:
            return None if values is None else values[rows]

        return Splitter(self.seed, part(self.strata), part(self.groups), part(self.times))

    def test(self, n: int, share: float = 0.2) -> tuple[Rows, Rows]:
        """Return sorted training and test rows; the test part holds about ``share`` of ``n`` rows.

        Raises:
            DataError: Too few rows or groups to hold any out.
        """
        if self.times is not None:
            cut = float(np.quantile(self.times, 1 - share))
            late = self.times > cut
            if not late.any():
                raise DataError(
                    "times that differ", "most rows at the latest time", "drop --time, or give a finer column"
                )
            return np.flatnonzero(~late), np.flatnonzero(late)
        assignment = self.assign(n, self._most_folds(max(2, round(1 / share))), "test")
        # With groups the folds differ in size, and the largest group is in the first one.
        sizes = np.bincount(assignment)
        out = 0 if self.groups is None else int(np.argmin(np.abs(sizes - share * n)))
        return np.flatnonzero(assignment != out), np.flatnonzero(assignment == out)

    def _most_folds(self, folds: int) -> int:
        """No more folds than groups, but two."""
        return folds if self.groups is None else max(2, min(folds, len(np.unique(self.groups))))

    def assign(self, n: int, folds: int, *names: str | int) -> npt.NDArray[np.int64]:
        """Return the fold ``[n]`` of every row, random, within strata and never through a group."""
        generator = numpy_generator(self.seed, "split", *names)
        if self.groups is not None:
            labels, inverse, counts = np.unique(self.groups, return_inverse=True, return_counts=True)
            if len(labels) < folds:
                raise DataError(
                    f"at least {folds} groups", str(len(labels)), "group by a column with more levels"
                )
            # The largest groups first, each to the lightest fold; ties and equal sizes in random order.
            order = generator.permutation(len(labels))
            order = order[np.argsort(-counts[order], kind="stable")]
            load, fold_of = np.zeros(folds), np.empty(len(labels), dtype=np.int64)
            for label in order:
                fold_of[label] = int(np.argmin(load))
                load[fold_of[label]] += counts[label]
            return fold_of[inverse.reshape(-1)]
        order = generator.permutation(n)
        out = np.empty(n, dtype=np.int64)
        if self.strata is None:
            out[order] = np.arange(n) % folds
            return out
        at = 0
        for code in np.unique(self.strata):
            rows = order[self.strata[order] == code]
            out[rows] = (np.arange(len(rows)) + at) % folds
            at += len(rows)
        return out

    def folds(self, n: int, count: int, repetition: int) -> Iterator[tuple[Rows, Rows]]:
        """Yield training and validation rows of every fold of one repetition.

        Raises:
            DataError: Too few groups, or times that do not differ.
        """
        if self.times is not None:
            # Rolling origin: the first part only trains, every later one judges the rows before it.
            edges = np.quantile(self.times, np.linspace(0, 1, count + 2)[1:])
            part = np.searchsorted(edges[:-1], self.times, side="left")
            judged = [(np.flatnonzero(part < f), np.flatnonzero(part == f)) for f in range(1, count + 1)]
            judged = [(before, now) for before, now in judged if len(before) and len(now)]
            if not judged:
                raise DataError(
                    "training rows at different times",
                    "most at one time",
                    "drop --time, or give a finer column",
                )
            yield from judged
            return
        count = self._most_folds(count)
        assignment = self.assign(n, count, "fold", repetition)
        for fold in range(count):
            yield np.flatnonzero(assignment != fold), np.flatnonzero(assignment == fold)
