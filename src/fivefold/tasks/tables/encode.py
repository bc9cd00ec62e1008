"""Typed columns to numbers: learned on training rows alone, replayed on any rows with NumPy alone.

A number becomes a standardised coordinate that is held inside the range seen in training, and within five
standard deviations of the mean, so that no basis can run away outside its data; a missing value becomes the
middle of the column and a flag. A category becomes a code among its known levels; a date a trend and the
seasons that its span can show; a text a few coordinates of its word counts. A category of more levels than
keep an effect of their own gets a coordinate besides, the shrunken mean of the target in its level.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from fivefold.core import ArtifactError, child_seed
from fivefold.tasks.tables.kinds import Kind
from fivefold.tasks.tables.levels import LevelMeans
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.table import Table
from fivefold.tasks.tables.words import WordEncoder

Floats = npt.NDArray[np.float64]
_FAR = 5.0
MOST_LEVELS = 300
"""Levels of a category that keep an effect of their own; rarer ones share what their mean says."""


@dataclass(frozen=True, eq=False)
class Encoded:
    """Rows as numbers.

    Attributes:
        numbers: ``[n, d]`` coordinates, standardised on the training rows.
        names: ``d`` names of the coordinates.
        origins: ``d`` the column that each coordinate comes from.
        codes: For every category its level ``[n]``, ``0 .. len(levels) - 1``, or -1 (unseen, rare, missing).
        levels: The known levels of every category.
    """

    numbers: Floats
    names: tuple[str, ...]
    origins: tuple[str, ...]
    codes: dict[str, npt.NDArray[np.int64]]
    levels: dict[str, tuple[str, ...]]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.numbers)


def _skewness(x: Floats) -> float:
    centred = x - x.mean()
    spread = float(np.sqrt(np.mean(centred**2)))
    return float(np.mean(centred**3)) / spread**3 if spread > 0 else 0.0


@dataclass(frozen=True, eq=False)
class NumberEncoder:
    r"""A number as :math:`z = (t(x) - m) / s`, clipped to the training range and to 5 deviations.

    :math:`t` is the identity; the logarithm :math:`\log(1 + x / c)`, :math:`c` the median of the positive
    values, is taken where the column has no negative value, is skewed (above 1.5) and the logarithm halves
    that.
    """

    kind: ClassVar[str] = "number"
    column: str
    unit: float  # c of the logarithm; 0 for the identity
    centre: float
    scale: float
    low: float
    high: float
    gaps: bool

    @classmethod
    def fit(cls, column: str, values: Floats) -> "NumberEncoder":
        """Learn the transform from training values ``[n]`` (NaN: missing)."""
        known = values[np.isfinite(values)]
        gaps = len(known) < len(values)
        if not len(known):
            return cls(column, 0.0, 0.0, 1.0, 0.0, 0.0, gaps)
        unit = 0.0
        skew = _skewness(known)
        if known.min() >= 0 and skew > 1.5 and (known > 0).any():
            candidate = float(np.median(known[known > 0]))
            if abs(_skewness(np.log1p(known / candidate))) < 0.5 * skew:
                unit = candidate
        shaped = np.log1p(known / unit) if unit else known
        # in units of a power of two near the largest value, so that no square leaves the range
        power = int(np.frexp(np.abs(shaped).max())[1])
        unitless = np.ldexp(shaped, -power)
        centre, scale = (float(np.ldexp(v, power)) for v in (unitless.mean(), unitless.std()))
        scale = scale if unitless.std() > 1e-12 * abs(float(unitless.mean())) and scale > 0 else 1.0
        z = (shaped - centre) / scale
        return cls(column, unit, centre, scale, max(float(z.min()), -_FAR), min(float(z.max()), _FAR), gaps)

    def transform(self, values: Any) -> tuple[Floats, list[str]]:
        """Return coordinates ``[n, 1 or 2]`` and their names."""
        x = np.asarray(values, dtype=np.float64)
        known = np.isfinite(x)
        x = np.where(known, x, 0.0)
        shaped = np.log1p(np.maximum(x, 0.0) / self.unit) if self.unit else x
        z = np.clip((shaped - self.centre) / self.scale, self.low, self.high)
        z = np.where(known, z, 0.0)
        if not self.gaps:
            return z[:, None], [self.column]
        return np.column_stack([z, np.where(known, 0.0, 1.0)]), [self.column, f"{self.column} is missing"]

    def invert(self, z: Floats) -> Floats:
        """Return the values of the column whose coordinates are ``z``."""
        shaped = z * self.scale + self.centre
        return np.expm1(shaped) * self.unit if self.unit else shaped

    def state(self) -> dict[str, Any]:
        """Return the learned numbers."""
        return {"kind": self.kind, **self.__dict__}


_DAY = np.timedelta64(1, "D")
_SEASONS = {"year": 365.2425, "week": 7.0, "day": 1.0}


@dataclass(frozen=True, eq=False)
class DateEncoder:
    """A date as a trend in days (a :class:`NumberEncoder`) and a sine and cosine per season it can show."""

    kind: ClassVar[str] = "date"
    column: str
    trend: NumberEncoder
    seasons: tuple[str, ...]

    @staticmethod
    def _days(values: Any) -> Floats:
        dates = np.asarray(values, dtype="datetime64[us]")
        days = (dates - np.datetime64("2000-01-01", "us")) / _DAY
        return np.where(np.isnat(dates), np.nan, days)

    @classmethod
    def fit(cls, column: str, values: Any) -> "DateEncoder":
        """Learn the trend's scale and which seasons (year, week, day) the training dates can show."""
        days = cls._days(values)
        known = days[np.isfinite(days)]
        seasons: list[str] = []
        if len(known):
            span = float(known.max() - known.min())
            within_day = bool(np.any(np.abs(known - np.round(known)) > 1e-9))
            daily = len(np.unique(np.floor(known) % 7)) > 4
            if span >= 330:
                seasons.append("year")
            if daily and span >= 14:
                seasons.append("week")
            if within_day and len(np.unique(np.round(known % 1.0, 3))) > 4:
                seasons.append("day")
        return cls(column, NumberEncoder.fit(column, days), tuple(seasons))

    def transform(self, values: Any) -> tuple[Floats, list[str]]:
        """Return coordinates ``[n, 1 + 2 * seasons]`` and their names."""
        days = self._days(values)
        trend, names = self.trend.transform(days)
        parts = [trend]
        known = np.isfinite(days)
        for season in self.seasons:
            angle = 2 * np.pi * np.where(known, days, 0.0) / _SEASONS[season]
            parts += [
                np.where(known, np.sin(angle), 0.0)[:, None],
                np.where(known, np.cos(angle), 0.0)[:, None],
            ]
            names += [f"{self.column} ({season}, sine)", f"{self.column} ({season}, cosine)"]
        return np.column_stack(parts), names

    def state(self) -> dict[str, Any]:
        """Return the learned numbers."""
        return {
            "kind": self.kind,
            "column": self.column,
            "trend": self.trend.state(),
            "seasons": list(self.seasons),
        }


@dataclass(frozen=True, eq=False)
class CategoryEncoder:
    """A category as the code of its level; unseen and rare ones get -1, missing ones too unless a level."""

    kind: ClassVar[str] = "category"
    column: str
    levels: tuple[str, ...]
    missing_level: bool

    MISSING: ClassVar[str] = "(missing)"

    @classmethod
    def fit(cls, column: str, values: Any) -> "CategoryEncoder":
        """Learn the levels: the most frequent :data:`MOST_LEVELS` that occur twice (below 20 rows: once)."""
        counts: dict[str, int] = {}
        missing = 0
        for value in values:
            if value is None:
                missing += 1
            else:
                counts[value] = counts.get(value, 0) + 1
        least = 2 if len(values) >= 20 else 1
        kept = sorted((v for v, c in counts.items() if c >= least), key=lambda v: (-counts[v], v))[
            :MOST_LEVELS
        ]
        missing_level = missing >= least
        return cls(column, tuple(kept) + ((cls.MISSING,) if missing_level else ()), missing_level)

    def codes(self, values: Any) -> npt.NDArray[np.int64]:
        """Return the code ``[n]`` of every value."""
        table: dict[str | None, int] = {level: i for i, level in enumerate(self.levels)}
        if self.missing_level:
            table[None] = len(self.levels) - 1
        return np.fromiter((table.get(v, -1) for v in values), dtype=np.int64, count=len(values))

    def state(self) -> dict[str, Any]:
        """Return the learned levels."""
        return {
            "kind": self.kind,
            "column": self.column,
            "levels": list(self.levels),
            "missing_level": self.missing_level,
        }


Column = NumberEncoder | DateEncoder | WordEncoder | LevelMeans


@dataclass(frozen=True, eq=False)
class Encoder:
    """All columns of a table, each by its own encoder."""

    numbers: tuple[Column, ...]
    categories: tuple[CategoryEncoder, ...]

    @classmethod
    def fit(cls, table: Table, schema: Schema) -> "Encoder":
        """Learn every column's encoder from training rows.

        Args:
            table: Rows typed by ``schema.apply``, without the target.
            schema: The kind of every column; identifiers are left out.
        """
        numbers: list[Column] = []
        categories: list[CategoryEncoder] = []
        for column in schema.columns:
            if column.name not in table.columns:
                continue
            values = table.column(column.name)
            if column.kind in (Kind.NUMBER, Kind.BOOLEAN):
                numbers.append(NumberEncoder.fit(column.name, np.asarray(values, dtype=np.float64)))
            elif column.kind is Kind.DATE:
                numbers.append(DateEncoder.fit(column.name, values))
            elif column.kind is Kind.TEXT:
                numbers.append(WordEncoder.fit(column.name, values))
            elif column.kind is Kind.CATEGORY:
                categories.append(CategoryEncoder.fit(column.name, values))
        return cls(tuple(numbers), tuple(categories))

    @classmethod
    def learn(cls, table: Table, schema: Schema, targets: Floats, seed: int = 0) -> "tuple[Encoder, Encoded]":
        """Learn every column's encoder, the means of many levels too, and return the training rows encoded.

        Those are not what ``transform`` gives for the same rows: no row sees its own target in its level's.

        Args:
            table: Rows typed by ``schema.apply``, without the target.
            schema: The kind of every column.
            targets: ``[n, q]`` centred targets.
            seed: Seed of the folds that keep a row's own target out.
        """
        plain = cls.fit(table, schema)
        found = [
            LevelMeans.fit(c.column, table.column(c.column), targets, child_seed(seed, "levels"))
            for c in plain.categories
            if len(c.levels) >= MOST_LEVELS
        ]
        kept = [pair for pair in found if pair is not None]
        encoder = cls((*plain.numbers, *(means for means, _ in kept)), plain.categories)
        return encoder, encoder.transform(table, {means.column: own for means, own in kept})

    def transform(self, table: Table, crossed: Mapping[str, Floats] | None = None) -> Encoded:
        """Return the rows of a typed table as numbers.

        Args:
            table: Typed rows.
            crossed: Coordinates ``[n, q]`` of training rows in the place of the level means, by column.
        """
        parts: list[Floats] = []
        names: list[str] = []
        origins: list[str] = []
        for encoder in self.numbers:
            if isinstance(encoder, LevelMeans) and crossed:
                block, labels = crossed[encoder.column], encoder.names()
            else:
                block, labels = encoder.transform(table.column(encoder.column))
            parts.append(block)
            names += labels
            origins += [encoder.column] * len(labels)
        numbers = np.column_stack(parts) if parts else np.zeros((table.rows, 0))
        codes = {c.column: c.codes(table.column(c.column)) for c in self.categories}
        levels = {c.column: c.levels for c in self.categories}
        return Encoded(numbers, tuple(names), tuple(origins), codes, levels)

    def state(self) -> dict[str, Any]:
        """Return the saved form."""
        return {"columns": [e.state() for e in (*self.numbers, *self.categories)]}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Encoder":
        """Read the saved form.

        Raises:
            ArtifactError: A column of a kind that this version does not know.
        """
        numbers: list[Column] = []
        categories: list[CategoryEncoder] = []
        for record in state["columns"]:
            fields = {key: value for key, value in record.items() if key != "kind"}
            match record["kind"]:
                case "number":
                    numbers.append(NumberEncoder(**fields))
                case "date":
                    trend = {k: v for k, v in fields["trend"].items() if k != "kind"}
                    numbers.append(
                        DateEncoder(fields["column"], NumberEncoder(**trend), tuple(fields["seasons"]))
                    )
                case "level means":
                    numbers.append(LevelMeans(**{**fields, "levels": tuple(fields["levels"])}))
                case "words":
                    numbers.append(WordEncoder.from_state(record))
                case "category":
                    categories.append(
                        CategoryEncoder(
                            fields["column"], tuple(fields["levels"]), bool(fields["missing_level"])
                        )
                    )
                case other:
                    raise ArtifactError(
                        "an encoder of number, date, words, category or level means", repr(other)
                    )
        return cls(tuple(numbers), tuple(categories))
