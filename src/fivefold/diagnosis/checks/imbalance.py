"""Classes that are rare in training, and what that costs."""

import math
from collections.abc import Iterator

import numpy as np
from torch import Tensor
from torch.nn import functional

from fivefold.diagnosis.checks.class_weights import weights_of
from fivefold.diagnosis.checks.pictures import of_counts, of_weights
from fivefold.diagnosis.checks.played import given_at, losses_on
from fivefold.diagnosis.checks.probes import ask, in_evaluation, last_question
from fivefold.diagnosis.checks.seen import alone, batch_size, losses_of
from fivefold.diagnosis.finding import Confidence, Finding, Picture
from fivefold.diagnosis.observation.calls import OF_CLASSES
from fivefold.diagnosis.observation.record import LossCall, Record

UNEVEN = 15.0
DOMINANT = 0.75
LEAST_COUNT = 8
MOST_BLOCKS = 64
LEAST_EXPECTED = 30.0
"""Labels of a class that shares in evaluations lead to expect: none of them is e^-30 by chance."""

LEAST_OF_SEVERAL = 5.0
LEAST_UNSEEN = 0.1
"""Share of the evaluations that classes which training never shows take together."""

OUTWEIGHS = 2.0
LEAST_RARE = 20
RARE = 0.1
"""Of the commonest class: what is below is rare."""


def check_imbalance_of_classes(record: Record) -> list[Finding]:
    """Find classes that are rare in training where that costs something, and weights that make them count
    less.

    Statistics: the share of the commonest class in the watched batches, and of the rarest, beside their
    shares in evaluations; the slope of the logarithm of training shares over that of evaluation shares;
    among training examples of rare classes, the share that is found right, beside how well the network
    ranks them (the area under the ROC curve of their class's probability). Null: shares that are alike in
    evaluations (slope 1) and merely uneven cost nothing there, whatever their ratio: nothing is said, since
    a sound network tells rare classes as often as it can. Found where the commonest class takes 0.15 more
    than in evaluations (high), where the slope is above 1.4 (medium), or where rare examples are ranked
    well (above 0.8) and hardly ever told (below 0.1): medium, since without balanced evaluations that may
    be right, and low where one class takes three quarters or more and what the network says of the others
    cannot be asked. A class of the evaluations that is to be expected 30 times in training and never occurs
    there, while one other class has its examples, was made one with that (by chance e^-30). Several such
    classes (5 times each, 30 times and a tenth of the evaluations together) were left out by the split:
    high where each update sees all training examples, medium where batches that were not watched may hold
    them. False alarms: by change of population alone, and classes that are left out of training on purpose.
    Weights of the classes in the loss: found where they rise with the class's share (slope of logarithms
    above 0.5, correlation above 0.8); usual ones fall, and those drawn without regard to it have the slope
    0. Found, too (medium), where all examples of the rarest class together have twice the weight of those of
    the commonest, beyond two standard errors; inverse frequencies make them equal. False alarms of that: rare
    classes that are to be found at any price.

    Args:
        record: What was seen.
    """
    calls = [
        c
        for c in losses_of(record)
        if len(c.classes) >= 2
        and (c.function in OF_CLASSES or math.prod(c.target.shape) == max(c.target.shape, default=0))
    ]
    weighted = [c for c in calls if "weighted" in c.settings]
    if weighted:
        return _weighed_by_share(record, np.sum([c.classes for c in _alike(weighted)], 0))
    counts = [np.array(c.classes, dtype=float) for c in _alike(calls)]
    if not counts and not losses_of(record):
        # A loss written by hand: a vector of zeros and ones that meets the output.
        n = batch_size(record)
        counts = [np.array([n * (1 - s.shares), n * s.shares]) for s in record.steps if s.shares is not None]
    if not counts:
        return []
    total = np.sum(counts, 0)
    share = total / total.sum()
    present = share[share > 0]
    if total.sum() < 100 or len(share) > 50 or len(present) < 2:
        return []
    held = _in_evaluations(record, len(share))
    if held is not None:
        same = len(calls) >= 3 and len({c.classes for c in calls}) == 1
        once = counts[0] if same else total
        found = _merged(total, held) or _unseen(once, held, whole=same)
        if found:
            return found
    if share.max() < DOMINANT and float(share.max() / present.min()) < UNEVEN:
        return []
    top = int(share.argmax())
    evidence = f"class {top} takes {share.max():.0%} of the examples seen, the rarest {present.min():.1%}"
    if held is not None:
        evidence += f"; in evaluations the former takes {held[top] / held.sum():.0%}"
    told = _cost(record, total, held)
    if told is None:
        return []
    picture = Picture(
        "Share of the classes",
        "class",
        "share",
        {"share": tuple((float(i), float(v)) for i, v in enumerate(share))},
        bars=True,
        names=tuple(str(i) for i in range(len(share))),
    )
    return [
        Finding(
            "imbalance.classes",
            "one class takes most of the training examples",
            evidence + told[0],
            told[1],
            "the loss is least where rare classes are ignored",
            "weigh the classes in the loss (weight=, pos_weight=) or sample them evenly "
            "(WeightedRandomSampler)",
            picture=picture,
        )
    ]


def _alike(calls: list[LossCall]) -> list[LossCall]:
    return [c for c in calls if len(c.classes) == len(calls[0].classes)]


def _cost(record: Record, total: np.ndarray, held: np.ndarray | None) -> tuple[str, Confidence] | None:
    """What shows that uneven classes cost something, and how sure; ``None`` where nothing does."""
    share = total / total.sum()
    top = int(share.argmax())
    if held is not None:
        shown = held / held.sum()
        if share[top] - shown[top] > 0.15:
            return "", "high"
        slope = _slope(total, held)
        if slope > 1.4 and share[top] > shown[top]:
            return f"; their logarithms grow {slope:.2g} times as fast as in evaluations", "medium"
    if held is not None and share[top] < DOMINANT:
        return None
    asked = _asked(record, len(share))
    if asked is None:
        # What it costs cannot be told: a loss written by hand, or several outputs.
        if share[top] < DOMINANT:
            return None
        return "", "medium" if held is None and share[top] > 0.95 else "low"
    scores, labels = asked
    rare = np.flatnonzero((share > 0) & (share < RARE * share[top]))
    if share[top] >= DOMINANT:
        rare = np.array([c for c in range(len(share)) if c != top and share[c] > 0])
    of = np.isin(labels, rare)
    if of.sum() < LEAST_COUNT or of.all():
        return None
    right = float((scores.argmax(1) == labels)[of].mean())
    ranks = [
        (_area(scores[labels == c, c], scores[labels != c, c]), int((labels == c).sum()))
        for c in rare
        if (labels == c).any()
    ]
    ranked = float(np.average([r for r, _ in ranks], weights=[n for _, n in ranks]))
    if right >= 0.1 or ranked < 0.8:
        return None
    return (
        f"; of {int(of.sum())} training examples of rare classes {right:.0%} are told, though the "
        f"network ranks them right in {ranked:.0%} of the pairs with others",
        "medium",
    )


def _merged(total: np.ndarray, held: np.ndarray) -> list[Finding]:
    """Whether a class of the evaluations never occurs in training, and another one holds its examples."""
    share, shown = total / total.sum(), held / held.sum()
    expected = shown * total.sum()
    missing = np.flatnonzero((total == 0) & (expected >= LEAST_EXPECTED))
    if not len(missing) or not (total > 0).any():
        return []
    c = int(missing[expected[missing].argmax()])
    seen = f"class {c} takes {shown[c]:.1%} of the evaluations and none of {total.sum():.0f} training labels"
    error = np.sqrt(np.maximum(shown * (1 - shown), 1e-9) * (1 / total.sum() + 1 / held.sum()))
    over = share - shown
    d = int(over.argmax())
    others = np.delete(over / error, d)
    if over[d] > 0.5 * shown[c] and over[d] > 4 * error[d] and others.max() < 3:
        return [
            Finding(
                "labels.noise",
                "the labels of one class are given to another in training",
                f"{seen}; class {d} takes {share[d]:.1%} of these, and {shown[d]:.1%} of the evaluations",
                "high",
                "two classes were made one where training labels are read or prepared",
                "prepare the labels of training and evaluation by the same code",
                picture=of_counts(total, held, [c, d]),
            )
        ]
    return []


def _unseen(total: np.ndarray, held: np.ndarray, *, whole: bool) -> list[Finding]:
    """Whether several classes of the evaluations never occur in training.

    Args:
        total: Training labels of each class, each example counted once where ``whole``.
        held: The same of the evaluations.
        whole: Whether all training examples are in each batch.
    """
    shown = held / held.sum()
    missing = np.flatnonzero((total == 0) & (shown * total.sum() >= LEAST_OF_SEVERAL))
    part = float(shown[missing].sum())
    if len(missing) < 2 or part < LEAST_UNSEEN or part * total.sum() < LEAST_EXPECTED:
        return []
    names = ", ".join(map(str, missing[:6])) + (" ..." if len(missing) > 6 else "")
    return [
        Finding(
            "imbalance.classes",
            "classes of the evaluations never occur in training",
            f"the classes {names} take {part:.0%} of the evaluations and none of the {total.sum():.0f} "
            f"training labels seen; with the shares of the evaluations {part * total.sum():.0f} would be "
            "theirs",
            "high" if whole else "medium",
            "examples are in the order of their classes, and were split without being shuffled",
            "shuffle before the split, or split each class alike (train_test_split with stratify=)",
            picture=of_counts(total, held, [int(c) for c in missing]),
        )
    ]


def _slope(total: np.ndarray, held: np.ndarray) -> float:
    """Slope of log training shares over log evaluation shares, of classes that both show 20 times; nan where
    they are few, all alike, or do not go together.
    """
    both = (total >= 20) & (held >= 20)
    if both.sum() < 3:
        return math.nan
    a, b = np.log(held[both] / held.sum()), np.log(total[both] / total.sum())
    if a.std() < 0.3 or float(np.corrcoef(a, b)[0, 1]) < 0.8:
        return math.nan
    return float(np.cov(a, b)[0, 1] / a.var(ddof=1))


def _asked(record: Record, classes: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Probabilities [n, k] and labels [n] of the kept training examples, or of the last batches where a model
    is given more than one tensor, by the network as it is now.
    """
    told = [*_of_kept(record, classes)] or [*_of_last(record, classes)]
    if not told:
        return None
    scores = [functional.softmax(logits.float(), 1).cpu().numpy() for logits, _ in told]
    return np.concatenate(scores), np.concatenate([labels.cpu().numpy() for _, labels in told])


def _of_kept(record: Record, classes: int) -> Iterator[tuple[Tensor, Tensor]]:
    asked, rows = last_question(record), record.training_rows
    if asked is None or not alone(rows) or not losses_of(record, ("cross_entropy",)):
        return
    module, entry, x = asked
    with in_evaluation(module):
        for block, labels in list(zip(rows.inputs, rows.targets, strict=True))[-MOST_BLOCKS:]:
            if labels is None or labels.ndim != 1 or block.shape[1:] != x.shape[1:] or block.dtype != x.dtype:
                continue
            out = [o for o in ask(entry, block.to(x.device)) if tuple(o.shape) == (len(block), classes)]
            if len(out) == 1 and not labels.is_floating_point():
                yield out[0], labels


def _of_last(record: Record, classes: int) -> Iterator[tuple[Tensor, Tensor]]:
    for tape in record.tapes:
        places = losses_on(tape) if tape.playable else []
        if len(places) != 1:
            continue
        given = given_at(tape, places[0])
        logits, target = given.get("input"), given.get("target")
        if not isinstance(logits, Tensor) or not isinstance(target, Tensor) or target.is_floating_point():
            continue
        if logits.ndim < 2 or logits.shape[1] != classes or len(logits) != len(target):
            continue
        flat, labels = logits.movedim(1, -1).reshape(-1, classes), target.reshape(-1)
        kept = (labels >= 0) & (labels != int(given.get("ignore_index", -100)))
        yield flat[kept], labels[kept]


def _area(own: np.ndarray, others: np.ndarray) -> float:
    """Share of pairs in which the first is the larger, ties counted half."""
    if not len(own) or not len(others):
        return 0.5
    ordered = np.sort(others)
    below = np.searchsorted(ordered, own, "left") + np.searchsorted(ordered, own, "right")
    return float(below.mean() / (2 * len(others)))


def _weighed_by_share(record: Record, total: np.ndarray) -> list[Finding]:
    """Whether weights of classes in the loss rise with how common a class is."""
    weight = next((w for tape in reversed(record.tapes) if (w := weights_of(tape)) is not None), None)
    if weight is None or weight.shape != total.shape or total.sum() < 100:
        return []
    found = _outweighs(weight, total)
    if found:
        return found
    known = (weight > 0) & (total > 0)
    share, w = np.log(total[known] / total.sum()), np.log(weight[known])
    if known.sum() < 2 or np.ptp(share) < math.log(3.0) or np.ptp(w) < math.log(2.0):
        return []
    slope = float(((share - share.mean()) * w).sum() / ((share - share.mean()) ** 2).sum())
    together = float(np.corrcoef(share, w)[0, 1])
    if slope < 0.5 or together < 0.8:
        return []
    # A few weights may rise with the shares by other reasons than a formula turned round.
    sure = together > 0.9 and slope > 0.7 and (known.sum() >= 4 or abs(slope - 1.0) < 0.05)
    rarest, top = int(np.where(known, total, np.inf).argmin()), int(total.argmax())
    return [
        Finding(
            "imbalance.weights",
            "the loss weighs common classes more, not less",
            f"over {int(known.sum())} classes, the weights grow as the shares to the power {slope:.2f} "
            f"(correlation of logarithms {together:.2f}): class {top} with {total[top] / total.sum():.0%} of "
            f"the examples has {weight[top] / weight[rarest]:.3g} times the weight of class {rarest} with "
            f"{total[rarest] / total.sum():.1%}",
            "high" if sure else "medium",
            "the classes are weighted by their frequency instead of its inverse",
            "give weight= the inverse of the frequencies (pos_weight= zeros over ones), or none",
            picture=of_weights(np.exp(share), np.exp(w)),
        )
    ]


def _outweighs(weight: np.ndarray, total: np.ndarray) -> list[Finding]:
    """Whether all examples of the rarest class together weigh more than those of the commonest.

    Inverse frequencies make them equal; the ratio must be above 2 by two standard errors of the rare count.
    """
    rare, top = int(np.where(total > 0, total, np.inf).argmin()), int(total.argmax())
    if total[rare] < LEAST_RARE or not total[rare] < 0.5 * total[top] or not weight[top] > 0:
        return []
    ratio = float(weight[rare] * total[rare] / (weight[top] * total[top]))
    if not ratio * (1.0 - 2.0 / total[rare] ** 0.5) > OUTWEIGHS:
        return []
    share = total / total.sum()
    return [
        Finding(
            "imbalance.weights",
            "the loss weighs the rare class more than all examples of the common one",
            f"class {rare} with {share[rare]:.1%} of {total.sum():.0f} examples has {weight[rare]:.3g} times "
            f"the weight of class {top} with {share[top]:.1%}: all its examples together count {ratio:.2g} "
            "times as much",
            "medium",
            "the weights go beyond the inverse of the frequencies: the common class is now the rare one, and "
            "probabilities are those of other shares",
            "give weights between 1 and the inverse of the frequencies (pos_weight= zeros over ones at most)",
            picture=of_weights(share[[top, rare]], weight[[top, rare]]),
        )
    ]


def _in_evaluations(record: Record, classes: int) -> np.ndarray | None:
    """Examples of each class in evaluations; ``None`` where none shows labels of as many classes."""
    told: set[tuple[int, ...]] = set()  # the same examples are evaluated again and again
    for e in record.evaluations:
        if e.classes:
            told.add(tuple(e.classes))
        else:
            told |= {c.classes for c in e.losses if len(c.classes) >= 2}
    total = np.zeros(classes)
    for seen in told:
        if len(seen) <= classes:
            total[: len(seen)] += seen
    return total if total.sum() >= 50 else None
