"""Line search: its steps are good by our search's and SciPy's standards, and its ends hold."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.optimize import line_search as scipys

from fivefold.concepts.line_search import backtracking, line_search, verdict
from fivefold.optimize import search_wolfe

Curve = Callable[[float], float]
CURVES: dict[str, tuple[Curve, Curve]] = {
    "parabola": (lambda t: (t - 1.0) ** 2, lambda t: 2.0 * (t - 1.0)),
    "quartic": (lambda t: (t - 3.0) ** 4, lambda t: 4.0 * (t - 3.0) ** 3),
    "wave": (lambda t: 0.1 * t * t - np.sin(3.0 * t), lambda t: 0.2 * t - 3.0 * np.cos(3.0 * t)),
    "barrier": (
        lambda t: -np.log(2.0 - t) - 2.0 * t if t < 2.0 else np.nan,
        lambda t: 1.0 / (2.0 - t) - 2.0 if t < 2.0 else np.nan,
    ),
}


def ours(phi: Curve, slope: Curve, first: float, decrease: float, curvature: float) -> float:
    def evaluate(w: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        pairs = [(phi(float(t)), slope(float(t))) for t in w[:, 0]]
        found = torch.tensor(pairs, dtype=torch.float64)
        return found[:, 0], found[:, 1:]

    w = torch.zeros((1, 1), dtype=torch.float64)
    value, gradient = evaluate(w)
    along, trial = torch.ones_like(w), torch.tensor([first], dtype=torch.float64)
    move = search_wolfe(evaluate, w, value, gradient, along, trial, decrease=decrease, curvature=curvature)
    assert bool(move.found)
    return float(move.step)


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("first", [1e-3, 1.0, 50.0])
@pytest.mark.parametrize("curvature", [0.9, 0.1])
def test_fast_path(name: str, first: float, curvature: float) -> None:
    phi, slope = CURVES[name]
    step = line_search(phi, slope, first, 1e-4, curvature)[-1]
    theirs = ours(phi, slope, first, 1e-4, curvature)
    for t in (step, theirs):
        assert verdict(phi, slope, t, 1e-4, curvature) == "good"
        assert phi(t) <= phi(0.0) + 1e-4 * t * slope(0.0)
        assert abs(slope(t)) <= curvature * abs(slope(0.0))


@pytest.mark.parametrize("first", [1e-4, 0.003, 0.1])
def test_while_it_only_grows_it_is_our_search_step_by_step(first: float) -> None:
    phi, slope = CURVES["parabola"]
    tried = line_search(phi, slope, first)
    assert np.allclose(np.array(tried[1:]) / tried[:-1], 4.0)
    assert ours(phi, slope, first, 1e-4, 0.9) == pytest.approx(tried[-1], rel=1e-12)


def test_a_narrow_second_condition_finds_the_minimum() -> None:
    phi, slope = CURVES["quartic"]
    step = line_search(phi, slope, 0.1, curvature=1e-9)[-1]
    assert step == pytest.approx(3.0, abs=2e-3)  # |φ′| ≤ 1e-9 · 108 holds within 0.003 of it
    found = scipys(lambda w: phi(w[0]), lambda w: np.array([slope(w[0])]), np.zeros(1), np.ones(1))
    assert verdict(phi, slope, found[0]) == "good"


@pytest.mark.parametrize(
    ("t", "said"), [(0.05, "too short"), (0.7, "good"), (1.96, "too long"), (2.5, "too long")]
)
def test_words_for_a_step(t: float, said: str) -> None:
    assert verdict(*CURVES["parabola"], t) == said


def test_what_is_not_a_number_is_too_long() -> None:
    assert verdict(*CURVES["barrier"], 3.0) == "too long"
    assert backtracking(CURVES["barrier"][0], CURVES["barrier"][1](0.0), 16.0) < 2.0


def test_the_rounds_run_out_on_an_endless_slope() -> None:
    tried = line_search(lambda t: -t, lambda t: -1.0, 1.0, rounds=7)
    assert len(tried) == 7
    assert tried[-1] == 4.0**6
