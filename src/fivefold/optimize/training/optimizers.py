"""Optimizers for minibatches by name: PyTorch's as they are, and what PyTorch lacks."""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from fivefold.core import ArgumentError, require
from fivefold.optimize.training.composite_optimizer import CompositeOptimizer
from fivefold.optimize.training.kfac import KFAC
from fivefold.optimize.training.layer_factors import kfac_layers
from fivefold.optimize.training.schedule_free import ScheduleFreeAdamW, ScheduleFreeSGD
from fivefold.optimize.training.soap import SOAP

Groups = list[dict[str, Any]]
OptimizerFactory = Callable[[Iterable[dict[str, Any]]], Optimizer]
MOMENTUM = 0.9
Maker = Callable[[Groups, float, torch.device, nn.Module | None], Optimizer]


def parameter_groups(named: Iterable[tuple[str, nn.Parameter]], weight_decay: float) -> Groups:
    """Parameters that decay and those that do not: weights of two dimensions and more decay.

    Args:
        named: Names and parameters, as ``module.named_parameters()`` gives them.
        weight_decay: At least 0.

    Returns:
        One or two groups, each ``{"params": [...], "weight_decay": number}``.

    >>> [len(group["params"]) for group in parameter_groups(nn.Linear(2, 1).named_parameters(), 0.1)]
    [1, 1]
    """
    # an ensemble's biases and scales have two dimensions, so the name decides as well
    free = ("bias", "scale")
    pairs = list(named)
    decays = [p.ndim >= 2 and not any(part.startswith(free) for part in name.split(".")) for name, p in pairs]
    groups = [
        {
            "params": [p for (_, p), d in zip(pairs, decays, strict=True) if d == flag],
            "weight_decay": weight_decay if flag else 0.0,
        }
        for flag in (True, False)
    ]
    return [group for group in groups if group["params"]]


def make_optimizer(
    optimizer: str | OptimizerFactory,
    groups: Groups,
    rate: float,
    device: torch.device,
    module: nn.Module | None = None,
) -> Optimizer:
    """Make an optimizer by its name, through a closed list, or by the function given.

    Args:
        optimizer: A name in ``OPTIMIZERS``, or a function of the groups.
        groups: Parameter groups, as :func:`parameter_groups` makes them.
        rate: The learning rate, positive; not used where ``optimizer`` is a function.
        device: Where the parameters lie; decides whether PyTorch's fused kernels are taken.
        module: The module that the parameters belong to; K-FAC and sparse Adam look at its layers.

    Returns:
        The optimizer.

    Raises:
        ArgumentError: No such optimizer (the error names the nearest), or one that does not suit the module.

    >>> net = nn.Linear(2, 1)
    >>> groups = parameter_groups(net.named_parameters(), 0.0)
    >>> type(make_optimizer("nadam", groups, 0.01, torch.device("cpu"))).__name__
    'NAdam'
    """
    if callable(optimizer):
        return optimizer(groups)
    if optimizer == "lbfgs":
        raise ArgumentError(
            f"an optimizer for minibatches among {', '.join(OPTIMIZERS)}",
            "'lbfgs', which evaluates one fixed objective several times in a step",
            "use fivefold.minimize(objective, 'lbfgs')",
        )
    if optimizer not in OPTIMIZERS:
        near = get_close_matches(str(optimizer).lower(), OPTIMIZERS, n=1, cutoff=0.0)[0]
        raise ArgumentError(
            f"an optimizer among {', '.join(OPTIMIZERS)}, or a function",
            repr(optimizer),
            f"the nearest is {near!r}",
        )
    return OPTIMIZERS[optimizer](groups, rate, device, module)


def _plain(kind: Callable[..., Optimizer], *, decays: bool = True, **settings: Any) -> Maker:
    def make(groups: Groups, rate: float, device: torch.device, module: nn.Module | None) -> Optimizer:
        del device, module
        if not decays:
            _require_no_decay(groups, kind.__name__)
        return kind(groups, lr=rate, **settings)

    return make


def _fused(kind: Callable[..., Optimizer], devices: tuple[str, ...], **settings: Any) -> Maker:
    # fused: one pass over each tensor instead of a dozen, which is most of the time for small networks
    def make(groups: Groups, rate: float, device: torch.device, module: nn.Module | None) -> Optimizer:
        del module
        return kind(groups, lr=rate, fused=device.type in devices, **settings)

    return make


def _require_no_decay(groups: Groups, name: str) -> None:
    decay = max(group.get("weight_decay", 0.0) for group in groups)
    require(decay == 0.0, f"weight_decay = 0 for {name}, which has none", decay, "take another optimizer")


def _split(groups: Groups, chosen: Callable[[nn.Parameter], bool]) -> tuple[Groups, Groups]:
    """The groups' parameters for which ``chosen`` holds, and the others, with the groups' settings."""

    def part(flag: bool) -> Groups:
        parts = [{**group, "params": [p for p in group["params"] if chosen(p) == flag]} for group in groups]
        return [group for group in parts if group["params"]]

    return part(True), part(False)


def _join(chosen: Optimizer, others: Groups, make: Callable[[Groups], Optimizer]) -> Optimizer:
    return CompositeOptimizer([chosen, make(others)]) if others else chosen


def _embeddings(module: nn.Module | None, *, sparse: bool) -> set[int]:
    layers = (m for m in (module.modules() if module is not None else ()) if isinstance(m, nn.Embedding))
    return {id(layer.weight) for layer in layers if layer.sparse or not sparse}


def _muon(groups: Groups, rate: float, device: torch.device, module: nn.Module | None) -> Optimizer:
    # look-up tables have two dimensions, but their rows are no map from inputs to outputs
    tables = _embeddings(module, sparse=False)
    matrices, others = _split(groups, lambda p: p.ndim == 2 and id(p) not in tables)
    adamw = OPTIMIZERS["adamw"]
    if not matrices:
        return adamw(others, rate, device, module)
    # updates scaled to the size of AdamW's, so that one rate serves both parts
    muon = torch.optim.Muon(matrices, lr=rate, adjust_lr_fn="match_rms_adamw")
    return _join(muon, others, lambda rest: adamw(rest, rate, device, module))


def _sparse_adam(groups: Groups, rate: float, device: torch.device, module: nn.Module | None) -> Optimizer:
    _require_no_decay(groups, "SparseAdam")
    tables = _embeddings(module, sparse=True)
    require(
        module is None or bool(tables),
        "a module with nn.Embedding(..., sparse=True) for sparse-adam",
        type(module).__name__,
        "take 'adam'",
    )
    chosen, others = _split(groups, lambda p: module is None or id(p) in tables)
    sparse = torch.optim.SparseAdam(chosen, lr=rate)
    return _join(sparse, others, lambda rest: OPTIMIZERS["adam"](rest, rate, device, module))


def _kfac(groups: Groups, rate: float, device: torch.device, module: nn.Module | None) -> Optimizer:
    require(module is not None, "the module for kfac, which observes its layers", None, "give module=")
    assert module is not None
    layers = {id(p) for layer in kfac_layers(module) for p in layer.parameters(recurse=False)}
    chosen, others = _split(groups, lambda p: id(p) in layers)
    require(
        bool(chosen), "linear or convolution layers for kfac", type(module).__name__, "take 'adamw' or 'soap'"
    )
    kfac = KFAC(module, chosen, lr=rate)
    return _join(kfac, others, lambda rest: OPTIMIZERS["adamw"](rest, rate, device, module))


_BOTH = ("cpu", "cuda")

OPTIMIZERS: dict[str, Maker] = {
    "adamw": _fused(torch.optim.AdamW, _BOTH),
    "adam": _fused(torch.optim.Adam, _BOTH),
    "sgd": _fused(torch.optim.SGD, _BOTH, momentum=MOMENTUM, nesterov=True),
    "sgd-momentum": _fused(torch.optim.SGD, _BOTH, momentum=MOMENTUM),
    "sgd-plain": _fused(torch.optim.SGD, _BOTH),
    "rmsprop": _plain(torch.optim.RMSprop),
    "adagrad": _fused(torch.optim.Adagrad, ("cpu",)),
    "adadelta": _plain(torch.optim.Adadelta),
    "adafactor": _plain(torch.optim.Adafactor),
    "adamax": _plain(torch.optim.Adamax),
    "asgd": _plain(torch.optim.ASGD),
    "muon": _muon,
    "nadam": _plain(torch.optim.NAdam, decoupled_weight_decay=True),
    "radam": _plain(torch.optim.RAdam, decoupled_weight_decay=True),
    "rprop": _plain(torch.optim.Rprop, decays=False),
    "sparse-adam": _sparse_adam,
    "schedule-free-adamw": _plain(ScheduleFreeAdamW),
    "schedule-free-sgd": _plain(ScheduleFreeSGD),
    "soap": _plain(SOAP),
    "kfac": _kfac,
}
"""Every optimizer by name: a closed list. L-BFGS needs a full batch and is a method of ``minimize``."""
