"""What predicts: typed rows to linear predictors with NumPy alone, for every method that can be chosen.

A row's linear predictors have the same bits whatever rows are predicted beside it: the matrix products are
those of :mod:`fivefold.tasks.tables.rowwise`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from fivefold.core import ArtifactError
from fivefold.networks.dense_forward import activate
from fivefold.tasks.tables.basis import Basis, Singles
from fivefold.tasks.tables.encode import Encoded, Encoder
from fivefold.tasks.tables.local_predictor import LocalPredictor
from fivefold.tasks.tables.rowwise import row_sums, single_product
from fivefold.tasks.tables.table import Table

Floats = npt.NDArray[np.float64]
_CHUNK = 8192
_BLOCK = 256
"""Rows whose design is in the processor's cache while it is made and used."""


class Predictor(Protocol):
    """A fitted method."""

    def eta(self, table: Table) -> Floats:
        """Return linear predictors ``[n, K]`` of typed rows."""
        ...

    def state(self) -> dict[str, Any]:
        """Return the saved form."""
        ...


def _chunks(table: Table) -> Iterator[Table]:
    """Cut the rows so that a wide basis never fills the memory."""
    if table.rows <= _CHUNK:
        yield table
        return
    for at in range(0, table.rows, _CHUNK):
        yield table.take(slice(at, at + _CHUNK))


def _blocks(rows: Encoded) -> Iterator[Encoded]:
    """Cut encoded rows so that a block's columns stay in the processor's cache; at least one block."""
    for at in range(0, max(rows.rows, 1), _BLOCK):
        part = slice(at, at + _BLOCK)
        codes = {column: values[part] for column, values in rows.codes.items()}
        yield Encoded(rows.numbers[part], rows.names, rows.origins, codes, rows.levels)


@dataclass(frozen=True, eq=False)
class ConstantPredictor:
    """The same linear predictors ``[K]`` for every row."""

    kind: ClassVar[str] = "constant"
    values: Floats

    def eta(self, table: Table) -> Floats:
        """Return ``[n, K]``."""
        return np.repeat(self.values[None, :], table.rows, axis=0)

    def state(self) -> dict[str, Any]:
        """Return the saved form."""
        return {"kind": self.kind, "values": self.values}


@dataclass(frozen=True, eq=False)
class LinearPredictor:
    """A linear model on a basis: ``eta = w[0] + design @ w[1:]``, ``w [1 + p, K]``."""

    kind: ClassVar[str] = "linear"
    encoder: Encoder
    basis: Basis
    w: Floats

    def eta_encoded(self, rows: Encoded) -> Floats:
        """Return ``[n, K]`` for encoded rows."""
        w = np.ascontiguousarray(self.w[1:], dtype=np.float32)
        parts = [row_sums(self.basis.design(part), w) for part in _blocks(rows)]
        return np.asarray(np.concatenate(parts).astype(np.float64) + self.w[0])

    def eta(self, table: Table) -> Floats:
        """Return ``[n, K]``."""
        return np.concatenate([self.eta_encoded(self.encoder.transform(part)) for part in _chunks(table)])

    def state(self) -> dict[str, Any]:
        """Return the saved form."""
        return {"kind": self.kind, "encoder": self.encoder.state(), "basis": self.basis.state(), "w": self.w}


@dataclass(frozen=True, eq=False)
class OrdinalPredictor:
    r"""Proportional odds: log probabilities of ordered classes from one linear model.

    :math:`P(y \le k) = \sigma(c_k - x^\top w)` with rising cutpoints c ``[K - 1]``.
    """

    kind: ClassVar[str] = "ordinal"
    linear: LinearPredictor | LocalPredictor
    cutpoints: Floats

    def eta(self, table: Table) -> Floats:
        r"""Return log probabilities ``[n, K]``.

        :math:`\log P(y = k) = -\log(1 + e^{-a}) - \log(1 + e^{b}) + \log(1 - e^{-(a - b)})` with
        :math:`a = c_k - x^\top w`, :math:`b = c_{k-1} - x^\top w`: nothing cancels, however close they are.
        """
        away = self.cutpoints - self.linear.eta(table)
        gaps = np.maximum(np.diff(self.cutpoints), 1e-15)
        out = np.zeros((len(away), len(self.cutpoints) + 1))
        out[:, :-1] -= np.logaddexp(0.0, -away)
        out[:, 1:] -= np.logaddexp(0.0, away)
        out[:, 1:-1] += np.log(-np.expm1(-gaps))
        return out

    def state(self) -> dict[str, Any]:
        """Return the saved form."""
        return {"kind": self.kind, "linear": self.linear.state(), "cutpoints": self.cutpoints}


@dataclass(frozen=True, eq=False)
class NetworkPredictor:
    """The mean of an ensemble of networks on a basis; ``centre`` and ``scale`` undo the target's scaling."""

    kind: ClassVar[str] = "network"
    encoder: Encoder
    basis: Basis
    arrays: dict[str, npt.NDArray[np.float32]]
    activation: str
    centre: float
    scale: float

    def eta(self, table: Table) -> Floats:
        """Return ``[n, K]``: the mean over the members."""
        parts = []
        for part in _chunks(table):
            for rows in _blocks(self.encoder.transform(part)):
                inputs = self.basis.design(rows)
                members = [self._member(k, inputs) for k in range(len(self.arrays["weight.0"]))]
                parts.append(np.mean(members, axis=0, dtype=np.float64) * self.scale + self.centre)
        return np.concatenate(parts)

    def _member(self, k: int, inputs: Singles) -> Singles:
        """Return ``[n, K]`` of member ``k``: :math:`h_l = a(h_{l-1} W_l + b_l)`, the last layer without a."""
        depth = sum(name.startswith("weight.") for name in self.arrays)
        h = inputs * self.arrays["scale"][k] if "scale" in self.arrays else inputs
        for layer in range(depth):
            h = single_product(h, self.arrays[f"weight.{layer}"][k]) + self.arrays[f"bias.{layer}"][k]
            if layer < depth - 1:
                h = activate(self.activation, h)
        return h

    def state(self) -> dict[str, Any]:
        """Return the saved form."""
        return {
            "kind": self.kind,
            "encoder": self.encoder.state(),
            "basis": self.basis.state(),
            "arrays": self.arrays,
            "activation": self.activation,
            "centre": self.centre,
            "scale": self.scale,
        }


@dataclass(frozen=True, eq=False)
class BlendPredictor:
    """A weighted mean of the linear predictors of several methods; the weights add up to one."""

    kind: ClassVar[str] = "blend"
    members: tuple[Predictor, ...]
    weights: Floats

    def eta(self, table: Table) -> Floats:
        """Return ``[n, K]``."""
        total = np.zeros(())
        for weight, member in zip(self.weights, self.members, strict=True):
            total = total + weight * member.eta(table)
        return np.asarray(total)

    def state(self) -> dict[str, Any]:
        """Return the saved form."""
        return {"kind": self.kind, "members": [m.state() for m in self.members], "weights": self.weights}


def tree_inputs(encoder: Encoder, table: Table) -> Floats:
    """Return what trees see, ``[n, d]``: raw numbers with gaps as NaN, dates in days, codes of categories."""
    rows = encoder.transform(table)
    numbers = rows.numbers.copy()
    for j, name in enumerate(rows.names):
        if name.endswith(" is missing") and j and rows.origins[j] == rows.origins[j - 1]:
            numbers[rows.numbers[:, j] > 0.5, j - 1] = np.nan
    codes = [np.where(c >= 0, c, np.nan).astype(np.float64) for c in rows.codes.values()]
    return np.column_stack([numbers, *codes]) if codes else numbers


@dataclass(frozen=True, eq=False)
class TreesPredictor:
    """Gradient-boosted trees as arrays of nodes.

    Attributes:
        encoder: The columns' encoders.
        starts: ``[T]`` the first node of every tree.
        outputs: ``[T]`` the linear predictor that every tree adds to.
        baseline: ``[K]``.
        feature, threshold, left, right, value, leaf, missing_left: ``[nodes]``.
        category: ``[nodes]`` row of ``bits`` that holds the codes going left, or -1 for a split on a number.
        bits: ``[splits, 8]`` 256 bits per split on a category.
    """

    kind: ClassVar[str] = "trees"
    encoder: Encoder
    starts: npt.NDArray[np.int64]
    outputs: npt.NDArray[np.int64]
    baseline: Floats
    feature: npt.NDArray[np.int64]
    threshold: Floats
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    value: Floats
    leaf: npt.NDArray[np.bool_]
    missing_left: npt.NDArray[np.bool_]
    category: npt.NDArray[np.int64]
    bits: npt.NDArray[np.uint32]

    def _goes_left(self, seen: Floats, at: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Return which way the values ``seen`` go at the nodes ``at``."""
        left = seen <= self.threshold[at]
        split = self.category[at]
        by_code = np.flatnonzero((split >= 0) & ~np.isnan(seen))
        code = seen[by_code].astype(np.int64)
        word = self.bits[split[by_code], code >> 5]
        left[by_code] = (word >> (code & 31).astype(np.uint32)) & np.uint32(1) > 0
        return np.where(np.isnan(seen), self.missing_left[at], left)

    def eta(self, table: Table) -> Floats:
        """Return ``[n, K]``: every row walks every tree to its leaf."""
        parts = []
        for part in _chunks(table):
            x = tree_inputs(self.encoder, part)
            out = np.repeat(self.baseline[None, :], len(x), axis=0)
            every = np.arange(len(x))
            for start, output in zip(self.starts, self.outputs, strict=True):
                node = np.full(len(x), start)
                walking = every[~self.leaf[node]]
                while len(walking):
                    at = node[walking]
                    goes_left = self._goes_left(x[walking, self.feature[at]], at)
                    node[walking] = start + np.where(goes_left, self.left[at], self.right[at])
                    walking = walking[~self.leaf[node[walking]]]
                out[:, output] += self.value[node]
            parts.append(out)
        return np.concatenate(parts)

    def state(self) -> dict[str, Any]:
        """Return the saved form."""
        arrays = {k: v for k, v in self.__dict__.items() if k != "encoder"}
        return {"kind": self.kind, "encoder": self.encoder.state(), **arrays}


def notes_of(predictor: Predictor, table: Table) -> tuple[str, ...]:
    """Return what a method has to say about typed rows: whether they lie where it knows its way."""
    match predictor:
        case BlendPredictor():
            return tuple(dict.fromkeys(n for member in predictor.members for n in notes_of(member, table)))
        case OrdinalPredictor():
            return notes_of(predictor.linear, table)
        case LocalPredictor():
            return predictor.notes(table)
        case _:
            return ()


def _linear(state: dict[str, Any]) -> LinearPredictor:
    found = LinearPredictor(
        Encoder.from_state(state["encoder"]), Basis.from_state(state["basis"]), state["w"]
    )
    if found.w.ndim != 2 or len(found.w) != 1 + found.basis.size:
        raise ArtifactError(f"coefficients [{1 + found.basis.size}, K]", str(found.w.shape))
    return found


def _local(state: dict[str, Any]) -> LocalPredictor:
    return LocalPredictor.from_state(state, _linear(state["base"]))


def _ordinal(state: dict[str, Any]) -> Predictor:
    cutpoints, inner = np.asarray(state["cutpoints"], dtype=np.float64), state["linear"]
    linear = _local(inner) if inner.get("kind") == "local" else _linear(inner)
    plain = linear.base if isinstance(linear, LocalPredictor) else linear
    if cutpoints.ndim != 1 or plain.w.shape[1] != 1 or bool((np.diff(cutpoints) < 0).any()):
        raise ArtifactError("one column of coefficients, and cutpoints that rise", str(cutpoints.shape))
    return OrdinalPredictor(linear, cutpoints)


def _network(state: dict[str, Any]) -> Predictor:
    return NetworkPredictor(
        Encoder.from_state(state["encoder"]),
        Basis.from_state(state["basis"]),
        dict(state["arrays"]),
        state["activation"],
        float(state["centre"]),
        float(state["scale"]),
    )


def _trees(state: dict[str, Any]) -> Predictor:
    arrays = {k: v for k, v in state.items() if k not in {"kind", "encoder"}}
    return TreesPredictor(Encoder.from_state(state["encoder"]), **arrays)


def _blend(state: dict[str, Any]) -> Predictor:
    members = state["members"]
    if any(member.get("kind") == "blend" for member in members):
        raise ArtifactError("a blend of methods", "a blend of blends", "the artifact is damaged")
    return BlendPredictor(
        tuple(predictor_from_state(member) for member in members), np.asarray(state["weights"])
    )


_READERS: dict[str, Callable[[dict[str, Any]], Predictor]] = {
    "blend": _blend,
    "constant": lambda s: ConstantPredictor(s["values"]),
    "linear": _linear,
    "local": _local,
    "network": _network,
    "ordinal": _ordinal,
    "trees": _trees,
}


def predictor_from_state(state: dict[str, Any]) -> Predictor:
    """Read the saved form of any predictor through the closed list of kinds.

    Raises:
        ArtifactError: A kind that this version does not know.
    """
    if state.get("kind") not in _READERS:
        raise ArtifactError(f"a predictor of {', '.join(sorted(_READERS))}", repr(state.get("kind")))
    return _READERS[state["kind"]](state)
