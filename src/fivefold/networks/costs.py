r"""What each layer of a network costs: parameters, multiply-adds, bytes that go through memory.

Multiply-adds of a convolution are :math:`m_h m_w \, c_2 \, k^2 c_1 / g`, of a dense layer :math:`c_1 c_2`;
biases, normalisations and activations count none, as in the literature. Bytes are those of every tensor that
an operation reads and of every one that it writes: what a processor moves that keeps nothing between
operations. Views move nothing, an expanded tensor is read once, of a table those rows that are looked up.
That is why an activation, which multiplies nothing, is not free (guideline G4 of Ma, Zhang, Zheng and Sun,
"ShuffleNet V2", 2018).

Nothing is computed: the network runs on tensors without memory, so that any size can be asked for.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from fivefold.core import ArgumentError, FivefoldError, call_with, require
from fivefold.networks.mode import in_mode


@dataclass(frozen=True)
class LayerCost:
    """What one module does itself, beside what its parts do.

    Attributes:
        name: The module's name; empty for the network.
        kind: Its class.
        inputs: Shape of its first input.
        outputs: Shape of its first output.
        parameters: Numbers of its own that are trained or frozen.
        multiply_adds: Multiply-adds of one forward pass over the whole batch.
        bytes: Bytes read and written.
    """

    name: str
    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    parameters: int
    multiply_adds: int
    bytes: int


def layer_costs(
    network: nn.Module, shape: Sequence[int], *, dtype: torch.dtype | None = None
) -> list[LayerCost]:
    """Return what each module costs in one forward pass in evaluation mode, in the order of their names.

    Args:
        network: Any module of one tensor; it is left as it was.
        shape: Of the input, the batch included: [N, channels, H, W].
        dtype: Of the input; that of the first weights where ``None``. Text networks take
            ``torch.int64`` and [N, T].

    Raises:
        ArgumentError: No module, a shape with a size below 1 or that the network does not take, or a layer
            whose weights have no shape yet.

    >>> from fivefold.networks.registry import create
    >>> costs = layer_costs(create("resnet18"), (1, 3, 224, 224))
    >>> sum(c.parameters for c in costs), round(sum(c.multiply_adds for c in costs) / 1e9, 3)
    (11689512, 1.814)
    """
    require_countable(network, shape)
    counted: dict[str, list[int]] = {name: [0, 0] for name, _ in network.named_modules()}
    shapes: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {}
    stack = [""]
    weights = meta_weights(network)
    x = torch.empty(tuple(shape), dtype=dtype or input_type(network), device="meta")
    watched = _names_of(network, stack, shapes)
    with taking(shape), in_mode(network, training=False), watched, torch.no_grad(), _Counter(counted, stack):
        call_with(network, weights, x)
    rows: list[LayerCost] = []
    counted_before: set[int] = set()  # weights that several modules share count once
    for name, module in network.named_modules():
        inputs, outputs = shapes.get(name, ((), ()))
        fresh = [p for p in module.parameters(recurse=False) if id(p) not in counted_before]
        counted_before.update(id(p) for p in fresh)
        own = sum(p.numel() for p in fresh)
        rows.append(LayerCost(name, type(module).__name__, inputs, outputs, own, *counted[name]))
    return rows


def require_countable(network: nn.Module, shape: Sequence[int]) -> None:
    """Refuse what cannot be run without memory: no module, no shape, or weights that have none yet.

    Args:
        network: Any module.
        shape: Of its input, the batch included.

    Raises:
        ArgumentError: One of these.

    >>> require_countable(nn.Linear(2, 2), (1, 2))
    """
    require(isinstance(network, nn.Module), "a network (nn.Module)", type(network).__name__)
    listed = isinstance(shape, Sequence) and not isinstance(shape, str)
    whole = listed and len(shape) >= 1 and all(type(n) is int and n >= 1 for n in shape)
    require(whole, "a shape of whole numbers of at least 1", list(shape) if listed else repr(shape))
    named = (*network.named_parameters(), *network.named_buffers())
    lazy = [name for name, value in named if is_lazy(value)]
    require(not lazy, "weights with a shape", ", ".join(lazy), "run the network once on an example")


@contextmanager
def taking(shape: Sequence[int]) -> Iterator[None]:
    """Turn what torch says of an input of the wrong shape into an error with the shape."""
    try:
        yield
    except FivefoldError:
        raise
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        said = str(error).strip().splitlines()
        why = said[0] if said else type(error).__name__
        raise ArgumentError("an input of a shape that the network takes", f"{list(shape)}: {why}") from error


def input_type(network: nn.Module) -> torch.dtype:
    """Return the type of the first real weights, which is that of most inputs; torch's own without any.

    >>> input_type(nn.Linear(2, 2).double()), input_type(nn.ReLU())
    (torch.float64, torch.float32)
    """
    floating = (p.dtype for p in network.parameters() if p.is_floating_point())
    return next(floating, torch.get_default_dtype())


def meta_weights(network: nn.Module) -> dict[str, Tensor]:
    """Return parameters and buffers without memory, by name, for :func:`~fivefold.core.call_with`."""
    own = (*network.named_parameters(), *network.named_buffers())
    return {name: torch.empty_like(t, device="meta").requires_grad_(t.requires_grad) for name, t in own}


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up multiply-adds and bytes of every operation under the module that runs."""

    def __init__(self, counted: dict[str, list[int]], stack: list[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.counted, self.stack = counted, stack

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        here = self.counted[self.stack[-1]]
        operations = flop_registry.get(func._overloadpacket)
        if operations is not None:
            here[0] += operations(*args, **kwargs, out_val=result) // 2
        elif func._overloadpacket.__name__ in _VECTORS:
            here[0] += max(leaf.numel() for leaf in tree_leaves(args) if isinstance(leaf, Tensor))
        here[1] += _moved(func, args, kwargs, result)
        return result


_VECTORS = {"mv", "addmv", "dot", "vdot"}
"""Products with a vector, which torch's table of operations lacks: each number of the other factor once."""
_FREE = {"_unsafe_view", "empty", "empty_like", "empty_strided", "new_empty", "detach", "alias"}
"""Operations beside views that move nothing."""
_STATISTICS = {"native_batch_norm", "native_layer_norm", "native_group_norm"}
"""Operations that also return statistics which nothing reads in a forward pass."""


def _moved(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> int:
    """Bytes that an operation reads and writes."""
    name = func._overloadpacket.__name__
    if func.is_view or name in _FREE:
        return 0
    written = result[0] if name in _STATISTICS else result
    if name == "embedding":
        args = (written, *args[1:])  # of the table, as many rows as come out
    return sum(_bytes(leaf) for leaf in tree_leaves((args, kwargs, written)) if isinstance(leaf, Tensor))


def _bytes(x: Tensor) -> int:
    """Bytes of the numbers that differ in place: an expanded dimension holds one."""
    sizes = (size for size, stride in zip(x.shape, x.stride(), strict=True) if stride != 0)
    return prod(sizes) * x.element_size() if x.numel() else 0


def _first(value: Any) -> tuple[int, ...]:
    return next((tuple(leaf.shape) for leaf in tree_leaves(value) if isinstance(leaf, Tensor)), ())


@contextmanager
def _names_of(network: nn.Module, stack: list[str], shapes: dict[str, Any]) -> Iterator[None]:
    """Keep the name of the running module on the stack, and note the shapes, by torch's hooks."""
    handles = []
    for name, module in network.named_modules():

        def enter(_module: nn.Module, inputs: Any, name: str = name) -> None:
            stack.append(name)

        def leave(_module: nn.Module, inputs: Any, outputs: Any, name: str = name) -> None:
            stack.pop()
            shapes[name] = (_first(inputs), _first(outputs))

        handles += [module.register_forward_pre_hook(enter), module.register_forward_hook(leave)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
