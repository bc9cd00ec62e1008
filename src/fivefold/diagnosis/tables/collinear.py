r"""Columns that are linear combinations of others.

Columns are standardised to :math:`z_j` and taken in order. One that the columns before it reproduce,
:math:`\min_b \lVert z_j - Z b \rVert^2 \le 10^{-9} \lVert z_j \rVert^2`, gives an exact relation, a null
vector of the design in reduced form, so that only the columns that matter carry a weight. Among the others
the variance inflation :math:`v_j = 1 / (1 - R_j^2) = (C^{-1})_{jj}`, C their correlation matrix, above 100
is reported (Belsley, Kuh and Welsch, *Regression Diagnostics*, 1980). Noise raises no alarm, because the rows
must outnumber the columns twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.tables.view import Floats, View

EXACT = 1e-9
INFLATION = 100.0
MOST_COLUMNS = 400
MOST_ROWS = 20_000


@dataclass(frozen=True)
class Relation:
    """A linear relation among columns, solved for one of them.

    Attributes:
        columns: The solved one first.
        weights: In the columns' own units, of ``columns[1:]``.
        constant: The constant term.
    """

    columns: tuple[str, ...]
    weights: tuple[float, ...]
    constant: float

    @property
    def sentence(self) -> str:
        """The relation as an equation.

        >>> Relation(("a", "b", "c"), (1.0, -2.0), 0.0).sentence
        'a = b - 2 c'
        """
        parts = []
        for name, weight in zip(self.columns[1:], self.weights, strict=True):
            size = "" if abs(abs(weight) - 1) < 1e-6 else f"{abs(weight):.6g} "
            parts.append(("- " if weight < 0 else "+ ") + size + name)
        if self.constant:
            parts.append(f"{'-' if self.constant < 0 else '+'} {abs(self.constant):.6g}")
        return f"{self.columns[0]} = " + " ".join(parts).removeprefix("+ ")


def _standardised(columns: Mapping[str, Floats]) -> tuple[list[str], Floats, Floats, Floats]:
    """Names, Z [n, d], means and deviations [d] of the columns that vary; gaps take the mean."""
    names, parts, means, spreads = [], [], [], []
    for name, column in columns.items():
        x = column[:: max(1, len(column) // MOST_ROWS)]
        known = np.isfinite(x)
        if not known.any():
            continue
        mean, spread = float(x[known].mean()), float(x[known].std())
        if spread <= 1e-12 * max(1.0, abs(mean)):
            continue
        names.append(name)
        parts.append(np.where(known, (x - mean) / spread, 0.0))
        means.append(mean)
        spreads.append(spread)
    Z = np.column_stack(parts) if parts else np.zeros((0, 0))
    return names, Z, np.array(means), np.array(spreads)


def find_relations(columns: Mapping[str, Floats]) -> tuple[list[Relation], list[str]]:
    """Exact linear relations, and the columns that are left independent.

    Args:
        columns: Name to array [n]; nan is missing.

    Returns:
        The relations, and the names of an independent set that spans all columns.

    >>> a, b = np.arange(9.0) ** 2, np.arange(9.0)
    >>> find_relations({"a": a, "b": b, "total": a + b})[0][0].sentence
    'total = a + b'
    """
    names, Z, means, spreads = _standardised(columns)
    n, d = Z.shape
    if d < 2 or n < 2 * d or d > MOST_COLUMNS:
        return [], names
    free: list[int] = []
    basis = np.zeros((n, 0))
    relations = []
    for j in range(d):
        z = Z[:, j]
        rest = z - basis @ (basis.T @ z)
        rest -= basis @ (basis.T @ rest)  # twice is enough (Kahan): the basis stays orthogonal
        if float(rest @ rest) > EXACT * float(z @ z):
            free.append(j)
            basis = np.column_stack([basis, rest / np.linalg.norm(rest)])
            continue
        b = np.linalg.lstsq(Z[:, free], z, rcond=None)[0]
        kept = [i for i, weight in zip(free, b, strict=True) if abs(weight) > 1e-5]
        b = np.linalg.lstsq(Z[:, kept], z, rcond=None)[0]
        relations.append(_solve([j, *kept], np.concatenate([[-1.0], b]), names, means, spreads))
    return relations, [names[j] for j in free]


def _solve(places: list[int], null: Floats, names: list[str], means: Floats, spreads: Floats) -> Relation:
    """Solve the null vector for the column that leaves the most positive weights: a sum for its parts."""
    raw = null / spreads[places]
    positive = raw > 0
    alone = [i for i in range(len(places)) if (positive == positive[i]).sum() == 1]
    lone = alone[0] if alone else 0
    others = sorted((i for i in range(len(places)) if i != lone), key=lambda i: places[i])
    weights = -raw[others] / raw[lone]
    weights = np.where(
        abs(weights - np.round(weights)) < 1e-6 * np.maximum(1, abs(weights)), np.round(weights), weights
    )
    constant = float(means[places[lone]] - weights @ means[[places[i] for i in others]])
    if abs(constant) < 1e-6 * float(spreads[places[lone]]):
        constant = 0.0
    chosen = tuple(names[places[i]] for i in (lone, *others))
    return Relation(chosen, tuple(weights.tolist()), constant)


def inflation(columns: Mapping[str, Floats]) -> dict[str, float]:
    """The variance inflation of each column given the others.

    Args:
        columns: Name to array [n], linearly independent.

    Returns:
        Column to a factor of at least 1; infinite where the columns are dependent.

    >>> x = np.array([-1.0, 1.0, -1.0, 1.0])
    >>> inflation({"x": x, "y": np.array([-1.0, -1.0, 1.0, 1.0])})
    {'x': 1.0, 'y': 1.0}
    """
    names, Z, _, _ = _standardised(columns)
    if not names:
        return {}
    values, vectors = np.linalg.eigh(Z.T @ Z / len(Z))
    scale = np.diag(Z.T @ Z / len(Z))
    inverse = np.where(values > 1e-13 * values[-1], 1.0 / np.maximum(values, 1e-300), np.inf)
    weights = vectors**2
    with np.errstate(invalid="ignore"):
        factors = np.where(weights > 1e-12, weights * inverse, 0.0).sum(axis=1) * scale
    return dict(zip(names, np.maximum(factors, 1.0).tolist(), strict=True))


def check_collinear(data: View) -> list[Finding]:
    """Findings for exact relations and for strong near ones.

    Args:
        data: The typed table.
    """
    columns = data.numbers()
    relations, free = find_relations(columns)
    out = [
        Finding(
            "collinear.exact",
            relation.sentence,
            "the columns of the standardised design are dependent to within rounding",
            "high",
            "one column is computed from the others",
            f"their separate effects mean nothing; nothing is lost without one: --drop {relation.columns[0]}",
            relation.columns,
        )
        for relation in relations
    ]
    if not 2 <= len(free) <= MOST_COLUMNS or data.rows < 2 * len(free):
        return out
    factors = {n: v for n, v in inflation({name: columns[name] for name in free}).items() if v > INFLATION}
    if factors:
        worst = sorted(factors, key=lambda name: -factors[name])
        shown = ", ".join(f"{name} {factors[name]:,.0f}" for name in worst[:6])
        out.append(
            Finding(
                "collinear.near",
                f"{len(worst)} columns nearly follow from the others, {worst[0]!r} first",
                f"variance inflation (1 is none): {shown}",
                "medium",
                "columns measure the same thing",
                "predictions are safe with a penalty; do not read the columns' separate effects",
                tuple(worst),
            )
        )
    return out
