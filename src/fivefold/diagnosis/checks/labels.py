"""Labels that have little to do with the inputs."""

import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from fivefold.diagnosis.checks.seen import late, late_loss, losses_of, median, stacked
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record

LEAST_ROWS = 150
NEIGHBOURS = 5


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
    if found is None or not record.training_rows.inputs[0].is_floating_point():
        return []
    x, y = found
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

    R^2 of ridge regression on examples left out has expectation at most 0 for unrelated targets, with
    standard error
    about sqrt(2 / n) or less.
    """
    spread = x.std(0)
    x = (x[:, spread > 0] - x[:, spread > 0].mean(0)) / spread[spread > 0]
    predicted = cross_val_predict(RidgeCV(np.logspace(-1, 4, 11)), x, y, cv=5)
    near = cross_val_predict(KNeighborsRegressor(10), x, y, cv=5)
    left = [float(1 - ((y - p) ** 2).sum() / ((y - y.mean()) ** 2).sum()) for p in (predicted, near)]
    if max(left) > 0.0:
        return []
    ended = late_loss(record)
    own = median(c.target.std for c in losses_of(record)) ** 2
    return [
        Finding(
            "labels.unrelated",
            "the targets have nothing to do with the inputs",
            f"on examples left out, ridge regression explains {left[0]:.0%} of the targets' variance and ten "
            "nearest "
            f"neighbours {left[1]:.0%}; the network's loss ends at {ended:.3g}, the targets' variance is "
            f"{own:.3g}",
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
