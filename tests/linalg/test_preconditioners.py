import pytest
import torch

from fivefold.core import ArgumentError, NumericalError, Status
from fivefold.linalg import (
    BlockDiagonal,
    Dense,
    Diagonal,
    Identity,
    Kronecker,
    LowRankPlusDiagonal,
    cg,
    jacobi,
    low_rank_preconditioner,
    pivoted_cholesky,
)
from fivefold.linalg.preconditioners import exact_diagonal

G = torch.Generator().manual_seed(17)
M = 2 + torch.randn(300, 300, generator=G, dtype=torch.float64)
POINTS = torch.linspace(0, 3, 300, dtype=torch.float64)
KERNEL = torch.exp(-((POINTS[:, None] - POINTS) ** 2))
NOISY = KERNEL + 1e-4 * torch.eye(300)


@pytest.mark.parametrize(
    "operator",
    [
        Dense(M),
        Dense(M) @ Dense(M),
        Diagonal([1.0, -2.0]) + 3 * Identity(2),
        LowRankPlusDiagonal(torch.ones(300), M[:, :3], M[:, 3:6], weights=[1.0, 2.0, -1.0]),
        Kronecker(M[:3, :3], Diagonal([2.0, 3.0])),
        BlockDiagonal(M[:3, :3], Identity(2)),
    ],
)
def test_diagonals_by_structure_and_by_products(operator):
    assert torch.allclose(exact_diagonal(operator), operator.to_dense().diagonal(), rtol=1e-12)


def test_jacobi_cuts_the_steps_of_a_badly_scaled_system():
    d = 10.0 ** torch.linspace(0, 6, 300, dtype=torch.float64)
    S = Diagonal(d) + Dense(torch.full((300, 300), 1e-2).double(), positive=True)
    b = S @ torch.ones(300).double()
    plain, helped = cg(S, b, tolerance=1e-9), cg(S, b, preconditioner="jacobi", tolerance=1e-9)
    assert helped.status is Status.CONVERGED
    assert helped.steps < 12 < plain.steps
    assert torch.equal(jacobi(S).entries, 1 / S.to_dense().diagonal())


@pytest.mark.parametrize("rank", [1, 5, 12])
def test_pivoted_cholesky_leaves_a_positive_rest_near_the_best(rank):
    L = pivoted_cholesky(KERNEL, rank)
    assert L.shape == (300, rank)
    rest = KERNEL - L @ L.mT
    values = torch.linalg.eigvalsh(KERNEL)
    assert float(torch.linalg.eigvalsh(rest)[0]) > -1e-12
    best = float(values[:-rank].clamp(min=0).sum())
    assert float(rest.trace()) <= 300 * best + 1e-9


def test_pivoted_cholesky_stops_at_the_rank_and_at_the_tolerance():
    flat = M[:, :4] @ M[:, :4].mT
    L = pivoted_cholesky(flat, 50)
    assert L.shape[1] == 4
    assert torch.allclose(L @ L.mT, flat, atol=1e-9)
    assert pivoted_cholesky(KERNEL, 50, tolerance=1e-3).shape[1] < 10
    assert torch.equal(pivoted_cholesky(torch.zeros(3, 3), 2), torch.zeros(3, 1))


def test_low_rank_cuts_the_steps_of_a_kernel_matrix():
    b = torch.sin(3 * POINTS) + 1
    plain = cg(NOISY, b, tolerance=1e-8)
    helped = cg(NOISY, b, preconditioner="low-rank", tolerance=1e-8)
    known = cg(NOISY, b, preconditioner=low_rank_preconditioner(NOISY, 20, shift=1e-4), tolerance=1e-8)
    assert helped.status is Status.CONVERGED
    assert torch.allclose(helped.x, torch.linalg.solve(NOISY, b), rtol=1e-3, atol=1e-3)
    assert max(helped.steps, known.steps) * 2 < plain.steps


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: jacobi([[1.0, 0.0], [0.0, -1.0]]), NumericalError, "not positive"),
        (lambda: low_rank_preconditioner([[1.0, 0.0], [0.0, 0.0]]), NumericalError, "not positive"),
        (lambda: pivoted_cholesky([[-1.0]], 1), NumericalError, "semidefinite"),
        (lambda: pivoted_cholesky([[1.0, 3.0], [3.0, 1.0]], 2), NumericalError, "negative pivot"),
        (lambda: pivoted_cholesky(NOISY, 0), ArgumentError, "a rank between"),
        (lambda: pivoted_cholesky(NOISY, 1, tolerance=1.0), ArgumentError, "tolerance"),
        (lambda: low_rank_preconditioner(NOISY, 2, shift=-1.0), ArgumentError, "shift"),
        (lambda: jacobi(torch.ones(2, 3)), ArgumentError, "square"),
        (lambda: cg(NOISY, POINTS, preconditioner="ilu"), ArgumentError, "'jacobi', 'low-rank'"),
        (lambda: cg(NOISY, POINTS, preconditioner=Identity(2)), ArgumentError, "preconditioner of shape"),
        (
            lambda: exact_diagonal(Kronecker(torch.ones(1, 2), torch.ones(2, 1))),
            ArgumentError,
            "square factors",
        ),
        (
            lambda: exact_diagonal(BlockDiagonal(torch.ones(1, 2), torch.ones(2, 1))),
            ArgumentError,
            "square blocks",
        ),
        (lambda: exact_diagonal(Identity(5000) @ Identity(5000)), ArgumentError, "up to size 4096"),
        (lambda: exact_diagonal(Dense(M[:2]) @ Identity(300)), ArgumentError, "square"),
    ],
)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
