"""What the user's code calls a module."""

import sys
from types import FrameType

from torch import nn

DEEPEST = 60
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
