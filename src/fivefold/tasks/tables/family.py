r"""Which family models a target: decided by the log density that it gives to rows held out.

Every family that admits the values is fitted on three quarters of the training rows (at most 4,000) with
plain effects, and judged by the mean log density of the others in the target's own unit,

.. math::
    \log p(y) &= \log N(y; \mu, \sigma^2) & \text{gaussian} \\
    \log p(y) &= \log N(\log y; \mu, \sigma^2) - \log y & \text{log-gaussian} \\
    \log p(y) &= k \log k + (k - 1) \log y - k \eta - k y e^{-\eta} - \log \Gamma(k) & \text{gamma} \\
    \log p(y) &= y \eta - e^\eta - \log y! & \text{poisson}

so that densities of different families can be compared (counts as densities on unit cells). The variance and
the shape k are those of the rows fitted to.

Labels that are 3 to 20 whole numbers may have an order: proportional odds and unordered scores are judged in
the same way, and the smaller log loss says which.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from fivefold.core import DataError, NumericalError, child_seed, numpy_generator
from fivefold.tasks.standard_error import standard_error
from fivefold.tasks.tables.candidates.constant import fit_or_constant
from fivefold.tasks.tables.candidates.gamma_shape import GammaOfShape, shape_of
from fivefold.tasks.tables.candidates.linear import LinearCandidate
from fivefold.tasks.tables.candidates.problem import Problem
from fivefold.tasks.tables.kinds import Kind
from fivefold.tasks.tables.ordering import level_order, whole_number_order
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.table import Table
from fivefold.tasks.tables.target import MOST_CLASSES, Target

Floats = npt.NDArray[np.float64]
_MOST_ROWS = 4000
_LARGEST = 1e30
_CLEARLY = 2.0
"""Standard errors by which the density of the gamma family must be larger."""
_MOST_WORK = 5e11
"""Operations that may be spent on whether labels have an order."""


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


def levels_of_target(name: str, labels: Sequence[str], said: Sequence[str] | None = None) -> Target:
    """Return the target of an ordered classification.

    Args:
        name: The target.
        labels: Its distinct labels.
        said: Its levels in their order; without, labels are numbers.

    Raises:
        DataError: Labels without an order, one label, or more than 20.

    >>> levels_of_target("size", ["low", "mid", "top"], ["low", "mid", "top"]).family
    'ordinal'
    """
    levels = level_order(name, labels, said)
    if len(levels) == 2:
        return Target(name, "bernoulli", levels, reason="2 levels, whose order says nothing more: log odds")
    return Target(name, "ordinal", levels, reason=f"{len(levels)} levels in their order, as you said")


def _perhaps_ordered(
    plain: Target, table: Table, schema: Schema, values: Any, weights: Floats | None, seed: int
) -> Target:
    """Return the target with the order of its whole numbers where that predicts rows held out better."""
    order = whole_number_order(plain.classes)
    if order is None:
        return plain
    parts = _parts(table.rows, seed)
    if parts is None:
        return plain
    fit, held = parts
    method, found = LinearCandidate("plain"), dict[str, float]()
    for target in (plain, Target(plain.name, "ordinal", order)):
        own = child_seed(seed, "family", target.family)
        problem = Problem(table, schema, target, target.encode(values), weights, None, own)
        part = problem.take(fit, own)
        if method.cost(len(fit), part.columns, plain.outputs, exact=False) > _MOST_WORK:
            why = f"{plain.reason}; whether their order helps was not tried on so many columns"
            return replace(plain, reason=f"{why} (--types {plain.name}=ordered says so)")
        try:
            eta = fit_or_constant(method, part).predictor.eta(table.take(held))
        except NumericalError:
            continue
        found[target.family] = float(np.mean(target.loss(eta, problem.y[held])))
    if not found:
        return plain
    shown = ", ".join(f"{f} {v:.3f}" for f, v in sorted(found.items(), key=lambda item: item[1]))
    reason = f"{len(order)} whole numbers as labels; mean log loss of rows held out: {shown}"
    if min(found, key=lambda f: found[f]) == "ordinal":
        return Target(plain.name, "ordinal", order, reason=reason)
    return replace(plain, reason=reason)


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
    if kind is Kind.ORDERED:
        said = schema.target.levels if schema.target is not None else None
        return levels_of_target(name, said or sorted({str(v) for v in values}), said)
    if kind in {Kind.CATEGORY, Kind.BOOLEAN}:
        return _perhaps_ordered(classes_of(name, values), table, schema, values, weights, seed)
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
        families += ["log-gaussian", "gamma"]
    if whole and y.max() <= 1000 and (y.min() == 0 or y.mean() < 20):
        families.append("poisson")
    if len(families) == 1:
        why = (
            "a number that can be negative or zero" if y.min() <= 0 else "a number of one order of magnitude"
        )
        return Target(name, "gaussian", reason=why)
    densities = _densities(table, schema, name, y, weights, families, seed)
    means = {family: float(np.mean(density)) for family, density in densities.items()}
    best = max((f for f in means if f != "gamma"), key=lambda f: means[f], default="gamma")
    shown = ", ".join(f"{f} {d:.3f}" for f, d in sorted(means.items(), key=lambda item: -item[1]))
    reason = f"mean log density of rows held out: {shown}"
    if "gamma" in means and means["gamma"] > means[best]:
        # where both serve alike, the family is taken whose linear models are solved exactly
        gain = densities["gamma"] - densities[best]
        if float(gain.mean()) > _CLEARLY * standard_error(gain):
            best = "gamma"
        else:
            reason += " (no clear difference)"
    return Target(name, best, reason=reason)


def _parts(rows: int, seed: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None:
    """Return the rows to fit to and those to judge by; ``None`` where there are too few."""
    drawn = numpy_generator(seed, "family").permutation(rows)[:_MOST_ROWS]
    cut = max(1, 3 * len(drawn) // 4)
    return (np.sort(drawn[:cut]), np.sort(drawn[cut:])) if len(drawn) > cut else None


def _densities(
    table: Table,
    schema: Schema,
    name: str,
    y: Floats,
    weights: Floats | None,
    families: Sequence[str],
    seed: int,
) -> dict[str, Floats]:
    """Return the log densities of the rows held out, by family."""
    parts = _parts(len(y), seed)
    if parts is None:
        return {"gaussian": np.zeros(1)}
    fit, held = parts
    plain = LinearCandidate("plain")
    found: dict[str, Floats] = {}
    for family in families:
        target = Target(name, family)
        problem = Problem(
            table, schema, target, target.encode(y), weights, None, child_seed(seed, "family", family)
        )
        part = problem.take(fit, problem.seed)
        try:
            fitted = fit_or_constant(plain, part)
        except NumericalError:
            continue
        eta = fitted.predictor.eta(table.take(held))[:, 0]
        own = problem.y[held]
        if family == "poisson":
            log_factorial = np.array([float(np.sum(np.log(np.arange(1, int(v) + 1)))) for v in own])
            density = own * eta - np.exp(np.clip(eta, -50, 50)) - log_factorial
        elif family == "gamma":
            inside = target.residual(fitted.predictor.eta(table.take(fit)), problem.y[fit])
            shape = GammaOfShape(shape_of(torch.from_numpy(inside)))
            density = -shape.negative_log_density(torch.from_numpy(eta), torch.from_numpy(own)).numpy()
        else:
            inside = problem.y[fit] - fitted.predictor.eta(table.take(fit))[:, 0]
            variance = max(float(np.mean(inside**2)), 1e-300)
            density = -0.5 * ((own - eta) ** 2 / variance + np.log(2 * np.pi * variance))
            if family == "log-gaussian":
                density = density - own
        found[family] = density
    return found or {"gaussian": np.zeros(1)}
