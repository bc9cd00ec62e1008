"""What the user's code calls a module."""

import sys
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Any

from torch import Tensor, nn

DEEPEST = 60
MOST = 1000
OWN = ("torch.", "fivefold.diagnosis.script.")


def name_of(module: nn.Module, frame: FrameType | None = None) -> str:
    """Return the name of the variable that holds a module, or of the attribute of another module.

    The innermost function that has a name for it tells; without any it is the name of its class.

    Args:
        module: Any module.
        frame: Where to begin; the caller by default.

    >>> name_of(nn.Linear(1, 1))
    'Linear'
    """
    frame = sys._getframe(1) if frame is None else frame
    parts: dict[int, str] = {}
    for _ in range(DEEPEST):
        if frame is None:
            break
        if not str(frame.f_globals.get("__name__", "")).startswith(OWN):
            for scope in (frame.f_locals, frame.f_globals):
                for name, value in list(scope.items()):
                    if value is module and name != "self" and name.isidentifier():
                        return name
                    if isinstance(value, nn.Module) and value is not module:
                        for inner, held in value.named_modules():
                            if held is module:
                                parts.setdefault(id(module), inner)
        frame = frame.f_back
    return parts.get(id(module), type(module).__name__)


def names_of(tensors: Sequence[Tensor], frame: FrameType | None = None) -> list[str]:
    """Return names for tensors that no module holds: of a variable, or of a place in a list or dictionary.

    Args:
        tensors: Any.
        frame: Where to begin; the caller by default.

    >>> import torch
    >>> names_of([torch.ones(1)])
    ['tensor 0']
    """
    frame = sys._getframe(1) if frame is None else frame
    wanted = {id(t) for t in tensors}
    found: dict[int, str] = {}
    for _ in range(DEEPEST):
        if frame is None or len(found) == len(wanted):
            break
        if not str(frame.f_globals.get("__name__", "")).startswith(OWN):
            for scope in (frame.f_locals, frame.f_globals):
                for name, value in list(scope.items()):
                    for inner, held in _places(name, value):
                        if id(held) in wanted:
                            found.setdefault(id(held), inner)
        frame = frame.f_back
    return [found.get(id(t), f"tensor {i}") for i, t in enumerate(tensors)]


def _places(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list | tuple):
        yield from ((f"{name}[{i}]", held) for i, held in enumerate(value[:MOST]))
    elif isinstance(value, dict):
        yield from ((f"{name}[{key!r}]".replace(".", " "), held) for key, held in list(value.items())[:MOST])
    else:
        yield name, value
