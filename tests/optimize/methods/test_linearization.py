"""Points are linearised once each, and forgotten when the descent has left them."""

import torch

from fivefold.objective import ResidualObjective
from fivefold.optimize.methods.linear_residuals import linearize_residuals
from fivefold.optimize.methods.linearization import (
    DENSE_COLUMNS,
    Linearization,
    Linearizations,
    fits,
    random_signs,
)

F = ResidualObjective(lambda w: w**2 - 3, torch.ones(2, dtype=torch.float64))


def test_each_point_is_linearised_once() -> None:
    calls = []

    def linearize(w: torch.Tensor) -> Linearization:
        calls.append(w)
        return linearize_residuals(F, w)

    known = Linearizations(linearize)
    w = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64)
    known.distance(w, w)
    known.distance(w.clone(), w)
    assert known.around(w[1]) is known.around(w[1].clone())
    assert len(calls) == 2
    known.keep(w[:1])
    known.distance(w, w)
    assert len(calls) == 3


def test_what_is_formed_is_bounded() -> None:
    assert fits(1000, torch.zeros(DENSE_COLUMNS))
    assert not fits(1, torch.zeros(DENSE_COLUMNS + 1))
    assert not fits(10**6, torch.zeros(100, dtype=torch.float64))


def test_signs_are_the_same_at_each_call_and_balanced() -> None:
    signs = random_signs(1000, 4, torch.zeros(1))
    assert torch.equal(signs, random_signs(1000, 4, torch.zeros(1)))
    assert bool((signs.abs() == 1).all())
    # four standard deviations of a mean of 4000 signs
    assert abs(float(signs.mean())) < 4 / 4000**0.5
