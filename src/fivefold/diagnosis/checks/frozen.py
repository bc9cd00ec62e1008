"""Layers that are frozen at their random first values."""

import math

import torch
from torch import Tensor, nn

from fivefold.diagnosis.checks.seen import WEIGHTED
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record

CLOSE = 0.06
LEAST_NUMBERS = 64
MOST_NUMBERS = 1 << 22
EDGE = 1.1


def _as_torch_draws(module: nn.Module, w: Tensor) -> bool:
    """Whether weights are distributed as torch draws them: uniform within 1 / sqrt(inputs), or standard
    normal.
    """
    if isinstance(module, nn.Embedding | nn.EmbeddingBag):
        error = 4.0 / math.sqrt(w.numel())
        return abs(float(w.std()) - 1.0) < error and abs(float(w.mean())) < error and float(w.abs().max()) > 2
    if not isinstance(module, WEIGHTED):
        return False
    bound = 1.0 / math.sqrt(w[0].numel())
    inside = float(w.abs().max()) <= bound * 1.0001
    return inside and abs(float(w.std()) / (bound / math.sqrt(3.0)) - 1.0) < CLOSE


def _structureless(w: Tensor) -> bool | None:
    """Whether the weights are no more alike than independent draws of one distribution; ``None`` where there
    are too few to tell.

    Of an [n, d] matrix of independent entries of deviation s, the largest singular value, once the mean of
    all
    entries is taken off, is about s (sqrt(n) + sqrt(d)) (Bai and Yin, 1988); what was learnt lies in few
    directions and is far above it.
    """
    w = w.reshape(len(w), -1)
    n, d = w.shape
    if min(n, d) < 8 or n * d < 4 * LEAST_NUMBERS or n * d > MOST_NUMBERS:
        return None
    w = w - w.mean()
    deviation = float(w.std())
    return deviation > 0 and float(torch.linalg.matrix_norm(w, 2)) < EDGE * deviation * (n**0.5 + d**0.5)


def check_frozen(record: Record) -> list[Finding]:
    """Find frozen layers whose weights are still random draws.

    Statistics: largest |w| and standard deviation of a frozen layer beside those of torch's first values,
    U(-b, b) with b = 1 / sqrt(inputs per output); the largest singular value of the weights, beside that of
    independent draws of the same deviation, within a tenth. Null: weights that were trained leave the bound,
    and lie in few directions; so do copies that follow a model. False alarms: random features on purpose;
    layers too small to tell are said with medium confidence.

    Args:
        record: What was seen.
    """
    frozen = set(record.frozen)
    modules = dict(record.modules())
    first = {f.name: f.std for f in record.first_weights}
    fresh, unknown = [], []
    for name, parameter in record.parameters():
        if name not in frozen or parameter.ndim < 2 or parameter.numel() < LEAST_NUMBERS:
            continue
        owner = name.rpartition(".")[0]
        w = parameter.detach().float()
        before = first.get(owner, first.get(name))
        if not torch.isfinite(w).all() or (
            before is not None and abs(float(w.std(correction=0)) - before) > 1e-4 * before
        ):
            continue  # it is not held still: a copy that follows another model
        told = _as_torch_draws(modules[owner], w) or _structureless(w)
        if told:
            fresh.append(owner or name)
        elif told is None:
            unknown.append(owner or name)
    if not fresh and not (unknown and len(frozen) > len(unknown)):
        return []
    named = list(dict.fromkeys(fresh or unknown))
    numbers = sum(p.numel() for name, p in record.parameters() if name in frozen)
    total = sum(p.numel() for _, p in record.parameters())
    return [
        Finding(
            "parameters.frozen",
            "layers are frozen at their random first values",
            f"{', '.join(named[:4])}: requires_grad is off"
            + (" and the weights are distributed as independent random draws" if fresh else "")
            + f"; {numbers:,} of {total:,} numbers are frozen",
            "high" if fresh else "medium",
            "requires_grad was switched off for layers that hold nothing learnt",
            "freeze layers only after loading trained weights, or leave requires_grad on",
        )
    ]


def check_still_groups(record: Record) -> list[Finding]:
    """Find groups of an optimizer's parameters whose rate is zero while other groups move.

    Statistic: the largest rate of each group over the watched updates. Null: above zero for every group at
    some time. False alarms: groups that wait for a later phase of the training on purpose.

    Args:
        record: What was seen.
    """
    tops: dict[tuple[str, ...], float] = {}
    for step in record.steps:
        for group in step.groups:
            rate = group.settings.get("lr", math.nan)
            if group.names and not math.isnan(rate):
                tops[group.names] = max(tops.get(group.names, 0.0), rate)
    still = [names for names, top in tops.items() if top == 0.0]
    if len(record.steps) < 4 or not still or len(still) == len(tops):
        return []
    names = [name for group in still for name in group if name]
    return [
        Finding(
            "parameters.frozen",
            "the optimizer holds parameters at a rate of zero",
            f"{len(names)} parameters ({', '.join(names[:4])}) had a rate of 0 at all {len(record.steps)} "
            "watched "
            "updates, others moved",
            "high",
            "a group of parameters was given a rate of zero, or a factor that is zero",
            "give every group a rate, or take what is not to be trained out of the optimizer",
        )
    ]
