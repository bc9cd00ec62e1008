"""Training examples that are evaluated, too, on another scale than the one that they were trained on."""

from collections.abc import Iterator

import numpy as np
from torch import Tensor

from fivefold.diagnosis.checks.pictures import of_pairs
from fivefold.diagnosis.checks.seen import within_updates
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record

LEAST = 30
EXACT = 1.0 - 1e-6
APART = 0.2
MOST_SHOWN = 8


def check_same_examples(record: Record) -> list[Finding]:
    r"""Find examples that training gives in one scaling and evaluation in another.

    Of a block of training examples and one of evaluation as long, as they come and both sorted by their first
    column that varies. Statistic: the correlation of each column x_j of the one with e_j of the other,
    and, where all that vary have 1 to six digits, the line :math:`e_j = a_j x_j + b_j`. Null: other examples'
    columns are correlated by 1 / \sqrt n, and never to six digits from 30 examples on; the same examples have
    a = 1 and b = 0. Found where the median of :math:`|a_j - 1|`, or of :math:`|b_j|` in standard deviations
    of the column, is above 0.2. False alarms: none by chance; a test on purpose at another scale.

    Args:
        record: What was seen.
    """
    if within_updates(record):
        return []
    for x, e in _blocks(record):
        for a, b in ((x, e), (_sorted(x), _sorted(e))):
            found = _line(a, b)
            if found is None:
                continue
            slope, shift, spread = found
            if max(float(np.median(np.abs(slope - 1))), float(np.median(np.abs(shift)))) < APART:
                return []  # these are prepared alike
            return [_finding(len(x), slope, shift, spread)]
    return []


def _finding(n: int, slope: np.ndarray, shift: np.ndarray, spread: np.ndarray) -> Finding:
    return Finding(
        "data.preparation",
        "training examples are prepared in another way where they are evaluated",
        f"{n} training examples were evaluated, too: every column there is a multiple of the one in training "
        f"and a number (correlation 1 to six digits), with a factor of {float(np.median(slope)):.3g} and a "
        f"shift of {float(np.median(np.abs(shift))):.3g} standard deviations (medians)",
        "high",
        "what the training examples were scaled by is left out, or done again, where the model is used",
        "scale in one place, with the training set's numbers: keep mean and standard deviation beside the "
        "weights, and apply them to all that is given to the model",
        picture=of_pairs(
            "Standard deviations of the columns of the same examples: alike where nothing is wrong",
            "standard deviation",
            {
                f"column {j}": (float(s), float(s * a))
                for j, (s, a) in enumerate(zip(spread[:MOST_SHOWN], np.abs(slope), strict=False))
            },
            ("training", "evaluation"),
        ),
    )


def _blocks(record: Record) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Blocks of training and of evaluation with as many examples, each pair of lengths once."""
    rows, held = record.training_rows.inputs, record.evaluation_rows.inputs
    known: set[tuple[int, ...]] = set()
    for block in rows:
        if tuple(block.shape) in known or not block.is_floating_point() or len(block) < LEAST:
            continue
        known.add(tuple(block.shape))
        for other in held:
            if other.shape == block.shape and other.is_floating_point():
                yield _table(block), _table(other)


def _table(block: Tensor) -> np.ndarray:
    return np.asarray(block.reshape(len(block), -1)[:, :4096].double().numpy())


def _sorted(x: np.ndarray) -> np.ndarray:
    varies = np.flatnonzero(x.std(0) > 0)
    return x[np.argsort(x[:, varies[0]], kind="stable")] if len(varies) else x


def _line(x: np.ndarray, e: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Slopes, shifts in standard deviations and these, where each column of e is a line of that of x."""
    if not (np.isfinite(x).all() and np.isfinite(e).all()):
        return None
    sx, se = x.std(0), e.std(0)
    used = (sx > 1e-9) & (se > 1e-9)
    if used.sum() < 2:
        return None
    x, e, sx, se = x[:, used], e[:, used], sx[used], se[used]
    r = ((x - x.mean(0)) * (e - e.mean(0))).mean(0) / (sx * se)
    if not bool((np.abs(r) > EXACT).all()):
        return None
    slope = np.sign(r) * se / sx
    return slope, (e.mean(0) - slope * x.mean(0)) / sx, sx
