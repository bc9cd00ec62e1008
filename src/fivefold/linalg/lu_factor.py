"""The LU factors of a square matrix, and what they can be trusted for."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from fivefold.core import Certificate, Kind, NumericalError, Status, require
from fivefold.linalg.arrays import Array, in_kind, solved_by, to_tensor, wants_numpy
from fivefold.linalg.cholesky_factor import TRUSTED
from fivefold.linalg.condition_estimate import inverse_norm_estimate
from fivefold.linalg.operator import LinearOperator


@dataclass(frozen=True, eq=False)
class LU:
    r"""The factors :math:`P^\top A = L U` with partial pivoting.

    Args:
        L: Unit lower triangular, ``[..., n, n]``.
        U: Upper triangular, ``[..., n, n]``.
        order: The row of A that became row i: ``A[order] = L U``, ``[..., n]``.
        condition: Estimated condition in the 1-norm, ``[...]``; infinite where a pivot is zero.
        growth: The largest entry of U over that of A, ``[...]``: what pivoting lets rounding grow by.
        status: ``ILL_POSED`` where less than one digit can be trusted, for any of a batch.
        certificates: For the worst of the batch.
        message: What went wrong, or an empty string.
    """

    L: Array
    U: Array
    order: Array
    condition: Array
    growth: Array
    status: Status
    certificates: tuple[Certificate, ...]
    message: str
    _packed: tuple[Tensor, Tensor] = field(repr=False)

    def solve(self, b: Array) -> Array:
        r"""Return :math:`x = A^{-1} b` in the kind of ``b``.

        Args:
            b: ``[n]`` or ``[..., n, k]``.

        Raises:
            NumericalError: A is singular to rounding.
            ArgumentError: The sizes do not fit.
        """
        if self.status is not Status.CONVERGED:
            raise NumericalError("a regular matrix", self.message, "use lstsq, or add a ridge")
        factors, pivots = self._packed
        return solved_by(lambda B: torch.linalg.lu_solve(factors, pivots, B), factors.shape[-1], b, factors)

    def slogdet(self) -> tuple[Array, Array]:
        r"""Return the sign of the determinant and :math:`\log |\det A| = \sum_i \log |u_{ii}|`, ``[...]``."""
        factors, pivots = self._packed
        diagonal = factors.diagonal(dim1=-2, dim2=-1).double()
        step = torch.arange(1, pivots.shape[-1] + 1, device=pivots.device)
        swaps = (pivots != step).sum(dim=-1)
        sign = torch.sign(diagonal).prod(dim=-1) * (1 - 2 * (swaps % 2))
        size = diagonal.abs().log().sum(dim=-1)
        return in_kind(sign.to(factors.dtype), self.L), in_kind(size.to(factors.dtype), self.L)


def lu(A: Array | LinearOperator) -> LU:
    r"""Factor a square matrix, or a batch of them, and say whether the factors can be trusted.

    .. math:: P^\top A = L U

    Source: N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., chapter 9.

    Args:
        A: ``[..., n, n]``: array, tensor, or an operator, which is made dense.

    Returns:
        The factors, condition, growth, status and certificates. It does not raise for a singular matrix.

    Raises:
        ArgumentError: Not square, empty or not finite.

    >>> f = lu([[0.0, 2.0], [4.0, 1.0]])
    >>> f.U.tolist(), f.order.tolist(), f.solve([2.0, 5.0]).tolist()
    ([[4.0, 1.0], [0.0, 2.0]], [1, 0], [1.0, 1.0])
    """
    numpy = wants_numpy(A)
    M = (A.to_dense() if isinstance(A, LinearOperator) else to_tensor(A, "A")).detach()
    require(
        M.ndim >= 2 and M.shape[-1] == M.shape[-2], "a square matrix [..., n, n]", f"shape {tuple(M.shape)}"
    )
    packed, pivots, info = torch.linalg.lu_factor_ex(M)
    P, L, U = torch.lu_unpack(packed, pivots)
    regular = info == 0
    # A zero pivot is replaced in the estimate alone, whose outcome is then overruled.
    held = torch.where(regular[..., None, None], packed, torch.eye(M.shape[-1]).to(M))

    def solve(b: Tensor) -> Tensor:
        out: Tensor = torch.linalg.lu_solve(held, pivots, b)
        return out

    def adjoint(b: Tensor) -> Tensor:
        out: Tensor = torch.linalg.lu_solve(held, pivots, b, adjoint=True)
        return out

    norm = M.abs().sum(dim=-2).amax(dim=-1)
    condition = norm * inverse_norm_estimate(solve, adjoint, M)
    condition = torch.where(regular, condition, torch.inf)
    top = M.abs().amax(dim=(-2, -1))
    growth = U.abs().amax(dim=(-2, -1)) / torch.where(top > 0, top, torch.ones_like(top))
    unit = torch.finfo(M.dtype).eps / 2
    worst = float(condition.max())
    trusted = worst * unit < TRUSTED
    # |P'A - LU| <= n u |L| |U| (Higham, theorem 9.3), seen here as it came out.
    gap = (P.mT @ M - L @ U).abs()
    limit = (2 * M.shape[-1] + 2) * unit * (L.abs() @ U.abs())
    holds = bool((gap <= limit + torch.finfo(M.dtype).tiny).all())
    certificates = (
        Certificate(
            "the factors are those of a matrix that differs from A by rounding",
            Kind.PROOF,
            holds,
            bound=float(limit.max()),
            value=float(gap.max()),
            method="|P'A - LU| <= (2 n + 2) u |L| |U|, entry by entry",
        ),
        Certificate(
            "a solve with the factors keeps at least one digit",
            Kind.INDICATOR,
            trusted,
            bound=TRUSTED / unit,
            value=worst,
            assumptions=("the condition estimate is a lower bound, usually within a factor of 3",),
            method="1-norm condition (Hager, Higham) against 0.1 / u",
        ),
    )
    message = ""
    if not bool(regular.all()):
        message = f"a pivot is exactly zero in {int((~regular).sum())} of {regular.numel()}: singular"
    elif not trusted:
        message = f"the condition {worst:.1e} leaves less than one digit at unit roundoff {unit:.1e}"
    status = Status.CONVERGED if trusted else Status.ILL_POSED
    order = P.argmax(dim=-2)
    a, b, c, d, e = (t.cpu().numpy() if numpy else t for t in (L, U, order, condition, growth))
    return LU(a, b, c, d, e, status, certificates, message, (packed, pivots))
