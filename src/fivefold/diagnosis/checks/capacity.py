"""Networks whose output cannot reach the targets, or does not depend on the inputs."""

import math

import torch
from torch import nn

from fivefold.diagnosis.checks.made_anew import made_anew
from fivefold.diagnosis.checks.pictures import of_answers, of_numbers, of_pairs
from fivefold.diagnosis.checks.probes import ask, differs, in_evaluation, last_question
from fivefold.diagnosis.checks.seen import OF_NUMBERS, late, losses_of, median
from fivefold.diagnosis.finding import Finding, Picture
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import Entry

PASSES = 6
STRETCHES = 50
"""Of the inputs of an example, in each of which it is shown how many are read."""


def check_ignored_inputs(record: Record) -> list[Finding]:
    """Find networks whose output does not depend on most of what they are given.

    Statistic: the share of inputs that vary within a batch and to which every output has derivative zero, in
    evaluation mode. Null: 0, and a few where units are dead. False alarms: models that choose what they read.

    Args:
        record: What was seen.
    """
    asked = last_question(record)
    if asked is None:
        return []
    module, entry, x = asked
    if not x.is_floating_point() and x.ndim == 2 and len(x) >= 4 and x.shape[1] >= 4:
        return _ignored_tokens(entry, x)
    if not x.is_floating_point() or x.ndim < 2 or len(x) < 4 or x[0].numel() < 8:
        return []
    with in_evaluation(module), torch.enable_grad():
        given = x.detach().clone().requires_grad_(True)
        outputs = [o for o in ask(entry, given) if o.requires_grad and len(o) == len(x)]
        if not outputs:
            return []
        # Random weights, so that derivatives of several outputs do not cancel.
        generator = torch.Generator().manual_seed(0)
        total = sum((o * torch.rand(o.shape, generator=generator).to(o)).sum() for o in outputs)
        assert isinstance(total, torch.Tensor)
        slope = torch.autograd.grad(total, given, allow_unused=True)[0]
    varies = (x != x[:1]).any(0)
    if slope is None or int(varies.sum()) < 8:
        return []
    unread = (slope == 0).all(0) & varies
    share = float(unread.sum()) / float(varies.sum())
    if share < 0.5 or share == 1.0:
        return []
    return [
        Finding(
            "inputs.ignored",
            "the network does not read most of its inputs",
            f"{int(unread.sum())} of {int(varies.sum())} inputs that vary have derivative zero to every "
            f"output, for all {len(x)} examples of a batch",
            "high",
            "an index or a slice takes a part only: the first state of a sequence instead of the last, one "
            "channel, one patch",
            "look at what is selected between layers: out[:, -1] is the last state, out[:, 0] the first",
            picture=_unread(unread[varies].flatten()),
        )
    ]


def _unread(unread: torch.Tensor) -> Picture:
    """The share of inputs that are not read, from the first number of an example to its last."""
    stretches = unread.double().tensor_split(min(STRETCHES, len(unread)))
    return Picture(
        "Inputs that the network does not read: none where nothing is wrong",
        "place in the example, of those that vary",
        "share that is not read",
        {"not read": tuple((i / len(stretches), float(s.mean())) for i, s in enumerate(stretches))},
        (float(unread.double().mean()), "of all"),
    )


def _ignored_tokens(entry: Entry, x: torch.Tensor) -> list[Finding]:
    """Whether outputs stay the same when all tokens but the padding (the most common one) are replaced by
    others.
    """
    padding = x.flatten().mode().values
    words = x[x != padding]
    if words.numel() < 8 or len(torch.unique(words)) < 4 or not bool((x == padding).any()):
        return []
    assert isinstance(entry.call, nn.Module)
    other = words[torch.randperm(len(words), generator=torch.Generator().manual_seed(0))]
    changed = x.clone()
    changed[x != padding] = other
    with in_evaluation(entry.call):
        try:
            before, again, after = ask(entry, x), ask(entry, x), ask(entry, changed)
        except IndexError:
            return []  # a table of names: each column has a vocabulary of its own
    if not before or any(differs(a, b) for a, b in zip(before, again, strict=True)):
        return []
    if any(differs(a, b, relative=1e-2) for a, b in zip(before, after, strict=True)):
        return []
    if not any(differs(o, o[:1].expand_as(o), relative=1e-2) for o in before):
        return []  # an output that is the same for all examples says nothing of the mask
    return [
        Finding(
            "mask.inverted",
            "the network reads the padding and not the words",
            f"with all {words.numel()} tokens replaced that are not {int(padding)}, the outputs stay the "
            "same to a hundredth",
            "high",
            "the mask hides what it should show: in torch a key_padding_mask is true where a token is to be "
            "left out",
            "invert the mask: key_padding_mask = ids.eq(PAD)",
            picture=of_answers(
                "How far outputs differ, by the words where nothing is wrong",
                {
                    "other words": list(zip(before, after, strict=True)),
                    "other examples": [(o, o[:1]) for o in before],
                },
                (1e-2, "they differ from here on"),
            ),
        )
    ]


def check_output(record: Record) -> list[Finding]:
    """Find last activations that keep the output from reaching its targets.

    Statistics: the range of predictions in a loss of numbers beside the targets'; of logits given to
    cross_entropy, the share that is exactly zero with none below (a rectifier), or a bound at 1 (a sigmoid or
    tanh); of logits of two classes, the same share. Null: linear outputs go beyond. False alarms: targets
    that cannot be negative, in which rectified
    outputs are sound (left out: some target must lie outside).

    Args:
        record: What was seen.
    """
    out = []
    calls = losses_of(record, OF_NUMBERS)
    steps = [c for s in late(record.steps) for c in s.losses if c.function in OF_NUMBERS]
    if len(calls) >= 3 and steps:
        low, high = min(c.prediction.low for c in calls), max(c.prediction.high for c in calls)
        below, above = min(c.target.low for c in calls), max(c.target.high for c in calls)
        rectified = low >= 0.0 and below < -1e-6 and median(c.prediction.zeros for c in calls) > 0.1
        # Hundreds of predictions without one that is negative, where a good part of the targets is.
        count = sum(math.prod(c.prediction.shape) for c in calls)
        often = median((c.target.mean - c.target.low) / max(c.target.std, 1e-12) for c in calls)
        centred = median(c.target.mean / max(c.target.std, 1e-12) for c in calls)
        rectified |= low >= 0.0 and count >= 400 and centred < 0.5 and often > 1.0 and below < -0.5
        closed = low >= -1.0 and high <= 1.0 and (above > 1.1 or below < -1.1)
        touched = low < -0.9 or high > 0.9
        halved = low >= 0.0 and high <= 1.0 and (above > 1.1 or below < -0.1)
        if rectified or (closed and touched) or (halved and (high > 0.9 or low < 0.05)):
            out.append(
                Finding(
                    "output.activation",
                    "the output cannot reach the targets",
                    f"predictions lie in [{low:.3g}, {high:.3g}], targets in [{below:.3g}, {above:.3g}]",
                    "high",
                    "the last layer ends in an activation whose range is smaller than that of the targets",
                    "end a network for free numbers with a linear layer",
                    place=calls[-1].place,
                    picture=_ranges(
                        "Predictions reach as far as targets where nothing is wrong",
                        {"predictions": (low, high), "targets": (below, above)},
                    ),
                )
            )
    calls = losses_of(record, ("binary_cross_entropy_with_logits",))
    if len(calls) >= 3:
        low, zeros = min(c.prediction.low for c in calls), median(c.prediction.zeros for c in calls)
        if low >= 0.0 and zeros > 0.05 and median(c.target.mean for c in calls) < 0.9:
            out.append(
                Finding(
                    "output.activation",
                    "the logits pass through a rectifier",
                    f"logits are never below 0 in all {len(calls)} watched calls, {zeros:.0%} of them "
                    "exactly zero",
                    "high",
                    "no probability below one half can be said",
                    "give binary_cross_entropy_with_logits the output of the last linear layer",
                    place=calls[-1].place,
                    picture=_ranges(
                        "Logits lie on both sides of 0 where nothing is wrong",
                        {"logits": (low, max(c.prediction.high for c in calls))},
                    ),
                )
            )
    calls = losses_of(record, ("cross_entropy",))
    probabilities = bool(calls) and all(c.row_sum_error < 1e-3 for c in calls)
    if len(calls) >= 3 and not probabilities:
        low, high = min(c.prediction.low for c in calls), max(c.prediction.high for c in calls)
        zeros = median(c.prediction.zeros for c in calls)
        rectified = low >= 0.0 and zeros > 0.05
        bounded = low >= -1.0 and high <= 1.0 and high > 0.95
        count = sum(math.prod(c.prediction.shape) for c in calls)
        bounded |= low >= 0.0 and high <= 1.0 and count >= 2000
        if rectified or bounded:
            kind = "a rectifier" if rectified else "a sigmoid or tanh"
            out.append(
                Finding(
                    "output.activation",
                    "the logits pass through an activation",
                    f"logits lie in [{low:.3g}, {high:.3g}] in all {len(calls)} watched calls, {zeros:.0%} "
                    "of them exactly zero",
                    "high",
                    f"the last layer ends in {kind}: cross_entropy expects free numbers",
                    "give cross_entropy the output of the last linear layer",
                    place=calls[-1].place,
                    picture=_ranges(
                        f"Logits reach {'below 0' if rectified else 'beyond 1'} where nothing is wrong",
                        {"logits": (low, high)},
                    ),
                )
            )
    return out


def _ranges(title: str, ranges: dict[str, tuple[float, float]]) -> Picture | None:
    return of_pairs(title, "value", ranges, ("least", "largest"))


def check_constant_output(record: Record) -> list[Finding]:
    """Find networks whose output does not depend on the input.

    Statistic: the largest difference between the outputs for two examples of a batch, relative to the
    outputs, in evaluation mode. Null: far above rounding. False alarms: none where inputs differ.

    Args:
        record: What was seen.
    """
    asked = last_question(record)
    if asked is None:
        return []
    module, entry, x = asked
    if x.ndim < 2 or len(x) < 4 or bool((x == x[:1]).all()):
        return []
    with in_evaluation(module):
        passes = [[o for o in ask(entry, x) if o.ndim >= 1 and len(o) == len(x)] for _ in range(PASSES)]
    if not passes[0] or any(not torch.isfinite(o).all() for p in passes for o in p):
        return []
    noisy = any(differs(a, b) for a, b in zip(passes[0], passes[1], strict=True))
    if noisy:
        return [] if made_anew(record, entry, x) else _collapsed(passes, len(x))
    if any(differs(o, o[:1].expand_as(o), relative=1e-3) for o in passes[0]):
        return []
    return [
        Finding(
            "output.constant",
            "the output does not depend on the input",
            f"all {len(x)} examples of a batch get the same output, to a thousandth",
            "medium",
            "a layer between has died, is not connected, or the network has collapsed to the mean",
            "look at the other findings for the cause; check that the inputs reach the last layer",
            picture=of_answers(
                "How far the outputs of the examples differ from that of the first one",
                {"other examples": [(o, o[:1]) for o in passes[0]]},
                (1e-3, "they differ"),
            ),
        )
    ]


def _collapsed(passes: list[list[torch.Tensor]], n: int) -> list[Finding]:
    """Of a model that draws a latent: whether the first output varies more between examples than between
    draws.

    F = (variance of the examples' means over the draws, times the draws) / (variance within), 1 where the
    output does not depend on the example.
    """
    stack = torch.stack([p[0].double().reshape(n, -1) for p in passes])
    within = float(stack.var(0, correction=1).mean())
    between = float(stack.mean(0).var(0, correction=1).mean()) * len(passes)
    ratio = between / max(within, 1e-300)
    if ratio > 2.0:
        return []
    return [
        Finding(
            "latent.collapsed",
            "the output does not depend on the input: the latent carries nothing",
            f"over {len(passes)} draws of {n} examples, outputs vary {ratio:.2f} times as much between "
            "examples as chance would have it",
            "high",
            "the term that holds the latent to its prior outweighs the reconstruction: its weight is too "
            "large, or one term is a mean over numbers where the other is a sum",
            "sum both terms over the numbers of an example, lower the weight of the divergence, or let it "
            "grow slowly",
            picture=of_numbers(
                "Variance of outputs between examples and between draws of one: far more where nothing is "
                "wrong",
                "variance, of that by chance",
                {"between examples": ratio, "between draws": 1.0},
                (2.0, "beyond chance"),
            ),
        )
    ]
