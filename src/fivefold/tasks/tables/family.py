r"""Which family models a target: decided by the log density that it gives to rows held out.

Every family that admits the values is fitted on three quarters of the training rows (at most 4,000) with
plain effects, and judged by the mean log density of the others in the target's own unit,

.. math::
    \log p(y) = \log N(y; \mu, \sigma^2), \qquad
    \log p(y) = \log N(\log y; \mu, \sigma^2) - \log y, \qquad
    \log p(y) = y \eta - e^\eta - \log y! ,

so that densities of different families can be compared (counts as densities on unit cells).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fivefold.core import DataError, NumericalError, child_seed, numpy_generator
from fivefold.tasks.tables.candidates.linear import LinearCandidate
from fivefold.tasks.tables.candidates.problem import Problem
from fivefold.tasks.tables.kinds import Kind
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.table import Table
from fivefold.tasks.tables.target import MOST_CLASSES, Target

Floats = npt.NDArray[np.float64]
_MOST_ROWS = 4000
_LARGEST = 1e30


def classes_of(name: str, values: Any) -> Target:
    """Return the target of a classification from its labels.

    Raises:
        DataError: One class, or more than 100.
    """
    labels = np.unique(np.array([str(v) for v in values], dtype=object).astype(str))
    if len(labels) < 2:
        raise DataError(
            f"a target {name!r} that varies",
            f"the one value {str(labels[0])!r}" if len(labels) else "no value",
        )
    if len(labels) > MOST_CLASSES:
        raise DataError(
            f"at most {MOST_CLASSES} classes of {name!r}",
            f"{len(labels):,}",
            f"if it is a number, say --types {name}=number; otherwise group the rare ones",
        )
    family = "bernoulli" if len(labels) == 2 else "categorical"
    reason = f"{len(labels)} classes: " + ("log odds" if family == "bernoulli" else "softmax scores")
    return Target(name, family, tuple(str(v) for v in labels), reason=reason)


def refuse_rare(name: str, values: Any, train: npt.NDArray[np.int64]) -> None:
    """Refuse classes of which fewer than two rows are left to train once the test rows are set aside.

    Args:
        name: The target.
        values: ``[n]`` its labels, test rows included.
        train: The rows that train.

    Raises:
        DataError: Such a class; at least one row is needed to learn from and one to choose by.

    >>> refuse_rare("y", ["a", "a", "b", "b"], np.arange(4))
    """
    labels = np.array([str(v) for v in values])
    known, counts = np.unique(labels[train], return_counts=True)
    rare = sorted(set(labels.tolist()) - set(known[counts >= 2].tolist()))
    if rare:
        raise DataError(
            f"at least 2 training rows of every class of {name!r}",
            f"fewer of {', '.join(repr(r) for r in rare[:5])}"
            + (f" and {len(rare) - 5} more" if len(rare) > 5 else ""),
            "leave those rows out or join the classes",
        )


def choose_family(
    table: Table,
    schema: Schema,
    name: str,
    kind: Kind,
    values: Any,
    offset: Floats | None,
    weights: Floats | None,
    seed: int,
) -> Target:
    """Return the family of a target.

    Args:
        table: Typed training rows without the target.
        schema: Kinds of the columns.
        name: The target.
        kind: Its kind.
        values: ``[n]`` its values.
        offset: ``[n]`` logarithms of the exposure, which call for counts.
        weights: ``[n]`` weights.
        seed: Seed of the rows that judge.

    Raises:
        DataError: A constant target, one too large or too small to square, or a kind that cannot be modelled.
    """
    if kind in {Kind.CATEGORY, Kind.BOOLEAN}:
        return classes_of(name, values)
    if kind is not Kind.NUMBER:
        raise DataError(
            f"a target {name!r} that is a number or a class",
            f"a column of kind {kind}",
            f"say --types {name}=category",
        )
    y = np.asarray(values, dtype=np.float64)
    if y.min() == y.max():
        raise DataError(f"a target {name!r} that varies", f"the one value {y[0]:g} in all {len(y):,} rows")
    largest, spread = float(np.abs(y).max()), float(y.max()) - float(y.min())
    if largest > _LARGEST or spread < 1 / _LARGEST:
        raise DataError(
            f"values of {name!r} that are smaller than {_LARGEST:g} and {1 / _LARGEST:g} or more apart",
            f"values up to {largest:.3g}, at most {spread:.3g} apart",
            "give them in another unit: their squares, and single precision, reach no further",
        )
    whole = bool((y == np.round(y)).all()) and y.min() >= 0
    if offset is not None:
        if not whole:
            raise DataError(
                f"counts in {name!r} beside an exposure", "values that are not whole or are negative"
            )
        return Target(name, "poisson", reason="counts with an exposure")
    families = ["gaussian"]
    if y.min() > 0 and y.max() > 1.5 * y.min():
        families.append("log-gaussian")
    if whole and y.max() <= 1000 and (y.min() == 0 or y.mean() < 20):
        families.append("poisson")
    if len(families) == 1:
        why = (
            "a number that can be negative or zero" if y.min() <= 0 else "a number of one order of magnitude"
        )
        return Target(name, "gaussian", reason=why)
    densities = _densities(table, schema, name, y, weights, families, seed)
    best = max(densities, key=lambda f: densities[f])
    shown = ", ".join(f"{f} {d:.3f}" for f, d in sorted(densities.items(), key=lambda item: -item[1]))
    return Target(name, best, reason=f"mean log density of rows held out: {shown}")


def _densities(
    table: Table,
    schema: Schema,
    name: str,
    y: Floats,
    weights: Floats | None,
    families: Sequence[str],
    seed: int,
) -> dict[str, float]:
    rows = numpy_generator(seed, "family").permutation(len(y))[:_MOST_ROWS]
    cut = max(1, 3 * len(rows) // 4)
    fit, held = np.sort(rows[:cut]), np.sort(rows[cut:])
    if not len(held):
        return {"gaussian": 0.0}
    plain = LinearCandidate("plain")
    found: dict[str, float] = {}
    for family in families:
        target = Target(name, family)
        problem = Problem(
            table, schema, target, target.encode(y), weights, None, child_seed(seed, "family", family)
        )
        part = problem.take(fit, problem.seed)
        try:
            fitted = plain.fit(part)
        except NumericalError:
            continue
        eta = fitted.predictor.eta(table.take(held))[:, 0]
        own = problem.y[held]
        if family == "poisson":
            log_factorial = np.array([float(np.sum(np.log(np.arange(1, int(v) + 1)))) for v in own])
            density = own * eta - np.exp(np.clip(eta, -50, 50)) - log_factorial
        else:
            inside = problem.y[fit] - fitted.predictor.eta(table.take(fit))[:, 0]
            variance = max(float(np.mean(inside**2)), 1e-300)
            density = -0.5 * ((own - eta) ** 2 / variance + np.log(2 * np.pi * variance))
            if family == "log-gaussian":
                density = density - own
        found[family] = float(np.mean(density))
    return found or {"gaussian": 0.0}
