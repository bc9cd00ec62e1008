"""Training inputs in which added noise is far larger than what they show."""

import numpy as np

from fivefold.diagnosis.checks.pictures import of_numbers
from fivefold.diagnosis.checks.seen import stacked, within_updates
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record

LEAST = 64
LEAST_COLUMNS, MOST_COLUMNS = 8, 1024
SPREAD = 0.5
DROWNED = 4.0
ERRORS = 3.0


def check_drowned(record: Record) -> list[Finding]:
    r"""Find inputs that drown in the noise that training adds to them, since they are scaled to too little.

    With covariances C of training inputs and E of evaluation inputs, over n and m examples. Statistics:
    :math:`r = (\mathrm{tr}\, C - \mathrm{tr}\, E) / \mathrm{tr}\, E`, the variance that training has beyond
    evaluation's over all that there is to see, and :math:`w = (|C|_o^2 - c/n) / (|E|_o^2 - e/m)`, where
    :math:`|.|_o^2` are squares of covariances of different columns and c/n, e/m what chance adds to them,
    :math:`c = (\mathrm{tr}\, C)^2 - \sum_i C_{ii}^2`. Null: r near 0, and below 1 with usual noise; inputs
    that are merely scaled by s have r = s^2 - 1 and w = s^4, those with independent noise w = 1 or below.
    Found where r > 4, w < 2 (to three standard errors), columns of evaluation
    are correlated, and their standard deviation is below 0.5. False alarms:
    training on noise that large on purpose, evaluated without.

    Args:
        record: What was seen.
    """
    rows, held = record.training_rows.inputs, record.evaluation_rows.inputs
    if not rows or not held or not rows[0].is_floating_point() or within_updates(record):
        return []
    if rows[0].shape[1:] != held[0].shape[1:]:
        return []
    x, e = stacked(record.training_rows)[0], stacked(record.evaluation_rows)[0]
    if min(len(x), len(e)) < LEAST or not LEAST_COLUMNS <= x.shape[1] <= MOST_COLUMNS:
        return []
    if not (np.isfinite(x).all() and np.isfinite(e).all()):
        return []
    (total, own, error), (usual, other, unsure) = _spread(x), _spread(e)
    spread = (usual / x.shape[1]) ** 0.5
    if not usual > 0 or total - usual < DROWNED * usual or spread > SPREAD:
        return []
    if other < ERRORS * unsure or own > 2.0 * other + ERRORS * error:
        return []
    noise = ((total - usual) / x.shape[1]) ** 0.5
    return [
        Finding(
            "inputs.scale",
            "the inputs drown in the noise that training adds to them",
            f"inputs have standard deviation {spread:.2g} where they are evaluated; in training every number "
            f"has noise of its own of {noise:.2g} on top, {noise / spread:.1f} times as much (covariances of "
            f"different columns are {max(own / other, 0.0) ** 0.5:.2f} times those of evaluation)",
            "high" if noise > 2.5 * spread else "medium",
            "the inputs were divided by too much, or the noise is meant for inputs on another scale",
            "bring the inputs to the scale of one (for images, divide by their largest value, once), or take "
            "noise that is a small part of their standard deviation",
            picture=of_numbers(
                "Standard deviations: noise is the smaller part where nothing is wrong",
                "standard deviation",
                {"inputs": spread, "noise on top": noise},
            ),
        )
    ]


def _spread(x: np.ndarray) -> tuple[float, float, float]:
    """The trace of the covariance, squares of covariances of different columns beyond chance, and the
    standard error of these where columns are independent.
    """
    x = x - x.mean(0)
    covariance = x.T @ x / len(x)
    diagonal = np.diag(covariance)
    total = float(diagonal.sum())
    squares = float((covariance**2).sum() - (diagonal**2).sum())
    chance = (total**2 - float((diagonal**2).sum())) / len(x)
    return total, squares - chance, 2.0 * chance / x.shape[1]
