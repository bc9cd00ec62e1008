"""Running statistics of batch norm that are still those from before the training."""

import torch
from torch import Tensor, nn

from fivefold.diagnosis.checks.pictures import of_shares
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record

LEAST_UPDATES = 30
OLD = 0.3
"""Share of the first values in the running statistics from which on they are found."""

FAR = 0.5
"""Distance of a batch's statistics from the running ones that matters: of means in running standard
deviations, of variances in logarithms."""


def check_running_statistics(record: Record) -> list[Finding]:
    r"""Find batch norm whose running statistics hardly left their first values.

    Statistic: the share of the first values (mean 0, variance 1) in the running statistics after n batches
    with momentum m,

    .. math:: (1 - m)^n

    and how far those of the batches, which follow from it and the running ones, lie from them. Null: 0.005
    after 50 batches at torch's momentum of 0.1; found from 0.3 on, after 30 updates or more, where in half of
    the channels the mean is off by half a standard deviation or the variance by a factor of 1.65. It is
    arithmetic: no false alarm comes by chance. False alarms: layers whose statistics were loaded and are kept
    on purpose (those with momentum 0, in evaluation mode, or frozen are left out).

    Args:
        record: What was seen.
    """
    if record.count < LEAST_UPDATES:
        return []
    old: dict[str, float] = {}
    for name, module in record.modules():
        share = _share_of_first(module)
        if share >= OLD and isinstance(module, nn.modules.batchnorm._BatchNorm) and _matters(module, share):
            old[name] = share
    if not old:
        return []
    top = max(old.values())
    return [
        Finding(
            "normalisation.stale-statistics",
            "the running statistics of batch norm are still those from before the training",
            f"after {record.count} updates {top:.0%} of the running mean and variance of "
            f"{', '.join(list(old)[:4])} are the first values, 0 and 1, and batches have others: evaluation "
            "normalises by other numbers than training",
            "high",
            "the momentum of batch norm is so small that running statistics hardly move (in torch it is the "
            "share of the new batch, 0.1 by default)",
            "leave momentum at 0.1, or set it to None for a plain average over all batches",
            picture=of_shares(
                "First values in the running statistics",
                "share",
                old,
                (OLD, "found from here on"),
            ),
        )
    ]


def _share_of_first(module: nn.Module) -> float:
    """Share of the first values in the running statistics; 0 where they are not kept or not to be moved."""
    if not isinstance(module, nn.modules.batchnorm._BatchNorm) or not module.momentum:
        return 0.0
    if module.num_batches_tracked is None or (module.weight is not None and not module.weight.requires_grad):
        return 0.0
    seen = int(module.num_batches_tracked)
    return float((1.0 - module.momentum) ** seen) if seen >= LEAST_UPDATES else 0.0


def _matters(module: nn.modules.batchnorm._BatchNorm, share: float) -> bool:
    """Whether the batches' own statistics lie elsewhere, in half of the channels or more."""
    mean, variance = module.running_mean, module.running_var
    if not isinstance(mean, Tensor) or not isinstance(variance, Tensor):
        return False
    own_mean = mean.double() / (1.0 - share)
    own = ((variance.double() - share) / (1.0 - share)).clamp_min(1e-12)
    off = (own_mean - mean).abs() > FAR * variance.double().sqrt()
    off |= (own.log() - variance.double().clamp_min(1e-12).log()).abs() > FAR
    return float(torch.mean(off.double())) >= 0.5
