"""A module called with other tensors in the place of its own."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fivefold.core.errors import require

if TYPE_CHECKING:
    from torch import Tensor, nn


def call_with(module: "nn.Module", tensors: "Mapping[str, Tensor]", *inputs: Any) -> Any:
    """Call a module with other parameters and buffers; its own, and how they are tied, stay as they are.

    A tensor that stands in several places (tied weights, a part that has two names) is replaced in all of
    them, by whichever of its names it is given. ``torch.func.functional_call`` does not do that for a part
    with two names: told to tie weights, it swaps its tensors twice and leaves the second ones in the module;
    told not to, it wants every place named.

    Args:
        module: Any.
        tensors: Those to take, by a name of :meth:`torch.nn.Module.named_parameters` or ``named_buffers``;
            the others are the module's own.
        inputs: What the module is called with.

    Returns:
        What the module gives.

    Raises:
        ArgumentError: A name that the module does not have.

    >>> import torch
    >>> one = torch.nn.Linear(2, 2)
    >>> twice = torch.nn.Sequential(one, one)
    >>> call_with(twice, {"0.weight": torch.eye(2), "0.bias": torch.ones(2)}, torch.zeros(1, 2))
    tensor([[2., 2.]])
    >>> twice[1].weight is one.weight and isinstance(one.weight, torch.nn.Parameter)
    True
    """
    from torch.func import functional_call

    return functional_call(module, _in_every_place(module, tensors), inputs, tie_weights=False)


def _in_every_place(module: "nn.Module", tensors: "Mapping[str, Tensor]") -> "dict[str, Tensor]":
    """The tensors by every place that holds one of them; a part with two names has one place for each."""
    own: dict[str, Tensor] = dict(module.named_parameters(remove_duplicate=False))
    own |= dict(module.named_buffers(remove_duplicate=False))
    unknown = sorted(set(tensors) - set(own))
    require(not unknown, f"names of parameters or buffers among {list(own)}", unknown)
    taken = {id(own[name]): tensor for name, tensor in tensors.items()}
    found: dict[str, Tensor] = {}
    for prefix, part in module.named_modules():  # each part once
        for name, value in (*part._parameters.items(), *part._buffers.items()):
            if value is not None and id(value) in taken:
                found[f"{prefix}.{name}" if prefix else name] = taken[id(value)]
    return found
