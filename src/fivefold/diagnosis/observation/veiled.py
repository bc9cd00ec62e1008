"""Hooks that stay behind when a module is copied, saved or traced."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle


class Veiled:
    """A hook of ours on a module of the script's.

    A copy of the module, or a file of it, holds in its place a function of the standard library that does
    nothing: the copy is not watched, and the file needs no package that it did not need before. Where the
    module is traced or compiled, the hook does nothing.

    Args:
        call: The hook.

    >>> import copy
    >>> hook = Veiled(lambda *given: given)
    >>> hook(1), copy.deepcopy(hook)(1)
    ((1,), None)
    """

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *given: Any) -> Any:
        """Pass on to the hook."""
        if torch.compiler.is_compiling() or torch._C._get_tracing_state():
            return None
        # Modes of dispatch are at work where a graph is made of the module (torch.export, fake tensors).
        if torch._C._len_torch_dispatch_stack():
            return None
        return self._call(*given)

    def __deepcopy__(self, memo: Any) -> Any:
        return nullcontext().__exit__

    def __reduce__(self) -> Any:
        return getattr, (nullcontext(), "__exit__")


def veil(modules: Sequence[nn.Module], handles: Sequence[RemovableHandle]) -> None:
    """Veil those of our hooks that are on modules.

    Args:
        modules: All modules that may have them.
        handles: What registering gave.
    """
    ours = {handle.id for handle in handles}
    for module in modules:
        for hooks in (module._forward_pre_hooks, module._forward_hooks):
            for number in ours & set(hooks):
                if not isinstance(hooks[number], Veiled):
                    hooks[number] = Veiled(hooks[number])
