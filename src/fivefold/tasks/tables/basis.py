r"""Bases: encoded rows to the columns of a linear model, block by block.

Every block learns its few numbers on training rows and is replayed with NumPy alone. The coordinates arrive
held inside their training range, so no block can run away outside its data. A row's columns have the same
bits whatever rows stand beside it.

- ``linear``: the coordinates themselves.
- ``levels``: one indicator per level of a category; with a prior on its coefficients the levels are shrunken
  towards their mean (random intercepts).
- ``spline``: the cubic smoothing spline of one coordinate. With knots :math:`\kappa` and the covariance
  :math:`k(s, t) = |s - t| v^2 / 2 + v^3 / 3,\ v = \min(s, t)` of integrated Brownian motion, the columns are
  :math:`k(x, \kappa) L^{-\top}` with :math:`L L^\top = k(\kappa, \kappa)`: a normal prior on their
  coefficients is the penalty :math:`\int f''^2` (Wahba, Spline Models for Observational Data, 1990).
- ``products``: products of pairs of coordinates.
- ``slopes``: a coordinate times the indicators of a category (random slopes).
- ``fourier``: :math:`\cos(Wx), \sin(Wx)` with random frequencies whose distribution is the spectrum of a
  kernel (Rahimi and Recht, Random features for large-scale kernel machines, 2007), here the Matern kernel
  with smoothness 3/2: :math:`W` is normal over the root of a chi-square variable with 3 degrees of freedom
  over 3.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from fivefold.core import ArtifactError
from fivefold.tasks.tables.encode import Encoded
from fivefold.tasks.tables.rowwise import single_product, term_sums

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]


class Block(Protocol):
    """Some columns of the design."""

    @property
    def size(self) -> int:
        """Number of columns."""
        ...

    def columns(self, rows: Encoded) -> Singles:
        """Return the columns ``[n, size]``."""
        ...

    def state(self) -> dict[str, Any]:
        """Return the saved form."""
        ...


@dataclass(frozen=True, eq=False)
class LinearBlock:
    """The coordinates themselves, times ``scale``."""

    kind: ClassVar[str] = "linear"
    size: int
    scale: float = 1.0

    def columns(self, rows: Encoded) -> Singles:
        """Return ``scale * z``, ``[n, d]``."""
        return (rows.numbers * self.scale).astype(np.float32)

    def state(self) -> dict[str, Any]:
        """Return the saved form."""
        return {"kind": self.kind, "size": self.size, "scale": self.scale}


@dataclass(frozen=True, eq=False)
class LevelsBlock:
    """Indicators of the levels of one category, times ``scale``; an unknown level is all zero."""

    kind: ClassVar[str] = "levels"
    column: str
    size: int
    scale: float = 1.0

    def columns(self, rows: Encoded) -> Singles:
        """Return the indicators ``[n, levels]``."""
        codes = rows.codes[self.column]
        out = np.zeros((len(codes), self.size), dtype=np.float32)
        known = np.flatnonzero(codes >= 0)
        out[known, codes[known]] = self.scale
        return out

    def state(self) -> dict[str, Any]:
        """Return the saved form."""
        return {"kind": self.kind, "column": self.column, "size": self.size, "scale": self.scale}


def _integrated_brownian(s: Floats, t: Floats) -> Floats:
    """Covariance of integrated Brownian motion at ``s [n]`` and ``t [m]`` in [0, infinity)."""
    v = np.minimum(s[:, None], t[None, :])
    covariance: Floats = np.abs(s[:, None] - t[None, :]) * v**2 / 2 + v**3 / 3
    return covariance


@dataclass(frozen=True, eq=False)
class SplineBlock:
    """The cubic smoothing spline of coordinate ``index``, at quantile knots."""

    kind: ClassVar[str] = "spline"
    index: int
    low: float
    width: float
    knots: Floats
    whitening: Floats

    @property
    def size(self) -> int:
        """Number of columns."""
        return int(self.whitening.shape[1])

    @classmethod
    def fit(cls, index: int, z: Floats, knots: int = 10) -> "SplineBlock | None":
        """Place knots at quantiles of ``z [n]``; ``None`` where it has fewer than 4 distinct values."""
        distinct = np.unique(z)
        if len(distinct) < 4:
            return None
        low, width = float(distinct[0]), float(distinct[-1] - distinct[0])
        at = np.unique(
            np.quantile(distinct if len(distinct) <= knots else z, np.linspace(0, 1, knots + 1)[1:])
        )
        at = (at - low) / width
        at = at[at > 1e-3]
        eigenvalues, vectors = np.linalg.eigh(_integrated_brownian(at, at))
        keep = eigenvalues > 1e-9 * eigenvalues[-1]
        return cls(index, low, width, at, vectors[:, keep] / np.sqrt(eigenvalues[keep]))

    def columns(self, rows: Encoded) -> Singles:
        """Return the columns ``[n, size]``."""
        x = np.clip((rows.numbers[:, self.index] - self.low) / self.width, 0.0, 1.0)
        return term_sums(_integrated_brownian(x, self.knots), self.whitening).astype(np.float32)

    def state(self) -> dict[str, Any]:
        """Return the saved form."""
        return {"kind": self.kind, **self.__dict__}


@dataclass(frozen=True, eq=False)
class ProductsBlock:
    """Products of pairs of coordinates, ``pairs [m, 2]``, each less its training mean."""

    kind: ClassVar[str] = "products"
    pairs: npt.NDArray[np.int64]
    means: Floats

    @property
    def size(self) -> int:
        """Number of columns."""
        return len(self.pairs)

    def columns(self, rows: Encoded) -> Singles:
        """Return the products ``[n, m]``."""
        z = rows.numbers
        return (z[:, self.pairs[:, 0]] * z[:, self.pairs[:, 1]] - self.means).astype(np.float32)

    def state(self) -> dict[str, Any]:
        """Return the saved form."""
        return {"kind": self.kind, "pairs": self.pairs, "means": self.means}


@dataclass(frozen=True, eq=False)
class SlopesBlock:
    """Coordinate ``index`` times the indicators of a category's levels."""

    kind: ClassVar[str] = "slopes"
    column: str
    index: int
    size: int

    def columns(self, rows: Encoded) -> Singles:
        """Return the columns ``[n, levels]``."""
        codes = rows.codes[self.column]
        out = np.zeros((len(codes), self.size), dtype=np.float32)
        known = np.flatnonzero(codes >= 0)
        out[known, codes[known]] = rows.numbers[known, self.index]
        return out

    def state(self) -> dict[str, Any]:
        """Return the saved form."""
        return {"kind": self.kind, "column": self.column, "index": self.index, "size": self.size}


def kernel_inputs(rows: Encoded, categories: Sequence[str]) -> Floats:
    """Return coordinates and the indicators of ``categories`` side by side, ``[n, D]``: what kernels see."""
    parts = [rows.numbers]
    for column in categories:
        codes = rows.codes[column]
        parts.append((codes[:, None] == np.arange(len(rows.levels[column]))).astype(np.float64))
    return np.column_stack(parts)


@dataclass(frozen=True, eq=False)
class FourierBlock:
    """Cosines and sines of ``frequencies [D, m]`` times the kernel inputs, times ``scale``."""

    kind: ClassVar[str] = "fourier"
    frequencies: Singles
    categories: tuple[str, ...]
    scale: float

    @classmethod
    def draw(
        cls,
        inverse_scales: Floats,
        amplitude: float,
        count: int,
        categories: Sequence[str],
        generator: np.random.Generator,
    ) -> "FourierBlock":
        """Draw frequencies of the Matern 3/2 kernel.

        Args:
            inverse_scales: ``[D]`` inverse length scale of every kernel input.
            amplitude: Variance of the kernel.
            count: Number of frequencies m; the block has 2 m columns.
            categories: Categories whose indicators follow the coordinates among the inputs.
            generator: Source of randomness.
        """
        normal = generator.standard_normal((len(inverse_scales), count))
        tail = np.sqrt(generator.chisquare(3.0, count) / 3.0)
        frequencies = (normal / tail * inverse_scales[:, None]).astype(np.float32)
        return cls(frequencies, tuple(categories), float(np.sqrt(amplitude / count)))

    @property
    def size(self) -> int:
        """Number of columns."""
        return 2 * int(self.frequencies.shape[1])

    def columns(self, rows: Encoded) -> Singles:
        """Return the columns ``[n, 2 m]``."""
        phase = single_product(kernel_inputs(rows, self.categories), self.frequencies)
        out = np.empty((len(phase), self.size), dtype=np.float32)
        half = phase.shape[1]
        np.cos(phase, out=out[:, :half])
        np.sin(phase, out=out[:, half:])
        out *= np.float32(self.scale)
        return out

    def state(self) -> dict[str, Any]:
        """Return the saved form."""
        return {
            "kind": self.kind,
            "frequencies": self.frequencies,
            "categories": list(self.categories),
            "scale": self.scale,
        }


_READERS: dict[str, Callable[[dict[str, Any]], Block]] = {
    "linear": lambda s: LinearBlock(int(s["size"]), float(s["scale"])),
    "levels": lambda s: LevelsBlock(s["column"], int(s["size"]), float(s["scale"])),
    "spline": lambda s: SplineBlock(int(s["index"]), s["low"], s["width"], s["knots"], s["whitening"]),
    "products": lambda s: ProductsBlock(s["pairs"], s["means"]),
    "slopes": lambda s: SlopesBlock(s["column"], int(s["index"]), int(s["size"])),
    "fourier": lambda s: FourierBlock(s["frequencies"], tuple(s["categories"]), float(s["scale"])),
}


@dataclass(frozen=True, eq=False)
class Basis:
    """Blocks side by side."""

    blocks: tuple[Block, ...]

    @property
    def size(self) -> int:
        """Number of columns."""
        return sum(self.sizes)

    @property
    def sizes(self) -> list[int]:
        """Number of columns of every block."""
        return [block.size for block in self.blocks]

    def design(self, rows: Encoded) -> Singles:
        """Return the design matrix ``[n, size]`` in float32."""
        out = np.empty((rows.rows, self.size), dtype=np.float32)
        at = 0
        for block in self.blocks:
            out[:, at : at + block.size] = block.columns(rows)
            at += block.size
        return out

    def state(self) -> dict[str, Any]:
        """Return the saved form."""
        return {"blocks": [block.state() for block in self.blocks]}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Basis":
        """Read the saved form.

        Raises:
            ArtifactError: A block of a kind that this version does not know.
        """
        blocks = []
        for record in state["blocks"]:
            if record["kind"] not in _READERS:
                raise ArtifactError(f"a block of {', '.join(sorted(_READERS))}", repr(record["kind"]))
            blocks.append(_READERS[record["kind"]](record))
        return cls(tuple(blocks))


def plain_blocks(rows: Encoded) -> list[Block]:
    """Return the blocks of plain effects: coordinates and shrunken levels."""
    blocks: list[Block] = [LinearBlock(rows.numbers.shape[1])] if rows.numbers.shape[1] else []
    blocks += [LevelsBlock(column, len(levels)) for column, levels in rows.levels.items() if levels]
    return blocks


def spline_blocks(rows: Encoded, most: int = 200) -> list[Block]:
    """Return a smoothing spline for every coordinate with at least 4 distinct values."""
    found = (SplineBlock.fit(i, rows.numbers[:, i]) for i in range(min(rows.numbers.shape[1], most)))
    return [block for block in found if block is not None]


def interaction_blocks(
    rows: Encoded, residual: Floats, most_pairs: int = 150, most_slopes: int = 3
) -> list[Block]:
    """Return products and slopes that the residual of the additive model calls for.

    Args:
        rows: Training rows.
        residual: ``[n]`` or ``[n, q]`` residual of the model without interactions.
        most_pairs: Most products; those with the largest correlation with the residual are kept.
        most_slopes: Most coordinates with slopes by the levels of each category.
    """
    z = rows.numbers
    d = z.shape[1]
    residual = residual.reshape(rows.rows, -1)
    residual = residual / np.maximum(np.sqrt((residual**2).sum(0)), 1e-300)
    blocks: list[Block] = []
    if d >= 2:
        first, second = np.triu_indices(min(d, 60), k=0)
        scores = np.empty(len(first))
        for at in range(0, len(first), 256):
            part = slice(at, at + 256)
            product = z[:, first[part]] * z[:, second[part]]
            product -= product.mean(0)
            norm = np.sqrt((product**2).sum(0))
            scores[part] = np.abs(product.T @ residual).max(1) / np.maximum(norm, 1e-12)
        keep = np.sort(np.argsort(-scores, kind="stable")[:most_pairs])
        pairs = np.column_stack([first[keep], second[keep]]).astype(np.int64)
        blocks.append(ProductsBlock(pairs, (z[:, pairs[:, 0]] * z[:, pairs[:, 1]]).mean(0)))
    for column, levels in rows.levels.items():
        if not 2 <= len(levels) <= 100:
            continue
        codes = rows.codes[column]
        gains = []
        for j in range(min(d, 60)):
            by_level = np.zeros((len(levels), residual.shape[1]))
            squares = np.zeros(len(levels))
            known = codes >= 0
            np.add.at(by_level, codes[known], z[known, j, None] * residual[known])
            np.add.at(squares, codes[known], z[known, j] ** 2)
            gains.append(float((by_level**2 / np.maximum(squares, 1e-12)[:, None]).sum()))
        for j in sorted(np.argsort(-np.array(gains), kind="stable")[:most_slopes]):
            blocks.append(SlopesBlock(column, int(j), len(levels)))
    return blocks
