"""What a candidate method is given and what it returns."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from fivefold.core import Certificate, Status
from fivefold.tasks.tables.encode import Encoded, Encoder
from fivefold.tasks.tables.predictors import Predictor
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.table import Table
from fivefold.tasks.tables.target import Target

Floats = npt.NDArray[np.float64]


@dataclass(eq=False)
class Problem:
    """Training rows.

    Attributes:
        table: Typed rows without the target.
        schema: Kinds of the columns.
        target: The target's family.
        y: ``[n]`` the target on the model's scale (codes of classes, logarithms, or itself).
        weights: ``[n]`` positive weights with mean one, or ``None``.
        offset: ``[n]`` added to the linear predictor (log exposure), or ``None``.
        seed: Seed of this fit's streams.
        notes: A place where candidates of one problem leave what they share, so that the encoding is learned
            once per fold.
    """

    table: Table
    schema: Schema
    target: Target
    y: Floats
    weights: Floats | None = None
    offset: Floats | None = None
    seed: int = 0
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Number of rows n."""
        return len(self.y)

    @property
    def columns(self) -> int:
        """Encoded columns: numbers, and levels of categories; 0 where no value of any comes again."""
        encoded = self.encoded()[1]
        return len(encoded.names) + sum(map(len, encoded.levels.values()))

    def encoded(self) -> tuple[Encoder, Encoded]:
        """Return the encoder learned on these rows, and the rows encoded."""
        if "encoded" not in self.notes:
            self.notes["encoded"] = Encoder.learn(self.table, self.schema, self.working_targets(), self.seed)
        found: tuple[Encoder, Encoded] = self.notes["encoded"]
        return found

    def take(self, rows: npt.NDArray[np.int64], seed: int) -> "Problem":
        """Return some of the rows as a problem of its own."""
        return Problem(
            self.table.take(rows),
            self.schema,
            self.target,
            self.y[rows],
            None if self.weights is None else self.weights[rows],
            None if self.offset is None else self.offset[rows],
            seed,
        )

    def without(self, column: str) -> "Problem":
        """Return the problem without one column."""
        table = self.table.drop([column])
        return Problem(table, self.schema, self.target, self.y, self.weights, self.offset, self.seed)

    def working_targets(self) -> Floats:
        """Return centred targets ``[n, q]`` of unit variance that a Gaussian model can take.

        The target itself, the logarithm of a positive number or of a count's rate, one indicator per class,
        or for ordered classes the log odds of the middle of the class's ranks (Bross, How to use ridit
        analysis, Biometrics 14, 1958).
        """
        if self.target.family == "categorical":
            t = (self.y[:, None] == np.arange(self.target.outputs)).astype(np.float64)
        elif self.target.family == "poisson":
            t = np.log(self.y + 0.5)[:, None]
            t = t if self.offset is None else t - self.offset[:, None]
        elif self.target.family == "gamma":
            t = np.log(self.y)[:, None]
        elif self.target.family == "ordinal":
            codes = self.y.astype(np.int64)
            counts = np.bincount(codes, minlength=self.target.outputs)
            share = (np.cumsum(counts) - 0.5 * counts) / self.rows
            t = np.log(share[codes] / (1.0 - share[codes]))[:, None]
        else:
            t = self.y[:, None].copy()
        t = t - t.mean(0)
        spread = t.std(0)
        return np.asarray(t / np.where(spread > 0, spread, 1.0))


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted candidate: what predicts, how the fit ended, what is certified, numbers for the report."""

    predictor: Predictor
    status: Status
    certificates: tuple[Certificate, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)


class Candidate(Protocol):
    """A method that can be chosen."""

    @property
    def name(self) -> str:
        """Short name, unique among the candidates."""
        ...

    @property
    def description(self) -> str:
        """One sentence for the report."""
        ...

    @property
    def least_rows(self) -> int:
        """Training rows below which it is not worth trying."""
        ...

    def cost(self, rows: int, columns: int, outputs: int, exact: bool = True) -> float:
        """Return a rough number of floating-point operations of one fit, from which plans are made.

        Args:
            rows: Training rows.
            columns: Encoded columns.
            outputs: Linear predictors.
            exact: Whether the family is Gaussian; the others take Newton steps.
        """
        ...

    def fit(self, problem: Problem) -> Fitted:
        """Fit to training rows."""
        ...
