"""The landscape against closed forms of a quadratic away from the origin, and against plain loops."""

import math

import pytest
import torch

from fivefold.core import ArgumentError, NumericalError, Status
from fivefold.objective import DataObjective, Linear, Objective
from fivefold.optimize.comparison import landscape as rooms
from fivefold.optimize.comparison.landscape import (
    along_path,
    block_size,
    descent_steps,
    landscape,
    plane_values,
    project,
    values_at,
)
from fivefold.probability import Gaussian, GaussianPrior


def quadratic(values: list[float], seed: int = 0) -> tuple[Objective, torch.Tensor, torch.Tensor]:
    """F(w) = (w - m)^T Q diag(values) Q^T (w - m) / 2, with Q and m."""
    draw = torch.Generator().manual_seed(seed)
    size = len(values)
    Q = torch.linalg.qr(torch.randn(size, size, generator=draw, dtype=torch.float64))[0]
    m = torch.randn(size, generator=draw, dtype=torch.float64)
    H = Q @ torch.diag(torch.tensor(values, dtype=torch.float64)) @ Q.mT
    return Objective.from_function(lambda w: 0.5 * (w - m) @ H @ (w - m), torch.zeros(size).double()), Q, m


def test_eigen_directions_of_a_quadratic() -> None:
    F, Q, m = quadratic([1.0, 100.0, 10.0])
    found = landscape(F, m + 1)
    assert found.whole
    # products of float64 matrices of norm 100
    torch.testing.assert_close(found.values, torch.tensor([100.0, 10.0, 1.0]).double(), atol=1e-11, rtol=0)
    steepest, flattest = found.plane
    assert abs(float(steepest @ Q[:, 1])) == pytest.approx(1, abs=1e-12)
    assert abs(float(flattest @ Q[:, 0])) == pytest.approx(1, abs=1e-12)
    assert found.condition == pytest.approx(100, rel=1e-12)
    assert found.largest_rate == pytest.approx(0.02, rel=1e-12)


def test_a_negative_curvature_has_no_condition_number() -> None:
    F, _, m = quadratic([1.0, -2.0])
    assert landscape(F, m).condition == math.inf
    down, _, m = quadratic([-1.0, -2.0])
    assert landscape(down, m).largest_rate == math.inf


def test_directions_without_curvature_can_be_left_out() -> None:
    F, _, m = quadratic([0.0, 2.0, 8.0])
    found = landscape(F, m)
    assert found.values.numel() == 3
    curved = found.curved()
    assert curved.condition == pytest.approx(4, rel=1e-9)
    assert curved.vectors.shape == (3, 2)
    assert curved.curved() is curved
    bent, _, m = quadratic([1.0, 2.0])
    assert landscape(bent, m).curved().values.numel() == 2


def test_one_parameter_has_a_plane_all_the_same() -> None:
    F, _, m = quadratic([3.0])
    assert landscape(F, m).plane.tolist() == [[1.0], [0.0]]


def test_both_ends_by_lanczos_agree_with_the_dense_spectrum(monkeypatch: pytest.MonkeyPatch) -> None:
    F, _, m = quadratic([float(i) for i in range(1, 41)])
    whole = landscape(F, m)
    monkeypatch.setattr(rooms, "WHOLE_GENERAL", 10)
    ends = landscape(F, m, ends=2)
    assert not ends.whole
    assert ends.status is Status.CONVERGED
    # Ritz values are off by the residual squared over the gap, about 1e-10
    expected = whole.values[[0, 1, -2, -1]]
    torch.testing.assert_close(ends.values, expected, atol=1e-6, rtol=0)


def test_a_hessian_that_is_not_finite_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    F = Objective.from_function(lambda w: (w**0.5).sum(), torch.ones(2))
    with pytest.raises(NumericalError, match="finite Hessian"):
        landscape(F, torch.zeros(2))
    monkeypatch.setattr(rooms, "WHOLE_GENERAL", 1)
    with pytest.raises(NumericalError, match="finite Hessian"):
        landscape(F, torch.zeros(2), ends=1)


def test_arguments_of_the_landscape() -> None:
    F, _, m = quadratic([1.0, 2.0])
    with pytest.raises(ArgumentError, match="one point"):
        landscape(F, m[None])
    with pytest.raises(ArgumentError, match="at least 1 of either end"):
        landscape(F, m, ends=0)


def test_projection_undoes_the_combination() -> None:
    _, Q, m = quadratic([1.0, 2.0, 3.0])
    coordinates = torch.tensor([[2.0, -1.0], [0.5, 4.0]]).double()
    path = m + coordinates @ Q[:, :2].mT
    torch.testing.assert_close(project(path, m, Q[:, :2].mT), coordinates, atol=1e-12, rtol=0)


def test_values_on_the_plane_of_a_quadratic() -> None:
    F, Q, m = quadratic([1.0, 100.0])
    s, t = torch.linspace(-1, 2, 5).double(), torch.linspace(-3, 1, 7).double()
    found = plane_values(F, m, Q.mT[[1, 0]], s, t)
    expected = 50 * s[:, None] ** 2 + 0.5 * t[None, :] ** 2
    torch.testing.assert_close(found, expected, atol=1e-10, rtol=0)


def test_blocks_do_not_change_the_values(monkeypatch: pytest.MonkeyPatch) -> None:
    X = torch.arange(12.0, dtype=torch.float64).reshape(6, 2) / 7
    F = DataObjective(Linear(X), Gaussian(sd=1.0), (X, X.sum(1)), GaussianPrior(1.0))
    points = torch.arange(30.0, dtype=torch.float64).reshape(10, 3) / 11
    at_once = values_at(F, points)
    monkeypatch.setattr(rooms, "_NUMBERS", 13)
    assert block_size(F) == 2
    torch.testing.assert_close(values_at(F, points), at_once, atol=1e-13, rtol=0)
    assert values_at(F, points[:0]).shape == (0,)


def test_arguments_of_the_plane() -> None:
    F, Q, m = quadratic([1.0, 2.0])
    many = torch.zeros(1000).double()
    with pytest.raises(ArgumentError, match="at most 100,000 points"):
        plane_values(F, m, Q, many, many)
    with pytest.raises(ArgumentError, match="directions of shape"):
        plane_values(F, m, Q[0], many, many)


def test_along_a_path_the_length_is_the_polylines() -> None:
    F, _, _ = quadratic([1.0, 4.0])
    path = torch.tensor([[3.0, 0.0], [0.0, 4.0], [0.0, 5.0]]).double()
    length, value = along_path(F, path, inside=3)
    assert length.shape == value.shape == (9,)
    torch.testing.assert_close(length[[0, 4, 8]], torch.tensor([0.0, 5.0, 6.0]).double(), atol=1e-12, rtol=0)
    middle = 0.5 * (path[0] + path[1])
    assert float(value[2]) == pytest.approx(float(F.value(middle)), rel=1e-12)
    torch.testing.assert_close(value[::4], F.value(path), atol=1e-12, rtol=0)


def test_arguments_of_a_path() -> None:
    F, _, m = quadratic([1.0, 4.0])
    with pytest.raises(ArgumentError, match="at least 1 point"):
        along_path(F, m[None][:0])
    with pytest.raises(ArgumentError, match="at least 0 points inside"):
        along_path(F, m[None], inside=-1)
    with pytest.raises(ArgumentError, match="at most 100,000"):
        along_path(F, torch.zeros(1001, 2).double(), inside=200)


def test_predicted_steps_are_those_that_gradient_descent_takes() -> None:
    values = torch.tensor([50.0, 7.0, 1.0]).double()
    start = torch.tensor([0.3, -2.0, 1.5]).double()
    rate, w, steps = 2 / 51, start.clone(), 0
    excess = float((values * start**2).sum())
    while float((values * w**2).sum()) > 1e-6 * excess:
        w, steps = w - rate * values * w, steps + 1
    assert descent_steps(values, start, 1e-6) == steps


def test_predicted_steps_at_the_edges() -> None:
    one = torch.ones(1).double()
    assert descent_steps(one, 0 * one, 0.5) == 0
    assert descent_steps(0 * one, one, 0.5) == 0
    far = torch.tensor([1.0, 1e-18]).double()
    assert descent_steps(far, torch.tensor([0.0, 1.0]).double(), 1e-6) == math.inf
    with pytest.raises(ArgumentError, match="share in"):
        descent_steps(one, one, 1.0)
    with pytest.raises(ArgumentError, match="coordinates"):
        descent_steps(one, torch.ones(2), 0.5)
