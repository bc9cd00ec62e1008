"""Other widths for single layers, tried alone: they change the function, and the layers beside must follow.

Widths that are multiples of 8 or 16 fill the processor's registers; equal widths of a 1x1 convolution move
the fewest numbers at equal multiply-adds (G1 of Ma et al., "ShuffleNet V2", 2018).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import torch
from torch import Tensor, nn

from fivefold.core import require
from fivefold.networks.first_weights import CONVOLUTIONS
from fivefold.networks.guidelines import (
    Convolution,
    LayerReport,
    is_pointwise,
    least_moved,
    numbers_moved,
    places_of,
)

_WORTH_TRYING = 0.1
_MOST = 2


@dataclass(frozen=True)
class OtherWidths:
    """A convolution of other widths in the stead of one of a network.

    Attributes:
        name: Of the rewrite: ``width_multiple_of_8``, ``width_multiple_of_16`` or ``equal_widths``.
        layers: Layers of the same sizes, which it stands for.
        before: Channels that come in and go out.
        after: Channels that come in and go out of the other.
        multiply_adds: Multiply-adds of the other over those of the layer, less 1.
        inputs: Shape of the layer's input.
    """

    name: str
    layers: tuple[str, ...]
    before: tuple[int, int]
    after: tuple[int, int]
    multiply_adds: float
    inputs: tuple[int, ...]


def other_widths(network: nn.Module, rows: Sequence[LayerReport], channels: int) -> list[OtherWidths]:
    """Say which layers to try with other widths: of each kind the two that take the most time.

    Args:
        network: The network.
        rows: Its measured layers.
        channels: Of the network's input, which stay.

    >>> other_widths(nn.Sequential(nn.Conv2d(3, 16, 3)), [], 3)
    []
    """
    alike: dict[tuple[object, ...], list[LayerReport]] = {}
    modules = dict(network.named_modules())
    for row in rows:
        module = modules.get(row.name)
        if isinstance(module, CONVOLUTIONS) and module.groups == 1 and row.inputs:
            sizes = (
                module.in_channels,
                module.out_channels,
                module.kernel_size,
                module.stride,
                module.padding,
            )
            alike.setdefault((*sizes, module.dilation, row.inputs), []).append(row)
    ordered = sorted(alike.values(), key=lambda each: -sum(row.forward_ms for row in each))
    found: dict[str, list[OtherWidths]] = {}
    for group in ordered:
        module = modules[group[0].name]
        if not isinstance(module, CONVOLUTIONS):
            continue
        for name, after in _choices(module, group[0], channels):
            kept = found.setdefault(name, [])
            if len(kept) < _MOST:
                before = (module.in_channels, module.out_channels)
                work = after[0] * after[1] / (before[0] * before[1]) - 1
                layers = tuple(row.name for row in group)
                kept.append(OtherWidths(name, layers, before, after, work, group[0].inputs))
    return [each for group_ in found.values() for each in group_]


def _choices(module: Convolution, row: LayerReport, channels: int) -> list[tuple[str, tuple[int, int]]]:
    inputs, outputs = module.in_channels, module.out_channels
    found: list[tuple[str, tuple[int, int]]] = []
    for multiple in (8, 16):
        rounded = (
            inputs if inputs == channels else -(-inputs // multiple) * multiple,
            -(-outputs // multiple) * multiple,
        )
        if rounded != (inputs, outputs) and rounded not in [after for _, after in found]:
            found.append((f"width_multiple_of_{multiple}", rounded))
    if is_pointwise(module) and inputs != channels:
        places = places_of(row)
        excess = numbers_moved(places, inputs, outputs) / least_moved(places, inputs, outputs) - 1
        if excess >= _WORTH_TRYING:
            equal = max(1, round(sqrt(inputs * outputs)))
            found.append(("equal_widths", (equal, equal)))
    return found


def with_widths(module: Convolution, inputs: int, outputs: int) -> Convolution:
    """Make a convolution like another one but for its channels; its weights are all equal.

    >>> with_widths(nn.Conv2d(3, 5, 3, stride=2), 8, 16)
    Conv2d(8, 16, kernel_size=(3, 3), stride=(2, 2))
    """
    require(module.groups == 1, "a convolution without groups", module.groups)
    with torch.device("meta"):
        made = type(module)(
            inputs,
            outputs,
            module.kernel_size,  # type: ignore[arg-type]
            module.stride,  # type: ignore[arg-type]
            module.padding,  # type: ignore[arg-type]
            module.dilation,  # type: ignore[arg-type]
            bias=module.bias is not None,
            padding_mode=module.padding_mode,
            dtype=module.weight.dtype,
        )
    made = made.to_empty(device=module.weight.device)
    for weight in made.parameters():
        nn.init.constant_(weight, 0.01)
    return made


def input_of(each: OtherWidths, channels: int, like: Tensor, generator: torch.Generator) -> Tensor:
    """Random input of a layer, with so many channels."""
    shape = (each.inputs[0], channels, *each.inputs[2:])
    return torch.randn(shape, generator=generator).to(like)
