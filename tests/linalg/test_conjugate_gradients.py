import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError, Budget, Status
from fivefold.linalg import Dense, Diagonal, Identity, cg

G = torch.Generator().manual_seed(11)
X = 1 + torch.randn(60, 20, generator=G, dtype=torch.float64)
A = X.mT @ X + torch.eye(20)
B = 4 + torch.randn(20, 3, generator=G, dtype=torch.float64)


def test_agrees_with_a_direct_solve_for_every_column():
    run = cg(A, B, tolerance=1e-12, lowest_eigenvalue=1.0)
    assert torch.allclose(run.x, torch.linalg.solve(A, B), rtol=1e-10)
    assert run.statuses == (Status.CONVERGED,) * 3
    assert len(run.certificates) == 6
    assert {c.verdict for c in run.certificates} == {"yes"}
    true = (B - A @ run.x).norm(dim=0) / B.norm(dim=0)
    assert torch.allclose(run.residual_norms, true, rtol=1e-6)
    one = cg(A, B[:, 1], tolerance=1e-12)
    assert one.x.shape == (20,)
    assert torch.allclose(one.x, run.x[:, 1], rtol=1e-9)
    assert len(run.history) == run.steps + 1


def test_the_error_bound_covers_the_error_and_is_unknown_without_an_eigenvalue():
    run = cg(A, B[:, 0], tolerance=1e-3, lowest_eigenvalue=1.0)
    truth = torch.linalg.solve(A, B[:, 0])
    error = float((run.x - truth).norm() / run.x.norm())
    assert error <= run.certificates[1].value
    assert cg(A, B[:, 0]).certificates[1].holds is None


def test_budget_leaves_certificates_false_and_the_best_point():
    run = cg(A, B[:, 0], budget=Budget(steps=1), lowest_eigenvalue=1.0)
    assert run.status is Status.OUT_OF_BUDGET
    assert [c.holds for c in run.certificates] == [False, False]
    assert "budget" in run.message
    assert torch.isfinite(run.x).all()
    assert cg(A, B[:, 0], budget=Budget(steps=0), lowest_eigenvalue=1.0).certificates[1].holds is False


def test_indefinite_breaks_down_with_a_status():
    run = cg(torch.diag(torch.tensor([1.0, -1.0]).double()), torch.tensor([1.0, 2.0]).double())
    assert run.status is Status.ILL_POSED
    assert "curvature" in run.message
    # One column meets only the positive part and converges.
    mixed = cg(Diagonal([1.0, -1.0]), [[1.0, 0.0], [0.0, 1.0]])
    assert mixed.statuses == (Status.CONVERGED, Status.ILL_POSED)
    assert mixed.status is Status.ILL_POSED
    assert cg(np.zeros((2, 2)), np.ones(2)).status is Status.ILL_POSED


def test_an_indefinite_preconditioner_is_noticed():
    assert cg(A, B, preconditioner=-1.0 * Identity(20)).status is Status.ILL_POSED


def test_preconditioner_cuts_the_steps_of_a_badly_scaled_system():
    d = 10.0 ** torch.linspace(0, 5, 200, dtype=torch.float64)
    S = Diagonal(d) + Dense(torch.full((200, 200), 1e-3).double(), positive=True)
    b = S @ torch.ones(200, dtype=torch.float64)
    plain = cg(S, b, tolerance=1e-10)
    helped = cg(S, b, tolerance=1e-10, preconditioner=Diagonal(1 / d))
    assert helped.status is Status.CONVERGED
    assert helped.steps < 10 < 100 < plain.steps
    assert torch.allclose(helped.x, torch.ones(200).double(), rtol=1e-4)


def test_a_tolerance_below_rounding_stalls_instead_of_lying():
    n = 12
    H = torch.tensor([[1.0 / (i + j + 1) for j in range(n)] for i in range(n)], dtype=torch.float64)
    run = cg(H, torch.ones(n, dtype=torch.float64), tolerance=1e-17)
    assert run.status in (Status.STALLED, Status.ILL_POSED, Status.OUT_OF_BUDGET)
    assert run.certificates[0].holds is False


def test_start_at_the_solution_zero_right_hand_side_and_scale():
    x = torch.linalg.solve(A, B)
    assert cg(A, B, start=x).steps == 0
    zero = cg(A, torch.zeros(20, dtype=torch.float64), lowest_eigenvalue=1.0)
    assert zero.status is Status.CONVERGED
    assert zero.x.abs().max() == 0
    assert zero.certificates[1].holds is True
    scaled = cg(1e-30 * A, 1e40 * B)
    assert torch.allclose(scaled.x * 1e-70, x, rtol=1e-7)


def test_long_runs_recompute_the_residual():
    n = 400
    d = torch.linspace(1, 1e4, n, dtype=torch.float64)
    run = cg(Diagonal(d), torch.ones(n, dtype=torch.float64), tolerance=1e-10)
    assert run.steps > 100
    assert run.status is Status.CONVERGED
    assert torch.allclose(run.x, 1 / d, rtol=1e-6)


def test_numpy_and_float32():
    run = cg(Dense(A.numpy()), B[:, 0].numpy())
    assert isinstance(run.x, np.ndarray)
    assert isinstance(run.history, np.ndarray)
    low = cg(A.float(), B.float(), tolerance=1e-4)
    assert low.x.dtype == torch.float32
    assert low.status is Status.CONVERGED


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"tolerance": 0.0}, "positive tolerance"),
        ({"lowest_eigenvalue": -1.0}, "lowest eigenvalue"),
        ({"start": torch.ones(3)}, "start in the shape"),
        ({"preconditioner": Identity(3)}, "preconditioner of shape"),
    ],
)
def test_bad_options(kwargs, message):
    with pytest.raises(ArgumentError, match=message):
        cg(A, B, **kwargs)


@pytest.mark.parametrize(
    ("A", "b", "message"),
    [
        (np.ones((2, 3)), np.ones(2), "square"),
        (np.eye(2), np.ones(3), "b with 2 rows"),
        (np.eye(2), [np.inf, 1.0], "finite"),
    ],
)
def test_bad_input(A, b, message):
    with pytest.raises(ArgumentError, match=message):
        cg(A, b)


def test_drift_of_the_recursive_residual_is_not_taken_for_success():
    # From a start 1e9 times too large in float32, the recursive residual falls below what x has reached;
    # a restart from the true residual repairs it, down to the rounding of float32.
    d = torch.linspace(1, 50, 40)
    run = cg(Diagonal(d), torch.ones(40), start=1e9 * torch.ones(40), tolerance=1e-6)
    true = float((1 - d.double() * run.x.double()).norm() / 40**0.5)
    assert run.status is Status.CONVERGED
    assert true <= 1.2e-6
    tight = cg(Diagonal(d), torch.ones(40), start=1e9 * torch.ones(40), tolerance=1e-12)
    assert tight.status in (Status.STALLED, Status.OUT_OF_BUDGET)
    assert tight.certificates[0].holds is False
    assert float(tight.residual_norms) < 1e-6


def test_a_tolerance_out_of_reach_stalls():
    G = torch.linspace(1, 1000, 300)
    run = cg(Diagonal(G), torch.ones(300), tolerance=1e-9)
    assert run.status is Status.STALLED
    assert "rounding" in run.message
