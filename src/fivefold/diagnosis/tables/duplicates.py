r"""Rows that repeat, and rows of the test set that the training set already holds.

Where columns have few values, equal rows are no surprise. Under independent columns the expected number of
equal pairs is :math:`\binom{n}{2} \prod_j \sum_v p_{jv}^2`; a finding needs far more of them than that.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.tables.view import Column, View, codes_of

SURPRISE = 20.0
LEAST_SHARE = 0.001


@dataclass(frozen=True)
class Duplicates:
    """How often rows repeat.

    Attributes:
        rows: Rows that equal an earlier one.
        groups: Distinct rows that occur more than once.
        pairs: Equal pairs.
        expected: Equal pairs expected where columns are independent.
        conflicting: Groups whose targets differ.
        total: Number of rows.
    """

    rows: int
    groups: int
    pairs: int
    expected: float
    conflicting: int
    total: int

    @property
    def surprising(self) -> bool:
        """Whether chance cannot explain them."""
        enough = self.rows >= max(2.0, LEAST_SHARE * self.total)
        return enough and self.pairs > SURPRISE * (self.expected + 0.05)

    @property
    def sentence(self) -> str:
        """What to tell the user."""
        if not self.rows:
            return "No row repeats another one."
        conflict = f", {self.conflicting:,} of them with different targets" if self.conflicting else ""
        return (
            f"{self.rows:,} of {self.total:,} rows equal an earlier row in every column but the target "
            f"and the identifiers ({self.groups:,} groups{conflict})."
        )


def row_codes(columns: Mapping[str, Column]) -> NDArray[np.int64]:
    """A number for each distinct row, equal where all columns are; missing equals missing.

    Args:
        columns: Name to array [n]; at least one.

    Returns:
        Codes [n].

    >>> row_codes({"a": np.array([1.0, 1.0, 2.0]), "b": np.array([5.0, 5.0, 5.0])}).tolist()
    [0, 0, 1]
    """
    arrays = list(columns.values())
    codes = codes_of(arrays[0])
    for column in arrays[1:]:
        other = codes_of(column) + 1
        codes = np.unique(codes * (int(other.max(initial=0)) + 1) + other, return_inverse=True)[1].reshape(-1)
    return np.unique(codes, return_inverse=True)[1].reshape(-1).astype(np.int64)


def count_duplicates(data: View) -> Duplicates:
    """Count equal rows over the columns that a model sees.

    Args:
        data: The typed table.
    """
    seen = {name: column for name, column in data.columns.items() if data.kinds[name] != "identifier"}
    n = data.rows
    if not seen or n < 2:
        return Duplicates(0, 0, 0, 0.0, 0, n)
    codes = row_codes(seen)
    counts = np.bincount(codes)
    log_chance = 0.0
    for column in seen.values():
        shares = np.bincount(codes_of(column) + 1) / n
        # Without replacement: the chance that two different rows agree.
        agree = float((shares * (shares * n - 1)).clip(min=0).sum()) / (n - 1)
        log_chance += float(np.log(max(agree, 1e-300)))
    low, high = np.full(len(counts), np.inf), np.full(len(counts), -np.inf)
    np.minimum.at(low, codes, data.y)
    np.maximum.at(high, codes, data.y)
    return Duplicates(
        rows=n - len(counts),
        groups=int((counts > 1).sum()),
        pairs=int((counts * (counts - 1) // 2).sum()),
        expected=n * (n - 1) / 2 * float(np.exp(log_chance)),
        conflicting=int(((counts > 1) & (low < high)).sum()),
        total=n,
    )


def check_duplicates(data: View) -> list[Finding]:
    """A finding where more rows repeat than chance explains.

    Args:
        data: The typed table.
    """
    found = count_duplicates(data)
    if not found.surprising:
        return []
    evidence = (
        f"{found.sentence} {found.expected:.1f} equal pairs are expected by chance, {found.pairs:,} occur."
    )
    return [
        Finding(
            "duplicates.rows",
            f"{found.rows:,} rows repeat an earlier one",
            evidence,
            "high" if found.expected < 0.01 * found.pairs else "medium",
            "the same case was recorded more than once, or a join multiplied rows",
            "remove them (--query 'SELECT DISTINCT * FROM data'), or keep copies on one side with --group",
        )
    ]


def shared_rows(train: Mapping[str, Column], test: Mapping[str, Column]) -> NDArray[np.bool_]:
    """Which test rows occur in the training rows.

    Args:
        train: Name to array [n].
        test: The same names to arrays [m].

    Returns:
        Boolean [m].

    >>> shared_rows({"a": np.array([1.0, 2.0])}, {"a": np.array([2.0, 3.0])}).tolist()
    [True, False]
    """
    both = {name: np.concatenate([train[name], test[name]]) for name in train}
    codes = row_codes(both)
    n = len(next(iter(train.values())))
    return np.isin(codes[n:], codes[:n])


def check_split(train: Mapping[str, Column], test: Mapping[str, Column]) -> list[Finding]:
    """A finding where test rows are copies of training rows.

    Args:
        train: Typed columns of the training rows.
        test: The same columns of the test rows.
    """
    shared = shared_rows(train, test)
    count, total = int(shared.sum()), len(shared)
    if count < max(2, LEAST_SHARE * total):
        return []
    return [
        Finding(
            "duplicates.split",
            f"{count:,} of {total:,} test rows also occur in training",
            "they are equal in every column that the model sees",
            "high",
            "repeated rows fell on both sides of the split, so that the test rewards memory",
            "remove repeated rows, or keep copies together with --group",
        )
    ]
