"""Losses that ask for something else than the task does."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from fivefold.diagnosis.checks.loss_inputs import of_ends
from fivefold.diagnosis.checks.loss_level import level_tells, takes_turns
from fivefold.diagnosis.checks.pictures import of_numbers
from fivefold.diagnosis.checks.seen import curve, initial_loss, late, late_loss, losses_of, median
from fivefold.diagnosis.finding import Finding, Picture
from fivefold.diagnosis.observation.record import LossCall, Record
from fivefold.diagnosis.observation.summary import Summary
from fivefold.diagnosis.observation.tape import Tape

LEAST_CALLS = 3
NO_LIKELIHOODS = ("multi_margin_loss", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
POSITIVE = (
    "cross_entropy",
    "mse_loss",
    "l1_loss",
    "smooth_l1_loss",
    "huber_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
)


def check_targets_of_loss(record: Record) -> list[Finding]:
    """Find classes of which several hold at once in a loss of one class, and labels that a loss leaves out.

    Statistics: over all watched calls of ``cross_entropy`` with targets of the predictions' shape, the mean
        sum
    of an example's targets; of calls with one label an example, the share of labels that ``ignore_index``
    names, where it names a class. Null: sums of 1, also where labels are mixed or smoothed; labels that are
    left out have a number of their own. False alarms: one class that stands for padding among labels of whole
    examples.

    Args:
        record: What was seen.
    """
    calls = [c for c in losses_of(record, ("cross_entropy",)) if len(c.prediction.shape) >= 2]
    dense = [c for c in calls if not c.target.integer and c.target.shape == c.prediction.shape]
    sums = [c.target.mean * c.prediction.shape[1] for c in dense]
    if len(dense) >= LEAST_CALLS and all(abs(total - 1.0) > 0.02 for total in sums):
        return [
            Finding(
                "loss.classes-together",
                "cross_entropy is given several classes per example",
                f"in {len(dense)} of {len(dense)} calls the targets of an example sum to {median(sums):.2f} "
                "on average, not to 1",
                "high",
                "a softmax makes the classes exclude one another, where any number of them may hold at once",
                "use binary_cross_entropy_with_logits, one logit for each label",
                place=dense[-1].place,
                picture=_by_call(
                    "Sum of an example's targets", "sum of the targets", sums, (1.0, "one class each")
                ),
            )
        ]
    left = [c for c in calls if _left_out(c) > 0.02]
    if len(left) >= max(LEAST_CALLS, 0.5 * len(calls)):
        index = left[-1].settings["ignore_index"]
        return [
            Finding(
                "loss.left-out",
                "the loss leaves one class out",
                f"ignore_index={index} names a class, which {median(_left_out(c) for c in left):.0%} of the "
                "labels have",
                "medium",
                "examples of this class give no gradient, so that it is never predicted",
                "leave ignore_index out, or give what is to be left out a number of its own (-100)",
                place=left[-1].place,
                picture=_by_call(
                    "Labels that ignore_index leaves out: none where it names no class",
                    "share of the labels",
                    [_left_out(c) for c in calls],
                    (0.02, "found from here on"),
                ),
            )
        ]
    return []


def _by_call(title: str, what: str, values: list[float], level: tuple[float, str]) -> Picture:
    points = tuple((float(i), value) for i, value in enumerate(values) if math.isfinite(value))
    return Picture(title, "watched call of the loss", what, {what: points}, level)


def _left_out(call: LossCall) -> float:
    """Share of whole examples whose label is one that the loss leaves out; 0 for labels of tokens."""
    index = int(call.settings.get("ignore_index", -100))
    n = math.prod(call.target.shape)
    if not call.target.integer or len(call.target.shape) != 1 or not 0 <= index < len(call.classes) or not n:
        return 0.0
    return 1.0 - sum(call.classes) / n if sum(call.classes) else 1.0


def check_forms(record: Record) -> list[Finding]:
    """Find probabilities where a loss takes their logarithms.

    Statistic: the least value given to ``kl_div`` as a prediction, over all watched calls. Null: logarithms
    of probabilities are negative. False alarms: none by construction.

    Args:
        record: What was seen.
    """
    calls = losses_of(record, ("kl_div",))
    if len(calls) >= LEAST_CALLS and all(c.prediction.low >= 0.0 and c.prediction.high > 0.0 for c in calls):
        return [
            Finding(
                "loss.not-log-probabilities",
                "kl_div is given probabilities, not their logarithms",
                f"in {len(calls)} of {len(calls)} calls every value is at least 0",
                "high",
                "kl_div takes log-probabilities first and probabilities second",
                "use kl_div(log_softmax(prediction), target), in this order",
                place=calls[-1].place,
                picture=of_ends(
                    "Lowest and highest number given for logarithms of probabilities, which are at most 0",
                    calls,
                    (0.0, "logarithms end here"),
                ),
            )
        ]
    return []


def check_judged_otherwise(record: Record) -> list[Finding]:
    """Find outputs that are judged as logits of probabilities and were not trained to be such.

    Statistic: of outputs of k numbers that evaluations give to ``cross_entropy``, the training's losses of
    outputs of k numbers. Null: a likelihood (``cross_entropy``, ``nll_loss``), whose least is at the
    probabilities of the classes. A margin, or the distance of unbounded outputs from ones and zeros, fixes no
    probabilities: the first is least at any large distance. False alarms: a cross-entropy that is printed
    beside the number that counts (hence medium).

    Args:
        record: What was seen.
    """
    judged = [
        c
        for e in record.evaluations
        for c in e.losses
        if c.function == "cross_entropy" and c.target.integer and len(c.prediction.shape) == 2
    ]
    if not judged:
        return []
    classes = judged[-1].prediction.shape[1]
    calls = [c for c in losses_of(record) if c.prediction.shape[1:] == (classes,)]
    other = [c for c in calls if c.function in NO_LIKELIHOODS and _unbounded(c)]
    if len(other) < LEAST_CALLS or len(other) < len(calls):
        return []
    return [
        Finding(
            "loss.judged-otherwise",
            "outputs are judged as logits and not trained as such",
            f"evaluations give {classes} outputs to cross_entropy ({median(c.value for c in judged):.3g}; a "
            f"guess has {math.log(classes):.3g}), and all {len(other)} watched calls of the training's loss "
            f"of them are of {other[-1].function}",
            "medium",
            f"{other[-1].function} is least where the right class is ahead, whatever probabilities follow",
            "train with the loss that the evaluation asks for: cross_entropy",
            place=other[-1].place,
            picture=of_numbers(
                "Held-out cross-entropy, beside that of a guess",
                "nats",
                {"of the outputs": median(c.value for c in judged), "of a guess": math.log(classes)},
                (math.log(classes), "a guess"),
            ),
        )
    ]


def _unbounded(call: LossCall) -> bool:
    """Whether predictions are no probabilities themselves, of which a squared distance is a sound loss."""
    return call.prediction.low < 0.0 or call.prediction.high > 1.0


def check_distance_of_classes(record: Record) -> list[Finding]:
    """Find outputs of a few columns that are drawn to ones and zeros by their distance.

    Statistic: of all calls of the loss in the last half of the training, whether it is a squared or absolute
    distance, the targets are ones and zeros alone (their mean is the share that is not zero), in at most ten
    columns, and outputs go beyond [0, 1]. Null: labels are classes, which have a likelihood; measured numbers
    lie between. False alarms: least squares on labels, on purpose (hence medium). Left out are adversaries,
    and images of black and white, which have more columns.

    Args:
        record: What was seen.
    """
    calls = [c for s in late(record.steps) for c in s.losses]
    if takes_turns(record) or len(calls) < LEAST_CALLS:
        return []
    if not all(c.function in NO_LIKELIHOODS[1:] and _of_labels(c.target) and _unbounded(c) for c in calls):
        return []
    last = calls[-1]
    return [
        Finding(
            "loss.distance-of-classes",
            "labels are fitted by their distance",
            f"in all {len(calls)} calls of late watched updates the targets of {last.function} are ones and "
            f"zeros alone ({1 - last.target.zeros:.0%} ones at the last), its outputs go from "
            f"{last.prediction.low:.2g} to {last.prediction.high:.2g}",
            "medium",
            "a distance punishes outputs beyond the ones and zeros, which are right and sure, and of what it "
            "fits yes begins at 0.5, not at 0",
            "use the likelihood of labels: binary_cross_entropy_with_logits, or cross_entropy where the "
            "classes exclude one another",
            place=last.place,
            picture=of_ends(
                "Lowest and highest output, where the targets are ones and zeros",
                calls,
                (1.0, "a label ends here"),
            ),
        )
    ]


def _of_labels(target: Summary) -> bool:
    """Whether targets of examples are zeros and ones alone, of both some, in ten columns at most."""
    if target.integer or not 1 <= len(target.shape) <= 2 or math.prod(target.shape[1:]) > 10:
        return False
    m = target.mean
    ends = target.low == 0.0 and target.high == 1.0
    return ends and abs(target.zeros + m - 1.0) < 1e-6


def check_sign(record: Record) -> list[Finding]:
    """Find losses that are maximised.

    Statistic: the share of watched updates whose whole loss is the negative of its one loss function's value,
    to a thousandth, for functions that cannot be negative. Null: 0. False alarms: adversarial trainings,
    which
    have two optimizers (left out).

    Args:
        record: What was seen.
    """
    if len(record.optimizers) > 1:
        return []
    seen = [
        (s, s.losses[0])
        for s in record.steps
        if len(s.losses) == 1 and s.losses[0].function in POSITIVE and math.isfinite(s.loss)
    ]
    turned = [
        (s, c)
        for s, c in seen
        if c.value > 0 and s.loss < 0 and abs(s.loss + c.value) < 1e-3 * c.value + 1e-9
    ]
    if len(turned) < max(LEAST_CALLS, 0.9 * len(seen)):
        return []
    return [
        Finding(
            "loss.sign",
            "the loss is maximised",
            f"backward() is called on the negative of {turned[0][1].function}, which went from "
            f"{turned[0][1].value:.3g} to {turned[-1][1].value:.3g}",
            "high",
            "a minus sign stands before a loss that is to be made small",
            "leave the minus sign out",
            place=turned[-1][1].place,
            picture=Picture(
                "What backward() is called on, beside what the loss function gives: the same when right",
                "update",
                "loss",
                {
                    "backward()": curve([s for s, _ in turned], (s.loss for s, _ in turned)),
                    turned[-1][1].function: curve([s for s, _ in turned], (c.value for _, c in turned)),
                },
                (0.0, "no such loss is below"),
            ),
        )
    ]


def check_trivial(record: Record) -> list[Finding]:
    """Find losses that are least when the output is the same for all examples.

    Statistics, on the last batch: the loss when what the model gave is replaced by its mean over the
    examples,
    beside the loss at the end; and the slope of the loss there, beside that at outputs scattered around the
    mean as they were at the start. Null: a loss that asks for something of each example pulls the outputs
    apart: its slope at equal outputs is as large as elsewhere. False alarms: batches whose targets are all
        the
    same.

    Args:
        record: What was seen.
    """
    tape = record.tapes[-1] if record.tapes and record.tapes[-1].playable else None
    first = next((s for s in record.steps if s.layers), None)
    ended = late_loss(record)
    if tape is None or first is None or not level_tells(record) or record.count < 50:
        return []
    if any(getattr(e.call, "__name__", "") == "detach" for e in tape.entries):
        return []  # what keeps outputs apart then is that one side does not move
    spread = first.layers[-1].output.std
    if not spread > 0 or not ended < 0.9 * initial_loss(record):
        return []
    same, at_same = _slope(tape, 0.0)
    apart, at_apart = _slope(tape, spread)
    if not (0.0 <= same <= 1.1 * ended + 1e-3 * apart and same < 0.3 * apart and at_same < 0.1 * at_apart):
        return []
    return [
        Finding(
            "loss.trivial",
            "the loss is least when all outputs are the same",
            f"with one output for all examples of a batch the loss is {same:.3g}, at the end of the training "
            f"{ended:.3g}, and {apart:.3g} with outputs as far apart as they were at the start",
            "high",
            "a term that should keep outputs apart is missing, has the wrong sign, or is cut on the wrong "
            "side",
            "look at the sign, the margin and the clamp of the term for examples that differ",
            picture=of_numbers(
                "The loss by how far apart the outputs are: most where they are the same when right",
                "loss",
                {"all the same": same, "as at the start": apart},
                (ended, "at the end of the training"),
            ),
        )
    ]


def _slope(tape: Tape, spread: float) -> tuple[float, float]:
    """The loss, and the norm of its derivative to the outputs, when these are a constant plus noise."""
    generator = torch.Generator().manual_seed(0)
    placed: list[Tensor] = []
    constants: dict[tuple[int, ...], Tensor] = {}

    def scattered(leaf: Any) -> Any:
        if not isinstance(leaf, Tensor) or not leaf.is_floating_point() or leaf.ndim < 1 or len(leaf) < 2:
            return leaf
        mean = constants.setdefault(tuple(leaf.shape[1:]), leaf.detach().mean(0, keepdim=True))
        noise = torch.randn(leaf.shape, generator=generator).to(leaf) * spread
        made = (mean + noise).requires_grad_(True)
        placed.append(made)
        return made

    def instead(module: nn.Module) -> Any:
        return lambda *args, **kwargs: tree_map(scattered, module(*args, **kwargs))

    with torch.enable_grad():
        loss = tape.with_calls(lambda e: instead(e.call) if isinstance(e.call, nn.Module) else None).play()
        if not placed or not loss.requires_grad:
            return math.nan, math.nan
        slopes = torch.autograd.grad(loss, placed, allow_unused=True)
    found = [float(s.norm()) for s in slopes if s is not None]
    return float(loss.detach()), math.hypot(*found) if found else math.nan
