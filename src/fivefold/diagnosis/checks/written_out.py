"""Networks that are written out by hand, without modules: first weights, and activations that are missing."""

import math
from itertools import pairwise
from typing import NamedTuple

from torch import Tensor
from torch.utils._pytree import tree_flatten

from fivefold.diagnosis.checks.first_values import LARGE
from fivefold.diagnosis.checks.pictures import of_numbers
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.loose import Loose, matrix_of
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import Entry, Slot, Tape

WIDE = 8
"""Inputs from which on the first layer is asked for its gain: frequencies of few inputs are large on
purpose."""
PLAIN = {
    "add",
    "__add__",
    "__radd__",
    "__iadd__",
    "sub",
    "__sub__",
    "__rsub__",
    "neg",
    "__neg__",
    "__getitem__",
    "reshape",
    "view",
    "flatten",
    "transpose",
    "permute",
    "t",
    "cat",
    "concat",
    "stack",
    "squeeze",
    "unsqueeze",
    "expand",
    "contiguous",
    "clone",
    "to",
    "float",
    "double",
    "sum",
    "mean",
}
"""Names of operations that are linear in all that they are given."""
SCALING = {"mul", "__mul__", "__rmul__", "div", "__truediv__"}
"""Names of those that are linear where only one side depends on the inputs."""


class Product(NamedTuple):
    """A product with a matrix that is trained: its place on the tape, and which matrix."""

    place: int
    name: str
    matrix: Tensor
    rows_are_units: bool

    @property
    def inputs(self) -> int:
        """Numbers that one unit reads."""
        return self.matrix.shape[1 if self.rows_are_units else 0]

    @property
    def outputs(self) -> int:
        """Units."""
        return self.matrix.shape[0 if self.rows_are_units else 1]


def products(record: Record) -> tuple[Tape, Loose, list[Product]] | None:
    """The products with trained matrices on the last tape of a network of no module, in their order."""
    module = next((m for m in record.model.values() if isinstance(m, Loose)), None)
    tape = next((t for t in reversed(record.tapes) if t.playable), None)
    if module is None or tape is None:
        return None
    names = {id(p): name for name, p in record.parameters()}
    found = []
    for place, entry in enumerate(tape.entries):
        used = matrix_of(entry.call, entry.args)
        if used is not None and id(used[0]) in names:
            found.append(Product(place, names[id(used[0])], *used))
    return tape, module, found


def check_written_out(record: Record) -> list[Finding]:
    """Find networks of no module whose units begin alike, whose first weights are too large, or that cannot
    bend.

    Statistics: whether all units of a matrix have the same first weights and the next matrix reads them all
    alike, so that they get the same gradients for ever; the root mean square of the first weights times the
    root of the inputs of a unit; whether nothing but sums, views and products with matrices and numbers lies
    before the last product. Null: random weights are not alike; a gain of 0.3 to 2 for every usual scheme,
    found from 4; an activation between the matrices. False alarms: a product of matrices on purpose is
    left out where its middle is narrower than both ends (a factorisation).

    Args:
        record: What was seen.
    """
    seen = products(record)
    if seen is None:
        return []
    tape, module, found = seen
    layers = list({p.name: p for p in reversed(found)}.values())[::-1]
    out = []
    alike = [
        a.name
        for a, b in pairwise(layers)
        if a.name in module.first and b.name in module.first and a.outputs == b.inputs > 1
        if module.first[a.name].alike(units=True, rows=a.rows_are_units)
        and module.first[b.name].alike(units=False, rows=b.rows_are_units)
    ]
    if alike:
        out.append(
            Finding(
                "initialisation.constant",
                "the units of a layer begin alike",
                f"{', '.join(alike[:4])}: every unit has the same weights before the first update, and the "
                "next layer reads them all alike",
                "high",
                "units with the same weights get the same gradients and stay alike: the layer works as one "
                "unit",
                "draw the weights at random (torch.randn(inputs, outputs) / inputs**0.5); only biases may "
                "begin at zero",
            )
        )
    gains = {
        layer.name: module.first[layer.name].size * math.sqrt(layer.inputs)
        for i, layer in enumerate(layers)
        if layer.name in module.first and (i > 0 or layer.inputs >= WIDE)
    }
    large = {name: gain for name, gain in gains.items() if gain > LARGE}
    if large:
        out.append(
            Finding(
                "initialisation.too-large",
                "the first weights are too large",
                f"{', '.join(list(large)[:4])}: root mean square times the root of the inputs is "
                f"{max(large.values()):.2g} where about 1 keeps the scale of the signal",
                "high",
                f"each layer multiplies the scale of its inputs by up to {max(large.values()):.2g}",
                "divide the first weights by the root of the number of inputs",
                picture=of_numbers(
                    "The gain of each layer's first weights",
                    "rms(w) x sqrt(inputs)",
                    gains,
                    (1.0, "keeps the variance"),
                ),
            )
        )
    if _linear(tape, found):
        out.append(
            Finding(
                "capacity.linear",
                "the network is a linear function of its inputs",
                f"{len(layers)} matrices ({', '.join(p.name for p in layers[:4])}), and before the last of "
                f"{len(found)} products nothing but sums, views and products with numbers",
                "high",
                "there is no activation between the layers: their product is one matrix",
                "put an activation (torch.relu, torch.tanh) between the layers",
            )
        )
    return out


def _linear(tape: Tape, found: list[Product]) -> bool:
    """Whether the last product is linear in what the first was given, over two wide layers or more."""
    by_name = list({p.name: p for p in reversed(found)}.values())[::-1]
    middle = [min(a.outputs, b.inputs) for a, b in pairwise(by_name)]
    if not middle or min(middle) < min(by_name[0].inputs, by_name[-1].outputs):
        return False
    made = {slot: i for i, entry in enumerate(tape.entries) for slot in entry.outputs}
    own = {p.place for p in found}
    waiting, seen = [found[-1].place], set()
    while waiting:
        place = waiting.pop()
        if place in seen:
            continue
        seen.add(place)
        entry = tape.entries[place]
        slots = _slots(entry)
        if place not in own and not _plain(entry, slots):
            return False
        waiting += [made[s.index] for s in slots]
    return len({p.name for p in found if p.place in seen}) >= 2


def _slots(entry: Entry) -> list[Slot]:
    return [leaf for leaf in tree_flatten((entry.args, entry.kwargs))[0] if isinstance(leaf, Slot)]


def _plain(entry: Entry, slots: list[Slot]) -> bool:
    name = getattr(entry.call, "__name__", "")
    trained = any(isinstance(a, Tensor) and a.requires_grad for a in entry.args)
    return name in PLAIN or (name in SCALING and len(slots) == 1 and not trained)
