"""From a gradient that is not finite back to the first operation that made it."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from fivefold.diagnosis.observation.first_operation import (
    FirstOperation,
    Leaf,
    Made,
    Origin,
    broken,
    called,
    gradients,
    stored,
)
from fivefold.diagnosis.observation.graph import graph_nodes
from fivefold.diagnosis.observation.keeping import Batch, inputs_of, kept_replay, known_as
from fivefold.diagnosis.observation.reasons import advice, evidence
from fivefold.diagnosis.observation.record import Nonfinite
from fivefold.diagnosis.observation.tape import Tape, inner
from fivefold.diagnosis.observation.unchanged import unchanged_buffers
from fivefold.diagnosis.pure_operations import name_of

Playing = Callable[[FirstOperation], Tensor | None]


def finite(tensor: Tensor) -> bool:
    """Whether all numbers are finite."""
    return not broken(tensor)


def trace_nonfinite(
    parameters: Sequence[tuple[str, Tensor]],
    batch: Batch | None,
    tape: Tape | None,
    *,
    own: bool,
    update: int = 0,
    modules: Mapping[int, str] | None = None,
) -> Nonfinite:
    """Find the first operation whose result is not finite, right before the update that would spoil the
    weights.

    Weights and inputs are looked at first; then forward pass, loss and backward pass are run again under a
    mode of dispatch that sees every operation below autograd
    (:class:`~fivefold.diagnosis.observation.first_operation.FirstOperation`).

    Args:
        parameters: Named parameters.
        batch: The module and the arguments of the last forward pass.
        tape: A pass that can be played: of this update, or of an earlier one.
        own: Whether it is of this update.
        update: Updates made before.
        modules: Dotted names of modules by identity.

    Returns:
        What was found; ``where`` is ``"unknown"`` where nothing was.
    """
    try:
        found = _weights(parameters, update) or (None if batch is None else _inputs(batch))
        if found is not None:
            return found  # no operation is at fault: there is none to make again
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they have been said when it was run the first time
            return _operation(parameters, batch, tape, own, update, modules or {})
    except Exception as error:  # the user's module may refuse to run again; the training must go on
        said = _unknown(own=own)
        return replace(
            said, evidence=f"{said.evidence} ({type(error).__name__} when it was run again: {error})"
        )


def _operation(
    parameters: Sequence[tuple[str, Tensor]],
    batch: Batch | None,
    tape: Tape | None,
    own: bool,
    update: int,
    modules: Mapping[int, str],
) -> Nonfinite:
    mine = tape is not None and (own or (batch is not None and tape.entries[0].call is inner(batch[0])))
    if tape is not None and mine:
        given = {0: tuple(batch[1])} if not own and batch is not None else None
        play: Playing = partial(_play, tape, given)
        trained = [p for p in tape.parameters.values() if p.requires_grad]
    elif batch is not None:
        play, trained = partial(_call, batch), []
    else:
        return _unknown(own=False)
    traced = Traced(play, trained, modules)
    origin = traced.origin()
    if isinstance(origin, Leaf):
        return _from_outside(origin, tape)
    if origin is None:
        return _unknown(own=own)
    return _named(origin, traced, parameters, batch, tape if own else None, update)


class Traced:
    """A training step that can be run again and again in the same way.

    Args:
        play: Runs the forward pass under a mode, and gives the loss, or what the model gives.
        trained: Parameters to differentiate by; none where there is no loss.
        modules: Dotted names of modules by identity.
    """

    def __init__(self, play: Playing, trained: Sequence[Tensor], modules: Mapping[int, str]) -> None:
        self._play, self._trained, self._modules = play, list(trained), dict(modules)
        self.mode = FirstOperation(self._modules)

    def origin(self) -> Origin | None:
        """Where the first number that is not finite and reaches the loss or a gradient comes from."""
        with torch.enable_grad(), self.mode:
            with self.mode.names_known():
                loss = self._play(self.mode)
            if loss is None:
                return None
            found = self.mode.origin(loss)
            if found is not None or not loss.requires_grad or not self._trained:
                return found
            self.mode.backward = True
            origins = [
                o for g in gradients(loss, self._trained) if g is not None and (o := self.mode.origin(g))
            ]
        return min(origins, key=lambda o: o.index if isinstance(o, Made) else -1, default=None)

    def derivative(self, node: int) -> tuple[Made, tuple[Tensor | None, ...]] | None:
        """Run the step again, and return the operation of the forward pass whose derivative a node is, with
        what it was given and with the gradients that reached it; ``None`` where it cannot be found.

        Args:
            node: The number of the node in the run of :meth:`origin`.
        """
        first = self.mode.forwards.get(node)
        if first is None:
            return None
        mode = FirstOperation(self._modules, wanted=first.index)
        reached: list[tuple[Tensor | None, ...]] = []
        with torch.enable_grad():
            with mode, mode.names_known():
                loss = self._play(mode)
            if mode.found is None or mode.found.given is None or loss is None or loss.grad_fn is None:
                return None
            for each in graph_nodes([loss]):
                if each._sequence_nr() == mode.found.node:
                    each.register_prehook(lambda given: reached.append(tuple(given)))
            gradients(loss, self._trained)
        if not reached:
            return None
        return mode.found, tuple(None if g is None else g.detach().clone() for g in reached[0])


def _play(tape: Tape, given: dict[int, Any] | None, mode: FirstOperation) -> Tensor:
    def make(entry: Any, *args: Any, **kwargs: Any) -> Any:
        mode.entry = entry.place
        return called(entry.call, args, kwargs)

    loss = tape.with_calls(lambda entry: partial(make, entry)).play(replace=given)
    return loss if tape.factor == 1.0 else loss * tape.factor


def _call(batch: Batch, mode: FirstOperation) -> Tensor | None:
    module = inner(batch[0])
    with unchanged_buffers([module]), torch.random.fork_rng(devices=[]):
        out = called(module, batch[1], batch[2])
    leaves = [leaf for leaf in tree_leaves(out) if isinstance(leaf, Tensor)]
    return next((leaf for leaf in leaves if broken(leaf)), leaves[0] if leaves else None)


# --- what is found, in words ---


def _named(
    made: Made,
    traced: Traced,
    parameters: Sequence[tuple[str, Tensor]],
    batch: Batch | None,
    tape: Tape | None,
    update: int,
) -> Nonfinite:
    derivative = traced.derivative(made.node) if made.backward and not made.custom else None
    subject = derivative[0] if derivative is not None else made
    known = known_as(made)
    label = f"the derivative of {known}" if made.backward and not made.custom else known
    if made.custom:
        label = f"{made.name}, in a derivative written by hand,"
    if made.backward and not made.custom and derivative is not None:
        reached = ", ".join(f"{list(g.shape)}" for g in derivative[1] if g is not None)
        said = f"the forward pass is finite, the derivative of {known} is not: {evidence(derivative[0])}"
        said += f"; a gradient {reached} reached it"
    elif made.backward:
        said = f"the forward pass is finite; on the way back {made.name} was {evidence(made)}"
    else:
        said = evidence(made)
    if name_of(subject.operation).partition(".")[0].strip("_") != known:
        said += f" (aten::{name_of(subject.operation)})"
    cause, fix = advice(subject, known)
    return Nonfinite(
        "backward" if made.backward else "forward",
        label,
        said,
        cause,
        fix,
        made.place,
        module=made.module,
        overflow=not made.backward and bool(made.results) and _overflows(made),
        replay=kept_replay(made, derivative, parameters, batch, tape, update),
    )


def _overflows(made: Made) -> bool:
    """Whether the first bad number is an infinity: what has no value at its input gives nan."""
    kinds = [broken(r) for r in made.results if isinstance(r, Tensor)]
    return any(kinds) and not any(k & 1 for k in kinds)


def _weights(parameters: Sequence[tuple[str, Tensor]], update: int) -> Nonfinite | None:
    spoilt = [name for name, p in parameters if not finite(p)]
    if not spoilt:
        return None
    shown = ", ".join(spoilt[:4]) + (f" and {len(spoilt) - 4} more" if len(spoilt) > 4 else "")
    if update == 0:
        return Nonfinite(
            "weights",
            "the first weights",
            f"before any update these were not finite: {shown}",
            "they were loaded so, never filled (torch.empty), or drawn with a spread that is not finite",
            "initialise them, or look at the file that they were loaded from",
            None,
        )
    return Nonfinite(
        "weights",
        f"update {update - 1}",
        f"no gradient that was looked at before update {update - 1} was infinite or nan, after it these "
        f"weights were: {shown}",
        "the update itself overflowed or had no value: the rate is too high, or the optimizer divided by "
        "zero",
        "lower the rate, clip the gradient's norm, and leave the optimizer its eps",
        None,
    )


def _inputs(batch: Batch) -> Nonfinite | None:
    for name, tensor in inputs_of(batch):
        kinds = broken(tensor)
        if not kinds or Leaf(tensor, kinds).placed:
            continue
        bad = ~torch.isfinite(stored(tensor.detach()))
        rows = bad.reshape(len(bad), -1).any(1) if bad.ndim else bad.reshape(1)
        first = [int(i) for i in bad.nonzero()[0]]
        what = "numbers that are not numbers (nan)" if kinds & 1 else "infinite numbers"
        count = f"{int(rows.sum())} of"
        where = f"{count} {len(rows)} examples of the batch hold {what}, the first in {name} at {first}"
        if tensor.layout != torch.strided:
            where = f"{count} the {len(rows)} numbers that the sparse {name} stores are {what}"
        return Nonfinite(
            "inputs",
            "the data",
            where,
            "missing or broken values in the data reach the model",
            "fill in or drop examples with missing values before training",
            None,
        )
    return None


def _from_outside(leaf: Leaf, tape: Tape | None) -> Nonfinite:
    """A tensor that was not finite before the step began, and is no parameter and no input."""
    what = "nan" if leaf.kinds & 1 else "infinite numbers"
    shape = list(leaf.tensor.shape)
    entries = [] if tape is None else tape.entries[1:]
    for entry in entries:
        if any(t is leaf.tensor or _same(t, leaf.tensor) for t in tree_leaves((entry.args, entry.kwargs))):
            bad = [int(i) for i in (~torch.isfinite(stored(leaf.tensor))).nonzero()[0]]
            return Nonfinite(
                "targets",
                "the targets",
                f"a tensor {shape} that the loss is given beside the model's output holds {what}, first at "
                f"{bad}",
                "missing or broken values in the targets or their weights reach the loss",
                "fill in or drop examples with missing targets before training",
                entry.place,
            )
    return Nonfinite(
        "inputs",
        "a tensor from outside",
        f"a tensor {shape} that the model holds (a buffer, or an attribute) has {what} in it",
        "it was not finite before this update: statistics that overflowed, or a constant with such numbers",
        "look at the buffers of the model before training, and at what its layers keep between batches",
        None,
    )


def _same(one: Any, other: Tensor) -> bool:
    return isinstance(one, Tensor) and one.shape == other.shape and one.data_ptr() == other.data_ptr()


def _unknown(*, own: bool) -> Nonfinite:
    return Nonfinite(
        "unknown",
        "an operation outside the model",
        "the gradient is not finite, but the model's output for this batch is"
        + (
            "; made again, so are the loss and its derivative"
            if own
            else "; the loss of this batch was not seen"
        ),
        "the loss has no finite value or derivative for this batch"
        + ("" if own else ": its targets, or an operation that makes it"),
        "look for logarithms, roots and divisions in the loss of numbers that can be zero",
        None,
    )
