r"""Prediction by a linear model whose coefficients vary from place to place.

.. math::
    \eta(x, u) = \eta_0(x) + f(u) \sum_a v_a(u) \left(\alpha_a + (u - u_a)^\top g_a + x^\top \delta_a\right)

:math:`\eta_0` is the global model, :math:`\delta_a` the deviation of the coefficients at anchor :math:`a`,
:math:`\alpha_a + (u - u_a)^\top g_a` that of the level, a plane. The weights :math:`v_a` are those of the
nearest eight anchors (fewer where there are fewer) by the modified Shepard formula

.. math:: v_a \propto \left(\frac{R - d_a}{d_a}\right)^2,

:math:`d_a` the distance to the anchor and :math:`R` that to the next one after the eight: continuous in u,
and at an anchor its own coefficients (Franke and Nielson, Smooth interpolation of large sets of scattered
data, 1980). Beyond the reach :math:`h_a` of the anchors' neighbourhoods the deviation fades,
:math:`f = (1 - t^2)^2` with :math:`t = \min_a d_a / h_a - 1` held in [0, 1], to nothing at twice the reach; a
row without a place has none. There the answer is the global model's.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from fivefold.core import ArtifactError
from fivefold.tasks.tables.basis import kernel_inputs
from fivefold.tasks.tables.encode import Encoded
from fivefold.tasks.tables.places import Places, squares
from fivefold.tasks.tables.table import Table

if TYPE_CHECKING:
    from fivefold.tasks.tables.predictors import LinearPredictor

Floats = npt.NDArray[np.float64]
_NEAR = 8
_CHUNK, _BLOCK = 8192, 1024
_TOUCH = 1e-9
"""Distance, relative to R, at which a row counts as lying on an anchor."""


@dataclass(frozen=True, eq=False)
class LocalPredictor:
    """A global linear model and the deviations of some of its coefficients at anchor places.

    Attributes:
        base: The global model.
        places: The columns of the coordinates.
        categories: Categories whose levels have coefficients that vary.
        index: ``[p]`` which kernel inputs (coordinates, then indicators) have coefficients that vary.
        centre: ``[p]`` their training means.
        anchors: ``[m, D]`` points.
        reach: ``[m]`` radius of every anchor's neighbourhood.
        level: ``[m]`` deviation of the level.
        slope: ``[m, D]`` slope of the level over the surface.
        deviation: ``[m, p]`` deviations of the coefficients.
    """

    kind: ClassVar[str] = "local"
    base: "LinearPredictor"
    places: Places
    categories: tuple[str, ...]
    index: npt.NDArray[np.int64]
    centre: Floats
    anchors: Floats
    reach: Floats
    level: Floats
    slope: Floats
    deviation: Floats

    def inputs(self, rows: Encoded) -> Floats:
        """Return the columns ``[n, p]`` whose coefficients vary, about their training means."""
        return np.asarray(kernel_inputs(rows, self.categories)[:, self.index] - self.centre)

    def eta(self, table: Table) -> Floats:
        """Return ``[n, 1]``."""
        parts = []
        for at in range(0, max(table.rows, 1), _CHUNK):
            part = table.take(slice(at, at + _CHUNK))
            rows = self.base.encoder.transform(part)
            eta = self.base.eta_encoded(rows)
            points, x = self.places.points(part), self.inputs(rows)
            for start in range(0, len(x), _BLOCK):
                here = slice(start, start + _BLOCK)
                eta[here, 0] += self._deviation(points[here], x[here])
            parts.append(eta)
        return np.concatenate(parts)

    def _near(self, points: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
        """Return the nearest anchors ``[n, J]`` and their distances; the last one only sets R."""
        square = squares(points, self.anchors)
        count = min(_NEAR + 1, len(self.anchors))
        near = np.argpartition(square, count - 1, axis=1)[:, :count]
        near = np.sort(near, axis=1)  # an order that depends on nothing but the row
        return near, np.sqrt(np.take_along_axis(square, near, axis=1))

    def _deviation(self, points: Floats, x: Floats) -> Floats:
        out = np.zeros(len(x))
        known = np.flatnonzero(np.isfinite(points[:, 0]))
        if not len(known):
            return out
        points, x = points[known], np.ascontiguousarray(x[known])
        near, distance = self._near(points)
        radius = distance.max(1)
        weights = ((radius[:, None] - distance) / (distance + _TOUCH * radius[:, None] + 1e-300)) ** 2
        weights += 1e-12  # where all anchors are equally far
        total, part = np.zeros(len(x)), np.zeros(len(x))
        for j in range(near.shape[1]):
            a = near[:, j]
            value = self.level[a] + (x * self.deviation[a]).sum(1)
            for k in range(points.shape[1]):
                value += (points[:, k] - self.anchors[a, k]) * self.slope[a, k]
            total += weights[:, j] * value
            part += weights[:, j]
        out[known] = total / part * self._fade(near, distance)
        return out

    def _fade(self, near: npt.NDArray[np.int64], distance: Floats) -> Floats:
        t = np.clip((distance / self.reach[near]).min(1) - 1.0, 0.0, 1.0)
        return np.asarray((1.0 - t**2) ** 2)

    def notes(self, table: Table) -> tuple[str, ...]:
        """Say how many rows lie outside the places that training knows, or have none."""
        points = self.places.points(table)
        none = ~np.isfinite(points[:, 0])
        far = 0
        for at in range(0, len(points), _BLOCK):
            part = points[at : at + _BLOCK][~none[at : at + _BLOCK]]
            if len(part):
                far += int((squares(part, self.anchors) > self.reach**2).all(1).sum())
        pair = f"{self.places.first} and {self.places.second}"
        found = []
        if none.any():
            found.append(
                f"{int(none.sum()):,} rows without a place ({pair}): global coefficients answer for them"
            )
        if far:
            found.append(
                f"{far:,} rows lie outside the places of the training rows ({pair}): the further out, the "
                "more the global coefficients answer for them"
            )
        return tuple(found)

    def state(self) -> dict[str, Any]:
        """Return the saved form."""
        arrays = {k: v for k, v in self.__dict__.items() if k not in {"base", "places", "categories"}}
        return {
            "kind": self.kind,
            "base": self.base.state(),
            "places": self.places.state(),
            "categories": list(self.categories),
            **arrays,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], base: "LinearPredictor") -> "LocalPredictor":
        """Read the saved form, the global model having been read.

        Raises:
            ArtifactError: Arrays that do not fit each other.
        """
        arrays = {
            k: np.asarray(state[k])
            for k in ("index", "centre", "anchors", "reach", "level", "slope", "deviation")
        }
        where = state["places"]
        places = Places(str(where["first"]), str(where["second"]), bool(where["sphere"]))
        found = cls(base, places, tuple(map(str, state["categories"])), **arrays)
        (m, dimension), p = found.anchors.shape, len(found.index)
        wanted = {
            "anchors": (m, 3 if places.sphere else 2),
            "reach": (m,),
            "level": (m,),
            "slope": (m, dimension),
        }
        wanted |= {"deviation": (m, p), "centre": (p,)}
        for name, shape in wanted.items():
            if arrays[name].shape != shape or m < 1:
                raise ArtifactError(
                    f"{name} {list(shape)}", str(list(arrays[name].shape)), "the artifact is damaged"
                )
        if not (found.reach > 0).all():
            raise ArtifactError(
                "a positive reach of every anchor", "one that is not", "the artifact is damaged"
            )
        return found
