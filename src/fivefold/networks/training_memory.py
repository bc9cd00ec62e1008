r"""How much memory a training step needs, before any of it is taken.

.. math:: M(b) = \theta + \text{buffers} + \nabla + \text{state} + b \, (a + x) + w

with the parameters :math:`\theta`, their gradients, what the optimizer keeps, and for each of b inputs x the
activations a that wait for the backward pass. The activations are those that autograd saves, seen by
``torch.autograd.graph.saved_tensors_hooks`` while the network runs on tensors without memory: each storage
once, parameters and the input left out. The rest, w, is an allowance: reordered copies inside convolutions,
compiled kernels, and the pieces into which blocks of changing size break the heap. It is 32 MiB and the
larger of five times the largest saved activation and three tenths of all; peaks of five architectures in
fresh processes set it.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from fivefold.core import ArgumentError, call_with, require
from fivefold.core.free_memory import free_main_memory
from fivefold.networks.costs import input_type, meta_weights, require_countable, taking
from fivefold.networks.mode import in_mode

STATES: MappingProxyType[str, int] = MappingProxyType(
    {
        "sgd-plain": 0,
        "sgd": 1,
        "sgd-momentum": 1,
        "adagrad": 1,
        "rmsprop": 1,
        "adadelta": 2,
        "adam": 2,
        "adamax": 2,
        "adamw": 2,
        "nadam": 2,
        "radam": 2,
        "rprop": 2,
        "schedule-free-sgd": 2,
        "schedule-free-adamw": 3,
    }
)
"""Numbers that an optimizer keeps for each trained parameter, by the names that ``fivefold.train`` takes."""
_LIBRARIES = 32 << 20
_LARGEST_BLOCKS = 5
_SHARE = 0.3
_MOST = 1 << 30


@dataclass(frozen=True)
class MemoryPlan:
    """Bytes of one training step.

    Attributes:
        shape: Of one input.
        batch: Inputs of a step.
        optimizer: Its name.
        parameters: Trained and frozen ones.
        buffers: Such as running statistics.
        gradients: Of the trained parameters.
        optimizer_state: What the optimizer keeps between steps.
        activations: What autograd saves for the backward pass.
        inputs: The batch.
        workspace: Allowance for what is short-lived.
        available: What the system lets this process still use; ``None`` where it does not say.
    """

    shape: tuple[int, ...]
    batch: int
    optimizer: str
    parameters: int
    buffers: int
    gradients: int
    optimizer_state: int
    activations: int
    inputs: int
    workspace: int
    available: int | None

    @property
    def total(self) -> int:
        """Sum of all of them."""
        held = self.parameters + self.buffers + self.gradients + self.optimizer_state
        return held + self.activations + self.inputs + self.workspace

    @property
    def fits(self) -> bool | None:
        """Whether the total is within what is available; ``None`` where that is not known."""
        return None if self.available is None else self.total <= self.available

    def to_record(self) -> dict[str, Any]:
        """Return numbers and words only, the total among them."""
        return {**asdict(self), "shape": list(self.shape), "total": self.total, "fits": self.fits}

    def __str__(self) -> str:
        """The bytes, one line each, and whether they fit."""
        names = (
            "parameters",
            "buffers",
            "gradients",
            "optimizer_state",
            "activations",
            "inputs",
            "workspace",
        )
        lines = [f"Memory of a training step of {self.batch} x {list(self.shape)} with {self.optimizer}"]
        lines += [f"  {name.replace('_', ' '):<16}{bytes_text(getattr(self, name)):>12}" for name in names]
        end = "" if self.available is None else f" of {bytes_text(self.available)} that are free"
        verdict = {None: "", True: ": fits", False: ": does not fit"}[self.fits]
        return "\n".join([*lines, f"  {'total':<16}{bytes_text(self.total):>12}{end}{verdict}"])


def memory_plan(
    network: nn.Module,
    shape: Sequence[int],
    batch: int,
    optimizer: str = "adamw",
    *,
    dtype: torch.dtype | None = None,
) -> MemoryPlan:
    """Say how many bytes a training step takes; nothing is computed and no memory is taken.

    The network is taken in training mode, and left as it was.

    Args:
        network: Any module of one tensor, also one on the meta device.
        shape: Of one input, without the batch: [channels, H, W].
        batch: Inputs of a step, at least 1.
        optimizer: One of :data:`STATES`.
        dtype: Of the input, as in :func:`~fivefold.networks.costs.layer_costs`.

    Raises:
        ArgumentError: A network without parameters, an input that it does not take, a size below 1, or an
            unknown optimizer.

    >>> from fivefold.networks.registry import create
    >>> plan = memory_plan(create("resnet20", classes=10, device="meta"), (3, 32, 32), 256)
    >>> plan.parameters, plan.optimizer_state, round(plan.activations / 2**20)
    (1078888, 2157776, 368)
    """
    require(optimizer in STATES, f"an optimizer among {', '.join(STATES)}", repr(optimizer))
    require(type(batch) is int and batch >= 1, "a batch of at least 1, a whole number", repr(batch))
    require_countable(network, shape)
    parameters = list(network.parameters())
    require(len(parameters) > 0, "a network with parameters", type(network).__name__)
    activations, largest, inputs = saved_bytes(network, (batch, *shape), dtype)
    trained = [p.nbytes for p in parameters if p.requires_grad]
    allowance = _LIBRARIES + int(max(_LARGEST_BLOCKS * largest, _SHARE * activations))
    # an optimizer's step needs two numbers more for each of one parameter, when the activations are gone
    step = 2 * max(trained, default=0) - activations
    return MemoryPlan(
        tuple(shape),
        batch,
        optimizer,
        sum(p.nbytes for p in parameters),
        sum(b.nbytes for b in network.buffers()),
        sum(trained),
        STATES[optimizer] * sum(trained),
        activations,
        inputs,
        max(allowance, step),
        free_main_memory(),
    )


def largest_batch(
    network: nn.Module,
    shape: Sequence[int],
    available_bytes: int | None = None,
    optimizer: str = "adamw",
    *,
    dtype: torch.dtype | None = None,
) -> int:
    """Return the largest batch whose plan is within the bytes; 0 where none is.

    Two small batches give the line on which the bytes lie; plans at its answer and beside it check it.

    Args:
        network: As in :func:`memory_plan`.
        shape: Of one input, without the batch.
        available_bytes: Positive; what the system lets this process use where ``None``.
        optimizer: One of :data:`STATES`.
        dtype: As in :func:`memory_plan`.

    Raises:
        ArgumentError: As in :func:`memory_plan`, or the system does not say what is free.

    >>> from fivefold.networks.registry import create
    >>> largest_batch(create("resnet20", classes=10, device="meta"), (3, 32, 32), 2**30)
    525
    """
    bytes_ = free_main_memory() if available_bytes is None else available_bytes
    if bytes_ is None:
        raise ArgumentError("available_bytes", "a system that does not say what is free", "give a number")
    require(bytes_ > 0, "positive bytes", bytes_)
    # two and more: batch norm takes no single input where one place is left
    small, next_one = (memory_plan(network, shape, n, optimizer, dtype=dtype).total for n in (64, 128))
    each = max(1.0, (next_one - small) / 64)

    def fits(batch: int) -> bool:
        try:
            return memory_plan(network, shape, batch, optimizer, dtype=dtype).total <= bytes_
        except ArgumentError:
            if batch > 1:
                raise
            return False  # what two inputs pass and one does not is batch norm

    low, high = 0, min(_MOST, max(1, 64 + int((bytes_ - small) / each)))
    step = 1
    while fits(high) and high < _MOST:
        low, high, step = high, min(_MOST, high + step), 2 * step
    step = 1
    while high - low > 1:
        middle = max((low + high) // 2, high - step)
        low, high, step = (middle, high, step) if fits(middle) else (low, middle, 2 * step)
    return low


def saved_bytes(
    network: nn.Module, shape: Sequence[int], dtype: torch.dtype | None = None
) -> tuple[int, int, int]:
    """Return the bytes that autograd saves in a training pass, those of the largest storage, and the input's.

    Args:
        network: Any module of one tensor; nothing is computed.
        shape: Of the input, the batch included; both as :func:`~.costs.require_countable` wants them.
        dtype: As in :func:`memory_plan`.
    """
    x = torch.empty(tuple(shape), dtype=dtype or input_type(network), device="meta")
    weights = meta_weights(network)
    own = {value.untyped_storage()._cdata for value in (*weights.values(), x)}
    saved: dict[int, int] = {}

    def note(value: Tensor) -> Tensor:
        storage = value.untyped_storage()
        if storage._cdata not in own:
            saved[storage._cdata] = storage.nbytes()
        return value

    with (
        taking(shape),
        in_mode(network, training=True),
        torch.random.fork_rng(devices=[]),
        torch.enable_grad(),
        saved_tensors_hooks(note, lambda value: value),
    ):
        # the answer holds the graph, and the graph what was saved, so that no number comes twice
        answer = call_with(network, weights, x)
        found = dict(saved)
        del answer
    return sum(found.values()), max(found.values(), default=0), x.nbytes


def bytes_text(n: int) -> str:
    """Bytes for people.

    >>> bytes_text(900), bytes_text(3 << 19), bytes_text(5 << 30)
    ('900 B', '1.5 MiB', '5.0 GiB')
    """
    size, unit = float(n), "B"
    for larger in ("KiB", "MiB", "GiB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
