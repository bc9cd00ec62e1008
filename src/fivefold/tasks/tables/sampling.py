r"""How many rows of a large table a fit takes, and which: drawn by their numbers, from the seed alone.

A fit keeps several copies of its rows at once: as read, as typed, as the part that a fold trains on, as
coordinates, and as the columns of the widest basis. Their sum is estimated from the numbers of rows and
columns, before anything is read. Beyond :data:`WORKING_BYTES` as many rows are drawn as stay below it. The
bound is a constant: were it the memory that happens to be free, the same seed would give other bits on
another day.

Rows are drawn uniformly without replacement, as numbers 0 … N - 1, so that the same table gives the same rows
whatever its format and however many threads read it. Every row has the same chance, and no weights are
needed. Two exceptions: groups (``--group``) are drawn whole; and of a class of which the draw holds fewer
than :data:`LEAST_OF_CLASS` rows, further rows are drawn, after which a row of class :math:`k` weighs

.. math:: w_k = \frac{N_k / N}{n_k / n},

the inverse of the ratio in which its class was drawn (Horvitz and Thompson, A generalization of sampling
without replacement from a finite universe, JASA 47, 1952), so that frequencies are those of the table.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fivefold.core import ArgumentError, DataError, numpy_generator

Numbers = npt.NDArray[np.int64]
WORKING_BYTES = 640 * 2**20
"""What the working copies of a fit may take by the estimate, unless the user says how many rows."""
LEAST_ROWS = 100
"""Fewest rows that a draw may consist of: they are divided into five parts, and one is set aside."""
LEAST_OF_CLASS = 50
_MOST_FRESH = 10_000
"""Rows drawn besides that nothing trains on: coverage is then known to a third of a percent."""
LEAST_FRESH = 1000
_PER_ROW = 480
_PER_NUMBER = 50
"""Bytes of six copies of a number as it is."""
_PER_SPLINE, _MOST_SPLINES = 250, 200
"""Bytes of a number's 11 columns of the basis: three copies in double precision and one in single, for four
fifths of the rows; no more numbers than this get a spline."""
_PER_TEXT = 500
"""A text takes 70 bytes, a category of twenty levels as many columns of the basis."""
LEAST_DRAWN = 5000
"""Fewer rows than this are never drawn for want of memory: where columns are that many, what grows with their
number alone needs more of it than the rows do."""
_LEAST_GROUPS = 10


@dataclass(frozen=True)
class Size:
    """What is known of a table before it is read.

    Attributes:
        rows: Number of rows.
        numbers: Columns of numbers, dates and booleans.
        texts: Columns of texts.
    """

    rows: int
    numbers: int
    texts: int

    @property
    def columns(self) -> int:
        """Number of columns."""
        return self.numbers + self.texts

    @property
    def typed(self) -> int:
        """Bytes of the whole typed table.

        >>> Size(1000, 2, 0).typed
        16000
        """
        return self.rows * (8 * self.numbers + 70 * self.texts)

    @property
    def per_row(self) -> int:
        """Bytes of a row's working copies in a fit."""
        basis = _PER_SPLINE * min(self.numbers, _MOST_SPLINES)
        return _PER_ROW + _PER_NUMBER * self.numbers + basis + _PER_TEXT * self.texts

    @property
    def working(self) -> int:
        """Bytes of the working copies of a fit of all rows.

        >>> Size(1000, 10, 0).working
        3480000
        """
        return self.rows * self.per_row


def parse_rows(rows: str | float | None) -> int | str | None:
    """Return the number of rows that the user wants, ``"all"``, or ``None`` where the size decides.

    Raises:
        ArgumentError: Neither ``all`` nor a whole number of at least :data:`LEAST_ROWS`.

    >>> parse_rows("50,000"), parse_rows("all"), parse_rows(None)
    (50000, 'all', None)
    """
    if rows is None:
        return None
    text = str(rows).strip().lower().replace(",", "").replace("_", "")
    if text == "all":
        return "all"
    if not (text.isascii() and text.isdigit() and int(text) >= LEAST_ROWS) or isinstance(rows, bool):
        raise ArgumentError(
            f"a number of rows of at least {LEAST_ROWS}, or all", repr(rows), "for example --rows 50000"
        )
    return int(text)


def planned_rows(size: Size, wanted: int | str | None, limit: int = WORKING_BYTES) -> int | None:
    """Return how many rows to draw, or ``None`` where all are taken.

    Without a wish as many as stay below the limit, and at least :data:`LEAST_DRAWN`.

    Args:
        size: The table.
        wanted: As :func:`parse_rows` returns it.
        limit: Bytes that the working copies may take where ``wanted`` is ``None``.

    >>> planned_rows(Size(2_000_000, 101, 0), None), planned_rows(Size(20_000, 101, 0), None)
    (21802, None)
    """
    if wanted == "all":
        return None
    count = max(limit // size.per_row, LEAST_DRAWN) if wanted is None else int(wanted)
    return count if count < size.rows else None


def fresh_rows(total: int, count: int) -> int:
    """Return how many rows to draw beside ``count`` for the calibration: 0 where too few are left.

    >>> fresh_rows(2_000_000, 20_000), fresh_rows(21_000, 20_000)
    (10000, 0)
    """
    fresh = min(_MOST_FRESH, (total - count) // 2, max(count // 2, LEAST_FRESH))
    return fresh if fresh >= LEAST_FRESH else 0


def draw_rows(total: int, count: int, fresh: int, seed: int) -> tuple[Numbers, Numbers]:
    """Return the sorted numbers ``[count]`` of rows drawn, and those ``[fresh]`` of rows drawn besides.

    Args:
        total: Rows of the table.
        count: How many rows to draw.
        fresh: How many besides; together at most ``total``.
        seed: The seed of the fit.

    >>> chosen, fresh = draw_rows(1000, 5, 3, seed=0)
    >>> len(np.unique(np.concatenate([chosen, fresh])))
    8
    """
    drawn = numpy_generator(seed, "sample of rows").choice(total, count + fresh, replace=False)
    drawn = drawn.astype(np.int64)
    return np.sort(drawn[:count]), np.sort(drawn[count:])


def draw_groups(sizes: Numbers, count: int, fresh: int, seed: int) -> tuple[Numbers, Numbers]:
    """Return the numbers of groups drawn whole, and of those drawn besides, in random order.

    Groups come in random order, each with the same chance. One that does not fit is passed over until half
    of the rows are reached, and ends the draw after that.

    Args:
        sizes: ``[G]`` rows of every group.
        count: Most rows of the draw.
        fresh: Most rows of the draw besides.
        seed: The seed of the fit.

    Raises:
        DataError: Fewer than 10 groups fit.
    """
    order = numpy_generator(seed, "sample of groups").permutation(len(sizes))
    chosen, rest = _filled(order, sizes, count)
    if len(chosen) < min(_LEAST_GROUPS, len(sizes)):
        raise DataError(
            f"groups of which at least {_LEAST_GROUPS} have {count:,} rows or fewer together",
            f"{len(chosen)}, the largest group having {int(sizes.max()):,} rows",
            "say --rows with a larger number, or --rows all",
        )
    besides = _filled(rest, sizes, fresh)[0] if fresh else rest[:0]
    return chosen, besides


def _filled(order: Numbers, sizes: Numbers, most: int) -> tuple[Numbers, Numbers]:
    """The groups of ``order`` that fit, and the others."""
    taken, total = np.zeros(len(order), dtype=bool), 0
    for i, size in enumerate(sizes[order].tolist()):
        if total + size <= most:
            taken[i], total = True, total + size
        elif 2 * total >= most:
            break
    return order[taken], order[~taken]


def class_weights(whole: Mapping[str, int], drawn: Mapping[str, int]) -> dict[str, float] | None:
    """Return the weight of a row of each class, or ``None`` where every class was drawn in one ratio.

    Args:
        whole: Rows of each class in the table.
        drawn: Rows of each class in the draw.

    >>> class_weights({"a": 90, "b": 10}, {"a": 40, "b": 10})
    {'a': 1.125, 'b': 0.5}
    """
    all_rows, all_drawn = sum(whole.values()), sum(drawn.values())
    weights = {k: (whole[k] / all_rows) / (n / all_drawn) for k, n in drawn.items()}
    return weights if max(weights.values()) - min(weights.values()) > 1e-12 else None
