"""Networks that cannot bend, that are narrower than their task, or whose output cannot reach the targets."""

import math

import torch
from torch import nn

from fivefold.diagnosis.checks.probes import ask, differs, first_tensor, in_evaluation, last_call
from fivefold.diagnosis.checks.seen import OF_NUMBERS, WEIGHTED, late, losses_of, median
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import Entry

PASSES = 6


def check_linear(record: Record) -> list[Finding]:
    """Find networks of several layers that are linear in their inputs.

    Statistic: the largest |f((a + b) / 2) - (f(a) + f(b)) / 2| over pairs of examples, relative to the
    outputs, in evaluation mode. Null: far above rounding (1e-4) for any network with an activation. False
    alarms: a linear model on purpose has one layer with weights; two or more are asked for.

    Args:
        record: What was seen.
    """
    found = last_call(record)
    if found is None:
        return []
    entry = found[1]
    x = first_tensor(entry)
    layers = [m for m in entry.call.modules() if isinstance(m, WEIGHTED)]  # type: ignore[attr-defined]
    if x is None or not x.is_floating_point() or len(x) < 4 or len(layers) < 2:
        return []
    half = len(x) // 2
    a, b = x[:half], x[half : 2 * half]
    with in_evaluation(entry.call):  # type: ignore[arg-type]
        try:
            at_a, at_b, between = ask(entry, a), ask(entry, b), ask(entry, (a + b) / 2)
        except (RuntimeError, ValueError):
            return []  # the other arguments belong to the whole batch
    if not at_a or any(not torch.isfinite(o).all() for o in (*at_a, *at_b, *between)):
        return []
    pairs = list(zip(at_a, at_b, between, strict=True))
    spreads = [float((p - q).abs().max()) for p, q, _ in pairs]
    if any(spread < 1e-3 * float(m.abs().max()) for spread, (_, _, m) in zip(spreads, pairs, strict=True)):
        return []  # outputs that hardly vary tell nothing
    off = [float(((p + q) / 2 - m).abs().max()) for p, q, m in pairs]
    if any(o > 1e-3 * spread for o, spread in zip(off, spreads, strict=True)):
        return []
    return [
        Finding(
            "capacity.linear",
            "the network is a linear function of its inputs",
            f"{len(layers)} layers with weights, and f at the middle of two examples is the mean of f at "
            "both, to rounding",
            "high",
            "there is no activation between the layers: their product is one matrix",
            "put an activation (ReLU, GELU, tanh) between the layers",
        )
    ]


def check_linear_pairs(record: Record) -> list[Finding]:
    """Find linear layers that follow one another with nothing between.

    Statistic: the number of linear layers whose input is the very tensor that another linear layer gave,
    neither narrowed by it on purpose. Null: 0 outside bottlenecks, whose width is below both sides (left
    out). False alarms: a factor that is meant to be trained as two.

    Args:
        record: What was seen.
    """
    shapes = {f.name: f for f in record.first_weights if f.kind == "Linear"}
    steps = [s for s in record.steps if s.layers]
    if not steps:
        return []
    pairs = [
        (layer.source, layer.name)
        for layer in steps[-1].layers
        if layer.name in shapes
        and layer.source in shapes
        and shapes[layer.source].outputs >= min(shapes[layer.source].inputs, shapes[layer.name].outputs)
    ]
    if not pairs:
        return []
    shown = ", ".join(f"{a} to {b}" for a, b in pairs[:4])
    return [
        Finding(
            "capacity.linear",
            "linear layers follow one another with no activation between",
            f"{shown}: the output of the first is the input of the second, unchanged",
            "high" if len(pairs) >= 2 else "medium",
            "the product of two matrices is one matrix: the layers do the work of one",
            "put an activation (ReLU, GELU, tanh) between the layers",
        )
    ]


def check_ignored_inputs(record: Record) -> list[Finding]:
    """Find networks whose output does not depend on most of what they are given.

    Statistic: the share of inputs that vary within a batch and to which every output has derivative zero, in
    evaluation mode. Null: 0, and a few where units are dead. False alarms: models that choose what they read.

    Args:
        record: What was seen.
    """
    found = last_call(record)
    if found is None:
        return []
    entry = found[1]
    x = first_tensor(entry)
    if x is not None and not x.is_floating_point() and x.ndim == 2 and len(x) >= 4 and x.shape[1] >= 4:
        return _ignored_tokens(entry, x)
    if x is None or not x.is_floating_point() or x.ndim < 2 or len(x) < 4 or x[0].numel() < 8:
        return []
    with in_evaluation(entry.call), torch.enable_grad():  # type: ignore[arg-type]
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
            "output, for all "
            f"{len(x)} examples of a batch",
            "high",
            "an index or a slice takes a part only: the first state of a sequence instead of the last, one "
            "channel, one patch",
            "look at what is selected between layers: out[:, -1] is the last state, out[:, 0] the first",
        )
    ]


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
        before, again, after = ask(entry, x), ask(entry, x), ask(entry, changed)
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
        )
    ]


def check_width(record: Record) -> list[Finding]:
    """Find hidden layers that are narrower than what they must tell apart.

    Statistic: the smallest number of units of a hidden linear layer, beside the number of classes (or
    outputs). Null: at least as many as classes; log2 of their number is the least that could tell them apart
    at all. False alarms: bottlenecks on purpose in networks that reproduce their inputs (as many outputs as
    inputs; there, two numbers or fewer for 16 or more).

    Args:
        record: What was seen.
    """
    layers = [f for f in record.first_weights if f.outputs > 0]
    if len(layers) < 2:
        return []
    reproduces = layers[-1].outputs == layers[0].inputs
    linear = [f for f in layers if f.kind == "Linear"]
    if len(linear) < 2:
        return []
    outputs = layers[-1].outputs
    narrow = min(linear[:-1], key=lambda f: f.outputs)
    calls = losses_of(record, ("cross_entropy", "nll_loss"))
    needed = max(2.0, math.log2(max(outputs, 2))) if calls else 2.0
    if reproduces:
        needed = 2.0 if outputs >= 16 else 0.0
    if narrow.outputs > needed or (narrow.outputs >= outputs * 2 and calls):
        return []
    right = median(c.right for s in late(record.steps, 0.25) for c in s.losses)
    return [
        Finding(
            "capacity.small",
            "a hidden layer is too narrow",
            f"{narrow.name} has {narrow.outputs} units before {outputs} outputs"
            + (f"; the network is right in {right:.0%} of the last batches" if math.isfinite(right) else ""),
            "high" if not right > 0.8 else "medium",
            "everything that the network knows of an example must pass through these few numbers",
            "widen the layer, at least to several times the number of outputs",
        )
    ]


def check_output(record: Record) -> list[Finding]:
    """Find last activations that keep the output from reaching its targets.

    Statistics: the range of predictions in a loss of numbers beside the targets'; of logits given to
    cross_entropy, the share that is exactly zero with none below (a rectifier), or a bound at 1 (a sigmoid or
    tanh). Null: linear outputs go beyond. False alarms: targets that cannot be negative, in which rectified
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
                )
            )
    calls = losses_of(record, ("cross_entropy",))
    probabilities = bool(calls) and all(c.row_sum_error < 1e-3 for c in calls)
    if len(calls) >= 3 and not probabilities:
        low, high = min(c.prediction.low for c in calls), max(c.prediction.high for c in calls)
        zeros = median(c.prediction.zeros for c in calls)
        rectified = low >= 0.0 and zeros > 0.05
        bounded = low >= -1.0 and high <= 1.0 and high > 0.95
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
                )
            )
    return out


def check_constant_output(record: Record) -> list[Finding]:
    """Find networks whose output does not depend on the input.

    Statistic: the largest difference between the outputs for two examples of a batch, relative to the
    outputs, in evaluation mode. Null: far above rounding. False alarms: none where inputs differ.

    Args:
        record: What was seen.
    """
    found = last_call(record)
    if found is None:
        return []
    entry = found[1]
    x = first_tensor(entry)
    if x is None or x.ndim < 2 or len(x) < 4 or bool((x == x[:1]).all()):
        return []
    assert isinstance(entry.call, nn.Module)
    with in_evaluation(entry.call):
        passes = [[o for o in ask(entry, x) if o.ndim >= 1 and len(o) == len(x)] for _ in range(PASSES)]
    if not passes[0] or any(not torch.isfinite(o).all() for p in passes for o in p):
        return []
    noisy = any(differs(a, b) for a, b in zip(passes[0], passes[1], strict=True))
    if noisy:
        return _collapsed(passes, len(x))
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
        )
    ]


def _collapsed(passes: list[list[torch.Tensor]], n: int) -> list[Finding]:
    """Of a model that draws a latent: whether the first output varies more between examples than between
    draws.

    F = (variance of the examples' means over the draws, times the draws) / (variance within), 1 where the
    output does
    not depend on the example.
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
            "examples as chance "
            "would have it",
            "high",
            "the term that holds the latent to its prior outweighs the reconstruction: its weight is too "
            "large, or one term is "
            "a mean over numbers where the other is a sum",
            "sum both terms over the numbers of an example, lower the weight of the divergence, or let it "
            "grow slowly",
        )
    ]
