"""Linearised residuals against the normal equations in float64, formed and by products."""

import math

import pytest
import torch

from fivefold.objective import ResidualObjective
from fivefold.optimize import linear_residuals
from fivefold.optimize.linear_residuals import DenseResiduals, FreeResiduals, linearize_residuals

X = torch.linspace(0.1, 3, 12, dtype=torch.float64)
Y = 2 * torch.exp(-0.7 * X) + 0.1 * torch.sin(9 * X)
W = torch.tensor([1.5, 0.4, 0.2], dtype=torch.float64)


def fit(w: torch.Tensor) -> torch.Tensor:
    return w[0] * torch.exp(-w[1] * X) + w[2] * X - Y


F = ResidualObjective(fit, W)
J = F.jacobian(W).to_dense()
R = F.residuals(W)


def dense() -> DenseResiduals:
    return DenseResiduals(F, W, F.jacobian(W))


def free() -> FreeResiduals:
    return FreeResiduals(F, W, F.jacobian(W))


@pytest.mark.parametrize("damping", [1e-6, 0.3, 40.0])
def test_both_solve_the_damped_normal_equations(damping: float, monkeypatch: pytest.MonkeyPatch) -> None:
    scale = torch.tensor([3.0, 0.5, 1.0], dtype=torch.float64)
    A = J.mT @ J + damping * torch.diag(scale**2)
    p = torch.linalg.solve(A, -(J.mT @ R))
    promised = 0.5 * float(R @ R) - 0.5 * float((R + J @ p) @ (R + J @ p))
    exact = free()
    # LSMR goes as far as the distance asks for: here, all the way
    monkeypatch.setattr(FreeResiduals, "distance", 1e-8)
    for around, digits in ((dense(), 1e-12), (exact, 1e-5)):
        q, said = around.step(damping, scale)
        torch.testing.assert_close(q, p, rtol=digits, atol=digits)
        if isinstance(around, FreeResiduals):
            assert said == pytest.approx(promised, rel=1e-6)
        else:
            held = 0.5 * float((J @ q) @ (J @ q)) + damping * float((scale * q) @ (scale * q))
            assert said == pytest.approx(held, rel=1e-12)
            assert said == pytest.approx(promised, rel=1e-9)


def test_the_shortest_step_is_that_of_the_pseudoinverse() -> None:
    torch.testing.assert_close(dense().shortest(), -torch.linalg.pinv(J) @ R, rtol=1e-10, atol=1e-12)
    twice = ResidualObjective(lambda w: fit(torch.stack([w[0] + w[3], w[1], w[2]])), torch.cat([W, W[:1]]))
    w = torch.cat([W / 2, W[:1] / 2])
    w[1:3] = W[1:]
    w[0] = w[3] = W[0] / 2
    p = linearize_residuals(twice, w).shortest()
    # equal columns share the step
    assert float(p[0] - p[3]) == pytest.approx(0.0, abs=1e-10)
    assert float(p[0] + p[3]) == pytest.approx(float(dense().shortest()[0]), rel=1e-9)


def test_the_correction_is_the_path_s_second_order() -> None:
    p = torch.tensor([0.1, -0.2, 0.3], dtype=torch.float64)
    scale = torch.ones(3, dtype=torch.float64)

    def along(t: torch.Tensor) -> torch.Tensor:
        return fit(W + t * p)

    zero = torch.zeros((), dtype=torch.float64)
    second = torch.func.jacfwd(torch.func.jacfwd(along))(zero)
    A = J.mT @ J + 0.1 * torch.eye(3, dtype=torch.float64)
    found = dense().correction(p, 0.1, scale)
    # differences over a tenth of the step: off by a hundredth of a twelfth of the fourth derivative
    torch.testing.assert_close(found, -0.5 * torch.linalg.solve(A, J.mT @ second), rtol=1e-2, atol=1e-6)
    assert free().correction(p, 0.1, scale) is None
    # of a step that changes the last digits alone, nothing is left
    assert not bool(dense().correction(1e-9 * p, 0.1, scale).any())


def test_value_gradient_and_decrease() -> None:
    value, gradient = F.value_and_gradient(W)
    for around in (dense(), free()):
        torch.testing.assert_close(around.value, value)
        torch.testing.assert_close(around.gradient, gradient)
        down, noise = around.decrease(W + 0.1)
        assert down == pytest.approx(float(value - F.value(W + 0.1)), rel=1e-10)
        assert 0 < noise < 1e-12


def test_the_distance_is_the_largest_cosine() -> None:
    Q = torch.linalg.qr(J)[0]
    cosine = float((Q.mT @ R).norm() / R.norm())
    columns = float(((J.mT @ R).abs() / (J.norm(dim=0) * R.norm())).max())
    assert columns < cosine
    # less the rounding, and the blur of the smallest singular value
    assert dense().distance == pytest.approx(cosine, abs=1e-12)
    # column lengths by 16 signs are within about a fifth; the same signs at each call
    assert free().distance == pytest.approx(columns, rel=0.5)
    assert free().distance == free().distance


def test_the_distance_has_no_units() -> None:
    units = torch.tensor([1e6, 1e-7, 3.0], dtype=torch.float64)
    other = ResidualObjective(lambda w: 1e4 * fit(w * units), W / units)
    assert linearize_residuals(other, W / units).distance == pytest.approx(dense().distance, rel=1e-10)


def test_residuals_of_zero_are_at_rest_and_those_not_finite_infinitely_far() -> None:
    w = torch.ones(2, dtype=torch.float64)
    for kind in (DenseResiduals, FreeResiduals):
        line = ResidualObjective(lambda w: w - 1, w)
        assert kind(line, w, line.jacobian(w)).distance == 0
        broken = ResidualObjective(torch.log, w)
        assert kind(broken, -w, broken.jacobian(-w)).distance == math.inf


def test_a_jacobian_beyond_the_bound_is_not_formed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(linearize_residuals(F, W), DenseResiduals)
    monkeypatch.setattr(linear_residuals, "fits", lambda rows, w: False)
    assert isinstance(linearize_residuals(F, W), FreeResiduals)
