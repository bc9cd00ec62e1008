"""A fitted model: predictions with intervals or sets, from an artifact, with NumPy alone."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fivefold.artifact import Bundle
from fivefold.artifact import load as load_bundle
from fivefold.artifact import save as save_bundle
from fivefold.core import ArgumentError, ArtifactError, DataError
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.tables.shift import check_shift
from fivefold.tasks.prediction_sets import Sets
from fivefold.tasks.saved_parts import assembled, files_of
from fivefold.tasks.tables.conformal import Intervals
from fivefold.tasks.tables.newcomers import Newcomers
from fivefold.tasks.tables.predictors import Predictor, notes_of, predictor_from_state
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.source import as_table
from fivefold.tasks.tables.state import flatten, unflatten
from fivefold.tasks.tables.table import Table
from fivefold.tasks.tables.target import Target

Floats = npt.NDArray[np.float64]
KIND = "fivefold.table"


@dataclass(frozen=True, eq=False)
class Prediction:
    """Predictions of some rows.

    Attributes:
        mean: ``[n]`` predictions; for classes, codes of the most probable one.
        low, high: ``[n]`` bounds of the interval, or ``None`` for classes.
        probabilities: ``[n, K]`` calibrated probabilities, or ``None`` for numbers.
        sets: ``[n, K]`` which classes are in the prediction set, or ``None``.
        notes: What was noticed about the rows (unseen categories, values outside the training range).
    """

    mean: Floats
    low: Floats | None
    high: Floats | None
    probabilities: Floats | None
    sets: npt.NDArray[np.bool_] | None
    notes: tuple[str, ...] = ()

    def overwritten(self, at: npt.NDArray[np.int64], other: "Prediction") -> "Prediction":
        """Return these predictions with those of ``other`` for the rows ``at``."""

        def put(own: Any, new: Any) -> Any:
            if own is None or new is None:
                return own
            own = own.copy()
            own[at] = new
            return own

        return Prediction(
            put(self.mean, other.mean),
            put(self.low, other.low),
            put(self.high, other.high),
            put(self.probabilities, other.probabilities),
            put(self.sets, other.sets),
            self.notes,
        )


@dataclass(frozen=True, eq=False)
class Model:
    """What ``fit`` returns and an artifact holds.

    Attributes:
        schema: The columns as the model takes them, target included.
        target: The target and its family.
        predictor: The chosen method.
        temperature: Divides the linear predictors of a classification (calibration), 1 for numbers.
        intervals: For numbers.
        sets: For classes.
        exposure: Column whose logarithm is added to the linear predictor, or ``None``.
        newcomers: What answers for rows whose place is new, or ``None``.
        record: The record behind the report.
        plan: The plan, for a replay.
    """

    schema: Schema
    target: Target
    predictor: Predictor
    temperature: float
    intervals: Intervals | None
    sets: Sets | None
    exposure: str | None
    newcomers: Newcomers | None = None
    record: dict[str, Any] = field(default_factory=dict)
    plan: dict[str, Any] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels of the classes in the order of the probabilities; empty for numbers."""
        return self.target.classes

    def typed(self, data: Any) -> tuple[Table, tuple[str, ...]]:
        """Return the rows of any source as the model takes them, and what was noticed.

        Raises:
            DataError: A column is missing or cannot be read as its kind.
        """
        table = self.schema.apply(as_table(data))
        return table, tuple(table.notes)

    def predict_table(self, data: Any, level: float = 0.9) -> Prediction:
        """Predict with intervals or sets.

        Args:
            data: A path, a data frame, a dict of columns, or a table.
            level: Coverage of the interval or set, in (0, 1).

        Raises:
            ArgumentError: ``level`` outside (0, 1).
            DataError: Rows that do not fit the schema.
        """
        if not 0 < level < 1:
            raise ArgumentError("a level between 0 and 1", str(level), "for example 0.9")
        table, notes = self.typed(data)
        if table.rows == 0:
            raise DataError("at least one row to predict", "none")
        found = replace(self._answer(table, level), notes=(*notes, *notes_of(self.predictor, table)))
        if self.newcomers is None:
            return found
        new = np.flatnonzero(self.newcomers.mask(table))
        return (
            found.overwritten(new, self.newcomers.model._answer(table.take(new), level))
            if len(new)
            else found
        )

    def _answer(self, table: Table, level: float) -> Prediction:
        """Predict typed rows by this model's own method."""
        eta = self.predictor.eta(table) / self.temperature + self._offset(table)[:, None]
        mean = self.target.mean(eta)
        if self.target.classifies:
            sets = None if self.sets is None else self.sets.members(mean, level)
            return Prediction(mean.argmax(1).astype(np.float64), None, None, mean, sets)
        low = high = None
        if self.intervals is not None:
            low, high = self.target.own_bounds(*self.intervals.bounds(table, eta[:, 0], level))
        return Prediction(mean, low, high, None, None)

    def _offset(self, table: Table) -> Floats:
        if self.exposure is None:
            return np.zeros(table.rows)
        exposure = np.asarray(table.column(self.exposure), dtype=np.float64)
        if not (exposure > 0).all():
            raise DataError(f"positive exposures in {self.exposure!r}", "zero, negative or missing values")
        return np.log(exposure)

    def shift(self, data: Any) -> list[Finding]:
        """Return the columns in which rows differ from the training rows by more than chance, largest first.

        Fewer than 30 rows are not judged; see :func:`fivefold.diagnosis.check_shift`.

        Args:
            data: A path, a data frame, a dict of columns, or a table.

        Raises:
            DataError: Rows that do not fit the schema.
        """
        summary = self.record.get("summary")
        if summary is None:
            return []
        columns = self.typed(data)[0].columns
        try:
            return check_shift(summary, columns)
        except (KeyError, TypeError, ValueError, AttributeError) as error:  # a forged record
            raise ArtifactError(
                "a summary of the training rows", f"{type(error).__name__}", "fit anew"
            ) from None

    def predict(self, data: Any) -> npt.NDArray[Any]:
        """Return predictions ``[n]``: numbers in the target's unit, or labels."""
        found = self.predict_table(data).mean
        return (
            np.array(self.classes, dtype=object)[found.astype(np.int64)] if self.target.classifies else found
        )

    def predict_interval(self, data: Any, level: float = 0.9) -> tuple[Floats, Floats]:
        """Return lower and upper bounds ``[n]`` that cover a new value with probability ``level``.

        Raises:
            ArgumentError: The target is a class (use :meth:`predict_set`), or ``level`` is outside (0, 1).
        """
        found = self.predict_table(data, level)
        if found.low is None or found.high is None:
            raise ArgumentError("a target that is a number", "a class", "use predict_set")
        return found.low, found.high

    def predict_proba(self, data: Any) -> Floats:
        """Return calibrated probabilities ``[n, K]`` in the order of :attr:`classes`.

        Raises:
            ArgumentError: The target is a number (use :meth:`predict_interval`).
        """
        found = self.predict_table(data).probabilities
        if found is None:
            raise ArgumentError("a target that is a class", "a number", "use predict_interval")
        return found

    def predict_set(self, data: Any, level: float = 0.9) -> list[tuple[str, ...]]:
        """Return for every row the classes that together cover the true one with probability ``level``.

        Raises:
            ArgumentError: The target is a number, or ``level`` is outside (0, 1).
        """
        found = self.predict_table(data, level).sets
        if found is None:
            raise ArgumentError("a target that is a class", "a number", "use predict_interval")
        return [tuple(np.array(self.classes, dtype=object)[row]) for row in found]

    def state(self) -> dict[str, Any]:
        """Return the saved form: nested plain values and arrays."""
        return {
            "schema": self.schema.to_record(),
            "target": self.target.state(),
            "predictor": self.predictor.state(),
            "temperature": self.temperature,
            "intervals": None if self.intervals is None else self.intervals.state(),
            "sets": None if self.sets is None else self.sets.state(),
            "exposure": self.exposure,
            "newcomers": None if self.newcomers is None else self.newcomers.state(),
        }

    def save(self, directory: str | Path, overwrite: bool = False) -> Path:
        """Write the artifact: a directory with weights, tables, report, plan and hashes, all or nothing.

        Raises:
            ArtifactError: The directory exists and ``overwrite`` is false, or cannot be written.
        """
        config, tensors = flatten(self.state())
        files = files_of(self.record, self.plan)
        return save_bundle(directory, Bundle(KIND, config, tensors, files), overwrite=overwrite)


def load(directory: str | Path) -> Model:
    """Read the artifact of a table; nothing in it is executed.

    Raises:
        ArtifactError: Missing, damaged, tampered with, of another kind or of a newer version.
    """
    return from_bundle(load_bundle(directory))


def from_bundle(bundle: Bundle) -> Model:
    """Make the model of an artifact.

    Raises:
        ArtifactError: Of another kind, or parts that do not fit each other.
    """

    def make(record: dict[str, Any], plan: dict[str, Any]) -> Model:
        model = _from_state(unflatten(bundle.config, bundle.tensors))
        _try(model)
        return replace(model, record=record, plan=plan)

    return assembled(bundle, KIND, "a table model", make)


def _try(model: Model) -> None:
    """Predict a row of which everything is missing: parts that do not fit each other fail here.

    Raises:
        ArtifactError: The prediction is no number.
    """
    blank: dict[str, Any] = {c.name: [None] for c in model.schema.columns if c.used}
    if model.exposure is not None:
        blank[model.exposure] = [1.0]
    with np.errstate(all="ignore"):
        found = model._answer(model.typed(blank)[0], 0.9)
    if not np.isfinite(found.mean).all():
        raise ArtifactError("finite predictions", "a model that gives none", "fit anew")
    if model.newcomers is not None:
        _try(model.newcomers.model)


def _from_state(state: dict[str, Any]) -> Model:
    new = state["newcomers"]
    if new is not None:
        new = Newcomers(str(new["column"]), tuple(map(str, new["known"])), _from_state(new["model"]))
    return Model(
        Schema.from_record(state["schema"]),
        Target.from_state(state["target"]),
        predictor_from_state(state["predictor"]),
        float(state["temperature"]),
        None if state["intervals"] is None else Intervals.from_state(state["intervals"]),
        None if state["sets"] is None else Sets.from_state(state["sets"]),
        state["exposure"],
        new,
    )
