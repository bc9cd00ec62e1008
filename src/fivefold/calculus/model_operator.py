"""What the derivative operators of a model over batches share."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypedDict, TypeVar

import torch
from torch import Tensor

from fivefold.calculus.batches import Batches
from fivefold.calculus.exact_sum import exact_sum
from fivefold.calculus.network import Network
from fivefold.calculus.obstacles import Obstacle, preflight
from fivefold.calculus.plan import Ledger, Plan
from fivefold.core import require
from fivefold.linalg import LinearOperator

GRAPHS = 5
"""Graphs of a gradient and of its derivative, in units of a forward pass's memory; measured 3 to 4."""
MEMORY = 2 * 2**30
"""Bytes that a product of a model's operator may hold where nothing else is said."""

Part = TypeVar("Part", bound=LinearOperator)
Model = torch.nn.Module | Callable[[dict[str, Tensor], Tensor], Tensor]


class Options(TypedDict, total=False):
    """What every operator of a model over batches can be told, by name.

    Args:
        parameters: The named tensors to differentiate in; the module's trainable ones by default.
        evaluation: Whether a module is switched to evaluation mode in each call; not by default.
        batching: ``"measured"`` (the default; the last digits can differ from run to run), ``"auto"`` or
            ``"loop"``, as of :class:`~fivefold.calculus.plan.Plan`.
        memory: Bytes of tensors held in a product and between products; 2 GiB by default.
        retain: Whether graphs are kept between products, as far as they fit; they are by default.
    """

    parameters: Mapping[str, Tensor] | None
    evaluation: bool
    batching: str
    memory: int | None
    retain: bool


class ModelOperator(LinearOperator, Generic[Part]):
    """Products with derivatives of a model at its parameters, over one or several batches.

    A subclass says its shape, makes the operator of one batch (:meth:`_part`), and adds the parts up. Sums
    over batches are kept in float64. The graphs of a batch are kept between products where all that is kept
    fits the memory bound.

    Args:
        model: A module, or a function of named tensors and inputs.
        data: What :class:`~fivefold.calculus.batches.Batches` takes.
        options: As of :class:`Options`.
        targets: Whether targets are needed.
        shape: Of the operator, by the network, the batches and the shape of the first one's outputs.
        symmetric: Whether it is.
        positive: Whether it is positive semidefinite.
    """

    def __init__(
        self,
        model: Model,
        data: Any,
        options: Options,
        *,
        targets: bool,
        shape: Callable[[Network, "Batches", tuple[int, ...]], tuple[int, int]],
        symmetric: bool = False,
        positive: bool = False,
    ) -> None:
        known = list(Options.__annotations__)
        require(set(options) <= set(known), f"options among {known}", sorted(set(options) - set(known)))
        evaluation, memory = options.get("evaluation", False), options.get("memory")
        self.network = Network(model, options.get("parameters"), evaluation=evaluation)
        w = self.network.w
        self.batches = Batches(data, targets=targets, device=w.device)
        self.memory = MEMORY if memory is None else memory
        require(self.memory > 0, "a positive number of bytes, or None", memory)
        found = preflight(self.network, self.batches.first[0])
        found.require_clear()
        assert found.outputs is not None
        require(
            found.bytes <= self.memory,
            f"a forward pass within {self.memory} bytes",
            f"it already needs {found.bytes}, and a product several times that",
            "pass the data as several smaller batches, or raise memory=",
        )
        self.obstacles: tuple[Obstacle, ...] = found.obstacles
        super().__init__(
            shape(self.network, self.batches, found.outputs),
            dtype=w.dtype,
            device=w.device,
            symmetric=symmetric,
            positive=positive,
        )
        self._batching = options.get("batching", "measured")
        self._plans: tuple[Plan, Plan] = self._fresh_plans()
        self._planned_rows = 0
        # Only one batch is retained: several graphs would stand in the memory of each other's products.
        retain = options.get("retain", True)
        self._retain = retain and self.batches.count == 1 and GRAPHS * found.bytes <= self.memory
        self._only: Part | None = None

    def _fresh_plans(self) -> tuple[Plan, Plan]:
        ledger = Ledger()
        return Plan(self._batching, self.memory, ledger), Plan(self._batching, self.memory, ledger)

    @abstractmethod
    def _part(self, X: Tensor, y: Tensor | None, number: int, *, retain: bool) -> Part:
        """Make the operator of one batch."""

    def _part_of(self, number: int, X: Tensor, y: Tensor | None) -> Part:
        if self._only is not None:
            return self._only
        if X.shape[0] > self._planned_rows:
            # What was planned for fewer rows says nothing about the memory of more.
            self._plans, self._planned_rows = self._fresh_plans(), X.shape[0]
        part = self._part(X, y, number, retain=self._retain)
        if self.batches.count == 1:
            self._only = part
        return part

    def _each(self) -> Iterator[tuple[Part, int]]:
        for number, (X, y) in enumerate(self.batches):
            yield self._part_of(number, X, y), number

    def _summed(self, product: Callable[[Part, int], Tensor]) -> Tensor:
        """Add the products of all batches, in float64 where there are several."""
        return exact_sum(product(part, number) for part, number in self._each()).to(self.dtype)

    def _joined(self, product: Callable[[Part, int], Tensor]) -> Tensor:
        """Stack the products of all batches, one under the other."""
        return torch.cat([product(part, number) for part, number in self._each()], dim=-2)

    @property
    def ways(self) -> tuple[str, ...]:
        """How the products are made, as far as it is decided: ``"retained reverse, loop"``, ..."""
        return tuple(", ".join(plan.chosen) for plan in self._plans if plan.chosen is not None)
