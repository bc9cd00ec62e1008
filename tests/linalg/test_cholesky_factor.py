from fractions import Fraction

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError, NumericalError, Status
from fivefold.linalg import Dense, Diagonal, cholesky


def hilbert(n):
    return np.array([[1.0 / (i + j + 1) for j in range(n)] for i in range(n)])


def test_factor_solve_and_logdet():
    g = torch.Generator().manual_seed(0)
    X = 3 + torch.randn(9, 5, generator=g, dtype=torch.float64)
    A = X.mT @ X
    C = cholesky(A)
    assert torch.allclose(C.factor @ C.factor.mT, A, rtol=1e-13)
    b = 2 + torch.arange(5.0).double()
    assert torch.allclose(C.solve(b), torch.linalg.solve(A, b), rtol=1e-9)
    assert C.solve(torch.stack([b, b], 1)).shape == (5, 2)
    assert float(C.logdet()) == pytest.approx(float(torch.linalg.slogdet(A).logabsdet), rel=1e-12)
    assert [c.verdict for c in C.certificates] == ["yes", "yes"]


def test_numpy_and_operators():
    C = cholesky(np.array([[4.0, 0.0], [0.0, 9.0]]))
    assert isinstance(C.factor, np.ndarray)
    assert C.solve(np.array([4.0, 9.0])).tolist() == [1.0, 1.0]
    assert float(C.logdet()) == pytest.approx(np.log(36), rel=1e-15)
    assert cholesky(Diagonal([4.0, 9.0])).solve([4.0, 9.0]).tolist() == [1.0, 1.0]


def test_indefinite_is_a_status_and_its_certificate_is_false():
    C = cholesky([[1.0, 2.0], [2.0, 1.0]])
    assert C.status is Status.ILL_POSED
    assert "pivot 2 of 2" in C.message
    assert C.certificates[0].holds is False
    with pytest.raises(NumericalError, match="positive definite"):
        C.solve([1.0, 1.0])
    with pytest.raises(NumericalError, match="positive definite"):
        C.logdet()


def test_ill_conditioned_is_a_status_and_definiteness_unknown():
    # Hilbert's 13 x 13 matrix is positive definite with condition near 1e18: the factor may exist by luck.
    C = cholesky(hilbert(13) + 1e-18 * np.eye(13))
    assert C.status is Status.ILL_POSED
    assert C.certificates[0].holds in (None, False)
    assert C.certificates[1].holds is False
    almost = cholesky(np.array([[1.0, 1.0 - 2.0**-53], [1.0 - 2.0**-53, 1.0]]))
    assert almost.status is Status.ILL_POSED
    assert almost.certificates[0].holds is None
    assert "less than one digit" in almost.message


def test_units_of_the_variables_do_not_matter():
    scale = np.array([1e-9, 1.0, 1e9])
    A = (np.eye(3) + 0.25) * scale * scale[:, None]
    C = cholesky(A)
    assert C.status is Status.CONVERGED
    assert float(C.condition) < 10
    b = A @ (np.array([1.0, 2.0, 3.0]) / scale)
    assert np.allclose(C.solve(b) * scale, [1, 2, 3], rtol=1e-13)


def test_condition_estimate_of_hilbert_against_exact_inverse():
    # kappa_1 of the 5 x 5 Hilbert matrix with unit diagonal, from its inverse in rational arithmetic.
    n = 5
    H = [[Fraction(1, i + j + 1) for j in range(n)] for i in range(n)]
    rows = [H[i] + [Fraction(int(i == j)) for j in range(n)] for i in range(n)]
    for i in range(n):
        rows[i] = [v / rows[i][i] for v in rows[i]]
        for r in range(n):
            if r != i:
                rows[r] = [a - rows[r][i] * b for a, b in zip(rows[r], rows[i], strict=True)]
    d = np.sqrt([float(H[i][i]) for i in range(n)])
    inverse = np.array([[float(v) for v in row[n:]] for row in rows]) * d * d[:, None]
    scaled = hilbert(n) / d / d[:, None]
    truth = np.abs(scaled).sum(0).max() * np.abs(inverse).sum(0).max()
    estimate = float(cholesky(hilbert(n)).condition)
    assert truth / 3 <= estimate <= truth * (1 + 1e-9)


def test_batches_have_a_verdict_each():
    A = torch.stack([torch.eye(2), torch.tensor([[1.0, 2.0], [2.0, 1.0]])])
    C = cholesky(A)
    assert C.definite.tolist() == [True, False]
    assert "1 of 2 matrices" in C.message
    good = cholesky(A[:1].expand(3, 2, 2))
    assert good.logdet().shape == (3,)
    assert good.solve(torch.ones(3, 2, 1)).shape == (3, 2, 1)


@pytest.mark.parametrize(
    ("A", "message"),
    [
        ([[1.0, 2.0]], "square"),
        ([[1.0, 2.0], [0.0, 1.0]], "symmetric"),
        ([[float("nan")]], "finite"),
        ([1.0], "square"),
    ],
)
def test_bad_input(A, message):
    with pytest.raises(ArgumentError, match=message):
        cholesky(A)


def test_a_right_hand_side_of_the_wrong_size():
    with pytest.raises(ArgumentError, match="b with 2 rows"):
        cholesky(Dense(np.eye(2))).solve([1.0, 2.0, 3.0])
