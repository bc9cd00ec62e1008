"""One operation as a training made it, with what it was given, to be made again."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from fivefold.core import ArtifactError
from fivefold.diagnosis.pure_operations import check_size, find_operation

MOST_BYTES = 60 << 20
"""Largest size of all that a replay holds: a file of a diagnosis may have 64 MiB."""


@dataclass(frozen=True, eq=False, slots=True)
class Replayed:
    """What an operation gave when it was made again.

    Attributes:
        results: What it gave, or for a derivative the gradients of what it was given; ``None`` where there is
            none.
        again: Whether any of it is not finite.
        where: Index of the first bad number, within the first result that holds one.
        value: That number.
        share: Share of that result that is not finite, in [0, 1].
    """

    results: tuple[Tensor | None, ...]
    again: bool
    where: tuple[int, ...] = ()
    value: float = math.nan
    share: float = 0.0


@dataclass(frozen=True, eq=False, slots=True)
class Replay:
    """The first operation of a training whose result was not finite, or whose derivative was not.

    Attributes:
        operation: Its name in ``torch.ops.aten`` with its overload, as ``"sqrt.default"``.
        arguments: What it was given by place: tensors, numbers, lists of them.
        options: What it was given by name.
        gradient: For a derivative, what reached it from the loss: one gradient per result, ``None`` where
            there was none; empty for a result of the forward pass.
        function: The function that was called, as the user's code or its layer names it.
        module: The dotted name of the module that called it; empty outside the model.
        path: The file of the line of code; empty where it is unknown.
        line: The line, from 1; 0 where it is unknown.
        batch: Updates made before.
        row: Where only the row of the result that is not finite was kept, its place; otherwise -1.
        torch: The version of torch that made it.
        inputs: What the model was given at that update, by the name of the argument or its place.
        weights: The parameters and buffers of the model before that update, by name.
        note: What is not in it and why; empty where all is.
    """

    operation: str
    arguments: tuple[Any, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    gradient: tuple[Tensor | None, ...] = ()
    function: str = ""
    module: str = ""
    path: str = ""
    line: int = 0
    batch: int = 0
    row: int = -1
    torch: str = ""
    inputs: Mapping[str, Tensor] = field(default_factory=dict)
    weights: Mapping[str, Tensor] = field(default_factory=dict)
    note: str = ""

    def run(self) -> Replayed:
        """Make the operation again, or its derivative, on copies of what it was given.

        Raises:
            ArtifactError: It is not in the closed list, too large, or not given what it takes.

        >>> zero = torch.zeros(2)
        >>> Replay("log.default", (zero,)).run().again
        True
        >>> found = Replay("sqrt.default", (zero,), gradient=(torch.ones(2),)).run()
        >>> found.where, found.value
        ((0,), inf)
        """
        operation = find_operation(self.operation)
        check_size(operation, self.arguments, dict(self.options), 16 * MOST_BYTES)
        try:
            return self._made_again(operation)
        except (RuntimeError, IndexError, TypeError, ValueError) as error:
            shown = ascii(str(error).partition("\n")[0])[1:-1][:200]
            raise ArtifactError(
                f"arguments that {self.operation} takes", shown, "use only a replay that fivefold wrote"
            ) from error

    def _made_again(self, operation: Any) -> Replayed:
        arguments, options = tree_map(_copied, (self.arguments, dict(self.options)))
        options.pop("device", None)
        if not self.gradient:
            with torch.no_grad():
                return _judged(_tensors(operation(*arguments, **options)))
        given = [t for t in _tensors((arguments, options)) if t.is_floating_point() or t.is_complex()]
        with torch.enable_grad():
            for tensor in given:
                tensor.requires_grad_(True)
            made = _tensors(operation(*arguments, **options))
            pairs = [
                (m, g) for m, g in zip(made, self.gradient, strict=False) if g is not None and m.requires_grad
            ]
            if not pairs or any(m.shape != g.shape for m, g in pairs):
                return Replayed((), again=False)
            found = torch.autograd.grad(
                [m for m, _ in pairs], given, [g.to(m.dtype) for m, g in pairs], allow_unused=True
            )
        return _judged(found)

    def __str__(self) -> str:
        """Say what it is and what it gives now: a small table of what it was given, and the first bad
        number.
        """
        lines = [self.title]
        if self.path:
            lines.append(f"at {self.path}, line {self.line}")
        rows = self.table()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines += [
            "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows
        ]
        return "\n".join([*lines, *self.again()])

    @property
    def title(self) -> str:
        """The operation, its layer and its update.

        >>> Replay("log.default", (torch.zeros(2),), function="log", module="head", batch=3).title
        'log.default (called as log) in head, update 3'
        """
        what = f"the derivative of {self.operation}" if self.gradient else self.operation
        called = f" (called as {self.function})" if self.function not in {"", self.operation} else ""
        where = f" in {self.module}" if self.module else ""
        return f"{what}{called}{where}, update {self.batch}"

    def table(self) -> list[tuple[str, ...]]:
        """What it was given, a row a tensor, the names of the columns first.

        >>> Replay("log.default", (torch.zeros(2),)).table()[1]
        ('self', '[2]', 'float32', '0', '0', '')
        """
        heads = ("given", "shape", "type", "lowest", "highest", "not finite")
        return [heads, *(_described(name, tensor) for name, tensor in self.named())]

    def again(self) -> list[str]:
        """Make it again, and say what it gives, in lines.

        Raises:
            ArtifactError: As for :meth:`run`.

        >>> Replay("log.default", (torch.zeros(1),)).again()
        ['made again, it gives -inf at [0]: 100.00% of [1] is not finite', '  self there: 0']
        """
        lines: list[str] = []
        found = self.run()
        if not found.again:
            lines.append("made again with this version of torch, it gives finite numbers")
        else:
            bad = next(r for r in found.results if r is not None and _is_bad(r))
            place = f" at {list(found.where)}" if found.where else ""
            lines.append(
                f"made again, it gives {found.value}{place}: {found.share:.2%} of {list(bad.shape)} is not "
                "finite"
            )
            lines += [f"  {line}" for line in self._beside(found, bad)]
        if self.row >= 0:
            lines.append(f"kept: row {self.row} alone, since all of it is too large")
        if self.note:
            lines.append(self.note)
        return lines

    def named(self) -> list[tuple[str, Tensor]]:
        """The tensors that the operation was given, and the gradients that reached it, by name."""
        taken = find_operation(self.operation)._schema.arguments
        names = [a.name for a in taken]
        found: list[tuple[str, Tensor]] = []
        by_place = zip([*names, *[""] * len(self.arguments)], self.arguments, strict=False)
        for name, value in [*by_place, *self.options.items()]:
            held = _tensors(value)
            found += [(name if len(held) == 1 else f"{name}[{i}]", t) for i, t in enumerate(held)]
        gradients = [g for g in self.gradient if g is not None]
        return [
            *found,
            *((f"gradient {i}" if len(gradients) > 1 else "gradient", g) for i, g in enumerate(gradients)),
        ]

    def _beside(self, found: Replayed, bad: Tensor) -> list[str]:
        """What was given at the place of the first bad number, where all have one shape."""
        return [
            f"{name} there: {_number(tensor[found.where])}"
            for name, tensor in self.named()
            if tensor.shape == bad.shape and tensor.dtype != torch.bool
        ]


def _copied(leaf: Any) -> Any:
    return leaf.detach().clone() if isinstance(leaf, Tensor) else leaf


def _tensors(value: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor)]


def _is_bad(tensor: Tensor) -> bool:
    return (tensor.is_floating_point() or tensor.is_complex()) and not bool(torch.isfinite(tensor).all())


def _judged(results: Any) -> Replayed:
    results = tuple(results)
    for tensor in results:
        if tensor is not None and _is_bad(tensor):
            bad = ~torch.isfinite(tensor)
            where = tuple(int(i) for i in bad.nonzero()[0])
            value = tensor[where]
            number = float(value.abs() if value.is_complex() else value)
            return Replayed(results, True, where, number, float(bad.double().mean()))
    return Replayed(results, False)


def _number(value: Tensor) -> str:
    number = value.item()
    return f"{number:.6g}" if isinstance(number, float) else str(number)


def _described(name: str, tensor: Tensor) -> tuple[str, ...]:
    shape, kind = str(list(tensor.shape)), str(tensor.dtype).removeprefix("torch.")
    if not tensor.numel() or tensor.is_complex():
        return name, shape, kind, "", "", ""
    numbers = tensor.detach().double()
    bad = ~torch.isfinite(numbers)
    kept = numbers[~bad]
    low, high = (f"{float(v):.4g}" for v in torch.aminmax(kept)) if len(kept) else ("", "")
    return name, shape, kind, low, high, f"{int(bad.sum()):,}" if bool(bad.any()) else ""
