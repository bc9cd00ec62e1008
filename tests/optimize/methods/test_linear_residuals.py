"""Linearised residuals against the normal equations in float64, formed and by products."""

import math

import pytest
import torch

from fivefold.objective import ResidualObjective
from fivefold.optimize.methods import linear_residuals
from fivefold.optimize.methods.linear_residuals import DenseResiduals, FreeResiduals, linearize_residuals

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
    exact = -0.5 * torch.linalg.solve(A, J.mT @ second)
    # from a tenth of the step ahead: off by a thirtieth of the third derivative
    assert float((found - exact).norm()) < 0.05 * float(exact.norm())
    assert free().correction(p, 0.1, scale) is None
    # of a step that changes the last digits alone, nothing is left
    assert not bool(dense().correction(1e-9 * p, 0.1, scale).any())


def test_the_step_beside_a_second_derivative_solves_the_damped_system() -> None:
    scale = torch.tensor([3.0, 0.5, 1.0], dtype=torch.float64)
    S = torch.tensor([[1.0, 0.2, 0.0], [0.2, 2.0, -0.3], [0.0, -0.3, 0.5]], dtype=torch.float64)
    around = dense()
    for damping in (0.1, 3.0):
        B = J.mT @ J + S
        p, promised = around.step_beside(S, damping, scale)
        torch.testing.assert_close(p, -torch.linalg.solve(B + damping * torch.diag(scale**2), J.mT @ R))
        assert promised == pytest.approx(-float((J.mT @ R) @ p + 0.5 * p @ B @ p), rel=1e-10)
    # where the model bends downwards the damping grows past it, and the step goes downhill
    p, promised = around.step_beside(-100 * S, 1e-3, scale)
    assert promised > 0
    assert float((J.mT @ R) @ p) < 0
    # what overflows is left out
    assert torch.equal(around.step_beside(1e308 * S, 0.1, 1e-3 * scale)[0], around.step(0.1, 1e-3 * scale)[0])


def test_what_the_model_foretells_and_how_the_jacobian_turns() -> None:
    s = torch.tensor([0.1, -0.05, 0.2], dtype=torch.float64)
    ahead = DenseResiduals(F, W + s, F.jacobian(W + s))
    assert dense().foretold(s) == pytest.approx(
        0.5 * float(R @ R) - 0.5 * float((R + J @ s) @ (R + J @ s)), rel=1e-10
    )
    turned = (F.jacobian(W + s).to_dense() - J).mT @ F.residuals(W + s)
    torch.testing.assert_close(dense().turned(ahead), turned, rtol=1e-10, atol=1e-12)


def test_a_jacobian_is_the_same_by_rows_and_by_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    by_rows = dense()
    monkeypatch.setattr(linear_residuals, "_ROWS", 0)
    by_columns = dense()
    torch.testing.assert_close(by_rows.gradient, by_columns.gradient, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(by_rows.scale, by_columns.scale, rtol=1e-12, atol=1e-14)


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
