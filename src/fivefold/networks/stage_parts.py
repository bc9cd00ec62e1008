"""Which layers belong to which stage of a network: found by running it once."""

from contextlib import ExitStack

import torch
from torch import nn

from fivefold.networks.image_network import ImageNetwork
from fivefold.networks.mode import in_mode

HEAD = "head"
"""The name of what comes after the last stage."""


def layers_by_stage(network: ImageNetwork, height: int, width: int) -> dict[str, tuple[str, ...]]:
    """Return the names of the layers that run in each stage, as they run; ``head`` comes last.

    Layers are modules without parts of their own. One that runs in several stages belongs to the first.

    Args:
        network: Left as it was.
        height: Of the picture that it is run on, in pixels.
        width: Of the same.

    Raises:
        ArgumentError: A picture too small for it.

    >>> from fivefold.networks.registry import create
    >>> found = layers_by_stage(create("resnet18"), 64, 64)
    >>> list(found), found["head"]
    (['stem', 'stage1', 'stage2', 'stage3', 'stage4', 'head'], ('fc',))
    """
    found: dict[str, list[str]] = {}
    ran: list[str] = []
    known: set[str] = set()
    leaves = [(name, m) for name, m in network.named_modules() if not list(m.children())]
    weight = next(network.parameters())
    x = torch.zeros(1, network.channels, height, width, dtype=weight.dtype, device=weight.device)
    network._check(x)
    with ExitStack() as hooks, in_mode(network, training=False), torch.no_grad():
        for name, module in leaves:
            handle = module.register_forward_hook(lambda *_, name=name: ran.append(name))
            hooks.callback(handle.remove)
        for stage, y in network.walk(x):
            found[stage] = _new(ran, known)
            x = y
        network.head(x)
        found[HEAD] = _new(ran, known)
    return {stage: tuple(names) for stage, names in found.items()}


def _new(ran: list[str], known: set[str]) -> list[str]:
    """Take the layers that ran since the last call, each where it ran first."""
    fresh = [name for name in dict.fromkeys(ran) if name not in known]
    known.update(fresh)
    ran.clear()
    return fresh


def stage_of_weights(network: ImageNetwork, height: int, width: int) -> dict[str, str]:
    """Return the stage of each trainable weight, by its name.

    A weight of a module that has parts belongs to the stage of its first part; one that no stage runs
    belongs to the head.

    Args:
        network: Left as it was.
        height: Of the picture that it is run on, in pixels.
        width: Of the same.

    Raises:
        ArgumentError: A picture too small for it.

    >>> from fivefold.networks.registry import create
    >>> found = stage_of_weights(create("resnet20", classes=10, channels=1), 28, 28)
    >>> found["conv1.weight"], found["fc.bias"]
    ('stem', 'head')
    """
    stages = {
        layer: stage for stage, names in layers_by_stage(network, height, width).items() for layer in names
    }
    found = {}
    for name, _ in network.named_parameters():
        module = name.rpartition(".")[0]
        below = (stage for layer, stage in stages.items() if layer.startswith(module + "."))
        found[name] = stages.get(module) or next(below, HEAD)
    return found


def classifier_weights(one: nn.Module, other: nn.Module) -> tuple[str, ...]:
    """Return the names of the weights whose shape depends on the number of classes.

    Args:
        one: An architecture; without memory will do.
        other: The same for another number of classes.

    >>> from fivefold.networks.registry import create
    >>> classifier_weights(*(create("resnet18", classes=k, device="meta") for k in (2, 3)))
    ('fc.bias', 'fc.weight')
    """
    shapes = {name: value.shape for name, value in other.state_dict().items()}
    return tuple(sorted(name for name, value in one.state_dict().items() if value.shape != shapes[name]))
