"""Labels that have little to do with the inputs."""

import numpy as np
from scipy import stats
from sklearn.model_selection import cross_val_predict
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from fivefold.diagnosis.checks.seen import late, late_loss, losses_of, median, stacked
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record

LEAST_ROWS = 150
NEIGHBOURS = 5
MOST_TOKENS = 20_000


def _labelled(rows: tuple[np.ndarray, np.ndarray | None]) -> tuple[np.ndarray, np.ndarray] | None:
    x, y = rows
    if y is None or y.ndim != 1 or len(x) < LEAST_ROWS or not np.allclose(y, np.round(y)):
        return None
    if not 2 <= len(np.unique(y)) <= 100:
        return None
    keys = np.unique(x, axis=0, return_index=True)[1]
    return x[keys], y[keys]


def check_labels(record: Record) -> list[Finding]:
    """Find labels that examples alike do not share.

    Statistic: how often the five nearest other training examples vote for an example's label, beside chance
    (always the most common label) and beside how often they vote for the labels of evaluation examples. Null:
    votes beat chance wherever distances tell anything; training and evaluation labels are voted for alike.
    Standard errors are binomial. False alarms: inputs whose distances tell nothing; then the network must be
    at chance in training, too.

    Args:
        record: What was seen.
    """
    numbers = _numbered(stacked(record.training_rows, most=2000))
    if numbers is not None:
        return _of_numbers(record, *numbers)
    found = _labelled(stacked(record.training_rows, most=2000))
    if found is None:
        return []
    x, y = found
    if not record.training_rows.inputs[0].is_floating_point():
        return _of_texts(record, x.astype(np.int64), y)
    if len(x) < LEAST_ROWS or x.shape[1] < 2:
        return []
    spread = x.std(0)
    x = x[:, spread > 0]
    scale = x.std(0)
    neighbours = KNeighborsClassifier(NEIGHBOURS + 1).fit(x / scale, y)
    near = neighbours.kneighbors(x / scale, return_distance=False)[:, 1:]
    votes = _most_common(y[near])
    own = float((votes == y).mean())
    chance = float(np.unique(y, return_counts=True)[1].max() / len(y))
    error = (chance * (1 - chance) / len(y)) ** 0.5
    right = median(c.right for s in late(record.steps, 0.25) for c in s.losses)
    if chance < 0.8 and own < chance + 3 * error and not right > chance + 0.15:
        return [
            Finding(
                "labels.unrelated",
                "the labels have nothing to do with the inputs",
                f"the five nearest examples vote for the right label in {own:.0%}, where always the most "
                "common one is right in "
                f"{chance:.0%}; the network is right in {right:.0%} of the last batches",
                "high" if not right > chance + 0.05 else "medium",
                "inputs and labels are no longer in the same order: one was shuffled, sorted or filtered "
                "without the other",
                "shuffle and filter inputs and labels with the same index",
                place=losses_of(record)[-1].place if losses_of(record) else None,
            )
        ]
    other = _labelled(stacked(record.evaluation_rows, most=2000))
    if other is None or other[0].shape[1] != len(spread):
        return []
    u, v = other[0][:, spread > 0], other[1]
    voted = float(
        (_most_common(y[neighbours.kneighbors(u / scale, NEIGHBOURS, return_distance=False)]) == v).mean()
    )
    gap = voted - own
    noise = (own * (1 - own) / len(y) + voted * (1 - voted) / len(v)) ** 0.5
    if gap > 0.08 and gap > 4 * noise:
        return [
            Finding(
                "labels.noise",
                "many training labels are wrong",
                f"the five nearest training examples vote for {voted:.0%} of the evaluation labels but for "
                f"{own:.0%} of the training labels",
                "high" if gap > 0.12 and gap > 6 * noise else "medium",
                f"about {gap / max(voted, 0.5):.0%} of the training labels disagree with all examples around "
                "them",
                "look at the labels of the examples whose neighbours disagree; correct or drop them, or use "
                "label smoothing",
            )
        ]
    return []


def _of_texts(record: Record, x: np.ndarray, y: np.ndarray) -> list[Finding]:
    """Whether neither naive Bayes on counts of tokens nor the network tells anything of the labels."""
    if x.min() < 0 or x.max() > MOST_TOKENS:
        return []
    counts = np.zeros((len(x), int(x.max()) + 1), dtype=np.float32)
    np.add.at(counts, (np.arange(len(x))[:, None], x), 1.0)
    if np.unique(y, return_counts=True)[1].min() < 5:
        return []
    right = float((cross_val_predict(MultinomialNB(), counts, y, cv=5) == y).mean())
    chance = float(np.unique(y, return_counts=True)[1].max() / len(y))
    error = (chance * (1 - chance) / len(y)) ** 0.5
    own = median(c.right for s in late(record.steps, 0.25) for c in s.losses)
    if chance > 0.8 or right > chance + 3 * error or own > chance + 0.15:
        return []
    return [
        Finding(
            "labels.unrelated",
            "the labels have nothing to do with the inputs",
            f"naive Bayes on counts of tokens is right in {right:.0%} of examples left out, where always the "
            "most common "
            f"label is right in {chance:.0%}; the network is right in {own:.0%} of the last batches",
            "high" if not own > chance + 0.05 else "medium",
            "inputs and labels are no longer in the same order: one was shuffled, sorted or filtered without "
            "the other",
            "shuffle and filter inputs and labels with the same index",
        )
    ]


def _numbered(rows: tuple[np.ndarray, np.ndarray | None]) -> tuple[np.ndarray, np.ndarray] | None:
    x, y = rows
    if y is None or len(x) < LEAST_ROWS or not 2 <= x.shape[1] <= 512 or y.size != len(x):
        return None
    y = y.reshape(-1)
    if len(np.unique(y)) < 20:
        return None
    keys = np.unique(x, axis=0, return_index=True)[1]
    return (x[keys], y[keys]) if len(keys) >= LEAST_ROWS else None


def _of_numbers(record: Record, x: np.ndarray, y: np.ndarray) -> list[Finding]:
    """Whether neither ridge regression nor the network tells anything of the targets.

    The F test of linear regression is uniform for unrelated targets, so that p > 0.02 keeps 98% of them, and
    p is far smaller for a correlation of 0.3 on a few hundred examples. Ten nearest neighbours, judged on
    examples left out, stand for relations that are not linear.
    """
    spread = x.std(0)
    x = (x[:, spread > 0] - x[:, spread > 0].mean(0)) / spread[spread > 0]
    n, k = x.shape
    if n < 3 * k + 30:
        return []
    residual = y - y.mean() - x @ np.linalg.lstsq(x, y - y.mean(), rcond=None)[0]
    explained = 1.0 - float((residual**2).sum() / ((y - y.mean()) ** 2).sum())
    f = explained / k / max((1.0 - explained) / (n - k - 1), 1e-300)
    p = float(stats.f.sf(f, k, n - k - 1))
    near = cross_val_predict(KNeighborsRegressor(10), x, y, cv=5)
    neighbours = float(1 - ((y - near) ** 2).sum() / ((y - y.mean()) ** 2).sum())
    if p < 0.02 or neighbours > 0.0:
        return []
    ended = late_loss(record)
    own = median(c.target.std for c in losses_of(record)) ** 2
    return [
        Finding(
            "labels.unrelated",
            "the targets have nothing to do with the inputs",
            f"linear regression tells nothing of the targets (F test p = {p:.2f}, {n} examples), nor do ten "
            "nearest "
            f"neighbours ({neighbours:.0%} of the variance); the network's loss ends at {ended:.3g}, the "
            "targets' "
            f"variance is {own:.3g}",
            "high" if len(y) >= 250 and not ended < 0.3 * own else "medium",
            "inputs and targets are no longer in the same order: one was shuffled, sorted or filtered "
            "without the other",
            "shuffle and filter inputs and targets with the same index",
        )
    ]


def _most_common(labels: np.ndarray) -> np.ndarray:
    out = np.empty(len(labels))
    for i, row in enumerate(labels):
        values, counts = np.unique(row, return_counts=True)
        out[i] = values[counts.argmax()]
    return out
