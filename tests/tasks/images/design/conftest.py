"""What the tests of the design of architectures share."""

from collections.abc import Collection

import numpy as np
import pytest

from fivefold.tasks.images.design.early_stopping import Bars
from fivefold.tasks.images.design.genome import Genome, Unit
from fivefold.tasks.images.design.trial import Candidate, Ending, Trial

_OPTIMUM = Genome.from_key("R:basic:32:2|P:max|D:8:3|R:bottleneck:64:3|P:mean|R:basic:64:1")


def _distance(one: tuple[Unit, ...], other: tuple[Unit, ...]) -> float:
    """Edits between two lists of units: 1 to add or remove one, 1/4 for each field that differs in a sort."""
    rows = [[float(j) for j in range(len(other) + 1)]]
    for i, unit in enumerate(one, start=1):
        row = [float(i)]
        for j, theirs in enumerate(other, start=1):
            a, b = unit.code.split(":"), theirs.code.split(":")
            swap = sum(x != y for x, y in zip(a, b, strict=True)) / 4 if a[0] == b[0] else 1.0
            row.append(min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + swap))
        rows.append(row)
    return rows[-1][-1]


class _Landscape:
    """Accuracy 1 / (1 + distance to the optimum); counts its calls."""

    optimum = _OPTIMUM

    def __init__(self, refused: str = "") -> None:
        self.asked: list[str] = []
        self.refused = refused

    def __call__(self, candidate: Candidate, bars: Bars, tried: Collection[str]) -> Trial:
        assert candidate.key not in tried
        self.asked.append(candidate.key)
        value = 1 / (1 + _distance(candidate.child.genome.units, _OPTIMUM.units))
        common = (candidate.key, candidate.key, candidate.generation, candidate.parents, "")
        if self.refused and self.refused in candidate.key:
            return Trial(*common, Ending.REFUSED, "planted", 0.0)
        if bars.stops(0, value):
            return Trial(*common, Ending.STOPPED, "below", value, (value,))
        return Trial(*common, Ending.TRAINED, "", value, (value,) * 3)


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator of a fixed seed."""
    return np.random.default_rng(20)


@pytest.fixture
def Landscape() -> type[_Landscape]:  # a class
    """The class of a fitness without training."""
    return _Landscape
