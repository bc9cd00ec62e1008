import numpy as np
import pytest
import scipy.sparse.linalg
import torch

from fivefold.core import ArgumentError, Budget, Status
from fivefold.linalg import Dense, LinearOperator, lsmr

G = torch.Generator().manual_seed(5)
A = 1 + torch.randn(50, 20, generator=G, dtype=torch.float64)
X = 3 + torch.randn(20, 3, generator=G, dtype=torch.float64)
B = A @ X + torch.randn(50, 3, generator=G, dtype=torch.float64)


def test_least_squares_of_every_column():
    run = lsmr(A, B, tolerance=1e-13)
    assert torch.allclose(run.x, torch.linalg.lstsq(A, B).solution, rtol=1e-10)
    assert run.statuses == (Status.CONVERGED,) * 3
    assert [c.verdict for c in run.certificates] == ["no", "yes"] * 3
    true = (B - A @ run.x).norm(dim=0) / B.norm(dim=0)
    assert torch.allclose(run.residual_norms, true, rtol=1e-9)
    one = lsmr(A, B[:, 0], tolerance=1e-13)
    assert one.x.shape == (20,)
    assert len(one.history) == one.steps + 1


def test_the_same_steps_as_scipy():
    for damping in (0.0, 2.5):
        for steps in (3, 7, 12):
            theirs = scipy.sparse.linalg.lsmr(
                A.numpy(), B[:, 0].numpy(), damp=damping, atol=0, btol=0, conlim=0, maxiter=steps
            )[0]
            ours = lsmr(A, B[:, 0], damping=damping, tolerance=1e-15, budget=Budget(steps=steps))
            assert np.allclose(ours.x.numpy(), theirs, rtol=1e-8)
            assert ours.status is Status.OUT_OF_BUDGET


@pytest.mark.parametrize("damping", [0.1, 10.0])
def test_damping_is_ridge_regression(damping):
    run = lsmr(A, B, damping=damping, tolerance=1e-13)
    ridge = torch.linalg.solve(A.mT @ A + damping**2 * torch.eye(20), A.mT @ B)
    assert torch.allclose(run.x, ridge, rtol=1e-10)
    assert run.status is Status.CONVERGED


def test_consistent_systems_and_the_shortest_solution():
    run = lsmr(A, A @ X)
    assert torch.allclose(run.x, X, rtol=1e-7)
    assert [c.verdict for c in run.certificates[::2]] == ["yes"] * 3
    wide = lsmr(A.mT, X, tolerance=1e-13)
    assert torch.allclose(wide.x, torch.linalg.pinv(A.mT) @ X, rtol=1e-8)
    flat = torch.cat([A, A[:, :5]], dim=1)
    assert torch.allclose(lsmr(flat, B, tolerance=1e-13).x, torch.linalg.pinv(flat) @ B, rtol=1e-7)


def test_zeros_scale_and_float32():
    assert lsmr(A, torch.zeros(50, dtype=torch.float64)).steps == 0
    zero = lsmr(np.zeros((3, 2)), np.ones(3))
    assert zero.x.tolist() == [0, 0]
    assert zero.certificates[0].holds is False
    scaled = lsmr(1e-30 * A, 1e40 * B, tolerance=1e-13)
    assert torch.allclose(scaled.x * 1e-70, torch.linalg.lstsq(A, B).solution, rtol=1e-9)
    single = lsmr(A.float(), B.float(), tolerance=1e-5)
    assert single.x.dtype == torch.float32
    assert single.status is Status.CONVERGED


def test_a_tolerance_below_rounding_stalls():
    run = lsmr(A, B, tolerance=1e-20)
    assert run.status is Status.STALLED
    assert run.certificates[1].holds is False
    assert torch.allclose(run.x, torch.linalg.lstsq(A, B).solution, rtol=1e-9)


class Broken(LinearOperator):
    def __init__(self, noise, sign):
        super().__init__((50, 20))
        self.noise, self.sign = noise, sign
        self.generator = torch.Generator().manual_seed(1)

    def _matmat(self, X):
        out = A @ X
        return out + self.noise * torch.randn(out.shape, generator=self.generator, dtype=torch.float64)

    def _adjoint(self):
        return Dense(A.mT * self.sign)


def test_broken_operators_are_named():
    shaky = lsmr(Broken(0.1, 1.0), B)
    assert not shaky.status.succeeded
    assert "changes between products" in shaky.message
    false = lsmr(Broken(0.0, torch.linspace(1, 2, 50).double()), B)
    assert not false.status.succeeded
    assert "adjoint" in false.message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lsmr(A, torch.ones(3)), "50 rows"),
        (lambda: lsmr(A, B, damping=-1.0), "damping"),
        (lambda: lsmr(A, B, tolerance=float("nan")), "positive tolerance"),
        (lambda: lsmr(A[None], B), "one matrix"),
        (lambda: lsmr(A * float("inf"), B), "finite numbers"),
        (lambda: lsmr(A + 0j, B), "real numbers"),
        (lambda: lsmr(torch.ones(0, 3), B), "nonempty"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
