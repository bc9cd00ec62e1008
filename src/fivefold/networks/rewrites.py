"""Ways to write a network so that it may run faster: each makes a copy, and says what it keeps.

Folding is :func:`~fivefold.networks.fold.fold_batch_norm`; a convolution in groups is the convolution without
groups whose weights are 0 between the groups. Whether a copy computes the same is tried in float64, with
weights and statistics moved away from their values, so that a branch that begins at zero is seen too.
"""

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd
from torch.utils._pytree import tree_leaves, tree_map

from fivefold.core import ArgumentError, fork_global, require, torch_generator
from fivefold.networks.blocks.stochastic_depth import StochasticDepth
from fivefold.networks.costs import input_type
from fivefold.networks.first_weights import is_plain
from fivefold.networks.fold import find_batch_norms, fold_batch_norm
from fivefold.networks.layer_times import run_step
from fivefold.networks.packed import CLOSE, pack_convolutions

Rewrite = Callable[[nn.Module, Tensor], "nn.Module | None"]
SAME: MappingProxyType[torch.dtype, float] = MappingProxyType({torch.float64: 1e-9, torch.float32: CLOSE})
"""Largest difference over the largest output of networks that compute the same, by what they compute in."""
_PERTURBED = 0.1
_ACTIVATIONS = (
    nn.ReLU,
    nn.Hardtanh,  # ReLU6 too
    nn.LeakyReLU,
    nn.ELU,
    nn.CELU,
    nn.SELU,
    nn.SiLU,
    nn.Mish,
    nn.Hardswish,
    nn.Hardsigmoid,
    nn.Threshold,
)


@dataclass(frozen=True)
class RewriteKind:
    """A rewrite of a whole network.

    Attributes:
        make: Makes the copy, or ``None`` where there is nothing to rewrite.
        what: What it does.
        keeps: Whether it promises the same function.
        trains: Whether the copy can be trained in the network's stead.
        dtype: What the two are compared in.
    """

    make: Rewrite
    what: str
    keeps: bool
    trains: bool
    dtype: torch.dtype = torch.float64


def rewrite(network: nn.Module, names: Iterable[str], example: Tensor) -> nn.Module:
    """Return a rewritten copy; the network is left as it was.

    Args:
        network: Any module of one tensor on the CPU.
        names: Of :data:`REWRITES`, in the order of their application.
        example: What the network takes, the batch included.

    Raises:
        ArgumentError: An unknown name, or one for which the network has nothing to rewrite.

    >>> network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    >>> rewrite(network, ["fold_batch_norm", "in_place"], torch.zeros(1, 3, 8, 8))[2]
    ReLU(inplace=True)
    """
    made = copied(network)
    for name in names:
        require(name in REWRITES, f"rewrites among {', '.join(REWRITES)}", repr(name))
        following = REWRITES[name].make(made, example)
        if following is None:
            raise ArgumentError(f"a network in which {name} has something to rewrite", type(network).__name__)
        made = following
    return made


def copied(network: nn.Module) -> nn.Module:
    """Copy a network with its weights.

    Raises:
        ArgumentError: A network that cannot be copied.
    """
    try:
        return deepcopy(network)
    except (RuntimeError, TypeError) as error:
        raise ArgumentError("a network that can be copied", str(error).splitlines()[0]) from error


def difference(
    network: nn.Module,
    make: Rewrite,
    example: Tensor,
    *,
    training: bool = False,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
) -> float:
    """Largest difference that a rewrite makes, over the largest number of the original.

    Compared are the outputs in evaluation mode, or the gradients in training mode without dropout.

    Args:
        network: The original; left as it was.
        make: The rewrite.
        example: What it takes; of more than two inputs the first two are taken.
        training: Whether to compare a training step.
        seed: Of the weights' perturbation.
        dtype: What both compute in.

    Returns:
        Infinity where numbers are not finite or the copy cannot run.

    Raises:
        ArgumentError: There is nothing to rewrite, so that nothing could be compared.
    """
    base = copied(network).to(dtype)
    perturb_(base, torch_generator(seed, "perturb"))
    x = example[:2].to(dtype) if example.is_floating_point() else example[:2]
    base.train(training)
    made = make(base, x)
    if made is None:
        raise ArgumentError(
            f"a network in which there is something to rewrite in {dtype}", type(base).__name__
        )
    made.train(training)
    for module in (*base.modules(), *made.modules()):
        if isinstance(module, (_DropoutNd, StochasticDepth)):
            module.training = False  # another layout draws the same numbers for other places
    # a copy, so that running statistics of one are not those of the other
    before = _numbers(copied(base), x, training, seed)
    try:
        after = _numbers(made, x, training, seed)
    except RuntimeError:
        return inf
    if [a.shape for a in before] != [b.shape for b in after]:
        return inf
    # one scale for all: a gradient that is 0 but for rounding has none of its own
    scale = max((a.abs().max().item() for a in before), default=0.0) or 1.0
    gaps = [(a - b).abs().max().item() / scale for a, b in zip(before, after, strict=True)]
    return max(gaps, default=0.0) if all(isfinite(gap) for gap in gaps) else inf


def _numbers(network: nn.Module, x: Tensor, training: bool, seed: int) -> list[Tensor]:
    with fork_global(seed, "rewrites"), torch.set_grad_enabled(training):
        if training:
            return [g.detach() for g in run_step(network, x.clone()) if g.numel()]
        outputs = network(x.clone())
        return [y for y in tree_leaves(outputs) if isinstance(y, Tensor) and y.numel()]


@torch.no_grad()
def perturb_(network: nn.Module, generator: torch.Generator) -> None:
    """Move weights and statistics by about a tenth, in place; variances stay positive."""
    for value in network.parameters():
        if value.is_floating_point():
            size = value.square().mean().sqrt().item() or 1.0
            value.add_(torch.randn(value.shape, generator=generator).to(value), alpha=_PERTURBED * size)
    for name, buffer in network.named_buffers():
        if buffer.is_floating_point():
            noise = _PERTURBED * torch.randn(buffer.shape, generator=generator).to(buffer)
            buffer.copy_(buffer * noise.exp() if name.endswith("var") else buffer + noise)


def _channels_last(network: nn.Module, example: Tensor) -> nn.Module | None:
    if example.ndim != 4 or not any(p.ndim == 4 for p in network.parameters()):
        return None
    # torch lays a convolution's outputs as its weights lie, so that the inputs need not be touched
    made = copied(network)
    return made.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _fold(network: nn.Module, example: Tensor) -> nn.Module | None:
    if not any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in network.modules()):
        return None
    return fold_batch_norm(network, example) if find_batch_norms(network, example).folded else None


def _in_place(network: nn.Module, example: Tensor) -> nn.Module | None:
    changed = [n for n, m in network.named_modules() if isinstance(m, _ACTIVATIONS) and not m.inplace]
    if not changed:
        return None
    # with other weights and numbers, so that what is zero or positive here hides nothing
    generator = torch_generator(0, "in place")
    trial = copied(network).double().eval()
    perturb_(trial, generator)
    x = example[:2]
    if x.is_floating_point():
        x = torch.randn(x.shape, generator=generator, dtype=torch.float64)
    kept = []
    given, state = x.clone(), {name: value.clone() for name, value in trial.state_dict().items()}
    with torch.no_grad():
        expected = tree_leaves(trial(x))
        for name in changed:
            module: Any = trial.get_submodule(name)
            module.inplace = True
            found = tree_leaves(trial(x))
            own = all(torch.equal(value, state[key]) for key, value in trial.state_dict().items())
            if (
                all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))
                and own
                and torch.equal(x, given)
            ):
                kept.append(name)
            else:  # what would be overwritten is read again: by another module, a later call, or the caller
                module.inplace = False
                trial.load_state_dict(state)
                x.copy_(given)
    made = copied(network)
    for name in kept:
        chosen: Any = made.get_submodule(name)
        chosen.inplace = True
    return made if kept else None


def _without_groups(network: nn.Module, example: Tensor) -> nn.Module | None:
    made = copied(network)
    count = 0
    for parent in list(made.modules()):
        for name, module in parent.named_children():
            # a depthwise convolution would take as many times the multiply-adds as it has channels
            if is_plain(module) and 1 < module.groups < module.in_channels:
                setattr(parent, name, without_groups(module))
                count += 1
    return made if count else None


@torch.no_grad()
def without_groups(module: nn.Conv1d | nn.Conv2d | nn.Conv3d) -> nn.Module:
    """Return the convolution without groups that computes the same; its weights are 0 between the groups.

    >>> without_groups(nn.Conv2d(4, 6, 3, groups=2)).weight.count_nonzero().item() <= 6 * 2 * 9
    True
    """
    made = deepcopy(module)
    g, outputs, inputs = (
        module.groups,
        module.out_channels // module.groups,
        module.in_channels // module.groups,
    )
    weight = module.weight.new_zeros((module.out_channels, module.in_channels, *module.kernel_size))
    for i in range(g):
        rows = slice(i * outputs, (i + 1) * outputs)
        weight[rows, i * inputs : (i + 1) * inputs] = module.weight[rows]
    made.weight = nn.Parameter(weight, requires_grad=module.weight.requires_grad)
    made.groups = 1
    return made


class InType(nn.Module):
    """A network with weights of another type; inputs and outputs keep theirs."""

    def __init__(self, network: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.own = input_type(network)
        self.network, self.dtype = network.to(dtype), dtype

    def forward(self, x: Tensor) -> Any:
        """Outputs of the network in the type of the inputs, of tokens in that of the weights before."""
        real = x.is_floating_point()
        outputs, given = self.network(x.to(self.dtype) if real else x), x.dtype if real else self.own
        return tree_map(lambda y: y.to(given) if isinstance(y, Tensor) else y, outputs)


def has_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the processor's flags name arithmetic in bfloat16; without it, it is slower than float32."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), "").split()
    return bool({"avx512_bf16", "amx_bf16", "bf16"} & set(flags))


def _bfloat16(network: nn.Module, example: Tensor) -> nn.Module | None:
    return InType(copied(network), torch.bfloat16) if has_bfloat16() else None


REWRITES: MappingProxyType[str, RewriteKind] = MappingProxyType(
    {
        "channels_last": RewriteKind(
            _channels_last, "weights laid out with the channels last", keeps=True, trains=True
        ),
        "fold_batch_norm": RewriteKind(
            _fold, "batch norm folded into the layer before it, for inference", keeps=True, trains=False
        ),
        "in_place": RewriteKind(
            _in_place, "activations that overwrite what they read", keeps=True, trains=True
        ),
        "packed_weights": RewriteKind(
            pack_convolutions,
            "large weights laid out once as oneDNN computes with them, for inference",
            keeps=True,
            trains=False,
            dtype=torch.float32,
        ),
        "without_groups": RewriteKind(
            _without_groups,
            "convolutions without groups, 0 between them, for inference",
            keeps=True,
            trains=False,
        ),
        "bfloat16": RewriteKind(
            _bfloat16, "weights and sums of 8 bits of precision", keeps=False, trains=False
        ),
    }
)
"""Rewrites by name: a closed list."""
