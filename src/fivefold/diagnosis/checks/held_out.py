"""Evaluations on examples that were trained on, and columns that tell the target."""

import math
from collections import Counter

import numpy as np

from fivefold.diagnosis.checks.mixing import relates_rows
from fivefold.diagnosis.checks.overlaps import nearly_equal, shared, windows
from fivefold.diagnosis.checks.pictures import of_numbers, of_pairs, of_shares
from fivefold.diagnosis.checks.rules import Examples, Rule, distinct, every_draw, keys_of, rich, some
from fivefold.diagnosis.checks.seen import stacked, within_updates
from fivefold.diagnosis.checks.whole import whole_rows
from fivefold.diagnosis.finding import Confidence, Finding, Picture
from fivefold.diagnosis.observation.record import Record, Rows

LEAST_ROWS = 20
LONG = 64
"""Tokens in a text of which half is not the same by chance."""

MOST_SHOWN = 8
"""Columns in a picture."""

MOST_OTHERS = 600
"""Evaluation examples that a rule is made from."""

EXACT = 1e-10
"""Distance from 1 of the correlation of a column with its copy in single precision."""


def check_leak(record: Record) -> list[Finding]:
    """Find evaluation examples that are training examples, or overlap with them.

    Statistics: the share of kept evaluation examples that equal a kept training example in every number; that
    share a piece of a quarter of their length with one (windows of one series, text or picture); that lie ten
    times nearer to one than to each other (copies with noise). Only some training examples are kept, so that
    these are lower bounds. Null: 0 for measured numbers; examples with few distinct numbers, whose repeats
    are natural, are left out, and the share must exceed what repeats within one evaluation lead to expect.
    A passage in common happens in texts: half of them must have one. False alarms: evaluations of the
    training set beside held-out ones; they show in that nearly all of a batch is known and other batches are
    new, and are left out.

    Args:
        record: What was seen.
    """
    rows, held = record.training_rows, record.evaluation_rows
    x, _ = stacked(rows)
    if len(x) < LEAST_ROWS or not held.inputs or not rows.inputs[0].ndim or within_updates(record):
        return []
    if relates_rows(record):  # a graph is given whole, and what is held out are labels
        return []
    tokens = not held.inputs[0].is_floating_point()
    found = _equal(rows, held, x, tokens=tokens)
    if found is not None:
        return found
    found = _overlapping(rows, held, tokens=tokens)
    if found:
        return found
    e, _ = stacked(held, most=1000)
    if tokens or e.shape[1] != x.shape[1]:
        return []
    share = nearly_equal(np.unique(e, axis=0), np.unique(x, axis=0)[:2000])
    if share >= 0.2:
        return [
            _leak(
                "the evaluation examples are nearly the same as training examples",
                f"{share:.0%} of the evaluation examples lie ten times nearer to a training example than to "
                "any of their own",
                "high" if share >= 0.4 else "medium",
                "copies with a little noise were made before the split, or the same thing was measured twice",
                "split by what the examples come from before copies are made",
                _known({"lie ten times nearer": share}, 0.2),
            )
        ]
    return []


def _overlapping(rows: Rows, held: Rows, *, tokens: bool) -> list[Finding]:
    """Of windows: a quarter in common with one of half of them, or half in common with a few of them."""
    own, other = windows(rows), windows(held)
    picture = rows.inputs[0].ndim == 4
    share, of = shared(other, own)
    half = shared(other, own, parts=2)[0]
    # Phrases and flat rows come again by chance, pieces of half a long text hardly: of held-out source code a
    # quarter of what shares the short ones, where windows overlap half of it or more.
    long = picture or not tokens or other.shape[1] >= LONG
    told = half >= 0.08 and half >= 0.35 * share if long else share >= 0.5
    if of < LEAST_ROWS or not told:
        return []
    return [
        _leak(
            "the evaluation examples overlap with training examples",
            f"{share:.0%} of {of} evaluation {'rows of pictures' if picture else 'sequences'} share a piece "
            f"of a quarter of their length with one of {len(own)} in training, {half:.0%} one of half their "
            "length",
            "high" if (half >= 0.2 if long else share >= 0.6) else "medium",
            "windows were cut from the same stretches and split afterwards",
            "split the text, series or picture into stretches first, then cut windows from each",
            _known(
                {"a quarter in common": share, "half in common": half},
                max(0.08, 0.35 * share) if long else 0.5,
            ),
        )
    ]


def _equal(rows: Rows, held: Rows, x: np.ndarray, *, tokens: bool) -> list[Finding] | None:
    """Findings of evaluation examples that equal training examples; ``None`` where there are no such."""
    # Short texts repeat naturally, measured numbers do not.
    least = 0.5 if tokens else 0.02
    keys = keys_of(x)
    known = set(keys)
    blocks: list[tuple[int, int]] = []
    natural = 0.0
    shown: set[bytes] = set()
    for block in held.inputs:
        if block.ndim < 1:
            continue
        e = block.reshape(len(block), -1).double().numpy()
        if e.shape[1] != x.shape[1] or len(e) < 2:
            continue
        told = rich(e, tokens=tokens)
        if told.sum() >= 2:
            these = keys_of(e[told])
            shown.update(these)
            blocks.append((sum(k in known for k in these), len(these)))
            # A table of few columns repeats itself: as often per example as it does here, on all of training.
            natural = max(natural, (1 - len(set(these)) / len(these)) * len(known) / len(these))
    total = sum(n for _, n in blocks)
    if total < LEAST_ROWS or natural > 0.5:
        return None
    # Good and Turing: how much of the training set is among the kept examples.
    once = sum(c == 1 for c in Counter(keys).values())
    covered = 1.0 - once / len(keys)
    whole = [b for b in blocks if b[0] >= 0.85 * max(covered, 0.1) * b[1] and b[0] > least * b[1]]
    fresh = [b for b in blocks if b[0] <= least * b[1]]
    some = [b for b in blocks if b not in whole and b not in fresh]
    partly = sum(n for _, n in some)
    count = sum(a for a, _ in some)
    if partly >= LEAST_ROWS and covered > 0.5 and count >= 5 and count > 3 * natural * partly:
        sure: Confidence = "high" if count >= 0.05 * partly else "medium"
        return [_copies(count, partly, len(known), sure, max(5 / partly, 3 * natural))]
    found = sum(a for a, _ in blocks)
    if found < 5 or found < max(least, 3 * natural) * total:
        return None
    if sum(n for _, n in fresh) >= LEAST_ROWS:
        return []  # the accuracy on training examples beside that on others, of which fewer may be kept
    contained = sum(k in shown for k in known) / len(known)
    if contained > 0.9:
        return [
            _leak(
                "the model is evaluated on all that it was trained on",
                f"{contained:.0%} of the {len(known)} training examples that were kept are among the "
                "evaluation examples, and no evaluation shows others",
                "medium",
                "there is no held-out set, or the evaluation takes all data",
                "set examples aside before training, and evaluate on those alone",
                of_shares(
                    "Training examples that are evaluated, and evaluated ones that were trained on",
                    "share of the examples",
                    {"training examples": contained, "evaluated ones": found / total},
                    (0.9, "all data"),
                ),
            )
        ]
    sure = "high" if found >= 0.05 * total else "medium"
    return [_copies(found, total, len(known), sure, max(least, 3 * natural))]


def _copies(found: int, total: int, kept: int, confidence: Confidence, chance: float) -> Finding:
    return _leak(
        "the model is evaluated on examples that it was trained on",
        f"{found} of {total} evaluation examples equal one of the {kept} training examples that were kept",
        confidence,
        "training and evaluation sets overlap: split after copies were made, or the same data used for both",
        "split by example before anything else, and remove duplicates across the split",
        _known({"equal one": found / total}, chance),
    )


def _known(shares: dict[str, float], chance: float) -> Picture:
    """Shares of evaluation examples that are like a training example in one way or another."""
    return of_shares(
        "Evaluation examples that are like a training example: few where nothing is wrong",
        "share of the evaluation examples",
        shares,
        (chance, "by nature up to here"),
    )


def _leak(
    title: str, evidence: str, confidence: Confidence, cause: str, fix: str, picture: Picture
) -> Finding:
    return Finding("data.leak", title, evidence, confidence, cause, fix, picture=picture)


def check_telling_column(record: Record) -> list[Finding]:
    """Find columns that are a copy of the target, or tell it in training and not in evaluation.

    Statistics: the largest correlation |r| of an input column with a column of the targets (classes are one
    column each); its difference between training and evaluation examples in Fisher's z = artanh(r), over
    sqrt(1 / (n - 3) + 1 / (m - 3)). Null: |r| below 0.995, and a standard normal difference; found beyond 6
    with at least 0.2 less correlation, so that the false-alarm rate is 1e-9 per column; as far beyond 0 must
    it
    be by the standard error that the examples themselves give r (and a class keep its share), since columns
    that are 0 but for a few
    examples are far from normal, and the column must vary in evaluation at least half as much. False alarms:
    series
    so smooth that the last value nearly is the next one (left out where columns resemble each other as much);
    targets that belong to the example before, which a column may tell (left out where a rule made from
    evaluation examples misleads in training); networks that reproduce their inputs (left out where there are
    as many inputs as targets, or a layer is narrower than the targets); a population that changed between the
    two.

    Args:
        record: What was seen.
    """
    # Of several tensors, all of them side by side, with a column of zeros and ones for each common name.
    rows, held = whole_rows(record.training_rows, record.evaluation_rows) or (
        record.training_rows,
        record.evaluation_rows,
    )
    draws = every_draw(rows)
    if draws is None or draws.tokens or not 2 <= draws.x.shape[1] <= 2048 or draws.y.shape[1] > 64:
        return []
    own = distinct(draws)
    if len(own.x) < 50 or _reproduces(record, own):
        return []
    others = every_draw(held, like=draws) if held.inputs else None
    if others is not None and others.x.shape[1] == own.x.shape[1] and len(distinct(others).x) >= 30:
        others = distinct(others)
    else:
        others = None
    found = _telling_column(own, others)
    if found and others is not None and _of_other_examples(own, others):
        return []
    return found


def _telling_column(own: Examples, others: Examples | None) -> list[Finding]:
    n, k = len(own.x), own.y.shape[1]
    r = _correlations(own.x, own.y)
    if others is not None:
        m, q = len(others.x), _correlations(others.x, others.y)
        z = np.arctanh(np.clip(np.abs(r), 0, 0.9999)) - np.arctanh(np.clip(np.abs(q), 0, 0.9999))
        z = z / (1 / (n - 3) + 1 / (m - 3)) ** 0.5
        z[np.abs(r) - np.abs(q) <= 0.2] = 0.0
        if len(own.classes):
            # A class whose share is another one holds other examples.
            moved = np.abs(np.log((own.y.mean(0) + 1e-3) / (others.y.mean(0) + 1e-3))) > 0.4
            z[:, moved] = 0.0
        j, c = np.unravel_index(int(z.argmax()), z.shape)
        # Evaluation inputs or labels in another order change all columns: the others must tell what they
        # told.
        both = np.arctanh(np.clip(r, -0.9999, 0.9999)) - np.arctanh(np.clip(q, -0.9999, 0.9999))
        rest = (np.abs(both) / (1 / (n - 3) + 1 / (m - 3)) ** 0.5)[z.max(1) <= 6, c]
        error = _error_of_correlation(own.x[:, j], own.y[:, c]) * (1 + n / m) ** 0.5
        varies = others.x[:, j].std() > 0.5 * own.x[:, j].std()
        sure = varies and abs(r[j, c]) - abs(q[j, c]) > 6 * error
        kept = len(rest) >= 0.5 * len(r) and float((rest < 4).mean()) >= 0.8
        if sure and kept and z[j, c] > 6:
            seen = f"correlation with the target {r[j, c]:.2f} in training and {q[j, c]:.2f} in evaluation"
            pairs = {f"column {i}": (abs(r[i, c]), abs(q[i, c])) for i in _first_columns(int(j), r[:, c])}
            shown = of_pairs(
                "Correlation of the columns with the target, alike in both where nothing is wrong",
                "size of the correlation",
                pairs,
                ("training", "evaluation"),
            )
            return [_telling(int(j), f"{seen} ({n} and {m} examples)", "high", shown)]
    j, c = np.unravel_index(int(np.abs(r).argmax()), r.shape)
    top = abs(float(r[j, c]))
    if top <= 0.995:
        return []
    exact = top > 1 - EXACT
    among = _resemblance(own.x, int(j))
    if not exact and among > 0.97:
        return []
    copied = int((np.abs(r).max(0) > 1 - EXACT).sum())
    seen = f"correlation with the target {r[j, c]:.6f} ({n} examples)"
    if copied > 1:
        seen += f"; {copied} of {k} target columns are copies of input columns"
    largest = np.abs(r).max(1)
    shown = of_numbers(
        "Correlation of the columns with the target: none is a copy of it where nothing is wrong",
        "size of the correlation",
        {f"column {i}": largest[i] for i in _first_columns(int(j), largest)},
        (0.995, "a copy"),
    )
    return [_telling(int(j), seen, "high" if exact or among < 0.9 else "medium", shown)]


def _of_other_examples(own: Examples, others: Examples) -> bool:
    """Whether a rule made from evaluation examples does worse than none on training examples, as it does
    where these have the targets of other examples, and not where a column of theirs was made from their own:
    R^2 beyond 4 standard errors below 0, though it is 5 above within evaluation.
    """
    rule = Rule(some(others, MOST_OTHERS))
    return rule.own.z > 5 and rule.judge(some(own)).z < -4


def _first_columns(column: int, r: np.ndarray) -> list[int]:
    """A column, and after it those with the largest correlations, eight in all."""
    rest = [int(i) for i in np.argsort(-np.abs(r), kind="stable") if i != column]
    return [column, *rest][:MOST_SHOWN]


def _error_of_correlation(x: np.ndarray, y: np.ndarray) -> float:
    r"""Standard error of a correlation for any distribution, from its influence function

    .. math:: uv - r (u^2 + v^2) / 2

    of standardised u and v; infinite where fewer than 30 examples carry the column's variance, or none does.
    """
    if not x.std() > 0 or not y.std() > 0:
        return float("inf")
    u, v = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
    if float((u**2).sum()) ** 2 < 30 * float((u**4).sum()):
        return float("inf")
    influence = u * v - float((u * v).mean()) * (u**2 + v**2) / 2
    return float(influence.std()) / math.sqrt(len(u))


def _reproduces(record: Record, own: Examples) -> bool:
    """Whether inputs are what is asked for: as many targets as inputs, or a narrower layer between."""
    if len(own.classes):
        return False
    k = own.y.shape[1]
    narrow = min((w.outputs for w in record.first_weights[:-1]), default=k)
    return bool(k > 1 and (k == own.x.shape[1] or narrow < k))


def _resemblance(x: np.ndarray, column: int) -> float:
    """Largest correlation of a column with another one that is no copy of it."""
    r = np.abs(_correlations(x, x[:, [column]])[:, 0])
    r[column] = 0.0
    return float(r[r < 1 - EXACT].max(initial=0.0))


def _correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    a, b = x - x.mean(0), y - y.mean(0)
    size = np.sqrt((a**2).sum(0))[:, None] * np.sqrt((b**2).sum(0))[None]
    least = 1e-9 * len(x) * max(float(np.abs(x).max(initial=0.0)), 1e-300)
    # A class of a few examples is a copy of some column by chance.
    rare = np.array([len(np.unique(c)) == 2 and min(np.unique(c, return_counts=True)[1]) < 10 for c in y.T])
    r = np.where(size > least, a.T @ b / np.where(size > least, size, 1.0), 0.0)
    r[:, rare] = 0.0
    return r


def _telling(column: int, evidence: str, confidence: Confidence, picture: Picture | None) -> Finding:
    return Finding(
        "data.leak",
        f"input column {column} tells the target",
        f"column {column}: {evidence}",
        confidence,
        "the column was made from the target of its own example, which is not there when the model is used",
        "make such columns from the targets of other training examples only, or drop the column",
        picture=picture,
    )
