"""Architectures by name: a closed registry."""

from collections.abc import Callable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import torch

from fivefold.networks.architectures.alexnet import AlexNet
from fivefold.networks.architectures.convnext import ConvNext
from fivefold.networks.architectures.cortex import CortexNet
from fivefold.networks.architectures.densenet import DenseNet
from fivefold.networks.architectures.efficientnet import EfficientNet
from fivefold.networks.architectures.googlenet import GoogLeNet
from fivefold.networks.architectures.lenet import LeNet
from fivefold.networks.architectures.mnasnet import MnasNet
from fivefold.networks.architectures.mobilenet_v2 import MobileNetV2
from fivefold.networks.architectures.mobilenet_v3 import MobileNetV3
from fivefold.networks.architectures.resnet import CifarResNet, ResNet
from fivefold.networks.architectures.shufflenet_v2 import WIDTHS, ShuffleNetV2
from fivefold.networks.architectures.speedrun import SpeedrunNet
from fivefold.networks.architectures.squeezenet import SqueezeNet
from fivefold.networks.architectures.unet import UNet
from fivefold.networks.architectures.vgg import REPEATS, VGG
from fivefold.networks.arguments import check_arguments, device_of, making
from fivefold.networks.by_name import check_name, check_options
from fivefold.networks.first_weights import fill_weights_
from fivefold.networks.image_network import ImageNetwork
from fivefold.networks.style import Style


@dataclass(frozen=True)
class Entry:
    """An architecture under a name: what makes it, its own style, its options."""

    make: Callable[..., ImageNetwork]
    style: Style = field(default_factory=Style)
    options: dict[str, Any] = field(default_factory=dict)


_PLAIN = Style(norm="none")


def _entries() -> dict[str, Entry]:
    found = {
        "lenet5": Entry(LeNet, Style("tanh", "none")),
        "alexnet": Entry(AlexNet, _PLAIN),
        "googlenet": Entry(GoogLeNet, Style(epsilon=1e-3)),
        "squeezenet1_0": Entry(SqueezeNet, _PLAIN, {"version": "1.0"}),
        "squeezenet1_1": Entry(SqueezeNet, _PLAIN, {"version": "1.1"}),
        "mobilenet_v2": Entry(MobileNetV2, Style("relu6")),
        "mobilenet_v3_large": Entry(MobileNetV3, Style("hardswish", "batch", 1e-3, 0.01), {"form": "large"}),
        "mobilenet_v3_small": Entry(MobileNetV3, Style("hardswish", "batch", 1e-3, 0.01), {"form": "small"}),
        "efficientnet_b0": Entry(EfficientNet, Style("silu")),
        "speedrun": Entry(SpeedrunNet, Style("gelu", epsilon=1e-12, momentum=0.4)),
        "unet": Entry(UNet),
        "cortex": Entry(CortexNet),
    }
    for depth, repeats in REPEATS.items():
        found[f"vgg{depth}"] = Entry(VGG, _PLAIN, {"repeats": repeats})
        found[f"vgg{depth}_bn"] = Entry(VGG, Style(), {"repeats": repeats})
    basic, bottleneck = {"block": "basic"}, {"block": "bottleneck"}
    found["resnet18"] = Entry(ResNet, options={**basic, "repeats": (2, 2, 2, 2)})
    found["resnet34"] = Entry(ResNet, options={**basic, "repeats": (3, 4, 6, 3)})
    found["resnet50"] = Entry(ResNet, options={**bottleneck, "repeats": (3, 4, 6, 3)})
    found["resnet101"] = Entry(ResNet, options={**bottleneck, "repeats": (3, 4, 23, 3)})
    found["resnet152"] = Entry(ResNet, options={**bottleneck, "repeats": (3, 8, 36, 3)})
    wide = {**bottleneck, "repeats": (3, 4, 6, 3)}
    found["wide_resnet50_2"] = Entry(ResNet, options={**wide, "group_width": 128})
    found["resnext50_32x4d"] = Entry(ResNet, options={**wide, "groups": 32, "group_width": 4})
    for depth in (20, 32, 44, 56, 110):
        found[f"resnet{depth}"] = Entry(CifarResNet, options={"depth": depth})
    for depth, depths in {121: (6, 12, 24, 16), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}.items():
        found[f"densenet{depth}"] = Entry(DenseNet, options={"depths": depths})
    found["densenet161"] = Entry(DenseNet, options={"depths": (6, 12, 36, 24), "growth": 48, "width": 96})
    for multiplier in WIDTHS:
        name = f"shufflenet_v2_x{multiplier:.1f}".replace(".", "_")
        found[name] = Entry(ShuffleNetV2, options={"multiplier": multiplier})
    for multiplier in (0.5, 0.75, 1.0, 1.3):
        name = f"mnasnet{multiplier}".replace(".", "_")
        found[name] = Entry(MnasNet, Style(momentum=3e-4), {"multiplier": multiplier})
    shapes = {
        "tiny": (96, 9, 0.1),
        "small": (96, 27, 0.4),
        "base": (128, 27, 0.5),
        "large": (192, 27, 0.5),
    }
    for size, (width, depth, drop) in shapes.items():
        widths, depths = tuple(width * 2**i for i in range(4)), (3, 3, depth, 3)
        options = {"widths": widths, "depths": depths, "drop": drop}
        found[f"convnext_{size}"] = Entry(ConvNext, Style("gelu", "layer", 1e-6), options)
    return dict(sorted(found.items()))


ENTRIES: MappingProxyType[str, Entry] = MappingProxyType(_entries())


def names() -> list[str]:
    """Return the names that :func:`create` knows, sorted.

    >>> "resnet18" in names()
    True
    """
    return list(ENTRIES)


def create(
    name: str,
    *,
    classes: int = 1000,
    channels: int = 3,
    activation: str | None = None,
    norm: str | None = None,
    generator: torch.Generator | None = None,
    device: torch.device | str = "cpu",
    **options: Any,
) -> ImageNetwork:
    """Make a network by its name, with first weights from the generator.

    Args:
        name: One of :func:`names`.
        classes: Outputs, at least 1; of a segmenter, outputs of each pixel.
        channels: Channels of the pictures, at least 1.
        activation: One of :data:`~fivefold.networks.style.ACTIVATIONS`; the architecture's own where
            ``None``.
        norm: One of :data:`~fivefold.networks.style.NORMS`; the architecture's own where ``None``.
        generator: Source of the first weights, on the CPU; torch's global one where ``None``.
        device: Where the network goes; ``"meta"`` for one without memory or weights, to be counted.
        options: The architecture's own, such as ``width`` of ``cortex`` and ``unet``, ``shortcut`` of
            ``resnet20``, ``dropout`` of ``vgg16``.

    Returns:
        A module in training mode, of torch's default type.

    Raises:
        ArgumentError: An unknown name (the nearest is named), choice or option, a number of another kind or
            out of its range, no generator, or a device that is not there.

    >>> network = create("resnet20", classes=10, generator=torch.Generator().manual_seed(0))
    >>> sum(p.numel() for p in network.parameters())
    269722
    """
    check_name(name, ENTRIES, "fivefold.networks.names()")
    entry = ENTRIES[name]
    own = entry.style
    style = Style(
        own.activation if activation is None else activation,
        own.norm if norm is None else norm,
        own.epsilon,
        own.momentum,
    )
    check_options(name, entry.make, options)
    check_arguments(create, {"classes": classes, "channels": channels, "generator": generator})
    place = device_of(device)
    with making(name, {"classes": classes, "channels": channels, **options}):
        with torch.device("meta"):  # no memory touched and nothing drawn before the weights are filled
            network = entry.make(classes, channels, style, **{**entry.options, **options})
        if place.type == "meta":
            return network
        network = network.to_empty(device="cpu")  # drawn there: the weights are the same on every device
    fill_weights_(network, style.activation, generator)
    return network.to(place)
