"""What a training is made of, in words that a checkpoint can be compared by."""

import hashlib
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from fivefold.optimize.training.callbacks import Callback
from fivefold.optimize.training.data import Rows


def training_identity(
    module: nn.Module,
    data: Rows,
    validation: Rows | None,
    *,
    callbacks: Sequence[Callback] = (),
    **settings: Any,
) -> dict[str, str]:
    """Everything that must agree for a resumed training to end as one that was not stopped.

    Args:
        module: By its class and the names, shapes and types of its tensors.
        data: By shapes and sums over the bits.
        validation: Likewise.
        callbacks: By their classes, in their order.
        settings: By their values; functions by their names, for their code cannot be compared.

    Returns:
        Text by name.

    >>> import torch
    >>> from fivefold.optimize.training.data import open_rows
    >>> rows = open_rows((torch.ones(2, 1),), 1, torch.device("cpu"))
    >>> training_identity(nn.Linear(1, 1), rows, None, epochs=3)["epochs"]
    '3'
    """
    return {
        "module": describe_module(module),
        "data": data.signature(),
        "validation": "none" if validation is None else validation.signature(),
        "callbacks": ", ".join(type(callback).__qualname__ for callback in callbacks) or "none",
        **{name.replace("_", " "): describe_setting(value) for name, value in settings.items()},
    }


def describe_module(module: nn.Module) -> str:
    """Class, count of numbers, and a digest of the names, shapes and types of a module's tensors.

    >>> describe_module(nn.Linear(2, 1)).split(" (")[0]
    'Linear with 3 numbers in 2 tensors'
    """
    tensors = [(name, value) for name, value in module.state_dict().items() if isinstance(value, Tensor)]
    lines = "\n".join(f"{name} {tuple(value.shape)} {value.dtype}" for name, value in tensors)
    digest = hashlib.sha256(f"{module}\n{lines}".encode()).hexdigest()[:12]
    numbers = sum(value.numel() for _, value in tensors)
    return f"{type(module).__qualname__} with {numbers} numbers in {len(tensors)} tensors ({digest})"


def describe_setting(value: object) -> str:
    """A value that prints the same in every process.

    >>> describe_setting(0.5), describe_setting(len)
    ('0.5', 'len')
    """
    if value is None or isinstance(value, str | int | float):
        return str(value)
    name = getattr(value, "__qualname__", None)
    if isinstance(name, str):
        return name
    shown = repr(value)  # a dataclass shows its fields; an address in memory would never agree
    return type(value).__qualname__ if " at 0x" in shown else shown[:500]
