import math

import torch

from fivefold.linalg import Dense
from fivefold.linalg.eigenpair_inclusion import Bordered, eigenvalue_near

G = torch.Generator().manual_seed(6)
A = torch.randn(50, 50, generator=G, dtype=torch.float64) / 20
A[:2, :2] = torch.tensor([[2.0, 1.0], [-1.0, 2.0]])
A[2, 2] = -3.0
VALUES, VECTORS = torch.linalg.eig(A)


def test_the_bordered_matrix_has_its_adjoint_and_its_size():
    for at in (int(VALUES.imag.argmax()), int(VALUES.real.argmin())):
        M = Bordered(Dense(A), complex(VALUES[at]), VECTORS[:, at], 2.0)
        dense = M.to_dense()
        assert dense.shape[0] == (51 if VALUES[at].imag == 0 else 102)
        assert torch.allclose(M.adjoint().to_dense(), dense.mT, atol=1e-14)
        assert torch.allclose(M.adjoint().adjoint().to_dense(), dense)
        assert float(torch.linalg.svdvals(dense)[-1]) > 0.1


def test_the_disc_holds_the_eigenvalue_and_is_small():
    for at in (int(VALUES.imag.argmax()), int(VALUES.real.argmin())):
        truth, x = complex(VALUES[at]), VECTORS[:, at]
        for error in (0.0, 1e-9, 1e-6):
            radius = eigenvalue_near(Dense(A), truth + error, x, steps=60)
            assert error <= radius < 40 * error + 1e-11


def test_a_bad_pair_or_a_multiple_value_proves_nothing():
    x = torch.zeros(50).to(torch.complex128)
    x[7] = 1
    assert math.isinf(eigenvalue_near(Dense(A), 2.5 + 0j, x, steps=60))
    twice = torch.eye(50).double()
    assert math.isinf(eigenvalue_near(Dense(twice), 1 + 0j, x, steps=60))
