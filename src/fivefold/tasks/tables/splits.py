"""Which rows train, choose and test: random, by group, or by time.

A group (``--group``) is never divided between two parts. With a time (``--time``) the test rows are the last
ones, and every fold is judged on rows later than those it was trained on.

Twins, rows with equal features, share a fold: a method that remembers rows would otherwise be judged on what
it remembers. Their targets do not matter: a copy with another target (a later correction, a second rater)
gives its place away as well. Where rows are drawn from few different ones (a designed experiment, a table of
a few categories) new rows repeat old ones, too; there to meet them again is no leak but the task, and twins
are divided like other rows. Of pictures and texts this never holds: there a splitter is ``strict``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fivefold.core import ArgumentError, DataError, numpy_generator

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_MOST_COPIES = 4
"""Rows per different row up to which equal rows are copies; beyond, they are the nature of the table."""


@dataclass(frozen=True, eq=False)
class Splitter:
    """How rows are divided.

    Attributes:
        seed: Seed of every random division.
        strata: ``[n]`` codes of classes that every part should hold in proportion, or ``None``.
        groups: ``[n]`` codes of groups that stay together, or ``None``.
        times: ``[n]`` times that order the rows, or ``None``.
        twins: ``[n]`` codes of rows, equal where all features are, or ``None``; without a meaning beside
            groups (the user says what depends on what) and times (the past may repeat).
        strict: Whether twins share a fold however many they are.
    """

    seed: int
    strata: npt.NDArray[np.int64] | None = None
    groups: npt.NDArray[np.int64] | None = None
    times: Floats | None = None
    twins: npt.NDArray[np.int64] | None = None
    strict: bool = False

    def __post_init__(self) -> None:
        if self.groups is not None and self.times is not None:
            raise ArgumentError(
                "groups or times",
                "both: a group whose rows lie before and after a cut in time would stand on both sides of it",
                "give --group where new groups are to be predicted, --time where known ones are to be later",
            )

    def take(self, rows: Rows) -> "Splitter":
        """Return the splitter of some of the rows."""

        def part(values: Any) -> Any:
            return None if values is None else values[rows]

        parts = (part(self.strata), part(self.groups), part(self.times), part(self.twins))
        return Splitter(self.seed, *parts, self.strict)

    def test(self, n: int, share: float = 0.2) -> tuple[Rows, Rows]:
        """Return sorted training and test rows; the test part holds about ``share`` of ``n`` rows.

        Raises:
            DataError: Too few rows or groups to hold any out, or nothing but twins that stay together.
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
        # With groups the folds differ in size, and the largest group is in the first one; so with
        # strict twins.
        sizes = np.bincount(assignment, minlength=1)
        distance = np.where(sizes > 0, np.abs(sizes - share * n), np.inf)
        out = 0 if self.groups is None and not self.strict else int(np.argmin(distance))
        if self.strict and sizes[out] == n:
            raise DataError("rows that differ", f"{n:,} copies of one", "add others")
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
        classes: npt.NDArray[Any] = np.zeros(n, dtype=np.int64) if self.strata is None else self.strata
        strata = np.unique(classes, return_inverse=True)[1].reshape(-1)
        order = generator.permutation(n)
        out = np.full(n, -1)
        held = self._place_twins(out, order, strata, folds)  # rows [folds, strata] that have their fold
        for code in range(held.shape[1]):
            rows = order[strata[order] == code]
            rows = rows[out[rows] < 0]
            # to the fold with the fewest rows of the class, and among these with the fewest rows
            lightest = np.argsort(held.sum(1), kind="stable")
            out[rows] = lightest[_lightest(held[lightest, code], len(rows))]
            held[:, code] += np.bincount(out[rows], minlength=folds)
        return out

    def _place_twins(self, out: Rows, order: Rows, strata: Rows, folds: int) -> Rows:
        """Give every set of twins one fold in ``out [n]``; return how many rows each has, ``[folds, K]``.

        A set goes to the fold where its classes are rarest, the largest sets first.
        """
        size = np.bincount(strata)
        load = np.zeros((folds, len(size)), dtype=np.int64)
        if self.twins is None:
            return load
        _, code, count = np.unique(self.twins[order], return_inverse=True, return_counts=True)
        code = code.reshape(-1)
        # as many different rows as leave no fold empty, and no set that no fold can hold
        if not self.strict and (len(count) * _MOST_COPIES < len(order) or len(count) < 2 * folds):
            return load
        repeated = np.flatnonzero((count > 1) & (self.strict | (count * folds <= len(order))))
        members = np.split(order[np.argsort(code, kind="stable")], np.cumsum(count)[:-1])
        for one in repeated[np.argsort(-count[repeated], kind="stable")]:
            rows = members[one]
            classes = np.bincount(strata[rows], minlength=len(size))
            fold = np.lexsort((load.sum(1), load @ (classes / size)))[0]
            out[rows] = fold
            load[fold] += classes
        return load

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


def _lightest(load: Rows, count: int) -> Rows:
    """Return the folds ``[count]`` of single rows, each to the then lightest; the first among equals.

    >>> _lightest(np.array([2, 0, 1]), 4).tolist()
    [1, 2, 1, 0]
    """
    most = count // len(load) + int(np.ptp(load)) + 1
    heights = load + np.arange(most)[:, None]
    return np.argsort(heights.reshape(-1), kind="stable")[:count] % len(load)
