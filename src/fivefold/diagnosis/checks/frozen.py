"""Layers that are frozen at their random first values."""

import math

from torch import nn

from fivefold.diagnosis.checks.seen import WEIGHTED
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record

CLOSE = 0.06


def _fresh(module: nn.Module) -> bool:
    """Whether the weights are distributed as torch draws them: uniform within 1 / sqrt(inputs), or standard
    normal.
    """
    weight = getattr(module, "weight", None)
    if not isinstance(weight, nn.Parameter) or weight.ndim < 2 or weight.numel() < 64:
        return False
    if isinstance(module, nn.Embedding):
        w = weight.detach().float()
        error = 4.0 / math.sqrt(w.numel())
        return abs(float(w.std()) - 1.0) < error and abs(float(w.mean())) < error and float(w.abs().max()) > 2
    bound = 1.0 / math.sqrt(weight[0].numel())
    w = weight.detach().float()
    inside = float(w.abs().max()) <= bound * 1.0001
    return inside and abs(float(w.std()) / (bound / math.sqrt(3.0)) - 1.0) < CLOSE


def check_frozen(record: Record) -> list[Finding]:
    """Find frozen layers whose weights are still as torch drew them.

    Statistic: largest |w| and standard deviation of a frozen layer beside those of torch's first values,
    U(-b, b) with b = 1 / sqrt(inputs per output). Null: weights that were trained leave the bound. False
    alarms: random features on purpose.

    Args:
        record: What was seen.
    """
    frozen = set(record.frozen)
    fresh = []
    for name, module in record.modules():
        weight = f"{name}.weight" if name else "weight"
        if weight in frozen and isinstance(module, (*WEIGHTED, nn.Embedding)) and _fresh(module):
            fresh.append(name)
    if not fresh:
        return []
    numbers = sum(p.numel() for name, p in record.parameters() if name in frozen)
    total = sum(p.numel() for _, p in record.parameters())
    return [
        Finding(
            "parameters.frozen",
            "layers are frozen at their random first values",
            f"{', '.join(fresh[:4])}: requires_grad is off and the weights are distributed as torch drew "
            "them; "
            f"{numbers:,} of {total:,} numbers are frozen",
            "high",
            "requires_grad was switched off for layers that hold nothing learnt",
            "freeze layers only after loading trained weights, or leave requires_grad on",
        )
    ]
