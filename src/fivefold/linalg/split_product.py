"""Matrix products far beyond working precision, from ordinary products of slices."""

import math

import torch
from torch import Tensor

from fivefold.linalg.doubled import two_product, two_sum

_UNIT = 2.0**-53
_COLUMNS = 256  # right columns at a time: bounds the memory for slices


def split(A: Tensor, dim: int, bits: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    r"""Return slices and rest, :math:`A = A_1 + A_2 + A_r` exactly, and powers of two above each line of A.

    Entries of a slice are multiples of one number along ``dim``, with ``52 - bits`` binary digits at most.

    Args:
        A: ``[m, n]`` in float64.
        dim: Along which the lines run: 1 for rows, 0 for columns.
        bits: Between 26 and 51.

    >>> one = 1 + 2.0**-30
    >>> first, second, rest, top = split(torch.tensor([[one, 2.0**-80]], dtype=torch.float64), 1, 30)
    >>> first.tolist(), second[0, 0].item() == 2.0**-30, rest[0, 1].item() == 2.0**-80, top.item()
    ([[1.0, 0.0]], True, True, 2.0)
    """
    largest = A.abs().amax(dim=dim, keepdim=True)
    top = torch.exp2(torch.where(largest > 0, largest, 1.0).log2().floor() + 1)
    slices = []
    rest, edge = A, top
    for _ in range(2):
        # Adding 1.5 * 2^k rounds to multiples of 2^(k - 52); the subtraction is exact (Rump, Ogita, Oishi).
        anchor = 1.5 * 2.0**bits * edge
        part = (rest + anchor) - anchor
        slices.append(part)
        rest, edge = rest - part, edge * 2.0 ** (bits - 53)
    return slices[0], slices[1], rest, top


def eigen_residual(A: Tensor, V: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor, float]:
    r"""Return :math:`A V - V \Lambda` to float64 accuracy although it cancels, with a proven bound.

    .. math:: A V = A_1 V_1 + (A_1 V_2 + A_2 V_1) + A_1 V_r + A_2 (V - V_1) + A_r V

    The slices are so short that the first three products are exact; the others are small, and so is their
    rounding: :math:`|\hat R - R|_{ij} \le a_i b_j \varepsilon + u |\hat R|_{ij}`.

    Source: K. Ozaki, T. Ogita, S. Oishi, S. M. Rump, "Error-free transformations of matrix multiplication by
    using fast routines of matrix multiplication", Numer. Algorithms 59 (2012).

    Args:
        A: ``[n, n]`` in float64.
        V: Complex ``[n, k]``.
        values: Complex ``[k]``.

    Returns:
        R, a ``[n]``, b ``[k]``, and the number :math:`\varepsilon`.

    >>> A = torch.tensor([[1.0, 2.0**-60], [0.0, 1.0]]).double()
    >>> V = torch.tensor([[1.0 + 0j], [1.0]]).to(torch.complex128)
    >>> float(eigen_residual(A, V, torch.ones(1).to(V))[0][0].real) == 2.0**-60
    True
    """
    n = A.shape[0]
    bits = max(26, math.ceil((51 + math.log2(n)) / 2))
    A1, A2, A3, a = split(A, 1, bits)
    out = torch.empty_like(V)
    tops = torch.empty_like(values.real)
    for start in range(0, V.shape[1], _COLUMNS):
        piece, lam = V[:, start : start + _COLUMNS], values[start : start + _COLUMNS]
        k = piece.shape[1]
        W = torch.cat([piece.real, piece.imag], dim=1)
        W1, W2, W3, b = split(W, 0, bits)
        high, low = two_sum(A1 @ W1, A1 @ W2)
        high, rest = two_sum(high, A2 @ W1)
        low = low + rest + (A1 @ W3 + A2 @ (W - W1) + A3 @ W)
        real, imaginary = (piece.real, piece.imag), (lam.real, lam.imag)
        minus = [  # V Lambda, real and imaginary part, with signs that subtract it
            (two_product(-real[0], imaginary[0]), two_product(real[1], imaginary[1])),
            (two_product(-real[0], imaginary[1]), two_product(-real[1], imaginary[0])),
        ]
        parts = []
        for part, products in enumerate(minus):
            h, rest = high[:, part * k : (part + 1) * k], low[:, part * k : (part + 1) * k]
            for product, error in products:
                h, more = two_sum(h, product)
                rest = rest + (more + error)
            parts.append(h + rest)
        out[:, start : start + k] = torch.complex(parts[0], parts[1])
        # 2^e above the entries of a column and above |lambda| times them, so that one bound serves both.
        tops[start : start + k] = torch.maximum(b[0, :k], b[0, k:])
    smallest = float(a[a > 0].min())
    tops = tops * (1 + values.abs() / smallest / n)
    delta = 2.0 ** (bits - 53)
    # Two numbers (real and imaginary) times what the three rounded products and the additions can lose.
    epsilon = 2 * n * (3 * (n + 4) * _UNIT * delta**2 + 64 * _UNIT**2)
    return out, a[:, 0], tops, epsilon
