"""Each peer reaches the minimum of a valley that all of them can do, through the counted objective."""

import contextlib

import pytest
import torch

from fivefold.core import Budget
from fivefold.objective import Objective
from fivefold.optimize.comparison.counted import count_evaluations
from fivefold.optimize.comparison.peers import PEERS, SECOND
from fivefold.optimize.comparison.trace import Recorder, SpentError

START = torch.tensor([-1.2, 1.0], dtype=torch.float64)


def valley(w: torch.Tensor) -> torch.Tensor:
    return (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2


def run(name: str, F: Objective) -> Recorder:
    """Let a peer spend 500 gradients at most; some go on for as long as they may."""
    recorder = Recorder(START, gradients=500)
    with contextlib.suppress(SpentError):
        PEERS[name](count_evaluations(F, recorder), START, Budget())
    return recorder


@pytest.mark.parametrize("name", PEERS)
def test_every_peer_finds_the_minimum(name: str) -> None:
    recorder = run(name, Objective.from_function(valley, START))
    trace = recorder.trace("")
    assert torch.allclose(trace.w, torch.ones(2, dtype=torch.float64), atol=1e-5)
    assert trace.best < 1e-10
    assert 10 < recorder.gradients <= 500


@pytest.mark.parametrize("name", sorted(set(PEERS) - {f"scipy:{each}" for each in SECOND}))
def test_the_own_stopping_test_does_not_decide(name: str) -> None:
    """Values a millionfold smaller, where default tolerances of 1e-5 on the gradient would stop early.

    SciPy's methods with Hessian products hold constants for curvature that no option reaches.
    """
    assert run(name, Objective.from_function(lambda w: 1e-6 * valley(w), START)).trace("").best < 1e-14


@pytest.mark.parametrize("name", ["scipy:BFGS", "torch:LBFGS"])
def test_the_end_is_returned(name: str) -> None:
    end = PEERS[name](Objective.from_function(valley, START), START, Budget())
    assert torch.allclose(end, torch.ones(2, dtype=torch.float64), atol=1e-5)


def test_the_start_is_not_written_to() -> None:
    F = Objective.from_function(valley, START)
    start = START.clone()
    for name in ("torch:LBFGS", "scipy:BFGS"):
        PEERS[name](F, start, Budget())
    assert torch.equal(start, START)


def test_float32_stays() -> None:
    F = Objective.from_function(valley, START.float())
    assert PEERS["scipy:L-BFGS-B"](F, START.float(), Budget()).dtype == torch.float32
