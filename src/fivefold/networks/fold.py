r"""Folding batch norm into the layer before it: the same function with fewer passes over memory.

In evaluation mode batch norm is :math:`y = (x - m) g / \sqrt{v + \epsilon} + \beta` for each channel. After a
layer :math:`x = W u + b` with weights it is that layer with

.. math:: W' = W g / \sqrt{v + \epsilon}, \qquad b' = (b - m) g / \sqrt{v + \epsilon} + \beta.

Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only inference",
2018, section 3.2.
"""

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from fivefold.core import ArgumentError, NumericalError, require

_Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d
_Transposed = nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d
_Layer = _Convolution | _Transposed | nn.Linear
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
_LAYER_CALLS: tuple[Callable[..., Any], ...] = (
    F.linear,
    F.conv1d,
    F.conv2d,
    F.conv3d,
    F.conv_transpose1d,
    F.conv_transpose2d,
    F.conv_transpose3d,
)
_ASKS = frozenset({"__get__", "dim", "size", "numel", "stride", "is_floating_point", "__len__"})
"""Calls that ask for the shape or type of a tensor and do not read its numbers."""


@dataclass(frozen=True)
class BatchNorms:
    """What becomes of each batch norm of a network, by the names of the modules.

    Attributes:
        folded: Pairs of a layer with weights and the batch norm that goes into it.
        left: Batch norms that stay: no such layer stands right before them alone, as in pre-activation
            networks, or they did not run.
    """

    folded: tuple[tuple[str, str], ...]
    left: tuple[str, ...]


def find_batch_norms(module: nn.Module, example: Tensor) -> BatchNorms:
    """Say which batch norms :func:`fold_batch_norm` folds, from one run of a copy in evaluation mode.

    Args:
        module: A network of one tensor.
        example: An input, the batch included.

    >>> from fivefold.networks.registry import create
    >>> found = find_batch_norms(create("densenet121", classes=2), torch.zeros(1, 3, 32, 32))
    >>> len(found.folded), len(found.left)
    (59, 62)
    """
    network = deepcopy(module).eval()
    with torch.no_grad():
        _, pairs = _followed(network, example)
    return _named(network, pairs)


def fold_batch_norm(module: nn.Module, example: Tensor) -> nn.Module:
    r"""Merge each batch norm into the convolution or dense layer whose output it alone reads.

    A copy runs once, and each tensor that a layer gives is followed: where one batch norm reads it and
    nothing else does, and layer and norm run once, the layer takes the norm's scale and shift, computed in
    float64, and the norm becomes ``nn.Identity``. A network that takes another path for another input must be
    folded for each.

    Args:
        module: A network of one tensor; it stays as it is.
        example: An input, the batch included, of the network's type and device; numbers that are not all
            alike, for the copy is compared with the network on it.

    Returns:
        The copy, in evaluation mode; :func:`find_batch_norms` says what was folded.

    Raises:
        ArgumentError: The example is not a tensor with at least one number.
        NumericalError: The copy gives another answer, by more than the root of the type's precision.

    >>> network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    >>> fold_batch_norm(network, torch.rand(1, 3, 8, 8))
    Sequential(
      (0): Conv2d(3, 4, kernel_size=(3, 3), stride=(1, 1))
      (1): Identity()
      (2): ReLU()
    )
    """
    network = deepcopy(module).eval()
    with torch.no_grad():
        before, pairs = _followed(network, example)
        gone: dict[nn.Module, nn.Module] = {}
        for layer, norm in pairs:
            _merge_(layer, norm)
            gone[norm] = nn.Identity().eval()
        for parent in list(network.modules()):
            for name, child in list(parent._modules.items()):  # one norm may stand under two names
                if child is not None and child in gone:
                    setattr(parent, name, gone[child])
        if pairs:
            _require_equal(tree_leaves(before), tree_leaves(network(example)))
    return network


@dataclass
class _Reads:
    """What a layer or a norm did when its call was seen."""

    layer: nn.Module
    output: Tensor
    readers: list[nn.Module | None] = field(default_factory=list)  # None: something that is no batch norm


class _Follow(TorchFunctionMode):
    """Notes which calls read the outputs of layers with weights, and how often weights are read."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        owners: dict[int, list[nn.Module]] = {}
        for part in network.modules():
            for own in (*part.parameters(recurse=False), *part.buffers(recurse=False)):
                owners.setdefault(id(own), []).append(part)
        self.owner = {key: parts[0] for key, parts in owners.items() if len(parts) == 1}
        self.outputs: dict[int, _Reads] = {}  # by the tensor's id, which the record keeps alive
        self.calls: dict[int, int] = {}  # reads of each weight or statistic, by its id

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") not in _ASKS:
            self.read((args, kwargs), self.norm_of(func, args, kwargs))
        result = func(*args, **kwargs)
        if any(func is call for call in _LAYER_CALLS) and isinstance(result, Tensor):
            layer = self.layer_of(args, kwargs)
            if layer is not None and _fits(layer, result):
                self.outputs[id(result)] = _Reads(layer, result)
        return result

    def read(self, values: Any, norm: nn.Module | None) -> None:
        """Note that a call reads the tensors among the values."""
        for leaf in tree_leaves(values):
            if not isinstance(leaf, Tensor):
                continue
            if id(leaf) in self.outputs:
                self.outputs[id(leaf)].readers.append(norm)
            if id(leaf) in self.owner:
                self.calls[id(leaf)] = self.calls.get(id(leaf), 0) + 1

    def norm_of(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> nn.Module | None:
        """Return the batch norm that makes this call with statistics of its own, if one does."""
        if func is not F.batch_norm:
            return None
        mean = kwargs.get("running_mean", args[1] if len(args) > 1 else None)
        owner = self.owner.get(id(mean))
        return owner if type(owner) in _NORMS else None

    def layer_of(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> "_Layer | None":
        """Return the layer whose weight this call reads, if it is one module's alone."""
        weight = kwargs.get("weight", args[1] if len(args) > 1 else None)
        bias = kwargs.get("bias", args[2] if len(args) > 2 else None)
        owner = self.owner.get(id(weight))
        if not isinstance(owner, _Layer) or owner.weight is not weight or owner.bias is not bias:
            return None
        return owner

    def once(self, part: nn.Module) -> bool:
        """Whether every weight and statistic of a module is its own and was read once at most."""
        own = (*part.parameters(recurse=False), *part.buffers(recurse=False))
        return all(id(value) in self.owner and self.calls.get(id(value), 0) <= 1 for value in own)


def _followed(network: nn.Module, example: Tensor) -> tuple[Any, list[tuple[_Layer, nn.Module]]]:
    """Run the network; return its answer, and layers with the batch norms that may go into them."""
    fits = isinstance(example, Tensor) and example.numel() > 0
    require(fits, "an example: a tensor with at least one number", type(example).__name__)
    follow = _Follow(network)
    with follow:
        answer = network(example)
    follow.read(answer, None)
    pairs: list[tuple[_Layer, nn.Module]] = []
    for found in follow.outputs.values():
        layer, norm = found.layer, found.readers[0] if found.readers else None
        if len(found.readers) == 1 and norm is not None and follow.once(layer) and follow.once(norm):
            pairs.append((layer, norm))  # type: ignore[arg-type]
    return answer, pairs


def _fits(layer: _Layer, output: Tensor) -> bool:
    """Whether the output's second axis is the layer's channels, as batch norm takes it."""
    return output.ndim == layer.weight.ndim and output.is_floating_point()


def _named(network: nn.Module, pairs: Iterable[tuple[nn.Module, nn.Module]]) -> BatchNorms:
    names = {part: name for name, part in network.named_modules()}
    folded = {names[norm]: names[layer] for layer, norm in pairs}
    norms = [name for name, part in network.named_modules() if type(part) in _NORMS]
    return BatchNorms(
        tuple((folded[name], name) for name in norms if name in folded),
        tuple(name for name in norms if name not in folded),
    )


def _merge_(layer: _Layer, norm: Any) -> None:
    """Put the norm's scale and shift into the layer's weight and bias."""
    weight = layer.weight
    deviation = torch.sqrt(norm.running_var.double() + norm.eps)
    scale = (1.0 if norm.weight is None else norm.weight.double()) / deviation
    shift = 0.0 if norm.bias is None else norm.bias.double()
    bias = 0.0 if layer.bias is None else layer.bias.double()
    merged = (bias - norm.running_mean.double()) * scale + shift
    ones = [1] * (weight.ndim - 2)
    if isinstance(layer, _Transposed):  # [inputs, outputs / groups, ...]: outputs of a group lie on axis 1
        groups = layer.groups
        parts = weight.double().reshape(groups, -1, *weight.shape[1:]) * scale.reshape(groups, 1, -1, *ones)
        scaled = parts.flatten(0, 1)
    else:
        scaled = weight.double() * scale.reshape(-1, 1, *ones)
    trained = weight.requires_grad
    layer.weight = nn.Parameter(scaled.to(weight.dtype), requires_grad=trained)
    layer.bias = nn.Parameter(merged.to(weight.dtype), requires_grad=trained)


def _require_equal(before: list[Any], after: list[Any]) -> None:
    for old, new in zip(before, after, strict=True):
        if not isinstance(old, Tensor) or not old.is_floating_point() or not bool(old.isfinite().all()):
            continue
        if old.shape != new.shape:
            raise ArgumentError("a network that gives the same shapes twice", str(list(new.shape)))
        difference = float((old.double() - new.double()).abs().max()) if old.numel() else 0.0
        allowed = torch.finfo(old.dtype).eps ** 0.5 * max(float(old.double().abs().max()), 1e-30)
        if not difference <= allowed:  # so that NaN is refused too
            raise NumericalError(
                f"answers within {allowed:.3g} of the network's",
                f"{difference:.3g} away",
                "leave this network unfolded: a layer does more with its weights than it shows",
            )
