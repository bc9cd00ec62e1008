r"""Four guidelines for networks that are fast and not only small, applied to measured layers.

A 1x1 convolution from :math:`c_1` to :math:`c_2` channels in g groups over hw places moves

.. math:: hw (c_1 + c_2) + \frac{c_1 c_2}{g} \ge 2 \sqrt{g \, hw \, B} + \frac{B}{hw}, \qquad B = \frac{hw \,
c_1 c_2}{g}

numbers, with equality where :math:`c_1 = c_2` (G1); at the same multiply-adds B and inputs more groups move
more (G2); many small operations cost their calls (G3); what multiplies nothing costs its bytes (G4).

Source: Ma, Zhang, Zheng and Sun, "ShuffleNet V2: Practical guidelines for efficient CNN architecture design",
2018.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import prod, sqrt
from typing import Any

from torch import nn

from fivefold.core import require
from fivefold.networks.first_weights import CONVOLUTIONS
from fivefold.networks.roofline import Bound, Limits

Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d
_WORTH_NAMING = 0.1


@dataclass(frozen=True)
class LayerReport:
    """A layer: what it costs, what it takes, and what holds it.

    Attributes:
        name: The module's name; of work between the parts of a module, ``in NAME``.
        kind: Its class.
        inputs: Shape of its first input.
        outputs: Shape of its first output.
        calls: Calls in one pass.
        operations: Operations of one pass that are no views.
        parameters: Numbers of its own.
        multiply_adds: Of one forward pass.
        bytes: Read and written in one forward pass.
        forward_ms: Median milliseconds of a forward pass.
        spread: Half the distance between the quartiles over the median.
        step_ms: Of forward and backward together; ``None`` where nothing is trained.
        bound: Which limit of the machine it is at.
        share_of_limit: Its least time by those limits over its time.
    """

    name: str
    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    calls: int
    operations: int
    parameters: int
    multiply_adds: int
    bytes: int
    forward_ms: float
    spread: float
    step_ms: float | None
    bound: Bound
    share_of_limit: float

    def to_record(self) -> dict[str, Any]:
        """Return numbers and words only."""
        return {**asdict(self), "inputs": list(self.inputs), "outputs": list(self.outputs)}


@dataclass(frozen=True)
class Guideline:
    """What a guideline finds in a network.

    Attributes:
        name: G1, G2, G3 or G4.
        finding: One or two sentences.
        layers: Names of the layers concerned, the costliest first.
        time_share: Their share of the measured forward time.
        excess: What the guideline measures: numbers moved over the least (G1) or over those without groups
            (G2), less 1; operations (G3); share of the bytes (G4).
    """

    name: str
    finding: str
    layers: tuple[str, ...]
    time_share: float
    excess: float

    def to_record(self) -> dict[str, Any]:
        """Return numbers and words only."""
        return {**asdict(self), "layers": list(self.layers)}


def numbers_moved(places: int, inputs: int, outputs: int, groups: int = 1, window: int = 1) -> float:
    """Numbers that a convolution reads and writes: inputs, outputs and weights, each once.

    Args:
        places: Of the batch, as many before as after.
        inputs: Channels.
        outputs: Channels.
        groups: Of channels.
        window: Places of the window.

    >>> numbers_moved(100, 16, 16)
    3456.0
    """
    require(
        min(places, inputs, outputs, groups, window) >= 1, "sizes of at least 1", (places, inputs, outputs)
    )
    return float(places * (inputs + outputs) + window * inputs * outputs / groups)


def least_moved(places: int, inputs: int, outputs: int, groups: int = 1) -> float:
    """Least numbers that a 1x1 convolution of as many multiply-adds and groups moves, at equal widths.

    >>> least_moved(100, 8, 32)
    3456.0
    """
    multiply_adds = places * inputs * outputs / groups
    return 2 * sqrt(groups * places * multiply_adds) + multiply_adds / places


def find(network: nn.Module, rows: Sequence[LayerReport], limits: Limits) -> list[Guideline]:
    """Apply the four guidelines to a network's measured layers; one that finds nothing is left out.

    Args:
        network: The network.
        rows: Its layers, as :func:`~fivefold.networks.linter.lint` measures them.
        limits: Of the machine.
    """
    modules = dict(network.named_modules())
    convolutions = [
        (row, module)
        for row in rows
        if isinstance(module := modules.get(row.name), CONVOLUTIONS) and row.inputs
    ]
    total_ms = sum(row.forward_ms for row in rows) or 1.0
    found = [
        _unequal_widths(convolutions, total_ms),
        _groups(convolutions, rows, total_ms),
        _fragments(rows, limits, total_ms),
        _element_wise(rows, total_ms),
    ]
    return [each for each in found if each is not None]


def is_pointwise(module: Convolution) -> bool:
    """Whether a convolution has a window of one place that goes over all places."""
    return all(n == 1 for n in (*module.kernel_size, *module.stride))


def places_of(row: LayerReport) -> int:
    """Places of the outputs, over the whole batch."""
    return row.outputs[0] * prod(row.outputs[2:])


def _shares(rows: Sequence[LayerReport], total_ms: float) -> tuple[tuple[str, ...], float]:
    ordered = sorted(rows, key=lambda row: -row.forward_ms)
    return tuple(row.name for row in ordered), sum(row.forward_ms for row in rows) / total_ms


def _unequal_widths(
    convolutions: Sequence[tuple[LayerReport, Convolution]], total_ms: float
) -> Guideline | None:
    moved = least = 0.0
    unequal: list[tuple[float, float, LayerReport, Convolution]] = []
    for row, module in convolutions:
        if not is_pointwise(module):
            continue
        sizes = (places_of(row), module.in_channels, module.out_channels, module.groups)
        now, best = row.calls * numbers_moved(*sizes), row.calls * least_moved(*sizes)
        moved, least = moved + now, least + best
        if now / best - 1 >= _WORTH_NAMING:
            unequal.append((now - best, now / best - 1, row, module))
    if not unequal:
        return None
    unequal.sort(key=lambda each: -each[0])
    names, share = _shares([row for _, _, row, _ in unequal], total_ms)
    _, excess, row, module = unequal[0]
    return Guideline(
        "G1",
        f"{len(unequal)} 1x1 convolutions have unequal widths; all 1x1 convolutions together move "
        f"{moved / least - 1:.0%} more numbers than with equal widths at equal multiply-adds. Most at "
        f"{row.name}: {module.in_channels} to {module.out_channels} channels, {excess:.0%} more.",
        names,
        share,
        moved / least - 1,
    )


def _groups(
    convolutions: Sequence[tuple[LayerReport, Convolution]], rows: Sequence[LayerReport], total_ms: float
) -> Guideline | None:
    grouped = [(row, module) for row, module in convolutions if module.groups > 1]
    if not grouped:
        return None
    moved = without = 0.0
    for row, module in grouped:
        window, g = prod(module.kernel_size), module.groups
        before, after = row.inputs[0] * prod(row.inputs[2:]), places_of(row)
        weights = window * module.in_channels * module.out_channels / g
        moved += row.calls * (before * module.in_channels + after * module.out_channels + weights)
        without += row.calls * (before * module.in_channels + after * module.out_channels / g + weights)
    names, share = _shares([row for row, _ in grouped], total_ms)
    work = sum(row.multiply_adds for row in rows) or 1
    here = [row for row, _ in grouped]
    dense = [row for row, module in convolutions if module.groups == 1]
    beside = f", against {_rate(dense)} of those without" if dense else ""
    return Guideline(
        "G2",
        f"{len(grouped)} convolutions in groups have {sum(row.multiply_adds for row in here) / work:.0%} of "
        f"the multiply-adds and {share:.0%} of the time: {_rate(here)}{beside}. They move "
        f"{moved / without - 1:.0%} more numbers than convolutions without groups of equal inputs and "
        "multiply-adds.",
        names,
        share,
        moved / without - 1,
    )


def _rate(rows: Sequence[LayerReport]) -> str:
    seconds = sum(row.forward_ms for row in rows) / 1e3 or 1e-9
    return f"{sum(row.multiply_adds for row in rows) / seconds / 1e9:.2g} G multiply-adds/s"


def _fragments(rows: Sequence[LayerReport], limits: Limits, total_ms: float) -> Guideline | None:
    operations = sum(row.operations for row in rows)
    small = [
        row
        for row in rows
        if row.operations and max(limits.seconds(row.multiply_adds, row.bytes)) / row.operations < limits.call
    ]
    if not small:
        return None
    names, share = _shares(small, total_ms)
    return Guideline(
        "G3",
        f"{sum(row.operations for row in small)} of {operations} operations have less to do than their call "
        f"costs ({limits.call * 1e6:.1f} microseconds); they take {share:.0%} of the time.",
        names,
        share,
        float(operations),
    )


def _element_wise(rows: Sequence[LayerReport], total_ms: float) -> Guideline | None:
    idle = [row for row in rows if row.multiply_adds == 0 and row.bytes > 0]
    if not idle:
        return None
    names, share = _shares(idle, total_ms)
    bytes_share = sum(row.bytes for row in idle) / sum(row.bytes for row in rows)
    kinds: Counter[str] = Counter()
    for row in idle:
        kinds[f"in {row.kind}" if row.name.startswith("in ") else row.kind] += row.forward_ms  # type: ignore[assignment]
    parts = ", ".join(f"{kind} {ms / total_ms:.0%}" for kind, ms in kinds.most_common(3))
    return Guideline(
        "G4",
        "Layers that multiply nothing (normalisation, activation, addition, pooling, copies) move "
        f"{bytes_share:.0%} of the bytes and take {share:.0%} of the time: {parts}.",
        names,
        share,
        bytes_share,
    )
