import numpy as np
import pytest
import scipy.sparse.linalg
import torch

from fivefold.core import ArgumentError, Budget, Status
from fivefold.linalg import Dense, Diagonal, LinearOperator, eigh
from fivefold.linalg.lobpcg import lobpcg

G = torch.Generator().manual_seed(10)


class Laplace(LinearOperator):
    """The second difference on a line: eigenvalues 2 - 2 cos(pi j / (n + 1))."""

    def __init__(self, n):
        super().__init__((n, n), positive=True)

    def _matmat(self, X):
        out = 2 * X
        out[1:] -= X[:-1]
        out[:-1] -= X[1:]
        return out

    def _adjoint(self):
        return self


def exact(n, k):
    return 2 - 2 * torch.cos(torch.pi * torch.arange(1, k + 1).double() / (n + 1))


@pytest.mark.parametrize("which", ["largest", "smallest"])
def test_agrees_with_dense(which):
    Q, _ = torch.linalg.qr(torch.randn(120, 120, generator=G, dtype=torch.float64))
    d = torch.cat([torch.linspace(-4, 3, 114), torch.tensor([5.0, 5.0, 7.0, -9.0, -9.5, -12.0])]).double()
    A = (Q * d) @ Q.mT
    A = (A + A.mT) / 2
    found = eigh(A, 3, which=which, method="lobpcg")
    assert found.method == "lobpcg"
    assert found.status is Status.CONVERGED
    want = [7.0, 5.0, 5.0] if which == "largest" else [-12.0, -9.5, -9.0]
    assert found.values.tolist() == pytest.approx(want, rel=1e-12)
    assert [c.verdict for c in found.certificates] == ["yes", "yes", "unknown", "yes"]


def test_a_preconditioner_reaches_the_clustered_end():
    n = 400
    A = Laplace(n)
    inverse = torch.linalg.inv(A.to_dense())
    helped = eigh(
        A, 3, which="smallest", method="lobpcg", preconditioner=(inverse + inverse.mT) / 2, tolerance=1e-8
    )
    assert helped.status is Status.CONVERGED
    assert helped.steps < 15
    assert torch.allclose(helped.values, exact(n, 3), rtol=1e-10)
    plain = eigh(A, 3, which="smallest", method="lobpcg", tolerance=1e-8, budget=Budget(steps=15))
    assert plain.status is Status.OUT_OF_BUDGET


def test_beside_scipy():
    n = 200
    d = np.concatenate([np.linspace(1, 2, n - 2), [5.0, 8.0]])
    start = np.random.default_rng(0).standard_normal((n, 2))
    theirs, _ = scipy.sparse.linalg.lobpcg(np.diag(d), start, tol=1e-9, maxiter=200)
    ours = eigh(Diagonal(d), 2, method="lobpcg")
    assert np.allclose(ours.values, theirs, rtol=1e-10)


def test_zero_operators_floats_and_divergence():
    assert lobpcg(Diagonal(torch.zeros(9)), 2, tolerance=1e-6).status is Status.CONVERGED
    single = eigh(Dense(torch.diag(torch.arange(60.0)), symmetric=True), 2, method="lobpcg")
    assert single.values.dtype == torch.float32
    assert single.values.tolist() == pytest.approx([59, 58], rel=1e-5)


def test_a_tolerance_below_rounding_stalls():
    run = lobpcg(Diagonal(torch.arange(1.0, 90.0).double()), 2, tolerance=1e-30)
    assert run.status is Status.STALLED
    assert run.values.tolist() == pytest.approx([89, 88], rel=1e-12)


class Drift(Laplace):
    def __init__(self):
        super().__init__(60)
        self.count = 0

    def _matmat(self, X):
        self.count += 1
        return super()._matmat(X) + 0.05 * self.count * torch.arange(60.0).double()[:, None] * X


def test_an_operator_that_changes_is_not_certified():
    found = eigh(Drift(), 2, method="lobpcg", budget=Budget(steps=80))
    assert not found.status.succeeded
    assert found.certificates[0].holds is False


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: eigh(torch.eye(10), 4, method="lobpcg"), "at most a third"),
        (lambda: eigh(torch.eye(10), 2, preconditioner=torch.eye(10)), "for method='lobpcg' alone"),
        (
            lambda: eigh(torch.eye(10), 2, method="lobpcg", preconditioner=torch.eye(3)),
            "preconditioner of shape",
        ),
        (lambda: eigh(torch.eye(10), 2, method="power"), "a method of"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
