"""What a network may cost: milliseconds and bytes, measured before it is trained."""

import copy
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from fivefold.core import fork_global, require
from fivefold.networks import memory_plan
from fivefold.networks.stopwatch import call_seconds
from fivefold.optimize import cross_entropy_loss
from fivefold.optimize.training.step_choices import as_layout, set_layout
from fivefold.tasks.images.design.genome import DenseUnit, Genome, PoolUnit, ResidualUnit, Unit
from fivefold.tasks.images.design.space import SearchSpace
from fivefold.tasks.images.design.variation import Child, Origin, kept_origin


@dataclass(frozen=True, slots=True)
class Limits:
    """What a network may cost at most; ``None`` is no limit.

    Args:
        latency_ms: Milliseconds of a prediction for ``latency_batch`` pictures.
        latency_batch: Pictures that are predicted at once, at least 1.
        memory_bytes: Bytes that a training step holds, as :func:`~fivefold.networks.memory_plan` plans it.
        parameters: Numbers that are trained.
        least_updates: Updates that the seconds of an evaluation must allow, at least 1.

    Raises:
        ArgumentError: A number out of its range.

    >>> Limits(latency_ms=5.0, latency_batch=1).latency_ms
    5.0
    """

    latency_ms: float | None = None
    latency_batch: int = 1
    memory_bytes: int | None = None
    parameters: int | None = None
    least_updates: int = 20

    def __post_init__(self) -> None:
        for name in ("latency_ms", "memory_bytes", "parameters"):
            value = getattr(self, name)
            require(value is None or 0 < value < math.inf, f"a positive {name}", value)
        require(self.latency_batch >= 1, "at least 1 picture", self.latency_batch)
        require(self.least_updates >= 1, "at least 1 update", self.least_updates)


@dataclass(frozen=True, slots=True)
class Costs:
    """What a network costs on this machine.

    Args:
        parameters: Numbers that are trained.
        memory_bytes: Of a training step, as planned; ``None`` where counting stopped earlier.
        latency_ms: Of a prediction, the median of repeated ones.
        step_ms: Of a training step, the least of repeated ones.
        verdict: Which limit it exceeds and by how much; empty where it keeps all.
    """

    parameters: int
    memory_bytes: int | None = None
    latency_ms: float | None = None
    step_ms: float | None = None
    verdict: str = ""


def measure_costs(
    network: nn.Module,
    counted: nn.Module,
    pictures: Tensor,
    labels: Tensor,
    limits: Limits,
    *,
    seconds: float | None = None,
    layout: str = "contiguous",
    seed: int = 0,
) -> Costs:
    """Count and measure what a network costs, cheapest first, and stop at the first limit that it exceeds.

    Milliseconds are of up to five calls after a first one, fewer where they take long: of predictions the
    median, of updates, from which a training is planned, the least; a network that exceeds its limit fivefold
    is not called again. With one thread they are the thread's own, which leave out
    whatever else the machine does; with several, the wall clock's. Multiply-adds are not looked at: two
    networks with equal ones can differ several times in milliseconds.

    Args:
        network: With weights; it is left as it was.
        counted: The same on ``meta``.
        pictures: A batch as in training, normalised.
        labels: Its classes.
        limits: What is allowed.
        seconds: Of an evaluation, for ``least_updates``; ``None`` where updates are given.
        layout: Memory format.
        seed: For dropout while measuring.

    >>> net, pictures = nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), torch.zeros(8, 1, 2, 2)
    >>> meta = copy.deepcopy(net).to("meta")
    >>> measure_costs(net, meta, pictures, torch.zeros(8, dtype=torch.long), Limits(parameters=9)).verdict
    '10 parameters, of which 9 are allowed'
    """
    parameters = sum(p.numel() for p in network.parameters())
    if limits.parameters is not None and parameters > limits.parameters:
        return Costs(
            parameters, verdict=f"{parameters:,} parameters, of which {limits.parameters:,} are allowed"
        )
    held = memory_plan(counted, pictures.shape[1:], len(pictures), "adamw").total
    if limits.memory_bytes is not None and held > limits.memory_bytes:
        allowed = f"{limits.memory_bytes / 2**20:.0f} MiB are allowed"
        return Costs(parameters, held, verdict=f"training holds {held / 2**20:.0f} MiB, of which {allowed}")
    rehearsal = set_layout(copy.deepcopy(network), layout)
    few = as_layout(_repeat(pictures, limits.latency_batch), layout)
    rehearsal.eval()

    def predict() -> None:
        with torch.no_grad():
            rehearsal(few)

    allowed_s = math.inf if limits.latency_ms is None else limits.latency_ms / 1000
    latency = 1000 * call_seconds(predict, limit=allowed_s)
    if limits.latency_ms is not None and latency > limits.latency_ms:
        said = f"a prediction takes {latency:.3g} ms, of which {limits.latency_ms:.3g} are allowed"
        return Costs(parameters, held, latency, verdict=said)
    rehearsal.train()
    batch = as_layout(pictures, layout)

    def step() -> None:
        rehearsal.zero_grad(set_to_none=True)
        cross_entropy_loss(rehearsal(batch), labels).backward()  # type: ignore[no-untyped-call]

    slowest = math.inf if seconds is None else seconds / limits.least_updates
    with fork_global(seed, "design", "measure"):
        spent = call_seconds(step, least=2, statistic=min, limit=slowest)
    verdict = ""
    if seconds is not None and spent > slowest:
        verdict = f"an update takes {1000 * spent:.3g} ms, so that {seconds:.3g} s allow fewer than "
        verdict += f"{limits.least_updates}"
    return Costs(parameters, held, latency, 1000 * spent, verdict)


def lighter(space: SearchSpace, child: Child, generator: np.random.Generator) -> Child | None:
    """A child that costs less: one choice of one unit a step smaller, or one unit fewer, drawn uniformly.

    Smaller are a width or a growth one step down, one block or layer fewer, and one more pooling behind a
    unit that is not the last. Repeated, it ends at the smallest genome of the space.

    Args:
        space: Holds the genome.
        child: What is too dear; units that stay keep their origins.
        generator: Source of randomness.

    Returns:
        The child, or ``None`` where nothing is left to take away.

    >>> from fivefold.tasks.images.design.presets import published
    >>> one = Child(Genome.from_key("R:bottleneck:64:4"), (None,))
    >>> lighter(published(32), one, np.random.default_rng(0)).genome.key
    'R:bottleneck:64:3'
    """
    units, origins = child.genome.units, child.origins
    options: list[tuple[tuple[Unit, ...], tuple[Origin | None, ...]]] = []
    for k, unit in enumerate(units):
        before, after = (units[:k], origins[:k]), (units[k + 1 :], origins[k + 1 :])
        for new in _smaller(space, unit):
            kept = kept_origin(unit, new, origins[k])
            options.append(((*before[0], new, *after[0]), (*before[1], kept, *after[1])))
        if not isinstance(unit, PoolUnit):
            options.append((before[0] + after[0], before[1] + after[1]))
            if after[0]:
                pooled = (*before[0], unit, PoolUnit("max"), *after[0])
                options.append((pooled, (*before[1], origins[k], None, *after[1])))
    valid = [each for each in options if not space.faults(each[0])]
    if not valid:
        return None
    chosen, sources = valid[int(generator.integers(len(valid)))]
    return Child(Genome(chosen), sources, child.mutation)


def _smaller(space: SearchSpace, unit: Unit) -> list[Unit]:
    """The unit with one choice a step smaller."""
    if isinstance(unit, ResidualUnit):
        widths = [w for w in space.widths if w < unit.width][-1:]
        fewer: list[Unit] = (
            [ResidualUnit(unit.block, unit.width, unit.repeats - 1)] if unit.repeats > 1 else []
        )
        return [*(ResidualUnit(unit.block, w, unit.repeats) for w in widths), *fewer]
    if isinstance(unit, DenseUnit):
        below = [each for each in space.dense if each.growth < unit.growth][-1:]
        slower: list[Unit] = [
            DenseUnit(each.growth, min(max(unit.layers, each.layers[0]), each.layers[1])) for each in below
        ]
        if unit.layers > 1:
            slower.append(DenseUnit(unit.growth, unit.layers - 1))
        return slower
    return []


def _repeat(pictures: Tensor, count: int) -> Tensor:
    """So many pictures, the first again where there are fewer."""
    times = -(-count // len(pictures))
    return pictures.repeat(times, 1, 1, 1)[:count]
