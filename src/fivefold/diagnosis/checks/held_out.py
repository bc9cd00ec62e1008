"""Evaluations on examples that were trained on, or that are prepared in another way."""

import numpy as np

from fivefold.diagnosis.checks.seen import stacked
from fivefold.diagnosis.finding import Finding, Picture
from fivefold.diagnosis.observation.record import Record

LEAST_ROWS = 20


def _keys(x: np.ndarray) -> list[bytes]:
    return [np.ascontiguousarray(row).tobytes() for row in x]


def check_leak(record: Record) -> list[Finding]:
    """Find evaluation examples that are training examples.

    Statistic: the share of kept evaluation examples that equal a kept training example in every number. Only
    some training examples are kept, so that the share is a lower bound. Null: 0 for measured numbers;
    examples with fewer than 8 distinct numbers, whose repeats are natural, are left out, and of tokens half
    must be known. False alarms: an evaluation of the training set beside one of held-out data (left out where
    some evaluation shows new examples).

    Args:
        record: What was seen.
    """
    x, _ = stacked(record.training_rows)
    held = record.evaluation_rows
    if len(x) < LEAST_ROWS or not held.inputs:
        return []
    # Short texts repeat naturally, measured numbers do not.
    least = 0.02 if held.inputs[0].is_floating_point() else 0.5
    # A few whole numbers are the same by chance; a few measured ones are not.
    needed = min(8, max(3, x.shape[1])) if held.inputs[0].is_floating_point() else 8
    known = set(_keys(x))
    shares: list[tuple[int, int]] = []
    for block in held.inputs:
        rows = block.reshape(len(block), -1).double().numpy()
        if rows.shape[1] != x.shape[1] or len(rows) < 2:
            continue
        rich = np.array([len(np.unique(r)) >= needed for r in rows])
        if rich.sum() >= 2:
            shares.append((sum(k in known for k in _keys(rows[rich])), int(rich.sum())))
    total = sum(n for _, n in shares)
    if total < LEAST_ROWS:
        return []
    found = sum(a for a, _ in shares)
    new = [s for s in shares if s[0] <= least * s[1]]
    share = found / total
    if share < least or sum(n for _, n in new) > 0.2 * total:
        return []
    return [
        Finding(
            "data.leak",
            "the model is evaluated on examples that it was trained on",
            f"{found} of {total} evaluation examples equal one of the {len(x)} training examples that were "
            "kept",
            "high" if share >= 0.05 else "medium",
            "training and evaluation sets overlap: split after copies were made, or the same data used for "
            "both",
            "split by example before anything else, and remove duplicates across the split",
        )
    ]


def check_telling_column(record: Record) -> list[Finding]:
    """Find a column that tells the target in training and not in evaluation, or tells it nearly exactly.

    Statistic: the difference of Fisher's z = artanh(r) of the column's correlation with the target between
    training and evaluation examples, over sqrt(1 / (n - 3) + 1 / (m - 3)); |r| itself. Null: standard normal;
    found beyond 6 with at least 0.2 less correlation, so that the false-alarm rate is 1e-9 per column; |r|
    above 0.995. False alarms: a population that changed between the two.

    Args:
        record: What was seen.
    """
    x, y = stacked(record.training_rows)
    if y is None or y.size != len(x) or len(x) < 50 or not 2 <= x.shape[1] <= 2048 or np.std(y) == 0:
        return []
    keys = np.unique(x, axis=0, return_index=True)[1]
    x, y = x[keys], y.reshape(-1)[keys]
    if len(x) < 50:
        return []
    r = _correlations(x, y)
    k = int(np.abs(r).argmax())
    e, t = stacked(record.evaluation_rows)
    if t is not None and t.size == len(e) and len(e) >= 30 and e.shape[1] == x.shape[1]:
        once = np.unique(e, axis=0, return_index=True)[1]
        e, t = e[once], t.reshape(-1)[once]
        q = _correlations(e, t)
        if len(e) >= 30:
            z = np.arctanh(np.clip(np.abs(r), 0, 0.9999)) - np.arctanh(np.clip(np.abs(q), 0, 0.9999))
            z = z / (1 / (len(x) - 3) + 1 / (len(e) - 3)) ** 0.5
            j = int(z.argmax())
            if z[j] > 6 and abs(r[j]) - abs(q[j]) > 0.2:
                return [
                    _telling(
                        j,
                        f"correlation with the target {r[j]:.2f} in training and {q[j]:.2f} in evaluation",
                        len(x),
                        len(e),
                    )
                ]
    if abs(r[k]) > 0.995 and len(np.unique(y)) > 2:
        return [_telling(k, f"correlation with the target {r[k]:.4f}", len(x), 0)]
    return []


def _correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    a, b = x - x.mean(0), y - y.mean()
    size = np.sqrt((a**2).sum(0) * (b**2).sum())
    return np.where(size > 0, a.T @ b / np.where(size > 0, size, 1.0), 0.0)


def _telling(column: int, evidence: str, n: int, m: int) -> Finding:
    return Finding(
        "data.leak",
        f"input column {column} tells the target",
        f"column {column}: {evidence} ({n} and {m} examples)"
        if m
        else f"column {column}: {evidence} ({n} examples)",
        "high",
        "the column was made from the target of its own example, which is not there when the model is used",
        "make such columns from the targets of other training examples only, or drop the column",
    )


def check_preparation(record: Record) -> list[Finding]:
    """Find evaluation inputs on another scale than the training inputs.

    Statistic: the ratio of the pooled standard deviations of evaluation and training inputs, and the distance
    of their column means in training standard deviations (median over columns). Null: ratio within 0.7 to 1.4
    and distance below 0.3 for samples of one population prepared in one way; augmentation moves them little.
    False alarms: evaluations of another population on purpose.

    Args:
        record: What was seen.
    """
    x, _ = stacked(record.training_rows)
    e, _ = stacked(record.evaluation_rows)
    rows = record.training_rows.inputs
    if (
        len(x) < LEAST_ROWS
        or len(e) < LEAST_ROWS
        or x.shape[1] != e.shape[1]
        or not rows[0].is_floating_point()
    ):
        return []
    sx, se = x.std(0), e.std(0)
    used = (sx > 1e-9) & (se > 0)
    if not used.any():
        return []
    ratio = float(np.median(se[used] / sx[used]))
    pooled = float(e.std() / max(x.std(), 1e-12))
    distance = float(np.median(np.abs(e.mean(0) - x.mean(0))[used] / sx[used]))
    far = distance > 1.0
    scaled = (ratio > 2.0 or ratio < 0.5) and (pooled > 1.6 or pooled < 0.62)
    if not far and not scaled:
        return []
    return [
        Finding(
            "data.preparation",
            "evaluation inputs are prepared in another way than training inputs",
            f"column standard deviations are {ratio:.2g} times those of training, column means "
            f"{distance:.2g} training standard "
            "deviations away (medians)",
            "high" if ratio > 2.5 or ratio < 0.4 or distance > 1.5 else "medium",
            "scaling or other preparation is done in one of the two only, or with other numbers",
            "prepare both with the same code and the training set's numbers",
            picture=Picture(
                "Column means, in training standard deviations",
                "column",
                "mean",
                {
                    "evaluation": tuple(
                        (float(i), float(v))
                        for i, v in enumerate(((e.mean(0) - x.mean(0))[used] / sx[used])[:64])
                    ),
                },
                (0.0, "training"),
            ),
        )
    ]
