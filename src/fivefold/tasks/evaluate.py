"""Measures on rows that no fit has seen, with intervals by the bootstrap."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fivefold.core import numpy_generator

Floats = npt.NDArray[np.float64]
Metric = Callable[[Floats, Floats, Floats], Floats]
_DRAWS, _FEW_CLUSTERS, _MOST_CELLS = 400, 10, 20_000

# A metric is computed from sums over rows, so that every bootstrap draw is one product with its counts.
Parts = Callable[[Floats, Floats], Floats]
Final = Callable[[Floats], Floats]


def _ratio(sums: Floats) -> Floats:
    return sums[..., 0] / sums[..., -1]


def _root(sums: Floats) -> Floats:
    return np.sqrt(_ratio(sums))


def _explained(sums: Floats) -> Floats:
    """R^2 = 1 - sum (y - p)^2 / sum (y - mean)^2, from the sums of (y-p)^2, y^2, y and 1."""
    spread = sums[..., 1] - sums[..., 2] ** 2 / sums[..., 3]
    return 1.0 - sums[..., 0] / np.maximum(spread, 1e-300)


def _variances(y: Floats, p: Floats) -> Floats:
    centred = y - y.mean()  # R^2 does not change with the origin, its rounding errors do
    return np.column_stack([(y - p) ** 2, centred**2, centred, np.ones(len(y))])


def _one(values: Floats) -> Floats:
    return np.column_stack([values, np.ones(len(values))])


def _brier(y: Floats, p: Floats) -> Floats:
    hot = y[:, None] == np.arange(p.shape[1])
    return _one(((p - hot) ** 2).sum(1))


def _log_loss(y: Floats, p: Floats) -> Floats:
    return _one(-np.log(np.maximum(p[np.arange(len(y)), y.astype(np.int64)], 1e-15)))


def _deviance(y: Floats, p: Floats) -> Floats:
    rate = np.maximum(p, 1e-12)
    return _one(2 * (np.where(y > 0, y * np.log(np.where(y > 0, y, 1.0) / rate), 0.0) - (y - rate)))


def _gamma_deviance(y: Floats, p: Floats) -> Floats:
    ratio = y / np.maximum(p, 1e-300)
    return _one(2 * (ratio - 1 - np.log(ratio)))


def _ranked(y: Floats, p: Floats) -> Floats:
    r"""Ranked probability score :math:`\sum_k (F_k - 1[y \le k])^2 / (K - 1)` (Epstein 1969; 0 is perfect).

    The mean of the Brier scores of all questions "is it at most level k?".
    """
    below = np.cumsum(p, 1)[:, :-1]
    return _one(((below - (y[:, None] <= np.arange(p.shape[1] - 1))) ** 2).mean(1))


METRICS: Mapping[str, tuple[Parts, Final, bool]] = {
    "RMSE": (lambda y, p: _one((y - p) ** 2), _root, True),
    "MAE": (lambda y, p: _one(np.abs(y - p)), _ratio, True),
    "R2": (_variances, _explained, False),
    "RMSLE": (lambda y, p: _one((np.log1p(y) - np.log1p(np.maximum(p, 0.0))) ** 2), _root, True),
    "Poisson deviance": (_deviance, _ratio, True),
    "gamma deviance": (_gamma_deviance, _ratio, True),
    "log loss": (_log_loss, _ratio, True),
    "accuracy": (lambda y, p: _one((p.argmax(1) == y).astype(np.float64)), _ratio, False),
    "Brier score": (_brier, _ratio, True),
    "ranked probability score": (_ranked, _ratio, True),
    "level error": (lambda y, p: _one(np.abs(p.argmax(1) - y)), _ratio, True),
}
"""Name to (parts summed over rows, final function of the sums, whether lower is better)."""


def metrics_of(family: str, wanted: str | None = None) -> list[str]:
    """Return the metrics of a family, the main one (or the one wanted) first."""
    names = {
        "gaussian": ["RMSE", "MAE", "R2"],
        "log-gaussian": ["RMSE", "MAE", "RMSLE", "R2"],
        "gamma": ["gamma deviance", "RMSE", "MAE", "R2"],
        "poisson": ["Poisson deviance", "RMSE", "MAE"],
        "ordinal": ["log loss", "ranked probability score", "level error", "accuracy", "Brier score"],
    }.get(family, ["log loss", "accuracy", "Brier score"])
    if wanted is not None:
        names = [wanted, *[n for n in names if n != wanted]]
    return names


def _within(
    cell: npt.NDArray[np.int64], counts: npt.NDArray[np.int64], generator: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Draw rows within the drawn clusters: counts of rows ``[draws, n]`` from counts of clusters."""
    out = np.zeros((len(counts), len(cell)), dtype=np.int64)
    for c in range(counts.shape[1]):
        rows = np.flatnonzero(cell == c)
        out[:, rows] = generator.multinomial(counts[:, c] * len(rows), np.full(len(rows), 1 / len(rows)))
    return out


class Bootstrap:
    """The same bootstrap draws for every model and metric, so that differences are paired.

    Args:
        y: ``[n]`` the target in its own unit, or codes of classes.
        seed: Seed of the draws.
        clusters: ``[n]`` groups that are drawn whole, or ``None``. Fewer than ten are drawn, and then rows
            within them: one alone would never vary. Above 20,000 rows or groups the draws are of 20,000
            blocks of them.
    """

    def __init__(self, y: Floats, seed: int, clusters: npt.NDArray[np.int64] | None = None) -> None:
        self.y = y
        n = len(y)
        if clusters is None and n > _MOST_CELLS:
            clusters = np.arange(n)
        cell = np.arange(n)
        if clusters is not None:
            cell = np.unique(clusters, return_inverse=True)[1].reshape(-1) % _MOST_CELLS
        cells = int(cell.max()) + 1
        generator = numpy_generator(seed, "bootstrap")
        counts = generator.multinomial(cells, np.full(cells, 1 / cells), size=_DRAWS)
        if clusters is not None and cells < _FEW_CLUSTERS and n <= _MOST_CELLS:
            counts = _within(cell, counts, generator)
            cell = np.arange(n)
        self._cell, self._counts = cell, counts.astype(np.float64)

    def sums(self, metric: str, p: Floats) -> tuple[Floats, Floats]:
        """Return the sums over all rows ``[m]`` and in every draw ``[draws, m]``."""
        parts = METRICS[metric][0](self.y, p)
        if len(parts) != len(self._counts[0]) or not np.array_equal(self._cell, np.arange(len(parts))):
            cells = np.zeros((self._counts.shape[1], parts.shape[1]))
            np.add.at(cells, self._cell, parts)
        else:
            cells = parts
        return parts.sum(0), self._counts @ cells

    def draws(self, metric: str, p: Floats) -> tuple[float, Floats]:
        """Return the metric on all rows and in every draw."""
        total, drawn = self.sums(metric, p)
        final = METRICS[metric][1]
        return float(final(total)), final(drawn)

    def interval(self, metric: str, p: Floats) -> dict[str, float]:
        """Return the metric with its central 95% bootstrap interval."""
        value, drawn = self.draws(metric, p)
        low, high = np.quantile(drawn, [0.025, 0.975])
        return {"value": value, "low": float(low), "high": float(high)}

    def difference(self, metric: str, a: Floats, b: Floats) -> dict[str, float]:
        """Return the metric of ``a`` less that of ``b`` with its paired 95% interval and standard error."""
        (va, da), (vb, db) = self.draws(metric, a), self.draws(metric, b)
        low, high = np.quantile(da - db, [0.025, 0.975])
        return {
            "difference": va - vb,
            "low": float(low),
            "high": float(high),
            "error": float((da - db).std()),
        }


def wilson(successes: float, n: float, z: float = 1.959964) -> dict[str, float]:
    """Return a proportion with its Wilson 95% interval; an effective number of rows need not be whole.

    >>> {k: round(v, 3) for k, v in wilson(9, 10).items()}
    {'value': 0.9, 'low': 0.596, 'high': 0.982}
    """
    if n == 0:
        return {"value": float("nan"), "low": 0.0, "high": 1.0}
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # the share itself bounds the ends against rounding where no row or every row succeeds
    low, high = min(share, max(0.0, centre - half)), max(share, min(1.0, centre + half))
    return {"value": share, "low": float(low), "high": float(high)}


def scores(
    bootstrap: Bootstrap, metrics: Sequence[str], predictions: Sequence[tuple[str, str, Floats]]
) -> list[dict[str, Any]]:
    """Return the table of scores: ``(name, role, predictions)`` by metric with intervals."""
    return [
        {"name": name, "role": role, "metrics": {m: bootstrap.interval(m, p) for m in metrics}}
        for name, role, p in predictions
    ]


def coverage(inside: npt.NDArray[np.bool_], copies: npt.NDArray[np.int64] | None = None) -> dict[str, float]:
    r"""Return the share of rows for which something holds, with its Wilson interval.

    Of copies one says as much as all. With groups of sizes :math:`m_g` the interval is that of
    :math:`(\sum m_g)^2 / \sum m_g^2` rows with the same share (Kish, Survey Sampling, 1965): n for rows
    without copies, the number of groups where they are equally large.

    Args:
        inside: ``[n]``.
        copies: ``[n]`` codes, equal for rows that are copies of each other; ``None`` where none are.

    >>> once, twice = np.array([True, True, False]), np.array([True, True, True, True, False, False])
    >>> coverage(twice, np.array([0, 0, 1, 1, 2, 2])) == coverage(once)
    True
    """
    hits, n = int(inside.sum()), len(inside)
    sizes = np.ones(n) if copies is None else np.unique(copies, return_counts=True)[1].astype(np.float64)
    if len(sizes) == n:
        return wilson(hits, n)
    effective = n * n / float((sizes**2).sum())
    return wilson(hits / n * effective, effective)


def reliability(
    probability: Floats, correct: npt.NDArray[np.bool_], bins: int = 10
) -> list[dict[str, float]]:
    """Return predicted against observed frequency in bins of equal counts of predicted probability."""
    order = np.argsort(probability, kind="stable")
    out = []
    for part in np.array_split(order, min(bins, max(1, len(order) // 10))):
        if len(part):
            hits = wilson(int(correct[part].sum()), len(part))
            out.append(
                {
                    "predicted": float(probability[part].mean()),
                    "observed": hits["value"],
                    "rows": float(len(part)),
                    "low": hits["low"],
                    "high": hits["high"],
                }
            )
    return out
