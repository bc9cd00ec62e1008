"""Modules are left as they were found when they are called again: statistics, counters, caches, hooks."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")
CONTAINERS = (list, dict, set)


def every(modules: list[nn.Module]) -> list[nn.Module]:
    """Return the modules and all inside them, each once."""
    return list({id(each): each for module in modules for each in module.modules()}.values())


@contextmanager
def unchanged_buffers(modules: list[nn.Module]) -> Iterator[None]:
    """Put back what modules keep beside their parameters: batch norm's statistics, and what a forward pass of
    the user's writes into the module (counters, caches).

    Args:
        modules: Modules; what is inside them counts.
    """
    inside = every(modules)
    buffers = [b for b in {id(b): b for m in modules for b in m.buffers()}.values() if not is_lazy(b)]
    before = [b.detach().clone() for b in buffers]
    kept = [_Attributes(module) for module in inside if _may_write(module)]
    try:
        yield
    finally:
        for attributes in kept:
            attributes.put_back()
        with torch.no_grad():
            for buffer, value in zip(buffers, before, strict=True):
                # Through data, since a graph that holds the buffer must not see it as written to.
                buffer.data.copy_(value)


def _may_write(module: nn.Module) -> bool:
    """Whether calling a module can set its attributes: torch's own do so by hooks alone."""
    if isinstance(module, torch.jit.ScriptModule):
        return False
    return not type(module).__module__.startswith("torch.") or bool(module._forward_pre_hooks)


class _Attributes:
    """The plain attributes and the buffers of a module, as they were.

    Args:
        module: The module.
    """

    def __init__(self, module: nn.Module) -> None:
        self._held = vars(module)
        self._before = {key: value for key, value in self._held.items() if key not in HOOKS}
        self._inside = [(v, v.copy()) for v in self._before.values() if type(v) in CONTAINERS]

    def put_back(self) -> None:
        for container, before in self._inside:
            if isinstance(container, list):
                if [id(each) for each in container] != [id(each) for each in before]:
                    container[:] = before
            elif isinstance(container, set):
                if container != before:
                    container.clear()
                    container.update(before)
            elif _differ(container, before):
                container.clear()
                container.update(before)
        for key in [key for key in self._held if key not in self._before and key not in HOOKS]:
            del self._held[key]
        for key, value in self._before.items():
            if self._held.get(key) is not value:
                self._held[key] = value


def _differ(one: dict[Any, Any], other: dict[Any, Any]) -> bool:
    """Whether two dictionaries hold different objects; their order counts."""
    return list(one) != list(other) or any(one[key] is not other[key] for key in one)


@contextmanager
def unhooked(modules: list[nn.Module]) -> Iterator[bool]:
    """Leave out hooks that are not torch's own: calling a module again must not make the script's act again.

    Args:
        modules: Modules; what is inside them counts.

    Returns:
        Whether any of the script's were left out, which may change what the modules give.
    """
    taken: list[tuple[dict[str, Any], str, Any]] = []
    theirs = False
    for module in every(modules):
        if isinstance(module, torch.jit.ScriptModule):
            continue
        for name in HOOKS:
            hooks = vars(module).get(name)
            if hooks:
                kept = OrderedDict((n, hook) for n, hook in hooks.items() if _origin(hook) == "torch")
                if len(kept) < len(hooks):
                    origins = {_origin(hook) for _, hook in hooks.items()}
                    theirs = theirs or bool(origins - {"torch", "fivefold"})
                    taken.append((vars(module), name, hooks))
                    vars(module)[name] = kept
    try:
        yield theirs
    finally:
        for held, name, hooks in taken:
            held[name] = hooks


def _origin(hook: Any) -> str:
    """The package that a hook is of."""
    return str(getattr(hook, "__module__", "") or "").split(".", maxsplit=1)[0]
