"""An operation of a training with all that is needed to make it again, within bounds."""

import inspect
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from fivefold.core import FivefoldError
from fivefold.diagnosis.observation.first_operation import Made, broken
from fivefold.diagnosis.observation.tape import Tape, inner
from fivefold.diagnosis.pure_operations import functional, name_of
from fivefold.diagnosis.replayed_operation import MOST_BYTES, Replay

Batch = tuple[nn.Module, Any, Any]


def known_as(made: Made) -> str:
    """Return the name under which the user knows an operation: that of the function that was called, unless
    it
    is one that does many things.

    Args:
        made: The operation.
    """
    return made.name if made.function.endswith("_forward") else made.function or made.name


def inputs_of(batch: Batch) -> list[tuple[str, Tensor]]:
    """Return what the model was given, by the names of its arguments.

    Args:
        batch: The module and the arguments of the forward pass.
    """
    module, args, kwargs = batch
    try:
        bound = inspect.signature(inner(module).forward).bind_partial(*args, **kwargs).arguments
    except (TypeError, ValueError):
        bound = {**{str(i): a for i, a in enumerate(args)}, **kwargs}
    out = []
    for name, value in bound.items():
        leaves = [leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor)]
        out += [(name if len(leaves) == 1 else f"{name}.{i}", leaf) for i, leaf in enumerate(leaves)]
    return out


def _size(value: Any) -> int:
    return sum(t.numel() * t.element_size() for t in tree_leaves(value) if isinstance(t, Tensor))


def _surroundings(
    parameters: Sequence[tuple[str, Tensor]], batch: Batch | None, tape: Tape | None, room: int
) -> tuple[dict[str, Tensor], dict[str, Tensor], list[str]]:
    """Copies of the batch and of the weights, as far as there is room, and what had none."""
    inputs = dict(inputs_of(batch)) if batch is not None else {}
    beside = (
        [t for e in tape.entries[1:] for t in tree_leaves((e.args, e.kwargs))] if tape is not None else []
    )
    known = {} if tape is None else tape.parameters
    targets = [t for t in beside if isinstance(t, Tensor) and id(t) not in known]
    inputs |= {f"target {i}" if i else "target": t for i, t in enumerate(targets)}
    weights = dict(parameters)
    if batch is not None:
        weights |= dict(inner(batch[0]).named_buffers())
    left = []
    for name, held in (("the batch", inputs), ("the weights", weights)):
        dense = {n: t for n, t in held.items() if t.layout is torch.strided and not t.is_complex()}
        size = _size(list(dense.values()))
        held.clear()
        if size <= room:
            room -= size
            held |= {n: t.detach().to("cpu", copy=True) for n, t in dense.items()}
        else:
            left.append(f"{name} ({size >> 20} MiB)")
    return inputs, weights, left


def kept_replay(
    made: Made,
    derivative: tuple[Made, tuple[Tensor | None, ...]] | None,
    parameters: Sequence[tuple[str, Tensor]],
    batch: Batch | None,
    tape: Tape | None,
    update: int,
) -> Replay | None:
    """Return the operation to be made again, with the batch and the weights where there is room; ``None``
    where it is not in the closed list, does not do it again, or is too large.

    Args:
        made: The operation that was found.
        derivative: The operation of the forward pass whose derivative it belongs to, and the gradients that
            reached it.
        parameters: Named parameters.
        batch: The module and the arguments of the forward pass.
        tape: The pass and its loss, where they are of this update.
        update: Updates made before.
    """
    for subject, gradient in ([derivative] if derivative is not None else []) + [(made, ())]:
        operation = functional(subject.operation)
        if operation is None or subject.given is None:
            continue
        args, kwargs = subject.given
        core = Replay(
            name_of(operation), tuple(args), dict(kwargs), gradient, known_as(made), made.module,
            made.place.path if made.place else "", made.place.line if made.place else 0, update,
            torch=torch.__version__,
        )  # fmt: skip
        kept = _within_bounds(core)
        if kept is None:
            continue
        room = MOST_BYTES - _size((kept.arguments, kept.options, kept.gradient))
        inputs, weights, left = _surroundings(parameters, batch, tape, room)
        note = f"not in the file, which ends at {MOST_BYTES >> 20} MiB: {', '.join(left)}" if left else ""
        return replace(kept, inputs=inputs, weights=weights, note=note)
    return None


def _within_bounds(core: Replay) -> Replay | None:
    """The replay if it does it again and is small enough, otherwise that of the row where it does."""
    try:
        found = core.run()
        if not found.again:
            return None
        if _size((core.arguments, core.options, core.gradient)) <= MOST_BYTES // 2:
            return core
        if not found.where or core.gradient:
            return None
        rows = next(r for r in found.results if r is not None and broken(r)).shape[0]
        row = found.where[0]
        for first_alone in (False, True):
            part = replace(core, arguments=_cut(core.arguments, rows, row, first_alone), row=row)
            if _size(part.arguments) <= MOST_BYTES // 2 and part.run().again:
                return part
    except (FivefoldError, RuntimeError, TypeError, ValueError, IndexError, StopIteration):
        return None
    return None


def _cut(arguments: tuple[Any, ...], rows: int, row: int, first_alone: bool) -> tuple[Any, ...]:
    """Take one row of every tensor that has as many as the result, or of the first such alone."""
    out, done = [], False
    for value in arguments:
        if isinstance(value, Tensor) and value.ndim and len(value) == rows and not (first_alone and done):
            value, done = value[row : row + 1].clone(), True
        out.append(value)
    return tuple(out)
