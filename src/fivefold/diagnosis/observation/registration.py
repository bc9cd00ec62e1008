"""Which parameters torch and the optimizers know of, and which they do not."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from fivefold.diagnosis.observation.record import Record

DEEPEST = 3
TORCH_S_OWN = {"_parameters", "_buffers", "_modules"}


def _hidden(value: Any, depth: int = 0) -> Iterator[Any]:
    """Modules and trainable tensors in plain containers."""
    if isinstance(value, nn.Module | nn.Parameter):
        yield value
    elif isinstance(value, Tensor):
        if value.requires_grad and value.is_leaf:
            yield value
    elif isinstance(value, list | tuple | set | frozenset) and depth < DEEPEST:
        for item in value:
            yield from _hidden(item, depth + 1)
    elif isinstance(value, dict) and depth < DEEPEST:
        for item in value.values():
            yield from _hidden(item, depth + 1)


def look_over(record: Record, optimizers: list[torch.optim.Optimizer]) -> None:
    """Fill in what no optimizer holds, what is frozen, and what torch cannot see.

    Args:
        record: Its ``model`` is read; ``outside``, ``frozen`` and ``hidden`` are set.
        optimizers: All optimizers of the training.
    """
    held = {id(p) for o in optimizers for group in o.param_groups for p in group["params"]}
    named = list(record.parameters())
    record.outside = [name for name, p in named if p.requires_grad and id(p) not in held]
    record.frozen = [name for name, p in named if not p.requires_grad]
    known = {id(p) for _, p in named}
    modules = {id(module) for _, module in record.modules()}
    record.hidden = []
    for name, module in record.modules():
        for attribute, value in vars(module).items():
            # Underscored attributes of torch's own modules hold references on purpose (flat weights, weak
            # lists).
            if attribute in {"_parameters", "_buffers", "_modules"} or type(module).__module__.startswith(
                "torch."
            ):
                continue
            missing = [
                item
                for item in _hidden(value)
                if id(item) not in modules
                and id(item) not in known
                and id(item) not in held
                and (not isinstance(item, nn.Module) or any(id(p) not in held for p in item.parameters()))
            ]
            if missing:
                where = f"{name}.{attribute}" if name else attribute
                record.hidden.append(where)
