r"""scikit-learn estimators: the race of ``fit`` behind ``fit`` and ``predict``.

Where :func:`fivefold.fit` sets a fifth of the rows aside to measure the model, an estimator trains on every
row it is given: whoever calls it splits. Cross-validation inside chooses the method, and its held-out
predictions give the intervals, the probabilities and the sets.
"""

from dataclasses import replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from fivefold.core import Budget, Clock, DataError, require
from fivefold.diagnosis.tables.duplicates import row_codes
from fivefold.tasks.tables.frames import ArrowTable, Frame, physical
from fivefold.tasks.tables.kinds import Kind
from fivefold.tasks.tables.model import Model, Prediction
from fivefold.tasks.tables.prepare import Prepared
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.search import search
from fivefold.tasks.tables.source import as_table
from fivefold.tasks.tables.splits import Splitter
from fivefold.tasks.tables.table import Table, missing
from fivefold.tasks.threads import threads

Floats = npt.NDArray[np.float64]


class _TableEstimator(BaseEstimator):  # type: ignore[misc]
    """What both estimators share: reading rows, the race, and prediction.

    Args:
        budget: Seconds, as ``"60s"``, ``"2m"`` or a number: they decide the plan before the first fit, and
            the clock may end the race early, so that a busy machine can choose another method. ``None`` makes
            the plan of 60 seconds and never looks at the clock: then the same rows and ``random_state`` give
            the same model.
        allow_trees: Whether boosted trees may be chosen.
        random_state: Seed of every split and fit; ``None`` draws one from NumPy's global generator, and a
            ``RandomState`` gives its next number.
    """

    def __init__(
        self,
        *,
        budget: str | float | Budget | None = "60s",
        allow_trees: bool = False,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.budget = budget
        self.allow_trees = allow_trees
        self.random_state = random_state

    def __sklearn_is_fitted__(self) -> bool:
        return "model_" in vars(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.non_deterministic = self.budget is not None  # the clock may end the race
        return tags

    def _read(self, X: Any, *, fitting: bool) -> Table:
        """Return the rows as a table: a frame keeps its columns, anything else is an array of numbers.

        The columns of a later table are matched by position, as scikit-learn does after it has compared the
        names, so that rows of an array fit a model of a frame and the other way round.
        """
        if isinstance(X, Frame | ArrowTable):
            validate_data(self, X, reset=fitting, skip_check_array=True)
            table = as_table(X)
        else:
            values = validate_data(self, X, reset=fitting, dtype=np.float64, ensure_all_finite="allow-nan")
            table = Table({f"x{j}": column.copy() for j, column in enumerate(values.T)})
        if fitting:
            return table
        names = [column.name for column in self.model_.schema.columns]
        return Table(dict(zip(names, table.columns.values(), strict=True)), table.source, table.notes)

    def _race(self, table: Table, target: npt.NDArray[Any], kind: Kind, weights: Floats | None) -> Model:
        """Race the methods on all rows, keep what came of it, and return the model.

        Args:
            table: The rows as read.
            target: ``[n]`` numbers, or labels as texts.
            kind: Whether the target is a number or a category.
            weights: ``[n]`` at least zero, or ``None``; rows of weight zero have been left out.
        """
        if table.rows < 2:
            raise DataError("at least two rows to learn from", f"n_samples = {table.rows}")
        name = "target"
        while name in table.names:
            name += "_"
        whole = Table({**table.columns, name: target})
        schema = Schema.guess(whole, name, {name: str(kind)})
        typed = schema.apply(table, fitting=True)
        if not typed.names:
            raise DataError("at least one column to predict from", f"none of use ({schema.unused})")
        prepared = Prepared(whole, typed, schema, target, kind, weights, None, None, None, typed.notes)
        strata = None
        if kind is Kind.CATEGORY:
            strata = np.unique(target.astype(str), return_inverse=True)[1].reshape(-1)
        limits, seed = Budget.parse(self.budget), _seed(self.random_state)
        with threads(torch.get_num_threads()):
            found = search(
                prepared,
                np.arange(table.rows),
                Splitter(seed, strata, twins=row_codes(typed.columns)),
                limits,
                Clock(limits),
                seed,
                self.allow_trees,
            )
        self.plan_: dict[str, Any] = found.plan.to_record()
        self.method_: str = found.chosen.candidate.name
        self.model_: Model = replace(found.model, plan=self.plan_)
        return self.model_

    def _predict(self, X: Any, level: float = 0.9) -> Prediction:
        check_is_fitted(self)
        return self.model_.predict_table(self._read(X, fitting=False), level)


class Regressor(RegressorMixin, _TableEstimator):  # type: ignore[misc]
    """A regressor that chooses its method by cross-validation and knows how sure it is.

    Args:
        budget: Seconds, as ``"60s"``, ``"2m"`` or a number: they decide the plan before the first fit, and
            the clock may end the race early, so that a busy machine can choose another method. ``None`` makes
            the plan of 60 seconds and never looks at the clock: then the same rows and ``random_state`` give
            the same model.
        allow_trees: Whether boosted trees may be chosen.
        random_state: Seed of every split and fit; ``None`` draws one from NumPy's global generator, and a
            ``RandomState`` gives its next number.

    Attributes:
        model_: The fitted :class:`~fivefold.Model`; its ``save`` writes an artifact.
        method_: The name of the chosen method.
        plan_: What was tried, and what was left out and why.
        n_features_in_: Number of columns.
        feature_names_in_: Their names, where X was a frame with texts as names.

    >>> X = np.random.default_rng(0).normal(size=(40, 2))
    >>> regressor = Regressor(budget="1s").fit(X, X[:, 0])
    >>> bool(regressor.score(X, X[:, 0]) > 0.99)
    True
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Choose a method and fit it to all rows.

        Args:
            X: ``[n, d]`` array of numbers (NaN where missing), or data frame of any columns: numbers,
                categories, texts, dates, booleans, each with gaps.
            y: ``[n]`` finite numbers that are not all the same.
            sample_weight: ``[n]`` weights of at least zero, or ``None``. They weigh the rows in every fit, in
                the choice between methods and in the intervals.

        Returns:
            The estimator.

        Raises:
            ValueError: Rows, targets, weights or a budget that do not fit.
        """
        table = self._read(X, fitting=True)
        numbers = _numbers(self, y)
        check_consistent_length(table.column(table.names[0]), numbers)
        kept, weights = _weights(sample_weight, table.rows)
        self._race(table.take(kept), numbers[kept], Kind.NUMBER, weights)
        return self

    def predict(self, X: Any) -> Floats:
        """Return predictions ``[n]`` of rows ``X [n, d]``.

        Raises:
            NotFittedError: Before ``fit``.
            ValueError: Rows with other columns than at fit.
        """
        return np.asarray(self._predict(X).mean, dtype=np.float64)

    def predict_interval(self, X: Any, level: float = 0.9) -> tuple[Floats, Floats]:
        """Return the bounds of intervals that cover a new value with probability ``level``.

        Args:
            X: ``[n, d]`` rows.
            level: Coverage, in (0, 1).

        Returns:
            Lower and upper bounds, each ``[n]``; infinite where there were too few rows for the level.

        Raises:
            NotFittedError: Before ``fit``.
            ValueError: A level outside (0, 1).

        >>> X = np.random.default_rng(0).normal(size=(40, 2))
        >>> low, high = Regressor(budget="1s").fit(X, X[:, 0]).predict_interval(X, level=0.8)
        >>> bool((low <= high).all())
        True
        """
        found = self._predict(X, level)
        assert found.low is not None and found.high is not None  # noqa: PT018 - the bounds of one interval
        return found.low, found.high


class Classifier(ClassifierMixin, _TableEstimator):  # type: ignore[misc]
    """A classifier that chooses its method by cross-validation, with calibrated probabilities and sets.

    Args:
        budget: Seconds, as ``"60s"``, ``"2m"`` or a number: they decide the plan before the first fit, and
            the clock may end the race early, so that a busy machine can choose another method. ``None`` makes
            the plan of 60 seconds and never looks at the clock: then the same rows and ``random_state`` give
            the same model.
        allow_trees: Whether boosted trees may be chosen.
        random_state: Seed of every split and fit; ``None`` draws one from NumPy's global generator, and a
            ``RandomState`` gives its next number.

    Attributes:
        classes_: ``[K]`` sorted labels, in the order of the probabilities.
        model_: The fitted :class:`~fivefold.Model`, which knows labels as texts; its ``save`` writes an
            artifact.
        method_: The name of the chosen method.
        plan_: What was tried, and what was left out and why.
        n_features_in_: Number of columns.
        feature_names_in_: Their names, where X was a frame with texts as names.

    >>> X = np.random.default_rng(0).normal(size=(40, 2))
    >>> classifier = Classifier(budget="1s").fit(X, np.where(X[:, 0] > 0, "yes", "no"))
    >>> classifier.classes_.tolist(), classifier.predict([[3.0, 0.0]]).tolist()
    (['no', 'yes'], ['yes'])
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Choose a method and fit it to all rows.

        Args:
            X: ``[n, d]`` array of numbers (NaN where missing), or data frame of any columns: numbers,
                categories, texts, dates, booleans, each with gaps.
            y: ``[n]`` labels of 2 to 100 classes: texts, whole numbers, booleans.
            sample_weight: ``[n]`` weights of at least zero, or ``None``. They weigh the rows in every fit, in
                the choice between methods, in the calibration and in the sets.

        Returns:
            The estimator.

        Raises:
            ValueError: Rows, labels, weights or a budget that do not fit.
        """
        table = self._read(X, fitting=True)
        labels = _labels(self, y)
        check_consistent_length(table.column(table.names[0]), labels)
        kept, weights = _weights(sample_weight, table.rows)
        classes, codes = np.unique(labels[kept], return_inverse=True)
        if len(classes) < 2:
            raise DataError("at least two classes", f"the one class {classes[0]!s}")
        texts = np.array([str(label) for label in classes], dtype=object)
        model = self._race(table.take(kept), texts[codes.reshape(-1)], Kind.CATEGORY, weights)
        self.classes_ = classes
        # the model sorts labels as texts, where "10" precedes "9"
        self._order = np.array([model.classes.index(text) for text in texts])
        return self

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the most probable labels ``[n]`` of rows ``X [n, d]``, in the type of ``y``.

        Raises:
            NotFittedError: Before ``fit``.
            ValueError: Rows with other columns than at fit.
        """
        best = self.predict_proba(X).argmax(1)
        labels: npt.NDArray[Any] = self.classes_[best]
        return labels

    def predict_proba(self, X: Any) -> Floats:
        """Return calibrated probabilities ``[n, K]`` in the order of ``classes_``.

        Raises:
            NotFittedError: Before ``fit``.
            ValueError: Rows with other columns than at fit.
        """
        probabilities = self._predict(X).probabilities
        assert probabilities is not None
        return probabilities[:, self._order]

    def predict_set(self, X: Any, level: float = 0.9) -> npt.NDArray[np.bool_]:
        """Return the classes that together cover the true one with probability ``level``.

        Args:
            X: ``[n, d]`` rows.
            level: Coverage, in (0, 1).

        Returns:
            ``[n, K]`` in the order of ``classes_``: whether the class is in the set of the row.

        Raises:
            NotFittedError: Before ``fit``.
            ValueError: A level outside (0, 1).

        >>> X = np.random.default_rng(0).normal(size=(40, 2))
        >>> classifier = Classifier(budget="1s").fit(X, X[:, 0] > 0)
        >>> classifier.predict_set([[3.0, 0.0], [-3.0, 0.0]], level=0.8).tolist()
        [[False, True], [True, False]]
        """
        sets = self._predict(X, level).sets
        assert sets is not None
        return sets[:, self._order]


def _seed(random_state: int | np.random.RandomState | None) -> int:
    """Return the seed that an estimator's ``random_state`` stands for."""
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def _column(estimator: BaseEstimator, y: Any) -> npt.NDArray[Any]:
    """Return y as one column without gaps."""
    if y is None:
        name = type(estimator).__name__
        # in the words that scikit-learn's users and checks look for
        raise DataError("a target", f"None: {name} requires y to be passed, but the target y is None")
    values = np.asarray(column_or_1d(y, warn=True))
    known = physical("y", values, []) if values.dtype.kind in "OT" else values
    gaps = missing(known) if known.dtype.kind in "fMO" else np.zeros(len(values), dtype=bool)
    if gaps.any():
        got = f"Input y contains NaN: {int(gaps.sum()):,} missing"
        raise DataError("a known target in every row", got, "leave those rows out")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise DataError("a finite target in every row", "Input y contains infinity", "leave those rows out")
    return values


def _numbers(estimator: BaseEstimator, y: Any) -> Floats:
    """Return the target of a regression ``[n]``."""
    values = _column(estimator, y)
    fix = "a Classifier takes labels"
    if values.dtype.kind not in "biufO":
        raise DataError("numbers in y", f"an array of {values.dtype}", fix)
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError("numbers in y", str(error), fix) from None
    if not np.isfinite(numbers).all():
        raise DataError("a finite target in every row", "Input y contains infinity", "leave those rows out")
    return numbers


def _labels(estimator: BaseEstimator, y: Any) -> npt.NDArray[Any]:
    """Return the target of a classification ``[n]``."""
    values = _column(estimator, y)
    check_classification_targets(values)
    return values


def _weights(sample_weight: Any, rows: int) -> tuple[npt.NDArray[np.int64], Floats | None]:
    """Return the rows of positive weight and their weights, of mean one."""
    if sample_weight is None:
        return np.arange(rows), None
    weights = np.asarray(sample_weight, dtype=np.float64)
    require(weights.shape == (rows,), f"sample_weight of shape ({rows},)", f"shape {weights.shape}")
    bad = int((~(np.isfinite(weights) & (weights >= 0))).sum())
    require(not bad, "finite sample_weight of at least zero", f"{bad:,} that are not")
    kept = np.flatnonzero(weights > 0)
    require(len(kept) > 0, "a sample_weight above zero", "zero in every row")
    return kept, weights[kept] / weights[kept].mean()
