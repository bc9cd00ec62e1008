"""Layers that are frozen at their random first values."""

import math

import torch
from torch import Tensor, nn

from fivefold.diagnosis.checks.pictures import of_numbers
from fivefold.diagnosis.checks.seen import WEIGHTED
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record

CLOSE = 0.06
LEAST_NUMBERS = 64
MOST_NUMBERS = 1 << 22
EDGE = 1.1
FLAT = 2.4


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
    return inside and abs(_deviation(module, w) - 1.0) < CLOSE


def _deviation(module: nn.Module, w: Tensor) -> float:
    """Standard deviation of weights over that with which torch draws them."""
    embeds = isinstance(module, nn.Embedding | nn.EmbeddingBag)
    return float(w.std()) / (1.0 if embeds else 1.0 / math.sqrt(3.0 * w[0].numel()))


def _leading(w: Tensor) -> float | None:
    """Largest singular value of the weights over that of independent draws of one distribution; ``None``
    where there are too few to tell.

    Of an [n, d] matrix of independent entries of deviation s, the largest singular value, once the mean of
    all entries is taken off, is about s (sqrt(n) + sqrt(d)) (Bai and Yin, 1988); what was learnt lies in few
    directions and is far above it.
    """
    w = w.reshape(len(w), -1)
    n, d = w.shape
    if min(n, d) < 8 or n * d < 4 * LEAST_NUMBERS or n * d > MOST_NUMBERS:
        return None
    w = w - w.mean()
    deviation = float(w.std())
    by_chance = deviation * (n**0.5 + d**0.5)
    return float(torch.linalg.matrix_norm(w, 2)) / by_chance if deviation > 0 else math.inf


def _moved(module: nn.Module, w: Tensor) -> bool:
    """Whether weights are uniform draws of torch's that a training has moved, be it a little.

    The fourth moment over the squared second is 9/5 for uniform draws and 3 for normal ones, the latter with
    a standard error of sqrt(24 / n); draws of a uniform distribution of any width end at sqrt(3) deviations.
    What is flatter than normal draws by four standard errors, leaves torch's bound and has no such edge (or
    one just beyond that bound) was drawn by torch and then trained.
    """
    n, bound = w.numel(), 1.0 / math.sqrt(w[0].numel())
    centred = (w - w.mean()).double()
    variance = float(centred.square().mean())
    if not isinstance(module, WEIGHTED) or not variance > 0:
        return False
    flatness = float(centred.pow(4).mean()) / variance**2
    beyond = float(w.abs().max()) / bound
    edged = float(centred.abs().max()) <= math.sqrt(3.0 * variance) * (1.0 + 4.0 * math.sqrt(0.2 / n))
    return (
        beyond > 1.0001
        and (beyond < EDGE or not edged)
        and flatness < min(FLAT, 3.0 - 4.0 * math.sqrt(24.0 / n))
    )


def check_frozen(record: Record) -> list[Finding]:
    """Find frozen layers whose weights are still random draws.

    Statistics: largest |w| and standard deviation of a frozen layer beside those of torch's first values,
    U(-b, b) with b = 1 / sqrt(inputs per output); the largest singular value of the weights, beside that of
    independent draws of the same deviation, within a tenth. Null: weights that were trained leave the bound
    (:func:`_moved`, however short the training), and lie in few directions; so do copies that follow a model.
    False alarms: random features on purpose; layers too small to tell are said with medium confidence, and
    not at all beside a layer that was trained.

    Args:
        record: What was seen.
    """
    frozen = set(record.frozen)
    modules = dict(record.modules())
    first = {f.name: f.std for f in record.first_weights}
    fresh: dict[str, float] = {}
    unknown, trained = [], False
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
        if _as_torch_draws(modules[owner], w):
            fresh[owner or name] = _deviation(modules[owner], w)
            continue
        leading = math.inf if _moved(modules[owner], w) else _leading(w)
        if leading is None:
            unknown.append(owner or name)
        elif leading < EDGE:
            fresh[owner or name] = leading
        else:
            trained = True
    if not fresh and (trained or not unknown or len(frozen) <= len(unknown)):
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
            picture=of_numbers(
                "Deviation of frozen weights, or largest singular value where that is not torch's, over that "
                "of random draws: far from 1 where they were learnt",
                "of that of random draws",
                fresh,
                (1.0, "random draws"),
            ),
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
            "watched updates, others moved",
            "high",
            "a group of parameters was given a rate of zero, or a factor that is zero",
            "give every group a rate, or take what is not to be trained out of the optimizer",
            picture=of_numbers(
                "Largest rate of each group of parameters: above 0 where nothing is wrong",
                "rate",
                {", ".join(names[:3]): top for names, top in tops.items()},
            ),
        )
    ]
