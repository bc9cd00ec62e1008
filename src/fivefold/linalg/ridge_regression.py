"""Ridge regression as a least-squares problem with further rows, certified like any other."""

import math
from dataclasses import dataclass

import torch

from fivefold.core import Certificate, Status, require
from fivefold.linalg.arrays import Array, in_kind, to_tensor, wants_numpy
from fivefold.linalg.dense import as_operator
from fivefold.linalg.doubled import two_product
from fivefold.linalg.doubled_matrix import DoubledMatrix
from fivefold.linalg.householder import decided_rank, power_of_two_norms, rank_tolerance
from fivefold.linalg.least_squares import LeastSquares, lstsq
from fivefold.linalg.operator import LinearOperator, require_matrix


@dataclass(frozen=True, eq=False)
class Ridge:
    r"""The solution of :math:`\min_{x, b} \|y - X x - b\|^2 + \lambda \|x\|^2` and what is known about it.

    Args:
        x: ``[n]`` or ``[n, k]``.
        intercept: b, a scalar or ``[k]``; zero where none was asked for.
        residual: :math:`y - X x - b`, ``[m]`` or ``[m, k]``.
        rank: Of the data without the penalty (columns of unit norm, the column of ones among them where there
            is an intercept): below n, the penalty alone decides some directions.
        degrees_of_freedom: :math:`\sum_i \sigma_i^2 / (\sigma_i^2 + \lambda)` of X, about its means where
            there is an intercept, which itself is not counted.
        condition: Of the problem with its penalty, columns scaled to unit norm.
        error_bound: Bound of the absolute error of each coefficient, in the shape of x.
        digits: Decimal digits that the bound vouches for.
        status: ``CONVERGED``, or ``ILL_POSED`` with the reason in the message.
        certificates: Full rank (with the penalty), minimiser, forward error.
        message: What is the matter, or an empty string.
    """

    x: Array
    intercept: Array
    residual: Array
    rank: int
    degrees_of_freedom: float
    condition: float
    error_bound: Array
    digits: float
    status: Status
    certificates: tuple[Certificate, ...]
    message: str


def ridge(
    X: Array | LinearOperator,
    y: Array,
    penalty: float,
    *,
    intercept: bool = False,
    tolerance: float | None = None,
) -> Ridge:
    r"""Solve :math:`\min_{x, b} \|y - X x - b\|^2 + \lambda \|x\|^2` through QR and certify the answer.

    .. math:: \min \left\| \begin{pmatrix} y \\ 0 \end{pmatrix}
        - \begin{pmatrix} \mathbf 1 & X \\ 0 & \sqrt\lambda I \end{pmatrix}
        \begin{pmatrix} b \\ x \end{pmatrix} \right\|

    The Gram matrix is not formed, so that a small penalty is not lost in its rounding.
    :math:`\sqrt\lambda` is used to 32 digits. For data that come in batches, see :func:`lstsq_batches`.

    Source: A. E. Hoerl and R. W. Kennard, Technometrics 12 (1970); G. H. Golub, Numer. Math. 7 (1965), for
    the further rows.

    Args:
        X: ``[m, n]``: array, tensor or operator (made dense).
        y: ``[m]`` or ``[m, k]``.
        penalty: :math:`\lambda`, positive, in the unit of X squared.
        intercept: Whether to fit b, which is not penalised.
        tolerance: For the rank, as in :func:`lstsq`.

    Returns:
        The solution in the kind and dtype of y.

    Raises:
        ArgumentError: A penalty that is not positive, sizes that do not fit, an empty or not finite input.

    >>> fit = ridge([[1.0], [2.0], [3.0]], [1.0, 2.0, 3.0], 14.0)
    >>> fit.x.tolist(), round(fit.degrees_of_freedom, 12)
    ([0.5], 0.5)
    """
    require(
        math.isfinite(penalty) and penalty > 0, "a finite positive penalty", penalty, "use lstsq without one"
    )
    A = as_operator(X, "X")
    require_matrix(A, "X")
    m, n = A.shape
    target = to_tensor(y, "y", dims=(1, 2))
    require(target.shape[0] == m, f"y with {m} rows", f"shape {tuple(target.shape)}")
    dtype = torch.promote_types(A.dtype, target.dtype)
    Y = target.detach().double()
    Y = Y[:, None] if Y.ndim == 1 else Y
    high = A.high if isinstance(A, DoubledMatrix) else A.to_dense().detach().double()
    low = A.low if isinstance(A, DoubledMatrix) else torch.zeros_like(high)
    j = int(intercept)
    root = torch.tensor(penalty, dtype=torch.float64).sqrt()
    # One Newton step gives the digits of the root that float64 lacks: root^2 - penalty is exact in a pair.
    rest = _square_defect(root, penalty) / (2 * root)
    top = torch.cat([torch.ones((m, j)).to(high), high], dim=1)
    below = torch.cat([torch.zeros((n, j)).to(high), root * torch.eye(n).to(high)], dim=1)
    zeros = torch.zeros((m, j)).to(high)
    top_low = torch.cat([zeros, low], dim=1)
    below_low = torch.cat([torch.zeros((n, j)).to(high), rest * torch.eye(n).to(high)], dim=1)
    slope = spread = None
    if isinstance(A, DoubledMatrix) and A.slope is not None and A.spread is not None:
        slope = torch.cat([torch.cat([zeros, A.slope], dim=1), torch.zeros_like(below)])
        spread = torch.cat([A.spread, torch.zeros(n).to(A.spread)])
    whole = DoubledMatrix(
        torch.cat([top, below]), torch.cat([top_low, below_low]), slope=slope, spread=spread
    )
    fit: LeastSquares = lstsq(whole, torch.cat([Y, torch.zeros((n, Y.shape[1])).to(Y)]))
    rank, freedom = _data_rank(top, A, j, penalty, tolerance)
    cast = torch.finfo(dtype).eps / 2 if dtype != torch.float64 else 0.0
    vector, numpy = target.ndim == 1, wants_numpy(X, y)

    def kind(t: torch.Tensor) -> Array:
        t = (t[..., 0] if vector else t).to(dtype)
        return in_kind(t, y) if numpy else t

    b = fit.x[0] if intercept else torch.zeros(Y.shape[1]).to(Y)
    return Ridge(
        x=kind(fit.x[j:]),
        intercept=kind(b),
        residual=kind(fit.residual[:m]),
        rank=rank,
        degrees_of_freedom=freedom,
        condition=fit.condition,
        error_bound=kind(fit.error_bound[j:] + cast * fit.x[j:].abs()),
        digits=min(fit.digits, -math.log10(cast)) if cast else fit.digits,
        status=fit.status,
        certificates=fit.certificates,
        message=fit.message,
    )


def _square_defect(root: torch.Tensor, penalty: float) -> torch.Tensor:
    product, rest = two_product(root, root)
    return (penalty - product) - rest


def _data_rank(
    top: torch.Tensor, A: LinearOperator, j: int, penalty: float, tolerance: float | None
) -> tuple[int, float]:
    R = torch.linalg.qr(top, mode="r").R
    s = torch.linalg.svdvals(R / power_of_two_norms(R))
    # Below the row of the ones stands the triangle of the columns about their means.
    squares = torch.linalg.svdvals(R[j:, j:]).square() if R.shape[0] > j else torch.zeros(0)
    return decided_rank(s, rank_tolerance(tolerance, A)), float((squares / (squares + penalty)).sum())
