"""A table as an objective: the columns that ``fit`` makes of it, the target's family, and a prior.

The encoder and the plain basis are those of ``fit``: numbers standardised, one indicator for each level of a
category. What differs is the purpose. Nothing is set aside and no penalty is learned, because the question is
how a method of optimisation gets on with the problem, not how well a model predicts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from fivefold.core import ArgumentError, DataError, child_seed, torch_generator
from fivefold.networks import DenseNetwork
from fivefold.objective import DataObjective, Linear
from fivefold.probability import Gaussian, GaussianPrior, Likelihood
from fivefold.probability.registry import create
from fivefold.tasks.tables.basis import Basis, LevelsBlock, plain_blocks
from fivefold.tasks.tables.candidates.gamma_shape import GammaOfShape
from fivefold.tasks.tables.candidates.problem import Problem
from fivefold.tasks.tables.drawing import draw
from fivefold.tasks.tables.encode import Encoded
from fivefold.tasks.tables.family import choose_family
from fivefold.tasks.tables.prepare import Prepared, prepare
from fivefold.tasks.tables.sampling import parse_rows
from fivefold.tasks.tables.source import opened
from fivefold.tasks.tables.target import Target

Shape = Literal["linear", "network"]
MODELS: tuple[Shape, ...] = ("linear", "network")
Named = tuple[str, str]
"""A parameter's name, and the column of the table that it belongs to."""
_WIDTHS = (16,)
"""Units of the network's one hidden layer: few enough that its Hessian can be looked at whole."""


@dataclass(frozen=True, eq=False)
class TableObjective:
    """A table as a problem of optimisation.

    Attributes:
        objective: F over the parameters, in float64.
        columns: P names, one for each parameter: the column (and level, class or unit) that it multiplies.
        sources: P names of the table's columns that the parameters belong to, or what they are otherwise.
        target: The target and its family.
        model: ``linear`` or ``network``.
        rows: Rows that F averages over.
        notes: What was dropped, drawn or noticed, in sentences.
    """

    objective: DataObjective
    columns: tuple[str, ...]
    sources: tuple[str, ...]
    target: Target
    model: str
    rows: int
    notes: tuple[str, ...]


def table_objective(
    data: Any,
    target: str,
    *,
    model: str = "linear",
    precision: float = 1.0,
    seed: int = 0,
    drop: Sequence[str] = (),
    types: Mapping[str, str] | None = None,
    rows: str | int | None = None,
    query: str | None = None,
) -> TableObjective:
    r"""Return the objective that fitting a table minimises.

    .. math:: F(w) = -\frac1N \sum_i \log p(y_i \mid \eta_i(w)) + \frac{\tau}{2N} |w|^2 + \text{const}

    with :math:`\eta = Xw + b` over the standardised numbers and the indicators of the levels, or a network of
    16 units over the same columns. A number is modelled by its family as ``fit`` chooses it, a Gaussian one
    in units of its own standard deviation; the gamma family at shape 1, where F is convex and has the same
    minimum, but for the prior's share, as at any other.

    Args:
        data: As for ``fit``.
        target: The column to predict.
        model: ``linear`` or ``network``.
        precision: :math:`\tau`, positive: of the normal prior on all parameters but intercepts.
        seed: Of the rows that choose the family, of a draw of rows, and of the network's first weights.
        drop: Columns to leave out.
        types: Kinds that override the guess.
        rows: How many rows to draw at random from a larger table, or ``"all"``.
        query: SQL over the view ``data``, for paths.

    Returns:
        The objective with the names of its parameters.

    Raises:
        ArgumentError: Another model, a precision that is not positive, or a column named for two roles.
        DataError: The data cannot be read or modelled, or no column is left to learn from.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=50)
    >>> found = table_objective({"x": x, "y": 3 * x + rng.normal(size=50)}, "y")
    >>> found.columns, found.objective.size, found.target.family
    (('x', 'intercept'), 2, 'gaussian')
    """
    if model not in MODELS:
        raise ArgumentError(f"a model of {', '.join(MODELS)}", repr(model))
    if not 0 < precision < float("inf"):
        raise ArgumentError("a positive, finite precision", repr(precision))
    wanted = parse_rows(rows)
    notes: tuple[str, ...] = ()
    with opened(data, query, wanted) as source:
        sample = None if source is None else draw(source, wanted, seed)
        if sample is not None:
            whole, notes = sample.table, (sample.reason,)
        else:
            whole = data if source is None else source.whole()
        inner = query if source is None else None
        prepared = prepare(whole, target, query=inner, drop=drop, types=types)
    problem = _problem(prepared, seed)
    X, columns = _design(problem.encoded()[1])
    if not columns:
        raise DataError("a column to learn from beside the target", "none with values that vary")
    likelihood, y = _likelihood(problem)
    prior = GaussianPrior(precision)
    if model == "linear":
        objective, named = _linear(X, columns, y, likelihood, problem.target, prior)
    else:
        generator = torch_generator(seed, "network")
        objective, named = _network(X, columns, y, likelihood, problem.target, prior, generator)
    named += [(f"cutpoint {i}", "cutpoints") for i in range(1, likelihood.parameters + 1)]
    names, sources = zip(*named, strict=True)
    said = (*notes, *prepared.notes)
    return TableObjective(objective, names, sources, problem.target, model, problem.rows, said)


def _problem(prepared: Prepared, seed: int) -> Problem:
    """All rows with the target's family."""
    name = prepared.target_name
    family = choose_family(
        prepared.typed, prepared.schema, name, prepared.target_kind, prepared.target, None, None, seed
    )
    y = family.encode(prepared.target)
    return Problem(prepared.typed, prepared.schema, family, y, seed=child_seed(seed, "objective"))


def _design(rows: Encoded) -> tuple[Tensor, list[Named]]:
    """The columns ``[n, p]`` that vary, and what they are called."""
    blocks = plain_blocks(rows)
    named = list(zip(rows.names, rows.origins, strict=True))
    for block in blocks:
        if isinstance(block, LevelsBlock):
            named += [(f"{block.column} = {level}", block.column) for level in rows.levels[block.column]]
    X = Basis(tuple(blocks)).design(rows).astype(np.float64)
    varies = np.ptp(X, axis=0) > 0
    return torch.from_numpy(X[:, varies]), [n for n, kept in zip(named, varies, strict=True) if kept]


def _likelihood(problem: Problem) -> tuple[Likelihood, Tensor]:
    """The family, and the target ``[n]`` as it takes it."""
    family, y = problem.target.family, torch.from_numpy(problem.y)
    match family:
        case "gaussian" | "log-gaussian":
            return Gaussian(sd=1.0), (y - y.mean()) / y.std(correction=0)
        case "gamma":
            return GammaOfShape(1.0), y / y.mean()
        case "categorical" | "ordinal":
            return create(family, classes=problem.target.outputs), y.to(torch.int64)
        case _:
            return create(family), y


def _linear(
    X: Tensor,
    columns: list[Named],
    y: Tensor,
    likelihood: Likelihood,
    target: Target,
    prior: GaussianPrior,
) -> tuple[DataObjective, list[Named]]:
    ordinal = target.family == "ordinal"  # its cutpoints hold the intercept
    model = Linear(X, intercept=not ordinal, outputs=likelihood.outputs)
    objective = DataObjective(model, likelihood, (X, y), prior)
    if likelihood.outputs == 1:
        return objective, columns if ordinal else [*columns, ("intercept", "intercept")]
    named = [(f"{name}, {label}", source) for label in target.classes for name, source in columns]
    return objective, [*named, *((f"intercept, {label}", "intercept") for label in target.classes)]


def _network(
    X: Tensor,
    columns: list[Named],
    y: Tensor,
    likelihood: Likelihood,
    target: Target,
    prior: GaussianPrior,
    generator: torch.Generator,
) -> tuple[DataObjective, list[Named]]:
    module = DenseNetwork(X.shape[1], likelihood.outputs, _WIDTHS, "tanh", generator=generator).double()
    objective = DataObjective(module, likelihood, (X, y), prior)
    named: list[Named] = []
    for name, shape in objective.model.layout.shapes.items():
        hidden = name.startswith("layers.0")
        ends = _ends(shape[0], hidden, target)
        if name.endswith("bias"):
            named += [(f"bias of {end}", "biases") for end in ends]
            continue
        units = [(f"unit {i + 1}", "output weights") for i in range(shape[1])]
        named += [(f"{n} → {end}", source) for end in ends for n, source in (columns if hidden else units)]
    return objective, named


def _ends(count: int, hidden: bool, target: Target) -> list[str]:
    """What a layer's outputs are called."""
    if hidden:
        return [f"unit {i + 1}" for i in range(count)]
    return [target.name] if count == 1 else list(target.classes)
