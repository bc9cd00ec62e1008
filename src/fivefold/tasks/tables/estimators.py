"""scikit-learn estimators: the race of ``fit`` behind ``fit`` and ``predict``."""

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from fivefold.core import Budget, Clock
from fivefold.tasks.tables.fit import search, threads
from fivefold.tasks.tables.model import Model
from fivefold.tasks.tables.prepare import Prepared
from fivefold.tasks.tables.schema import Kind, Schema
from fivefold.tasks.tables.source import as_table
from fivefold.tasks.tables.splits import Splitter
from fivefold.tasks.tables.table import Table

_TARGET = "target"


def _is_frame(X: Any) -> bool:
    """Whether X is a data frame, whose columns keep their kinds; everything else becomes an array of numbers."""
    return type(X).__module__.split(".")[0] in {"pandas", "polars"}


class _TableEstimator(BaseEstimator):  # type: ignore[misc]
    """What both estimators share.

    All rows given train: the caller splits. Cross-validation inside chooses the method and calibrates.
    """

    def __init__(self, *, budget: str | float = "60s", allow_trees: bool = False, random_state: int = 0) -> None:
        self.budget = budget
        self.allow_trees = allow_trees
        self.random_state = random_state

    def _table(self, X: Any, reset: bool) -> Table:
        """Return the rows as a table; arrays are checked as scikit-learn does, frames keep their columns."""
        if _is_frame(X):
            from sklearn.utils.validation import _check_feature_names, _check_n_features

            _check_feature_names(self, X, reset=reset)
            _check_n_features(self, X, reset=reset)
            return as_table(X)
        values = validate_data(self, X, reset=reset, dtype=np.float64, ensure_all_finite="allow-nan")
        return Table({f"x{j}": np.ascontiguousarray(values[:, j]) for j in range(values.shape[1])})

    def _search(self, table: Table, target: npt.NDArray[Any], kind: Kind) -> Self:
        types = {name: "number" for name in table.names} if table.names[0] == "x0" else {}
        whole = Table({**table.columns, _TARGET: target})
        schema = Schema.guess(whole, target=_TARGET, overrides={**types, _TARGET: str(kind)})
        typed, notes = schema.apply(table, without=(_TARGET,))
        prepared = Prepared(whole, typed, schema, target, kind, None, None, None, None, tuple(notes))
        strata = None
        if kind is Kind.CATEGORY:
            strata = np.unique(target.astype(str), return_inverse=True)[1].reshape(-1)
        limits = Budget.parse(self.budget)
        seed = int(np.random.RandomState(self.random_state).randint(2**31)) if not isinstance(self.random_state, int | np.integer) else int(self.random_state)
        with threads(torch.get_num_threads()):
            found = search(
                prepared, np.arange(table.rows), Splitter(seed, strata), limits, Clock(limits), seed, self.allow_trees
            )
        self.model_: Model = found.model
        self.method_: str = found.chosen.candidate.name
        self.plan_: dict[str, Any] = found.plan.to_record()
        return self

    def _predictable(self, X: Any) -> Table:
        check_is_fitted(self)
        return self._table(X, reset=False)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.non_deterministic = False
        return tags


class Regressor(RegressorMixin, _TableEstimator):  # type: ignore[misc]
    """A regressor that chooses its method by cross-validation and knows how sure it is.

    Args:
        budget: Seconds, as ``"60s"`` or a number; decides the plan.
        allow_trees: Whether boosted trees may be chosen.
        random_state: Seed.

    Attributes:
        model_: The fitted model.
        method_: The name of the chosen method.
        plan_: What was tried.

    >>> X = np.random.default_rng(0).normal(size=(60, 2))
    >>> low, high = Regressor(budget="2s").fit(X, X[:, 0]).predict_interval(X[:1], level=0.8)
    >>> bool(low[0] <= high[0])
    True
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Fit to ``X [n, d]`` (array of numbers, or data frame of any columns) and ``y [n]``."""
        table = self._table(X, reset=True)
        y = _numbers(self, y)
        _same_length(table, y)
        return self._search(table, y, Kind.NUMBER)

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """Return predictions ``[n]``."""
        rows = self._predictable(X)
        return np.asarray(self.model_.predict(rows), dtype=np.float64)

    def predict_interval(self, X: Any, level: float = 0.9) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return lower and upper bounds ``[n]`` of intervals with the given coverage in (0, 1)."""
        rows = self._predictable(X)
        return self.model_.predict_interval(rows, level)


class Classifier(ClassifierMixin, _TableEstimator):  # type: ignore[misc]
    """A classifier that chooses its method by cross-validation, with calibrated probabilities and sets.

    Args:
        budget: Seconds, as ``"60s"`` or a number; decides the plan.
        allow_trees: Whether boosted trees may be chosen.
        random_state: Seed.

    Attributes:
        classes_: Labels in the order of the probabilities.
        model_: The fitted model.
        method_: The name of the chosen method.
        plan_: What was tried.

    >>> X = np.random.default_rng(0).normal(size=(60, 2))
    >>> fitted = Classifier(budget="2s").fit(X, X[:, 0] > 0)
    >>> fitted.predict_proba(X[:1]).shape
    (1, 2)
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Fit to ``X [n, d]`` (array of numbers, or data frame of any columns) and labels ``y [n]``."""
        table = self._table(X, reset=True)
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        _same_length(table, y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:  # noqa: PLR2004
            raise ValueError(f"expected at least two classes; got the one class {self.classes_[0]!r}")
        # labels as codes of equal width, so that their order as texts is that of classes_
        labels = np.array([f"{code:06d}" for code in codes], dtype=object)
        return self._search(table, labels, Kind.CATEGORY)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return labels ``[n]``."""
        found: npt.NDArray[Any] = self.classes_[self.predict_proba(X).argmax(1)]
        return found

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return calibrated probabilities ``[n, K]``."""
        rows = self._predictable(X)
        return self.model_.predict_proba(rows)

    def predict_set(self, X: Any, level: float = 0.9) -> npt.NDArray[np.bool_]:
        """Return which classes ``[n, K]`` are in the set that covers with probability ``level``."""
        rows = self._predictable(X)
        found = self.model_.predict_table(rows, level).sets
        assert found is not None
        return found


def _same_length(table: Table, y: npt.NDArray[Any]) -> None:
    if table.rows != len(y):
        raise ValueError(f"expected as many targets as rows; got {len(y)} and {table.rows}")


def _numbers(estimator: Any, y: Any) -> npt.NDArray[np.float64]:
    if y is None:
        raise ValueError(f"{type(estimator).__name__} requires y to be passed, but the target y is None")
    y = column_or_1d(y, warn=True)
    if y.dtype.kind == "O" or y.dtype.kind in "iufb":
        y = y.astype(np.float64)
    if not np.isfinite(y).all():
        raise ValueError("Input y contains NaN or infinity")
    return np.asarray(y, dtype=np.float64)
