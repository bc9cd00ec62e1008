"""Convolutions whose weights lie as oneDNN computes with them, so that no call lays them out anew.

PyTorch keeps the weights of a convolution in the order of its axes, and oneDNN copies them at every call into
blocks that fill the registers. Of a picture at a time that is much of the work where weights are many: the 11
million of ResNet-18 are read and written once more for 1.8 billion multiply-adds. Here they are copied once.
"""

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from fivefold.networks.first_weights import is_plain
from fivefold.networks.mode import in_mode

LEAST_BYTES = 1 << 19
"""Size of the weights from which on laying them out costs more than the longer way to the call."""
CLOSE = 1e-4
"""Largest difference of outputs over the largest output that single precision is allowed."""


class PackedConv2d(nn.Module):
    """A convolution for inference with weights laid out for pictures of one shape.

    Where gradients are on, or the input is another type, the layer inside computes. Weights are held twice;
    a copy and a loaded module lay them out anew. Changed weights of the layer are not seen.

    Args:
        layer: The convolution, in single precision on the processor, with zeros around its input.
        shape: Of its input, the batch included; others are computed, too, more slowly.
    """

    def __init__(self, layer: nn.Conv2d, shape: torch.Size) -> None:
        super().__init__()
        self.layer, self.shape = layer, shape
        self._pack()

    def _pack(self) -> None:
        c = self.layer
        assert not isinstance(c.padding, str)
        self.settings = (list(c.padding), list(c.stride), list(c.dilation), c.groups)
        weight = c.weight.detach().contiguous(memory_format=torch.channels_last)
        # by the operators that torch's own compiler uses; they have no public name
        self.packed: Tensor = torch.ops.mkldnn._reorder_convolution_weight(
            weight, *self.settings, list(self.shape)
        )

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key != "packed"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self._pack()

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolution [b, outputs, h, w]."""
        if torch.is_grad_enabled() or x.dtype != torch.float32 or x.device.type != "cpu":
            return self.layer(x)  # type: ignore[no-any-return]
        c, (padding, stride, dilation, groups) = self.layer, self.settings
        result: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x, self.packed, c.bias, padding, stride, dilation, groups, "none", [], ""
        )
        return result


def pack_convolutions(network: nn.Module, example: Tensor) -> nn.Module | None:
    """Return a copy whose large convolutions are packed; ``None`` where there are none, or it differs.

    Args:
        network: Any module of one tensor; it stays as it is.
        example: What the network takes, the batch included.

    >>> network = nn.Sequential(nn.Conv2d(256, 256, 3), nn.ReLU()).eval()
    >>> type(pack_convolutions(network, torch.randn(1, 256, 8, 8))[0]).__name__
    'PackedConv2d'
    >>> pack_convolutions(nn.Conv2d(3, 4, 3), torch.randn(1, 3, 8, 8)) is None
    True
    """
    usable = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if example.device.type != "cpu" or not usable:
        return None
    made = deepcopy(network)
    large = {module for module in made.modules() if _can_be_packed(module)}
    shapes: dict[nn.Module, torch.Size] = {}

    def note(module: nn.Module, args: tuple[Tensor, ...]) -> None:
        if args[0].dtype == torch.float32 and args[0].ndim == 4:
            shapes[module] = args[0].shape

    handles = [module.register_forward_pre_hook(note) for module in large]
    with in_mode(made, training=False), torch.no_grad():
        expected = made(example)
        for handle in handles:
            handle.remove()
        packed: dict[nn.Module | None, PackedConv2d] = {
            module: PackedConv2d(module, shape)  # type: ignore[arg-type]
            for module, shape in shapes.items()
        }
        for parent in list(made.modules()):
            for name, child in list(parent._modules.items()):
                if child in packed and not isinstance(parent, PackedConv2d):
                    setattr(parent, name, packed[child])
        found = made(example) if packed else expected
    if not packed or not isinstance(found, Tensor):
        return None
    far = float((found - expected).abs().max())
    return made if far <= CLOSE * max(float(expected.abs().max()), 1e-30) else None


def _can_be_packed(module: nn.Module) -> bool:
    return (
        is_plain(module)
        and type(module) is nn.Conv2d
        and module.weight.dtype == torch.float32
        and module.weight.device.type == "cpu"
        and module.weight.nbytes >= LEAST_BYTES
        and module.padding_mode == "zeros"
        and not isinstance(module.padding, str)
    )
