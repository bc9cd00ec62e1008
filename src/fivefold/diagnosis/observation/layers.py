"""What each layer gives in a watched step, through torch's own hooks."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence
from torch.utils.hooks import RemovableHandle

from fivefold.diagnosis.observation.record import LayerStep
from fivefold.diagnosis.observation.summary import MOST_NUMBERS, summarise

BOUNDS: dict[type[nn.Module], tuple[float, float]] = {
    nn.Sigmoid: (0.0, 1.0),
    nn.Tanh: (-1.0, 1.0),
    nn.Hardtanh: (-1.0, 1.0),
    nn.Hardsigmoid: (0.0, 1.0),
    nn.Softsign: (-1.0, 1.0),
    nn.RNN: (-1.0, 1.0),
    nn.GRU: (-1.0, 1.0),
    nn.LSTM: (-1.0, 1.0),
}
PASSES = (
    nn.Identity,
    nn.Flatten,
    nn.Unflatten,
    nn.modules.dropout._DropoutNd,
    nn.modules.batchnorm._BatchNorm,
    nn.modules.pooling._AvgPoolNd,
    nn.modules.pooling._MaxPoolNd,
    nn.modules.pooling._AdaptiveAvgPoolNd,
    nn.modules.pooling._AdaptiveMaxPoolNd,
    nn.Upsample,
)
"""Layers between two others that are no activation."""
CHANNELS_FIRST = (nn.modules.conv._ConvNd, nn.modules.batchnorm._BatchNorm, nn.modules.pooling._MaxPoolNd)
FEW = 8
"""Examples in which units are looked at first."""
RUNS_COMPILED = ("OptimizedModule", "ScriptModule", "RecursiveScriptModule", "TopLevelTracedModule")
"""Classes of modules whose inside is not Python: hooks within them would make torch compile again, or do
nothing.
"""


def in_backward() -> bool:
    """Whether a backward pass is at work in this thread, which may run modules again (checkpointing)."""
    return bool(torch._C._current_graph_task_id() != -1)


def opaque(module: nn.Module) -> bool:
    """Whether nothing inside a module can be hooked without changing how it runs."""
    return any(kind.__name__ in RUNS_COMPILED for kind in type(module).__mro__)


@torch.no_grad()
def layer_step(name: str, module: nn.Module, output: Any) -> LayerStep | None:
    """Describe what a layer gave; ``None`` where it is no tensor of real numbers.

    Args:
        name: The layer's name.
        module: The layer.
        output: Its output: a tensor, or a tuple that begins with one, or with a packed sequence (whose steps
            are looked at one below the other).
    """
    first = output[0] if isinstance(output, tuple) and output else output
    first = first.data if isinstance(first, PackedSequence) else first
    if not isinstance(first, Tensor) or not first.is_floating_point() or first.ndim == 0:
        return None
    values = first.detach()
    images = values.ndim >= 3 and (isinstance(module, CHANNELS_FIRST) or values.ndim == 4)
    return LayerStep(
        name,
        type(module).__name__,
        summarise(values),
        _constant(values, images),
        _saturated(
            values, None if getattr(module, "nonlinearity", "") == "relu" else BOUNDS.get(type(module))
        ),
    )


def activation_step(name: str, kind: str, output: Tensor) -> LayerStep | None:
    """Describe what an activation gave that was called as a function.

    Args:
        name: A name for it.
        kind: ``"relu"``, ``"sigmoid"`` or ``"tanh"``.
        output: Its output.
    """
    values = output.detach()
    if not values.is_floating_point() or values.ndim == 0:
        return None
    bounds = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}.get(kind)
    return LayerStep(
        name, kind, summarise(values), _constant(values, values.ndim == 4), _saturated(values, bounds)
    )


@torch.no_grad()
def _constant(values: Tensor, images: bool) -> float:
    """Share of units that gave one number; units are channels (dimension 1) of images, else the last
    dimension.
    """
    if values.ndim < 2 or len(values) < 2 or values.numel() > 16 * MOST_NUMBERS:
        return math.nan
    units = values.shape[1 if images else -1]
    # Most units differ within a few examples already; the others alone are looked at in all of them.
    still = _same(values[:: math.ceil(len(values) / FEW)], images).nonzero()[:, 0]
    if len(still) and len(values) > FEW:
        still = still[_same(values.index_select(1 if images else -1, still), images)]
    return len(still) / units


def _same(values: Tensor, images: bool) -> Tensor:
    """Which units gave one number to all of these examples."""
    units = values.movedim(1, -1) if images else values
    rows = units.reshape(-1, units.shape[-1])
    return torch.eq(rows, rows[:1]).all(0)


@torch.no_grad()
def _saturated(values: Tensor, bounds: tuple[float, float] | None) -> float:
    if bounds is None:
        return math.nan
    margin = 0.01 * (bounds[1] - bounds[0])
    return float(((values < bounds[0] + margin) | (values > bounds[1] - margin)).float().mean())


def leaves(modules: dict[str, nn.Module]) -> Iterator[tuple[str, nn.Module]]:
    """The modules that hold no others, or whose own forward uses the others' parameters directly, with their
    names.
    """
    for first, root in modules.items():
        for name, module in root.named_modules():
            dotted = f"{first}.{name}" if first and name else first or name
            if not any(True for _ in module.children()) or isinstance(module, nn.MultiheadAttention):
                yield dotted or type(module).__name__, module


def hook_layers(modules: dict[str, nn.Module], found: list[LayerStep]) -> list[RemovableHandle]:
    """Have every leaf layer append what it gives, with gradients on, to a list; return the handles to remove.

    Args:
        modules: The models by name.
        found: Where descriptions go.
    """
    handles = []
    makers: dict[int, tuple[str, Tensor, int]] = {}
    for name, module in leaves({n: m for n, m in modules.items() if not opaque(m)}):

        def hook(module: nn.Module, args: Any, output: Any, name: str = name) -> None:
            # What a backward pass computes again (checkpointing) was seen before, unless that was without
            # gradients.
            if torch.is_grad_enabled() and not (in_backward() and any(each.name == name for each in found)):
                described = layer_step(name, module, output)
                if described is not None:
                    given = args[0] if args else None
                    made = makers.get(id(given))
                    # A version that moved on: an activation worked in place.
                    source = (
                        made[0]
                        if made is not None and isinstance(given, Tensor) and made[2] == given._version
                        else ""
                    )
                    found.append(replace(described, source=source))
                    if isinstance(output, Tensor):
                        # The tensor is held until the step is over: an identity is unique only while it
                        # lives.
                        through = source and isinstance(module, PASSES)
                        makers[id(output)] = (source if through else name, output, output._version)

        handles.append(module.register_forward_hook(hook))
    return handles
