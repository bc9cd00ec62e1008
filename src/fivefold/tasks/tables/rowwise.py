r"""Matrix products whose rows do not depend on the rows beside them.

BLAS chooses its path, and with it the order of its sums, by the sizes of a product and a row's place in it:
the same row predicted alone, in a short table and in a long one would differ in its last bits. Three products
do not: one whose sums are exact, so that their order is nothing; one that sums every row by itself; and one
that adds term by term.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

_ROWS = 256


def _whole(x: Floats, bits: int, axis: int) -> tuple[Floats, npt.NDArray[np.int32]]:
    """Whole numbers of at most ``bits`` bits, and the exponents along ``axis`` that scale them back."""
    exponents = np.frexp(np.abs(x).max(axis=axis, keepdims=True, initial=0.0))[1]
    return np.rint(np.ldexp(x, bits - exponents)), exponents


def single_product(x: npt.NDArray[np.floating], matrix: npt.NDArray[np.floating]) -> Singles:
    r"""Return :math:`x A` in single precision, with sums that are exact.

    Rows of x and columns of A are scaled by powers of two and rounded to whole numbers of
    :math:`b = \lfloor (53 - \lceil \log_2 d \rceil) / 2 \rfloor` bits (24 for d of 17 to 32: those of
    single precision). Every partial sum of their products is then a whole number of at most 53 bits: double
    precision holds it exactly, in whatever order it is made.

    Args:
        x: ``[n, d]`` finite rows.
        matrix: ``[d, m]`` :math:`A`.

    Returns:
        ``[n, m]``; the error is at most :math:`d\, 2^{-b}` times the largest of the row and of the column.

    >>> x, a = np.array([[1.0, 0.5], [3.0, 0.25]]), np.array([[2.0], [4.0]])
    >>> single_product(x, a).tolist()
    [[4.0], [7.0]]
    """
    inner = max(x.shape[1], 1)
    bits = (53 - (inner - 1).bit_length()) // 2
    right, columns = _whole(np.asarray(matrix, dtype=np.float64), bits, 0)
    out = np.empty((len(x), matrix.shape[1]), dtype=np.float32)
    for at in range(0, len(x), _ROWS):
        left, rows = _whole(np.asarray(x[at : at + _ROWS], dtype=np.float64), bits, 1)
        out[at : at + _ROWS] = np.ldexp(left @ right, rows + columns - 2 * bits)
    return out


def row_sums(x: npt.NDArray[np.floating], matrix: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Return ``x @ matrix``, every entry summed by itself in NumPy's pairwise order: for few columns.

    Args:
        x: ``[n, d]`` rows.
        matrix: ``[d, m]``, of the dtype of ``x``.

    >>> row_sums(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]])).tolist()
    [[11.0]]
    """
    x, columns = np.ascontiguousarray(x), np.ascontiguousarray(matrix.T)
    out = np.empty((len(x), len(columns)), dtype=x.dtype)
    for at in range(0, len(x), _ROWS):
        part = x[at : at + _ROWS]
        for k, column in enumerate(columns):
            np.add.reduce(part * column, axis=1, out=out[at : at + _ROWS, k])
    return out


def term_sums(x: Floats, matrix: Floats) -> Floats:
    """Return ``x @ matrix``, adding term after term to all entries: for few terms.

    Args:
        x: ``[n, d]`` rows.
        matrix: ``[d, m]``.

    >>> term_sums(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]])).tolist()
    [[11.0]]
    """
    out = np.zeros((len(x), matrix.shape[1]))
    for j, row in enumerate(matrix):
        out += x[:, j, None] * row
    return out
