"""The yardstick: scikit-learn's histogram gradient boosting, with its nodes as plain arrays."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fivefold.core import NumericalError, Status, child_seed
from fivefold.tasks.tables.candidates.constant import Constant
from fivefold.tasks.tables.candidates.problem import Fitted, Problem
from fivefold.tasks.tables.encode import Encoder
from fivefold.tasks.tables.levels import LevelMeans
from fivefold.tasks.tables.predictors import TreesPredictor, tree_inputs

_MOST_CODES = 255


def _nodes(model: Any, encoder: Encoder, outputs: int, order: list[int]) -> TreesPredictor:
    """Copy the nodes of a fitted histogram gradient boosting into arrays.

    Args:
        model: The fitted estimator.
        encoder: The columns' encoders.
        outputs: Linear predictors K.
        order: The column of the input that each of the estimator's columns is: it puts categories first.
    """
    starts, owners, parts, bits = [], [], [], []
    at = splits = 0
    for iteration in model._predictors:
        for output, tree in enumerate(iteration):
            nodes = tree.nodes
            category = np.where(
                nodes["is_categorical"].astype(bool), nodes["bitset_idx"].astype(np.int64) + splits, -1
            )
            starts.append(at)
            owners.append(output)
            parts.append((nodes, category))
            bits.append(np.asarray(tree.raw_left_cat_bitsets, dtype=np.uint32).reshape(-1, 8))
            at += len(nodes)
            splits += len(bits[-1])

    def column(name: str) -> Any:
        return np.concatenate([nodes[name] for nodes, _ in parts])

    return TreesPredictor(
        encoder,
        np.array(starts, dtype=np.int64),
        np.array(owners, dtype=np.int64),
        np.asarray(model._baseline_prediction, dtype=np.float64).reshape(-1)[:outputs],
        np.array(order)[column("feature_idx").astype(np.int64)],
        # an infinite threshold sends every known value left; artifacts hold finite numbers alone
        np.nan_to_num(column("num_threshold").astype(np.float64), posinf=np.finfo(np.float64).max),
        column("left").astype(np.int64),
        column("right").astype(np.int64),
        column("value").astype(np.float64),
        column("is_leaf").astype(bool),
        column("missing_go_to_left").astype(bool),
        np.concatenate([category for _, category in parts]),
        np.concatenate(bits),
    )


def _placed(predictor: TreesPredictor, codes: list[int], outputs: int, rows: int) -> TreesPredictor:
    """Give trees of some classes (``codes``) a score for all; an absent class gets that of half a row."""
    owners = np.array(codes if len(codes) > 2 else codes[1:], dtype=np.int64)
    baseline = np.full(outputs, min(0.0, float(predictor.baseline.min())) - np.log(2.0 * rows))
    baseline[codes[0]] = 0.0  # of two classes the trees give the log odds of the second
    baseline[owners] = predictor.baseline
    return replace(predictor, outputs=owners[predictor.outputs], baseline=baseline)


@dataclass(frozen=True)
class TreesCandidate:
    """Histogram gradient boosting as scikit-learn sets it by default, categories taken natively."""

    name: str = "boosted trees"
    description: str = "scikit-learn's histogram gradient boosting with its defaults: the yardstick."
    least_rows: int = 1

    def cost(self, rows: int, columns: int, outputs: int, exact: bool = True) -> float:
        """Return a rough number of operations of one fit: a hundred trees, 31 leaves where rows suffice."""
        return outputs * (1e10 * min(1.0, rows / 600) + 3e4 * rows * columns)

    def fit(self, problem: Problem) -> Fitted:
        """Fit the trees, and copy their nodes so that they predict with NumPy alone."""
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        encoder = problem.encoded()[0]
        x = tree_inputs(encoder, problem.table)
        rows = problem.encoded()[1]
        means = [name for e in encoder.numbers if isinstance(e, LevelMeans) for name in e.names()]
        for j in map(rows.names.index, means):
            x[:, j] = rows.numbers[:, j]  # cross-fitted: a row must not see its own target
        # scikit-learn cannot bin a column without a value; as a constant, nothing splits on it
        x[:, np.isnan(x).all(0)] = 0.0
        count = x.shape[1] - len(encoder.categories)
        native = [count + i for i, c in enumerate(encoder.categories) if 0 < len(c.levels) <= _MOST_CODES]
        settings = {
            "categorical_features": native or None,
            "random_state": child_seed(problem.seed, "trees") % 2**31,
        }
        if problem.target.classifies:
            model = HistGradientBoostingClassifier(**settings)
            y: Any = problem.y.astype(np.int64)
            if y.min() == y.max():  # a part that lacks the other classes
                return Constant().fit(problem)
        elif problem.target.family == "poisson":
            model = HistGradientBoostingRegressor(loss="poisson", **settings)
            y = problem.y if problem.offset is None else problem.y / np.exp(problem.offset)
        else:
            loss = "gamma" if problem.target.family == "gamma" else "squared_error"
            model = HistGradientBoostingRegressor(loss=loss, **settings)
            y = problem.y
        weights = problem.weights
        if problem.target.family == "poisson" and problem.offset is not None:
            weights = np.exp(problem.offset) * (1.0 if weights is None else weights)
        model.fit(x, y, sample_weight=weights)
        order = (
            [*native, *(j for j in range(x.shape[1]) if j not in native)]
            if native
            else list(range(x.shape[1]))
        )
        codes = [int(c) for c in model.classes_] if problem.target.classifies else []
        predictor = _nodes(model, encoder, len(codes) if len(codes) > 2 else 1, order)
        few = np.linspace(0, problem.rows - 1, min(problem.rows, 100)).astype(np.int64)
        part = problem.table.take(few)
        raw = model._raw_predict(tree_inputs(encoder, part)).reshape(len(few), -1)
        if not np.allclose(predictor.eta(part), raw, rtol=1e-6, atol=1e-8):
            raise NumericalError(
                "the copied trees to predict as scikit-learn's",
                "other predictions",
                "report the versions in use",
            )
        if len(codes) < problem.target.outputs and codes:  # divided by group or time, a part may lack a class
            predictor = _placed(predictor, codes, problem.target.outputs, problem.rows)
        return Fitted(predictor, Status.CONVERGED)
