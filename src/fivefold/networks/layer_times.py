"""How long each layer of a network takes, forward and in a training step, measured.

At each entry to and exit from a module a clock is read, and the time since the last reading goes to the
module that ran: so a module has what it does itself, beside what its parts do, and no time counts twice. In
the backward pass the clock is read after each node of the autograd graph; a node belongs to the module in
which it was made. The hooks' own time lies between the readings and is left out, but for the calls of the
hooks. The first two passes are not counted; of the rounds, forward and step in turn, medians are given.
"""

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from fivefold.core import fork_global
from fivefold.networks.stopwatch import stopwatch

_FEWEST, _MOST = 5, 100


@dataclass(frozen=True)
class LayerTime:
    """What one module takes itself, beside what its parts take.

    Attributes:
        calls: How often it runs in one pass; a shared module runs more than once.
        operations: Operations of one forward pass that are no views.
        forward_ms: Median milliseconds of its calls in one forward pass in evaluation mode.
        spread: Half the distance between the quartiles over the median.
        step_ms: Forward and backward in training mode; ``None`` where nothing is trained.
    """

    calls: int
    operations: int
    forward_ms: float
    spread: float
    step_ms: float | None


@dataclass(frozen=True)
class NetworkTimes:
    """Times of the layers, by the modules' names, and of the whole without hooks.

    Attributes:
        layers: By name; modules that are never called are not among them.
        forward_ms: Of a forward pass without hooks.
        step_ms: Of a forward and a backward pass without hooks; ``None`` where nothing is trained.
        rounds: How many were run.
        training_mode: Whether the step ran in training mode; not where batch norm refuses the input.
    """

    layers: dict[str, LayerTime]
    forward_ms: float
    step_ms: float | None
    rounds: int
    training_mode: bool


def time_layers(network: nn.Module, x: Tensor, seconds: float, *, seed: int = 0) -> NetworkTimes:
    """Measure the times of a network's modules.

    Args:
        network: Any module of one tensor on the CPU. Its running statistics and modes change: give a copy.
        x: What it takes, the batch included.
        seconds: To be spent; at least five rounds are run.
        seed: Of dropout.

    >>> network = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1))
    >>> times = time_layers(network, torch.ones(4, 8), 0.05)
    >>> {name: layer.calls for name, layer in times.layers.items()}
    {'': 1, '0': 1, '1': 1, '2': 1}
    """
    with fork_global(seed, "layer times"):
        trains, training_mode = _can_train(network, x)
        network.eval()
        calls, operations = _count(network, x)
        whole: list[float] = []
        whole_step: list[float] = []
        forward: list[dict[str, float]] = []
        step: list[dict[str, float]] = []
        start = perf_counter()
        counted = -2
        while counted < _FEWEST or (perf_counter() - start < seconds and counted < _MOST):
            network.eval()
            taken, by_layer = _plain_forward(network, x), _forward(network, x)
            if counted >= 0:
                whole.append(taken)
                forward.append(by_layer)
            if trains:
                network.train(training_mode)
                taken, by_layer = _plain_step(network, x), _step(network, x)
                if counted >= 0:
                    whole_step.append(taken)
                    step.append(by_layer)
            counted += 1
    layers = {}
    for name, count in calls.items():
        times = [1e3 * r.get(name, 0.0) for r in forward]
        middle = median(times)
        low, _, high = quantiles(times, n=4)
        both = median(1e3 * r.get(name, 0.0) for r in step) if step else None
        spread = (high - low) / (2 * middle) if middle > 0 else 0.0
        layers[name] = LayerTime(count, operations.get(name, 0), middle, spread, both)
    step_ms = 1e3 * median(whole_step) if whole_step else None
    return NetworkTimes(layers, 1e3 * median(whole), step_ms, len(whole), training_mode)


def run_step(network: nn.Module, x: Tensor) -> tuple[Tensor, ...]:
    """Forward and backward: gradients of the answer's sum by the trained parameters, which keep theirs."""
    trained = [p for p in network.parameters() if p.requires_grad]
    answers = _answers(network(x))
    ones = [torch.ones_like(y) for y in answers]
    found = torch.autograd.grad(answers, trained, ones, allow_unused=True)
    return tuple(torch.zeros_like(p) if g is None else g for p, g in zip(trained, found, strict=True))


def _answers(outputs: Any) -> list[Tensor]:
    return [y for y in tree_leaves(outputs) if isinstance(y, Tensor) and y.requires_grad]


def _can_train(network: nn.Module, x: Tensor) -> tuple[bool, bool]:
    """Whether anything is trained, and whether training mode takes the input."""
    if not any(p.requires_grad for p in network.parameters()):
        return False, False
    network.train()
    with torch.enable_grad():
        try:
            return bool(_answers(network(x))), True
        except ValueError:  # batch norm has one value a channel and no variance
            network.eval()
            return bool(_answers(network(x))), False


def _plain_forward(network: nn.Module, x: Tensor) -> float:
    clock = stopwatch()
    with torch.no_grad():
        begun = clock()
        network(x)
        return clock() - begun


def _plain_step(network: nn.Module, x: Tensor) -> float:
    clock = stopwatch()
    with torch.enable_grad():
        begun = clock()
        run_step(network, x)
        return clock() - begun


class _Stopwatch:
    """Gives the time between two readings to the module that ran."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self.calls: dict[str, int] = {}
        self.stack: list[str] = []
        self.marks: list[tuple[int, str]] = []
        self.clock = stopwatch()
        self.last = self.clock()

    def turn(self, name: str | None) -> None:
        """Enter the module of that name, or leave the one that runs."""
        now = self.clock()
        if self.stack:
            self.add(self.stack[-1], now)
        if name is None:
            self.stack.pop()
        else:
            self.stack.append(name)
            self.calls[name] = self.calls.get(name, 0) + 1
        self.marks.append((_next_number(), self.stack[-1] if self.stack else ""))
        self.last = self.clock()

    def add(self, name: str, now: float) -> None:
        """Give the time since the last reading to a module."""
        self.spent[name] = self.spent.get(name, 0.0) + now - self.last


def _next_number() -> int:
    """The number that the next node of the autograd graph gets."""
    return int(torch.autograd._get_sequence_nr())  # type: ignore[attr-defined]


@contextmanager
def _watched(network: nn.Module, watch: _Stopwatch) -> Iterator[None]:
    handles = []
    for name, module in network.named_modules():
        enter = lambda _module, _inputs, name=name: watch.turn(name)  # noqa: E731
        leave = lambda _module, _inputs, _outputs: watch.turn(None)  # noqa: E731
        handles.append(module.register_forward_pre_hook(enter, prepend=True))
        handles.append(module.register_forward_hook(leave))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _forward(network: nn.Module, x: Tensor) -> dict[str, float]:
    watch = _Stopwatch()
    with _watched(network, watch), torch.no_grad():
        network(x)
    return watch.spent


def _step(network: nn.Module, x: Tensor) -> dict[str, float]:
    watch = _Stopwatch()
    trained = [p for p in network.parameters() if p.requires_grad]
    with _watched(network, watch), torch.enable_grad():
        answers = _answers(network(x))
    numbers, names = zip(*watch.marks, strict=True)
    ones = [torch.ones_like(y) for y in answers]
    handles = []
    for node in _nodes(answers):
        owner = names[max(0, bisect_right(numbers, node._sequence_nr()) - 1)]

        def after(_inputs: Any, _outputs: Any, owner: str = owner) -> None:
            watch.add(owner, watch.clock())
            watch.last = watch.clock()

        handles.append(node.register_hook(after))
    watch.last = watch.clock()
    torch.autograd.grad(answers, trained, ones, allow_unused=True)
    for handle in handles:
        handle.remove()
    return watch.spent


def _nodes(answers: list[Tensor]) -> list[Any]:
    """Nodes of the graph under the answers, those that only hand on a parameter's gradient left out."""
    waiting: list[Any] = [y.grad_fn for y in answers]
    found: dict[Any, None] = {}
    while waiting:
        node = waiting.pop()
        if node is None or node in found or node.name().endswith("AccumulateGrad"):
            continue
        found[node] = None
        waiting += [following for following, _ in node.next_functions]
    return list(found)


class _Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts operations that are no views under the module that runs."""

    def __init__(self, watch: _Stopwatch) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.watch, self.count = watch, dict[str, int]()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if not func.is_view and self.watch.stack:
            here = self.watch.stack[-1]
            self.count[here] = self.count.get(here, 0) + 1
        return func(*args, **(kwargs or {}))


def _count(network: nn.Module, x: Tensor) -> tuple[dict[str, int], dict[str, int]]:
    watch = _Stopwatch()
    operations = _Operations(watch)
    with _watched(network, watch), operations, torch.no_grad():
        network(x)
    return watch.calls, operations.count
