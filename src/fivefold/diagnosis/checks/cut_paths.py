"""Outputs that depend on layers in their values and not in their derivatives."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fivefold.diagnosis.checks.no_gradient import never_reached
from fivefold.diagnosis.checks.probes import ask, differs, in_evaluation, last_question
from fivefold.diagnosis.checks.seen import WEIGHTED
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import Entry

MOST_LAYERS = 12
LAYERS = (*WEIGHTED, nn.RNNBase, nn.Embedding, nn.EmbeddingBag)


def check_cut_paths(record: Record) -> list[Finding]:
    """Find layers that an output depends on and gets no derivative from, though other outputs do.

    Statistic, for each output and layer: whether the output changes when the layer's weights are moved by a
    hundredth of their size, with the same random numbers, while none of these weights has a derivative to it.
    Null: what depends on weights has a derivative to them. False alarms: a part that stops the gradient on
    purpose (a head that only reads), which is why only a cut at a random draw is said with high confidence,
    and one that leaves layers which the optimizer holds without any gradient.

    Args:
        record: What was seen.
    """
    asked = last_question(record)
    if asked is None:
        return []
    model, entry, x = asked
    never = never_reached(record)
    moved = {p.name for s in record.steps for p in s.parameters if p.gradient} | never
    names = {id(p): name for name, p in record.parameters()}
    layers = [
        (name, held)
        for name, module in model.named_modules()
        if isinstance(module, LAYERS)
        and (held := [p for p in module.parameters(recurse=False) if p.requires_grad])
        and all(names.get(id(p)) in moved for p in held)
    ]
    cut: dict[str, Tensor] = {}
    with in_evaluation(model):
        state = torch.get_rng_state()
        for place, unreached in _unreached(entry, x, layers, state):
            before = ask_again(entry, x, state)[place]
            for name, held in unreached[:MOST_LAYERS]:
                if differs(before, _moved(entry, x, state, held, place), relative=1e-6):
                    cut.setdefault(name, before)
        drawn = bool(cut) and _drawn(entry, x, state)
    if not cut:
        return []
    lost = all(names.get(id(p)) in never for name, held in layers if name in cut for p in held)
    return [
        Finding(
            "gradient.detached",
            "the gradient of an output does not reach layers that it depends on",
            f"an output of shape {list(next(iter(cut.values())).shape)} changes when the weights of "
            f"{', '.join(list(cut)[:4])} change, and has no derivative to them"
            + ("; random numbers are drawn on the way" if drawn else "")
            + ("; the optimizer holds them, and they got no gradient at any of its updates" if lost else ""),
            "high" if drawn or lost else "medium",
            "between these layers and the output the graph is cut: by sample() in place of rsample(), "
            "detach(), no_grad(), .data, or NumPy",
            "draw with rsample() (mean + deviation * noise), and keep the path in torch operations",
        )
    ]


def ask_again(entry: Entry, x: Tensor, state: Tensor) -> list[Tensor]:
    """The module's floating outputs with the same random numbers."""
    torch.set_rng_state(state)
    return ask(entry, x)


def _unreached(
    entry: Entry, x: Tensor, layers: Sequence[tuple[str, list[nn.Parameter]]], state: Tensor
) -> list[tuple[int, list[tuple[str, list[nn.Parameter]]]]]:
    """For each output with derivatives, its place and the layers none of whose weights has one."""
    every = [p for _, held in layers for p in held]
    if not every:
        return []
    found = []
    with torch.enable_grad():
        outputs = ask_again(entry, x, state)
        for place, output in enumerate(outputs):
            if not output.requires_grad:
                continue
            slopes = torch.autograd.grad(output.sum(), every, retain_graph=True, allow_unused=True)
            reached = {id(p) for p, slope in zip(every, slopes, strict=True) if slope is not None}
            unreached = [(n, held) for n, held in layers if not any(id(p) in reached for p in held)]
            if unreached:
                found.append((place, unreached))
    return found


def _moved(entry: Entry, x: Tensor, state: Tensor, held: list[nn.Parameter], place: int) -> Tensor:
    """The output with a layer's weights moved a little; they are put back to the bit."""
    generator = torch.Generator().manual_seed(0)
    before = [p.detach().clone() for p in held]
    try:
        for p in held:
            noise = torch.randn(p.shape, generator=generator).to(p)
            p.data.add_(0.01 * p.detach().abs().mean() * noise + 1e-4 * noise)
        return ask_again(entry, x, state)[place]
    finally:
        for p, value in zip(held, before, strict=True):
            p.data.copy_(value)


def _drawn(entry: Entry, x: Tensor, state: Tensor) -> bool:
    """Whether the outputs differ from one run of random numbers to another."""
    first = ask_again(entry, x, state)
    again = ask(entry, x)
    return any(differs(a, b) for a, b in zip(first, again, strict=True))
