"""What slows a network down on this machine, and which rewrites make it faster: measured, not guessed."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from time import perf_counter
from typing import Any

import torch
from torch import nn

from fivefold.core import ArgumentError, require, torch_generator
from fivefold.core.free_memory import free_main_memory
from fivefold.networks.costs import LayerCost, input_type, layer_costs, taking
from fivefold.networks.guidelines import Guideline, LayerReport, find
from fivefold.networks.layer_times import NetworkTimes, time_layers
from fivefold.networks.rewrites import copied
from fivefold.networks.roofline import Limits, measure_limits
from fivefold.networks.training_memory import bytes_text, largest_batch, memory_plan
from fivefold.networks.trials import TOGETHER, Trial, try_rewrites

_LIMITS, _LAYERS = 0.1, 0.3
_ROWS = 20
_SMALL = 1 << 28


@dataclass(frozen=True)
class Lint:
    """A network's layers as measured, what the guidelines find, and which rewrites were tried.

    Attributes:
        shape: Of the input, the batch included.
        layers: Those that ran and did something, in the order of their names.
        idle: Modules with parameters of their own that never ran.
        forward_ms: Median of a forward pass in evaluation mode, nothing watched.
        step_ms: Of a forward and a backward pass; ``None`` where nothing is trained.
        rounds: Rounds behind each median.
        training_mode: Whether the step ran in training mode; not where batch norm refuses a single place.
        limits: Of the machine.
        guidelines: What was found.
        trials: Rewrites tried, whole network first.
    """

    shape: tuple[int, ...]
    layers: tuple[LayerReport, ...]
    idle: tuple[str, ...]
    forward_ms: float
    step_ms: float | None
    rounds: int
    training_mode: bool
    limits: Limits
    guidelines: tuple[Guideline, ...]
    trials: tuple[Trial, ...]

    @property
    def adopted(self) -> tuple[str, ...]:
        """Rewrites of the whole network that compute the same and make the forward pass faster, for
        :func:`~fivefold.networks.rewrites.rewrite`: several where they were tried together and adopted, else
        the one with the smallest upper end of its interval.
        """
        whole = [
            t for t in self.trials if t.adopted and t.scope == "forward pass" and t.difference is not None
        ]
        together = [t for t in whole if TOGETHER in t.rewrite]
        best = min(together or whole, key=lambda t: inf if t.upper is None else t.upper, default=None)
        return () if best is None else tuple(best.rewrite.split(TOGETHER))

    def to_record(self) -> dict[str, Any]:
        """Return numbers and words only."""
        return {
            "shape": list(self.shape),
            "forward_ms": self.forward_ms,
            "step_ms": self.step_ms,
            "rounds": self.rounds,
            "training_mode": self.training_mode,
            "limits": self.limits.to_record(),
            "layers": [row.to_record() for row in self.layers],
            "idle": list(self.idle),
            "guidelines": [each.to_record() for each in self.guidelines],
            "trials": [each.to_record() for each in self.trials],
            "adopted": list(self.adopted),
        }

    def __str__(self) -> str:
        """Findings first, then rewrites, then the layers that take the most time."""
        return "\n".join([*_head(self), *_found(self), *_tried(self), *_table(self)])


def lint(
    network: nn.Module,
    shape: Sequence[int],
    *,
    seconds: float = 10.0,
    rewrites: bool = True,
    seed: int = 0,
    dtype: torch.dtype | None = None,
) -> Lint:
    """Measure a network's layers, hold them against the machine's limits, and try rewrites.

    All is done on copies; the network, its modes and torch's generator are left as they were. Other programs
    that run meanwhile make times longer and intervals wider.

    Args:
        network: Any module of one tensor, on the CPU.
        shape: Of its input, the batch included: [N, channels, H, W].
        seconds: To be spent, positive; large networks take longer, at least five rounds.
        rewrites: Whether to try them; without them it takes four tenths of the time.
        seed: Of inputs and dropout.
        dtype: Of the input, as in :func:`~fivefold.networks.costs.layer_costs`; where it is one of whole
            numbers, the input is 0 everywhere, a token that every vocabulary has.

    Raises:
        ArgumentError: An input that the network does not take or that needs more memory than there is (the
            batch that fits is named), a network without numbers or off the CPU, or one that cannot be copied.

    >>> network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 2))
    >>> found = lint(network, (2, 3, 8, 8), seconds=0.1, rewrites=False)
    >>> [layer.name for layer in found.layers], found.layers[0].multiply_adds
    (['0', '1', '3'], 15552)
    """
    require(0 < seconds < inf, "positive, finite seconds", seconds)
    tensors = (*network.parameters(), *network.buffers())
    devices = {value.device.type for value in tensors}
    fix = (
        "make it on the CPU: network.to_empty(device='cpu') and fill it"
        if "meta" in devices
        else "move it there"
    )
    require(devices <= {"cpu"}, "a network on the CPU", ", ".join(sorted(devices)), fix)
    costs = layer_costs(network, shape, dtype=dtype)
    _require_memory(network, shape, sum(cost.bytes for cost in costs), dtype)
    begun = perf_counter()
    work = copied(network)
    own = input_type(network)
    x = torch.zeros(tuple(shape), dtype=dtype or own)
    if x.is_floating_point():
        x = torch.randn(tuple(shape), generator=torch_generator(seed, "lint")).to(x.dtype)
    limits = measure_limits(_LIMITS * seconds, own)
    with taking(shape):
        times = time_layers(work, x, _LAYERS * seconds, seed=seed)
    rows = _rows(network, costs, times, limits)
    trials = []
    if rewrites:
        left = max(seconds - (perf_counter() - begun), 0.1 * seconds)
        trials = try_rewrites(
            network,
            x,
            rows,
            left,
            trains=times.step_ms is not None,
            training_mode=times.training_mode,
            seed=seed,
        )
    idle = [
        name
        for name, module in network.named_modules()
        if name not in times.layers and any(True for _ in module.parameters(recurse=False))
    ]
    return Lint(
        tuple(shape),
        tuple(rows),
        tuple(idle),
        times.forward_ms,
        times.step_ms,
        times.rounds,
        times.training_mode,
        limits,
        tuple(find(network, rows, limits)),
        tuple(trials),
    )


def _require_memory(
    network: nn.Module, shape: Sequence[int], traffic: int, dtype: torch.dtype | None
) -> None:
    """Refuse what does not fit; more than all that moves in a forward pass is not saved."""
    own = sum(p.nbytes for p in network.parameters())
    free = free_main_memory()
    if free is None or own == 0 or 4 * own + 2 * traffic + _SMALL <= free:
        return
    try:
        plan = memory_plan(network, shape[1:], shape[0], "sgd-plain", dtype=dtype)
    except ArgumentError:  # training mode does not take it; evaluation mode, which did, needs less
        return
    if plan.total + 2 * own <= free:  # two copies beside the network
        return
    batch = largest_batch(network, shape[1:], max(1, free - 2 * own), "sgd-plain", dtype=dtype)
    raise ArgumentError(
        f"an input for which {bytes_text(free)} of free memory are enough",
        f"{list(shape)}, which takes {bytes_text(plan.total + 2 * own)}",
        f"a batch of {batch} fits" if batch else "not one input fits: take a smaller network or input",
    )


def _rows(
    network: nn.Module, costs: Sequence[LayerCost], times: NetworkTimes, limits: Limits
) -> list[LayerReport]:
    parents = {name for name, module in network.named_modules() if any(True for _ in module.children())}
    rows = []
    for cost in costs:
        taken = times.layers.get(cost.name)
        # a container that only hands on has no operations, and its time is that of calls
        if taken is None or (cost.bytes == 0 and cost.multiply_adds == 0):
            continue
        name = f"in {cost.name or 'the network'}" if cost.name in parents else cost.name
        bound, share = limits.bound(cost.multiply_adds, cost.bytes, max(taken.forward_ms / 1e3, 1e-9))
        rows.append(
            LayerReport(
                name,
                cost.kind,
                cost.inputs,
                cost.outputs,
                taken.calls,
                taken.operations,
                cost.parameters,
                cost.multiply_adds,
                cost.bytes,
                taken.forward_ms,
                taken.spread,
                taken.step_ms,
                bound,
                share,
            )
        )
    return rows


def _head(found: Lint) -> list[str]:
    step = "" if found.step_ms is None else f", {found.step_ms:.2f} ms a step"
    if found.step_ms is not None and not found.training_mode:
        step += " (in evaluation mode: batch norm takes no single place)"
    work = sum(row.multiply_adds for row in found.layers)
    rate = work / (found.forward_ms / 1e3)
    copies = ", ".join(f"{bytes_text(size)}: {rate_ / 1e9:.1f}" for size, rate_ in found.limits.copies)
    lines = [
        f"{list(found.shape)}: {found.forward_ms:.2f} ms forward{step}; medians of {found.rounds} rounds "
        + (
            f"on {found.limits.threads} threads"
            if found.limits.threads > 1
            else "of one thread's processor time"
        ),
        f"{work / 1e6:,.1f} M multiply-adds at {rate / 1e9:.1f} G/s; a matrix product reaches "
        f"{found.limits.multiply_adds / 1e9:.1f} G/s, copies in GB/s {copies}",
    ]
    total = sum(row.forward_ms for row in found.layers) or 1.0
    shares = [
        f"{sum(row.forward_ms for row in found.layers if row.bound == bound) / total:.0%} {words}"
        for bound, words in (
            ("arithmetic", "at the limit of arithmetic"),
            ("memory", "of memory"),
            ("neither", "of neither"),
        )
    ]
    lines.append("Of the time of the layers " + ", ".join(shares))
    if found.idle:
        lines.append(f"Never run, with parameters: {', '.join(found.idle)}")
    return lines


def _found(found: Lint) -> list[str]:
    return ["", *(f"{each.name}  {each.finding}" for each in found.guidelines)] if found.guidelines else []


def _tried(found: Lint) -> list[str]:
    lines = ["", "Rewrites tried (time over the time before, with its interval)"] if found.trials else []
    for t in found.trials:
        times = "" if t.ratio is None else f" {t.ratio:.2f} [{t.lower:.2f}, {t.upper:.2f}]"
        same = "" if t.difference is None or t.ratio is None else "; same function"
        lines.append(f"  {t.rewrite}, {t.scope}:{times} {t.verdict}{same} ({t.what})")
    return lines


def _table(found: Lint) -> list[str]:
    ordered = sorted(found.layers, key=lambda row: -row.forward_ms)
    width = max((len(row.name) for row in ordered[:_ROWS]), default=5)
    lines = [
        "",
        f"{'layer':<{width}}  {'kind':<14}{'ms':>9}{'+-':>6}{'step ms':>9}{'M mult-adds':>13}"
        f"{'G/s':>7}{'moved':>12}{'parameters':>13}  bound by",
    ]
    for row in ordered[:_ROWS]:
        rate = row.multiply_adds / max(row.forward_ms, 1e-6) / 1e6
        step = "" if row.step_ms is None else f"{row.step_ms:.3f}"
        lines.append(
            f"{row.name:<{width}}  {row.kind[:13]:<14}{row.forward_ms:>9.3f}{row.spread:>6.0%}{step:>9}"
            f"{row.multiply_adds / 1e6:>13,.1f}{rate:>7.1f}{bytes_text(row.bytes):>12}{row.parameters:>13,}  "
            f"{row.bound} ({row.share_of_limit:.0%} of the limit)"
        )
    if len(ordered) > _ROWS:
        rest = ordered[_ROWS:]
        lines.append(f"and {len(rest)} more, {sum(row.forward_ms for row in rest):.3f} ms")
    return lines
