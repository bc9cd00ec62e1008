"""Networks that cannot bend, since activations are missing."""

import copy
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from fivefold.diagnosis.checks.pictures import of_numbers
from fivefold.diagnosis.checks.probes import ask, in_evaluation, last_question
from fivefold.diagnosis.checks.seen import WEIGHTED
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import Entry

ROUNDING = 1e-3
"""Of the difference of two outputs: what the mean of both may lie from the output between them."""

POOLS: dict[str, Callable[..., Tensor]] = {
    "max_pool1d": functional.avg_pool1d,
    "max_pool2d": functional.avg_pool2d,
    "max_pool3d": functional.avg_pool3d,
    "adaptive_max_pool1d": functional.adaptive_avg_pool1d,
    "adaptive_max_pool2d": functional.adaptive_avg_pool2d,
}


class _MeansForMaxima(TorchFunctionMode):
    """Lets pooling take means where it takes maxima, and notes that it did."""

    def __init__(self) -> None:
        super().__init__()
        self.used = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Make the call."""
        name = (
            getattr(func, "__name__", "")
            .removesuffix("_with_indices")
            .removeprefix("_")
            .removeprefix("boolean_")
        )
        if name in POOLS:
            self.used = True
            given = dict(zip(("input", "size", "stride", "padding"), args, strict=False)) | (kwargs or {})
            size = given.get("size", given.get("kernel_size", given.get("output_size")))
            if name.startswith("adaptive"):
                return POOLS[name](given["input"], size)
            return POOLS[name](given["input"], size, given.get("stride") or None, given.get("padding", 0))
        return func(*args, **(kwargs or {}))


def _redrawn(module: nn.Module) -> nn.Module:
    """A copy with weights drawn anew, which keep the scale of what they are given.

    Whether a network is linear does not depend on its weights, and those of a failed training hide it.
    """
    made = copy.deepcopy(module)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, p in made.named_parameters():
            p.requires_grad_(False)
            if p.ndim >= 2:
                drawn = torch.randn(p.shape, generator=generator) / math.sqrt(max(1, p[0].numel()))
            elif name.endswith("bias"):  # small, on both sides of 0: larger ones keep units on, or off
                drawn = 0.1 * torch.randn(p.shape, generator=generator)
            else:
                drawn = 0.5 + torch.rand(p.shape, generator=generator)
            p.copy_(drawn.to(p))
        for name, b in made.named_buffers():
            if name.endswith("running_mean"):
                b.zero_()
            elif name.endswith("running_var"):
                b.fill_(1.0)
    return made


def check_linear(record: Record) -> list[Finding]:
    """Find networks of several layers that are linear in their inputs, apart from pooling.

    Statistic: the largest |f((a + b) / 2) - (f(a) + f(b)) / 2| over pairs of examples, relative to the
    outputs, in evaluation mode, of a copy with weights drawn anew and with means for maxima in pooling. Null:
    far above rounding (1e-3) for any network with an activation. False alarms: a linear model on purpose has
    one layer with weights; two or more are asked for.

    Args:
        record: What was seen.
    """
    asked = last_question(record)
    if asked is None:
        return []
    module, entry, x = asked
    layers = [m for m in module.modules() if isinstance(m, WEIGHTED)]
    if not x.is_floating_point() or len(x) < 4 or len(layers) < 2:
        return []
    if any(isinstance(m, nn.RNNBase | nn.RNNCellBase | nn.MultiheadAttention) for m in module.modules()):
        return []
    try:
        found = _linear(Entry(_redrawn(module), entry.args, entry.kwargs, entry.outputs), x)
    except (RuntimeError, ValueError, TypeError, IndexError):
        return []  # it cannot be copied, or its other arguments belong to the whole batch
    if found is None:
        return []
    pooled, bend = found
    return [
        Finding(
            "capacity.linear",
            "the network is a linear function of its inputs" + (" but for its pooling" if pooled else ""),
            f"{len(layers)} layers with weights, and whatever these are, f at the middle of two examples is "
            "the "
            "mean of f at both, to rounding" + (" (with means for maxima in pooling)" if pooled else ""),
            "high",
            "there is no activation between the layers: their product is one matrix",
            "put an activation (ReLU, GELU, tanh) between the layers",
            picture=of_numbers(
                "How far f at the middle of two examples lies from the mean of f at both",
                "share of the difference of the two",
                {"at the middle": bend},
                (ROUNDING, "an activation"),
                logarithmic=True,
            ),
        )
    ]


def _linear(entry: Entry, x: Tensor) -> tuple[bool, float] | None:
    """Whether only pooling bends a linear network, and how much else does, to rounding; ``None`` where it is
    not linear, or nothing is known.
    """
    half = len(x) // 2
    scale = float(x.abs().max())
    if not 0 < scale < math.inf:
        return None
    a, b = x[:half] / scale, x[half : 2 * half] / scale
    assert isinstance(entry.call, nn.Module)
    means = _MeansForMaxima()
    with in_evaluation(entry.call), means:
        state = torch.get_rng_state()
        outs = []
        for given in (a, b, (a + b) / 2):
            torch.set_rng_state(state)
            outs.append(ask(entry, given))
    if not outs[0] or any(not torch.isfinite(o).all() for out in outs for o in out):
        return None
    bend = 0.0
    for p, q, middle in zip(*outs, strict=True):
        spread = float((p - q).abs().max())
        if not spread > 1e-3 * float(middle.abs().max()):
            return None  # outputs that hardly vary tell nothing, as zeros that a last activation gives
        apart = float(((p + q) / 2 - middle).abs().max())
        if apart > ROUNDING * spread:
            return None
        bend = max(bend, apart / max(spread, 1e-300))
    return means.used, bend


def check_linear_pairs(record: Record) -> list[Finding]:
    """Find layers with weights that follow one another with nothing between that bends.

    Statistic: the number of linear and convolutional layers whose input is the very tensor that another one
    gave, neither narrowed by it on purpose, or that tensor after dropout, batch norm, pooling or flattening.
    Null: 0 outside bottlenecks, whose width is below both sides, and convolutions that are split in two (by
    channel, then across channels), all left out. False alarms: a factor that is meant to be trained as two.

    Args:
        record: What was seen.
    """
    kinds = dict(record.modules())
    shapes = {f.name: f for f in record.first_weights if isinstance(kinds.get(f.name), WEIGHTED)}
    steps = [s for s in record.steps if s.layers]
    if not steps:
        return []
    pairs = []
    for layer in steps[-1].layers:
        if layer.name not in shapes or layer.source not in shapes or layer.name == layer.source:
            continue
        first, second = kinds[layer.source], kinds[layer.name]
        if _split(first) or _split(second):
            continue
        if isinstance(first, nn.Linear) and shapes[layer.source].outputs < min(
            shapes[layer.source].inputs, shapes[layer.name].outputs
        ):
            continue
        pairs.append((layer.source, layer.name))
    pairs = list(dict.fromkeys(pairs))
    if not pairs or check_linear(record):
        return []  # none, or all that is to be said was said of the whole network
    shown = ", ".join(f"{a} to {b}" for a, b in pairs[:4])
    return [
        Finding(
            "capacity.linear",
            "layers with weights follow one another with no activation between",
            f"{shown}: the output of the first is the input of the second, unchanged but for scaling or "
            "pooling",
            "high" if len(pairs) >= 2 else "medium",
            "the product of two linear maps is one linear map: the layers do the work of one",
            "put an activation (ReLU, GELU, tanh) between the layers",
        )
    ]


def _split(module: nn.Module) -> bool:
    """Whether a convolution is a half of one: by channel, or of single pixels."""
    if not isinstance(module, nn.modules.conv._ConvNd):
        return False
    return module.groups > 1 or all(k == 1 for k in module.kernel_size)
