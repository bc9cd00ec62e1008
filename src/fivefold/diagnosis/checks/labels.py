"""Labels that have little to do with the inputs."""

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from fivefold.diagnosis.checks.part_of_output import rows_in_loss
from fivefold.diagnosis.checks.pictures import of_repeats, of_shares
from fivefold.diagnosis.checks.rules import (
    Examples,
    Features,
    Judged,
    Rule,
    distinct,
    even,
    every_draw,
    keys_of,
    rich,
    some,
    textures,
)
from fivefold.diagnosis.checks.seen import late, late_loss, losses_of, median, within_updates
from fivefold.diagnosis.checks.transfer import transfers
from fivefold.diagnosis.checks.whole import whole_rows
from fivefold.diagnosis.finding import Finding, Picture
from fivefold.diagnosis.observation.record import Evaluation, Record

LEAST_ROWS = 150
LEAST_OTHERS = 60
MOST_OTHERS = 600
PERMUTATIONS = 499


def check_labels(record: Record) -> list[Finding]:
    """Find labels that have nothing to do with the inputs, or of which many are wrong.

    Statistics: R^2 of a simple rule (kernel ridge regression, each example left out) on training examples,
    beside that of the same rule on evaluation examples, and of a rule made from those; both over their
    standard errors. Null: the rule tells something of the labels (z far above 2, or a single input column
    with p < 0.001 after Bonferroni), and tells training and evaluation labels alike. With unrelated labels z
    is below 2 in 98%, so that sound labels are blamed only where neither the rule, nor any column, nor the
    network (on evaluation examples) tells anything. False alarms: tasks that no simple rule and not even the
    network tells anything of; training inputs that augmentation makes harder (then the gap is asked to be
    larger, and the confidence is medium). Where one class has more than 0.8, as many of its examples are
    asked as of all others together, and only whether labels are unrelated. Of a model that is given several
    tensors, all of them together are the input; of one whose loss looks at some rows of the output alone (a
    graph), these rows (:func:`rows_in_loss`).

    Args:
        record: What was seen.
    """
    part = rows_in_loss(record)
    whole = whole_rows(record.training_rows, record.evaluation_rows) if part is None else None
    rows, held = whole or (part or record.training_rows, record.evaluation_rows)
    draws = every_draw(rows)
    if draws is None or within_updates(record):
        return []  # targets that an agent or a teacher makes as it goes
    # Rare names are left out of a table of several tensors, so that its rows may equal each other.
    again = _drawn_anew(draws) if whole is None else []
    if again and again[0].code != "labels.noise":
        return again
    examples = distinct(draws)
    chance = float(examples.y.mean(0).max()) if len(examples.classes) else 0.0
    uneven = chance > 0.8
    examples = some(even(examples) if uneven else examples)
    if len(examples.x) < LEAST_ROWS or examples.x.shape[1] < 2 or not (examples.y.std(0) > 0).any():
        return again
    rule = Rule(examples)
    others = every_draw(held, like=draws) if held.inputs else None
    alike = others is not None and others.tokens == examples.tokens
    if others is not None and alike and (examples.tokens or others.x.shape[1] == examples.x.shape[1]):
        others = some(even(distinct(others)) if uneven else distinct(others), MOST_OTHERS)
    else:
        others = None
    told = rule.judge(others) if others is not None and len(others.x) >= LEAST_OTHERS else None
    shape = tuple(rows.inputs[0].shape[1:])
    if rule.own.z < 2.0 and not _any_column(examples, shape):
        # Of labels that are all drawn at random, inputs that are there twice have two.
        return _unrelated(record, examples, rule, others, told, chance) or again
    if again or told is None or others is None or uneven:
        return again
    found = transfers(record, examples, rule, others, told)
    if found or not len(examples.classes):
        return found
    return _noisy(rule.own, told, again=1.0 - len(distinct(draws).x) / len(draws.x))


def _noisy(own: Judged, told: Judged, *, again: float) -> list[Finding]:
    """Whether the rule tells evaluation labels much better than training labels that were left out."""
    a, b = own.accuracy, told.accuracy
    gap = b - a
    error = (a * (1 - a) / len(own.right) + b * (1 - b) / len(told.right)) ** 0.5
    # Where no input comes twice, inputs are drawn anew (augmented), which makes them harder to tell.
    augmented = again < 0.02
    if gap <= (0.2 if augmented else 0.08) or gap <= 4 * error:
        return []
    return [
        Finding(
            "labels.noise",
            "many training labels are wrong",
            f"a simple rule made from the training examples is right in {b:.0%} of {len(told.right)} "
            f"evaluation examples, but in {a:.0%} of {len(own.right)} training examples that it was not "
            "shown",
            "high" if gap > 0.12 and gap > 6 * error and not augmented else "medium",
            f"about {gap / max(b, 0.5):.0%} of the training labels disagree with all examples around them",
            "look at the labels of the examples whose neighbours disagree; correct or drop them, or use "
            "label smoothing; where inputs are augmented, see that the label still holds afterwards",
            picture=of_shares(
                "Labels that the rule tells, of examples that it was not shown",
                "share of labels told",
                {"training": a, "evaluation": b},
                (b - max(0.2 if augmented else 0.08, 4 * error), "alike from here on"),
            ),
        )
    ]


def _unrelated(
    record: Record,
    examples: Examples,
    rule: Rule,
    others: Examples | None,
    told: Judged | None,
    chance: float,
) -> list[Finding]:
    """Of labels that the rule tells nothing of: whether anything else does."""
    sure = False
    seen = f"a simple rule (kernel ridge) tells {max(rule.own.share, 0.0):.1%} of the labels of "
    seen += f"{len(examples.x)} "
    seen += f"training examples that it was not shown (z = {rule.own.z:.1f})"
    shares = {"training": rule.own.share}
    if others is not None and told is not None and len(others.x) >= 100:
        inside = Rule(others).own
        if inside.z > 5 and inside.share > 0.05 and told.z < 2:
            sure = True
            seen += f", and {inside.share:.0%} within the {len(others.x)} evaluation examples"
            shares |= {"evaluation": told.share, "evaluation, own rule": inside.share}
    learns = _network_learns(record, examples, chance)
    if learns is None and not sure:
        return []
    if learns and not sure:
        seen += f"; {learns}"
    # Few examples and no evaluation: a weak relation may hide.
    few = len(examples.x) < 250 and not (learns and "evaluations" in learns)
    strong = sure or (learns is not None and not learns.startswith("but") and not few)
    what = "labels" if len(examples.classes) else "targets"
    return [
        Finding(
            "labels.unrelated",
            f"the {what} have nothing to do with the inputs",
            seen,
            "high" if strong else "medium",
            f"inputs and {what} are no longer in the same order: one was shuffled, sorted or filtered "
            "without the other",
            f"shuffle and filter inputs and {what} with the same index",
            place=losses_of(record)[-1].place if losses_of(record) else None,
            picture=of_shares(
                "What the rule explains, of examples that it was not shown",
                "share of the variance explained",
                shares,
                (2 * rule.own.error, "by chance up to here"),
            ),
        )
    ]


def _network_learns(record: Record, examples: Examples, chance: float) -> str | None:
    """Say that the network does not tell the labels either; ``None`` where it does.

    Args:
        record: What was seen.
        examples: Training examples.
        chance: The share of the commonest class.
    """
    if not len(examples.classes):
        ended = late_loss(record)
        own = median(c.target.std for c in losses_of(record)) ** 2
        if ended < 0.3 * own:
            return None if ended < 0.1 * own else f"but the loss ends at {ended:.3g}"
        return f"the network's loss ends at {ended:.3g}, the targets' variance is {own:.3g}"
    half = record.evaluations[len(record.evaluations) // 2 :]
    if _told_by_losses(half, chance):
        return None
    compared = sum(e.compared for e in half if e.right is not None)
    if compared >= 50:
        right = sum(e.right for e in half if e.right is not None) / compared
        classes = np.sum([np.pad(e.classes, (0, 100 - len(e.classes))) for e in half if e.classes], axis=0)
        at = max(chance, float(np.max(classes) / np.sum(classes)) if np.sum(classes) > 0 else 0.0)
        # Repeated passes over the same examples are no new evidence: a few points above chance stay chance.
        if right > at + 0.05 + 2.0 * (at * (1 - at) / min(compared, 1000)) ** 0.5:
            return None
        return f"the network is right in {right:.0%} of the evaluations, chance is {at:.0%}"
    right = median(c.right for s in late(record.steps, 0.25) for c in s.losses)
    if math.isfinite(right) and right > chance + 0.15:
        return None
    if math.isfinite(right) and right > chance + 0.05:
        return f"but the network is right in {right:.0%} of the last batches, chance is {chance:.0%}"
    return f"the network is right in {right:.0%} of the last batches, chance is {chance:.0%}"


def _told_by_losses(evaluations: Sequence[Evaluation], chance: float) -> bool:
    """Whether losses of classes in one of the evaluations show far more examples right than chance does."""
    for e in evaluations:
        calls = [c for c in e.losses if math.isfinite(c.right) and sum(c.classes) > 0]
        total = np.sum(
            [np.pad(c.classes, (0, 100 - len(c.classes))) for c in calls if len(c.classes) <= 100], 0
        )
        n = float(np.sum(total))
        if n < 50:
            continue
        right = sum(c.right * sum(c.classes) for c in calls if len(c.classes) <= 100) / n
        at = max(chance, float(np.max(total)) / n)
        if right > at + 0.05 + 4.0 * (at * (1 - at) / n) ** 0.5:
            return True
    return False


def _any_column(examples: Examples, shape: tuple[int, ...] = ()) -> bool:
    """Whether a single input column, or how rough an example of several dimensions is, is correlated with a
    single target column beyond chance (p < 0.001 after Bonferroni).
    """
    x = Features(examples).of(examples.x)
    if not examples.tokens:
        x = np.hstack([x, textures(examples.x, shape)])
    y = examples.y
    if not x.shape[1]:
        return False
    x, y = x - x.mean(0), y - y.mean(0)
    # A column that is not zero in a few examples only has no normal correlation.
    kept = (x**4).mean(0) < 0.05 * len(x) * np.maximum((x**2).mean(0), 1e-300) ** 2
    x = x[:, kept]
    size = np.sqrt((x**2).sum(0))[:, None] * np.sqrt((y**2).sum(0))[None]
    r = np.abs(x.T @ y) / np.maximum(size, 1e-300)
    if not r.size:
        return False
    z = float(np.arctanh(min(r.max(), 0.999999))) * max(len(x) - 3, 1) ** 0.5
    return bool(2 * stats.norm.sf(z) * r.size < 0.001)


def _drawn_anew(draws: Examples) -> list[Finding]:
    """Whether the very same inputs come with other targets each time that they are drawn.

    Statistic: half the mean squared distance of the targets of two draws of one input, over the targets'
    variance: 0 where each input has its target, 1 where pairs are made anew at random. Inputs whose repeats
    may be other examples (few distinct numbers) are left out. Beside it, how alike the places of an input in
    its batches are (:func:`_place_again`): above 0.5 and 6 standard errors (one in 10^9 by chance) it is the
    inputs that were sorted.
    """
    keys = keys_of(draws.x)
    told = rich(draws.x, tokens=draws.tokens)
    last: dict[bytes, int] = {}
    pairs: list[tuple[int, int]] = []
    for i, key in enumerate(keys):
        if told[i]:
            if key in last and draws.steps[last[key]] != draws.steps[i]:
                pairs.append((last[key], i))
            last[key] = i
    if len(pairs) < 30 or len({i for i, _ in pairs}) < 15:
        return []
    a, b = np.array(pairs).T
    spread = float(draws.y.var(0).sum())
    apart = ((draws.y[a] - draws.y[b]) ** 2).sum(1) / max(2 * spread, 1e-300)
    distance, picture = float(apart.mean()), of_repeats(apart)
    evidence = (
        f"{len(pairs)} times the very same input came again: the distance of its two targets is "
        f"{distance:.0%} of that of two targets drawn at random"
    )
    if distance > 0.75:
        alike = _place_again(draws, keys, pairs)
        if alike > 0.5 and alike * len(pairs) ** 0.5 > 6.0:
            return _sorted_apart(alike, evidence, picture)
        if _batch_keeps(draws) < 0.02:
            return [
                Finding(
                    "labels.unrelated",
                    "each input is given the target of another example of its batch",
                    evidence + "; over whole batches, inputs and targets go together",
                    "high",
                    "inputs were sorted or shuffled where the batch is made, and their targets were not",
                    "make inputs and targets of a batch from the same indices in the same order",
                    picture=picture,
                ),
                _or_mixed(picture),
            ]
        return [
            Finding(
                "labels.unrelated",
                "the targets have nothing to do with the inputs",
                evidence,
                "high",
                "inputs and targets are paired anew each time: they are shuffled or drawn apart from each "
                "other",
                "draw one set of indices, and take inputs and targets by it",
                picture=picture,
            )
        ]
    if distance > 0.15 and len(pairs) >= 50:
        return [
            Finding(
                "labels.noise",
                "the same input comes with different targets",
                evidence,
                "high" if distance > 0.3 else "medium",
                "targets are changed at random when they are read, or the data hold contradictions",
                "read each example's target as it is",
                picture=picture,
            )
        ]
    return []


def _sorted_apart(alike: float, evidence: str, picture: Picture | None) -> list[Finding]:
    return [
        Finding(
            "labels.unrelated",
            "the inputs of a batch are sorted, and their targets are not",
            f"{evidence}; an input stands at about the same place of each batch that it is drawn for "
            f"(correlation {alike:.2f})",
            "high",
            "inputs were put in order where the batch is made, by index or length, and targets were not",
            "make inputs and targets of a batch from the same indices in the same order",
            picture=picture,
        ),
        _or_mixed(picture),
    ]


def _or_mixed(picture: Picture | None) -> Finding:
    """What looks alike from inside a batch: rows that are reordered once the batch is made."""
    return Finding(
        "batch.mixed",
        "or: the rows of a batch change places on their way to the model",
        "the same evidence: a batch that was made in order and is sorted by length before the "
        "model, say, looks alike from inside it",
        "low",
        "the batch is sorted or reshaped after it was made, and the output is not put back",
        "put outputs back in the order of the targets before the loss, or reorder these too",
        picture=picture,
    )


def _place_again(draws: Examples, keys: list[bytes], pairs: list[tuple[int, int]]) -> float:
    """Correlation of the places, from 0 to 1, that inputs have in the two batches that they came in.

    Null: 0 where batches are drawn in random order, with a standard error of one over the root of the pairs;
    nan where the same neighbours come again, too, so that nothing is drawn.
    """
    begins = np.flatnonzero(np.append(True, np.diff(draws.steps) != 0))
    block = np.cumsum(np.append(0, np.diff(draws.steps) != 0))
    size = np.diff(np.append(begins, len(draws.steps)))
    place = (np.arange(len(block)) - begins[block]) / np.maximum(size[block] - 1, 1)
    same = [i > 0 and keys[i - 1] == keys[j - 1] for i, j in pairs]
    if np.mean(same) > 0.2:
        return math.nan
    a, b = np.array(pairs).T
    return float(np.corrcoef(place[a], place[b])[0, 1])


def _batch_keeps(draws: Examples) -> float:
    """P-value of the test that the batches' mean inputs have nothing to do with their mean targets.

    Statistic: the sum over batches of inner products of centred mean inputs times those of mean targets
    (the Hilbert-Schmidt criterion with linear kernels), beside its values for permuted batches.
    """
    blocks, place = np.unique(draws.steps, return_inverse=True)
    if len(blocks) < 8:
        return 1.0
    x = Features(some(distinct(draws))).of(draws.x)
    member = (place[None] == np.arange(len(blocks))[:, None]).astype(float)
    member /= member.sum(1, keepdims=True)
    mean_x, mean_y = member @ x, member @ draws.y
    mean_x, mean_y = mean_x - mean_x.mean(0), mean_y - mean_y.mean(0)
    kernel, target = mean_x @ mean_x.T, mean_y @ mean_y.T
    generator = np.random.default_rng(0)
    own = float((kernel * target).sum())
    beyond = 0
    for _ in range(PERMUTATIONS):
        order = generator.permutation(len(blocks))
        beyond += float((kernel * target[np.ix_(order, order)]).sum()) >= own
    return (1 + beyond) / (1 + PERMUTATIONS)
