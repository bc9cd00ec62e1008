"""Values at the published starts, by hand or from another decoding of the same functions."""

import pytest
import torch

from fivefold.optimize.comparison.problems.more_garbow_hillstrom_small import helical_valley, small_problems

# sums of squares at the starts, by the CUTEst decoding (ROSENBR, FREUROTH, BROWNBS, BEALE, HELIX, POWELLSG,
# WOODS, BROWNDEN) and by hand: (1 - 0)... of Powell's badly scaled function
AT_START = {
    "rosenbrock": 24.2,
    "freudenstein-roth": 400.5,
    "powell-badly-scaled": 1 + (1 + 0.36787944117144233 - 1.0001) ** 2,
    "brown-badly-scaled": 999998000003.0,
    "beale": 14.203125,
    "helical-valley": 2500.0,
    "powell-singular": 215.0,
    "wood": 19192.0,
    "brown-dennis": 7926693.336997432,
}


@pytest.mark.parametrize("problem", small_problems(), ids=lambda problem: problem.name)
def test_value_at_the_start(problem) -> None:
    assert 2 * float(problem.make().value(problem.starts[0])) == pytest.approx(AT_START[problem.name], 1e-11)


@pytest.mark.parametrize(
    ("w", "turn"),
    [
        ((0.0, 1.0), 0.25),
        ((0.0, -1.0), -0.25),
        ((-1.0, -1.0), 0.625),
        ((-1.0, 1.0), 0.375),
        ((1.0, -1.0), -0.125),
    ],
)
def test_the_helix_turns_as_published(w: tuple[float, float], turn: float) -> None:
    """arctan(w_2 / w_1) / 2 pi, and half a turn more where w_1 < 0."""
    r = helical_valley(torch.tensor([*w, 0.0], dtype=torch.float64))
    assert float(r[0]) == pytest.approx(-100 * turn)
