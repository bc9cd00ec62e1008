from fractions import Fraction

import torch

from fivefold.linalg.split_product import eigen_residual, split

G = torch.Generator().manual_seed(4)


def test_slices_add_up_and_are_short():
    A = torch.randn(6, 9, generator=G, dtype=torch.float64) * 10.0 ** torch.arange(-4, 5)
    A[2] = 0
    for dim in (0, 1):
        first, second, rest, top = split(A, dim, 31)
        assert torch.equal(first + (second + rest), A)
        assert bool((A.abs() < top).all())
        assert bool((rest.abs() <= top * 2.0**-44).all())
        grain = top * 2.0 ** (31 - 52)
        assert torch.equal((first / grain).round() * grain, first)


def test_the_residual_is_right_within_its_bound_where_everything_cancels():
    n, k = 7, 5
    A = torch.randn(n, n, generator=G, dtype=torch.float64)
    A[:, 0] *= 1e-6
    V = torch.complex(*torch.randn(2, n, k, generator=G, dtype=torch.float64))
    V[:, 1] = V[:, 1].real.to(V)
    values = torch.complex(*torch.randn(2, k, generator=G, dtype=torch.float64))
    eigenvalues, vectors = torch.linalg.eig(A)
    for W, lam in ((V, values), (vectors, eigenvalues)):
        R, a, b, epsilon = eigen_residual(A, W, lam)
        for i in range(n):
            for j in range(W.shape[1]):
                x, y = W[i, j].real.item(), W[i, j].imag.item()
                p, q = lam[j].real.item(), lam[j].imag.item()
                real = -Fraction(x) * Fraction(p) + Fraction(y) * Fraction(q)
                imag = -Fraction(x) * Fraction(q) - Fraction(y) * Fraction(p)
                for line in range(n):
                    entry = Fraction(A[i, line].item())
                    real += entry * Fraction(W[line, j].real.item())
                    imag += entry * Fraction(W[line, j].imag.item())
                gap = complex(real - Fraction(R[i, j].real.item()), imag - Fraction(R[i, j].imag.item()))
                bound = float(a[i] * b[j]) * epsilon + 2.0**-53 * abs(complex(real, imag)) * 1.01
                assert abs(gap) <= bound
        assert epsilon < 1e-25
    plain = A.to(vectors) @ vectors - vectors * eigenvalues
    assert float((plain - R).abs().max()) > 1e6 * epsilon * float(a.max() * b.max())
