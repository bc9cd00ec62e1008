import numpy as np
import pytest
import scipy.sparse.linalg
import torch

from fivefold.core import ArgumentError, Budget, Status
from fivefold.linalg import Dense, Diagonal, LinearOperator, minres

G = torch.Generator().manual_seed(3)
Q, _ = torch.linalg.qr(torch.randn(60, 60, generator=G, dtype=torch.float64))
SPECTRUM = torch.cat([torch.linspace(-9, -1, 25), torch.linspace(2, 30, 35)]).double()
A = (Q * SPECTRUM) @ Q.mT
A = (A + A.mT) / 2
B = 4 + torch.randn(60, 3, generator=G, dtype=torch.float64)


def test_agrees_with_a_direct_solve_on_an_indefinite_matrix():
    run = minres(A, B, tolerance=1e-12)
    assert torch.allclose(run.x, torch.linalg.solve(A, B), rtol=1e-9)
    assert run.statuses == (Status.CONVERGED,) * 3
    assert {c.verdict for c in run.certificates} == {"yes"}
    true = (B - A @ run.x).norm(dim=0) / B.norm(dim=0)
    assert torch.allclose(run.residual_norms, true, rtol=1e-3)
    one = minres(A, B[:, 1], tolerance=1e-12)
    assert one.x.shape == (60,)
    assert torch.allclose(one.x, run.x[:, 1], rtol=1e-8)
    assert len(run.history) == run.steps + 1
    assert run.steps < 70


def test_as_good_as_scipy_at_equal_steps():
    x, _ = scipy.sparse.linalg.minres(A.numpy(), B[:, 0].numpy(), rtol=1e-30, maxiter=20)
    theirs = np.linalg.norm(B[:, 0].numpy() - A.numpy() @ x)
    ours = minres(A, B[:, 0], tolerance=1e-14, budget=Budget(steps=20))
    assert ours.status is Status.OUT_OF_BUDGET
    assert abs(float(ours.residual_norms[0] * B[:, 0].norm()) / theirs - 1) < 1e-6
    assert ours.certificates[0].holds is False
    assert "budget" in ours.message


def test_the_residual_never_grows_and_is_the_recurrence():
    run = minres(A, B[:, 0], tolerance=1e-9)
    assert bool((run.history[1:] <= run.history[:-1] * (1 + 1e-12)).all())
    stopped = minres(A, B[:, 0], budget=Budget(steps=11))
    assert abs(float(stopped.history[-1] / stopped.residual_norms[0]) - 1) < 1e-9


def test_a_preconditioner_cuts_the_steps():
    d = torch.cat([-torch.logspace(0, 4, 100), torch.logspace(0, 4, 100)]).double()
    S = Diagonal(d) + Dense(torch.full((200, 200), 1e-2).double(), positive=True)
    x = 2 + torch.sin(torch.arange(200).double())
    plain, helped = (minres(S, S @ x, preconditioner=M) for M in (None, Diagonal(1 / d.abs())))
    assert helped.status is Status.CONVERGED
    assert torch.allclose(helped.x, x, rtol=1e-5)
    assert helped.steps < plain.steps / 5


def test_singular_systems_end_ill_posed_at_a_least_squares_solution():
    S = torch.diag(torch.tensor([3.0, -2.0, 0.0]).double())
    solvable = minres(S, [3.0, 4.0, 0.0])
    assert solvable.status is Status.CONVERGED
    assert solvable.x.tolist() == pytest.approx([1.0, -2.0, 0.0])
    none = minres(S, [3.0, 4.0, 5.0])
    assert none.status is Status.ILL_POSED
    assert float(none.gradient_norms[0]) < 1e-12
    assert none.x[:2].tolist() == pytest.approx([1.0, -2.0])
    assert "singular" in none.message
    rank = (Q[:, :20] * SPECTRUM[:20]) @ Q[:, :20].mT
    assert minres((rank + rank.mT) / 2, B[:, 0]).status is Status.ILL_POSED
    assert minres(np.zeros((2, 2)), np.ones(2)).status is Status.ILL_POSED


def test_zero_right_hand_side_and_scale():
    zero = minres(A, torch.zeros(60, dtype=torch.float64))
    assert zero.status is Status.CONVERGED
    assert zero.steps == 0
    assert torch.allclose(minres(1e-30 * A, 1e40 * B).x * 1e-70, torch.linalg.solve(A, B), rtol=1e-6)


def test_a_tolerance_below_rounding_stalls():
    run = minres(A, B[:, 0], tolerance=1e-18)
    assert run.status is Status.STALLED
    assert float(run.residual_norms[0]) < 1e-13
    assert "rounding" in run.message


def test_float32_works_in_its_own_precision():
    run = minres(A.float(), B.float(), tolerance=1e-5)
    assert run.x.dtype == torch.float32
    assert run.status is Status.CONVERGED


class Liar(LinearOperator):
    """Says that it is symmetric; is not, or is another one at each product."""

    def __init__(self, matrix, noise=0.0):
        super().__init__(tuple(matrix.shape), symmetric=True)
        self.matrix, self.noise = matrix, noise
        self.generator = torch.Generator().manual_seed(1)

    def _matmat(self, X):
        out = self.matrix @ X
        return out + self.noise * torch.randn(out.shape, generator=self.generator, dtype=torch.float64)

    def _adjoint(self):
        return self


def test_lies_are_named():
    crooked = minres(Liar(A + 3 * torch.triu(torch.ones(60, 60)).double()), B)
    assert not crooked.status.succeeded
    assert "claimed symmetric and is not" in crooked.message
    shaky = minres(Liar(A, noise=0.1), B)
    assert not shaky.status.succeeded
    assert "changes between products" in shaky.message


def test_an_indefinite_preconditioner_is_noticed():
    assert minres(A, B, preconditioner=Diagonal(SPECTRUM)).status is Status.ILL_POSED


def test_infinite_products_end_as_diverged():
    class Hot(Liar):
        def _matmat(self, X):
            return X * float("inf")

    run = minres(Hot(A), B)
    assert not run.status.succeeded
    assert torch.isfinite(run.x).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: minres(torch.ones(2, 3), torch.ones(2)), "square"),
        (lambda: minres([[1.0, 2.0], [0.0, 1.0]], [1.0, 1.0]), "symmetric matrix"),
        (lambda: minres(Dense(A) @ Dense(A), B), "symmetric operator"),
        (lambda: minres(A, torch.ones(3)), "60 rows"),
        (lambda: minres(A, B, tolerance=0.0), "positive tolerance"),
        (lambda: minres(A, B, preconditioner=Diagonal([1.0])), "preconditioner of shape"),
        (lambda: minres(A, B * float("nan")), "finite numbers"),
        (lambda: minres(A + 0j, B), "real numbers"),
        (lambda: minres(torch.ones(0, 0), B), "nonempty"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
