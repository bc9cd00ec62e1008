"""Least squares with a certificate: how many digits of the coefficients can be trusted."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from fivefold.core import Certificate, Kind, Status, require
from fivefold.linalg.arrays import Array, to_tensor, wants_numpy
from fivefold.linalg.batched_least_squares import BatchedLeastSquares, lstsq_batches
from fivefold.linalg.data_matrix import DataMatrix
from fivefold.linalg.dense import as_operator
from fivefold.linalg.doubled import CHEAP
from fivefold.linalg.doubled_matrix import DoubledMatrix
from fivefold.linalg.forward_error import InputRounding, computed_error, factor_error, input_error
from fivefold.linalg.householder import (
    decided_rank,
    power_of_two_norms,
    rank_certificate,
    rank_decisions,
    rank_tolerance,
)
from fivefold.linalg.least_squares_certificates import (
    forward_certificate,
    shortest,
    trusted_digits,
    underdetermined,
)
from fivefold.linalg.operator import LinearOperator, require_matrix
from fivefold.linalg.refinement import Pair, Problem, refined

_UNIT = 2.0**-53


@dataclass(frozen=True, eq=False)
class LeastSquares:
    r"""The solution of :math:`\min_x \|y - X x\|` and what is known about it.

    Args:
        x: ``[n]`` or ``[n, k]``; of all minimisers the shortest where ``rank < n``.
        residual: :math:`y - X x`, ``[m]`` or ``[m, k]``.
        rank: The numerical rank of X with columns of unit norm.
        ranks: Other ways to decide it that come to another number, by name: the columns as they are (NumPy,
            LAPACK), the default tolerance where another was given.
        singular_values: Of X with columns of unit norm (to a factor of two), descending.
        condition: Their ratio; infinite where the rank is deficient.
        error_bound: Bound of the absolute error of each coefficient, in the shape of x; infinite where no
            bound is known.
        input_error: The part of it that comes from the rounding of X and y themselves before they came (0.1
            has no float64; whole numbers and short binary fractions are exact): no method can avoid it.
        digits: Decimal digits of x (in norm, columns scaled) that the bound vouches for; 0 where none.
        method: ``"qr"`` or ``"minimum-norm"``; ``"gram"`` or ``"tsqr"`` where there are many rows.
        status: ``CONVERGED``, or ``ILL_POSED`` where x is not unique or has no digit to trust.
        certificates: Full rank, residual orthogonality, forward error.
        message: What is the matter, or an empty string.
    """

    x: Array
    residual: Array
    rank: int
    ranks: dict[str, int]
    singular_values: Array
    condition: float
    error_bound: Array
    input_error: Array
    digits: float
    method: str
    status: Status
    certificates: tuple[Certificate, ...]
    message: str


def lstsq(
    X: Array | LinearOperator,
    y: Array,
    *,
    method: Literal["auto", "qr", "minimum-norm"] = "auto",
    tolerance: float | None = None,
) -> LeastSquares:
    r"""Solve :math:`\min_x \|y - X x\|_2` and certify the answer.

    .. math:: X D^{-1} = Q R, \qquad x = D^{-1} R^{-1} Q^\top y

    D scales the columns to unit norm by powers of two. x and the residual are then refined together, both
    held in doubled precision, so that x is right to its last digit where the condition allows for any.
    Beyond 4 million products the work goes as in :func:`lstsq_batches`: normal equations where they are safe,
    TSQR where they are not. Where the rank is deficient, the shortest minimiser comes from the singular
    values of R. Arithmetic is in float64 whatever the input's dtype.

    The forward error bound holds for any pair (x, r): with :math:`f = y - r - X x` and :math:`g = X^\top r`,
    :math:`x^* - x = X^+ f + (X^\top X)^{-1} g`.

    Source: Å. Björck, BIT 7 (1967), for the refinement; BIT 27 (1987)/Linear Algebra Appl. 88/89 (1987),
    corrected seminormal equations, for data in batches.

    Args:
        X: ``[m, n]``: array, tensor or operator (made dense, except a large :class:`DataMatrix`, which
            is read a few times and never held). A :class:`DoubledMatrix`, for example of
            :func:`polynomial_design`, is used to its 32 digits.
        y: ``[m]`` or ``[m, k]``.
        method: ``"auto"`` takes QR, or the minimum-norm solution where the rank is deficient, and then says
            ``ILL_POSED``. ``"qr"`` refuses to go on there. ``"minimum-norm"`` asks for the shortest
            solution, which always exists, so that it is no failure.
        tolerance: Singular values below this times the largest count as zero; ``max(m, n)`` roundings of
            float64 or n of the input's dtype by default, whichever is more.

    Returns:
        The solution in the kind and dtype of y, with certificates.

    Raises:
        ArgumentError: Sizes that do not fit, an empty or not finite input, an unknown method, or
            ``method="qr"`` with a deficient rank.

    >>> fit = lstsq([[1.0, 1.0], [1.0, 2.0], [1.0, 3.0]], [1.0, 2.0, 4.0])
    >>> fit.x.round(12).tolist(), fit.rank, str(fit.status), fit.digits > 14
    ([-0.666666666667, 1.5], 2, 'converged', True)
    """
    require(
        method in ("auto", "qr", "minimum-norm"), "a method among 'auto', 'qr', 'minimum-norm'", repr(method)
    )
    numpy = wants_numpy(X, y)
    A = as_operator(X, "X")
    require_matrix(A, "X")
    m, n = A.shape
    target = to_tensor(y, "y", dims=(1, 2))
    require(target.shape[0] == m, f"y with {m} rows", f"shape {tuple(target.shape)}")
    dtype = torch.promote_types(A.dtype, target.dtype)
    Y = target.detach().to(device=A.device)
    Y = Y[:, None] if target.ndim == 1 else Y
    tau = rank_tolerance(tolerance, A)
    if (
        m >= n
        and m * n * Y.shape[1] > CHEAP
        and not isinstance(A, DoubledMatrix)
        and method != "minimum-norm"
    ):
        return _tall(A, Y, method, tau, dtype, numpy, target.ndim == 1)
    answer = _dense(A, Y.double(), method, tau, tolerance is not None)
    return answer.result(dtype, numpy, target.ndim == 1, method)


@dataclass(frozen=True, eq=False)
class _Answer:
    """Everything in float64 and in two dimensions, before it takes the caller's kind."""

    x: Tensor
    z: Tensor
    residual: Tensor
    s: Tensor
    rank: int
    ranks: dict[str, int]
    scale: Tensor  # x = z / scale * unit_of_y
    unit_of_y: float
    error: Tensor  # of z
    input_error: Tensor  # of z
    method: str
    rank_certificate: Certificate
    minimiser: Certificate

    def result(self, dtype: torch.dtype, numpy: bool, vector: bool, asked: str) -> LeastSquares:
        z, s = self.z, self.s
        n, unique = len(z), self.rank == len(z)
        cast = torch.finfo(dtype).eps / 2 if dtype != torch.float64 else 0.0
        error, size = self.error + self.input_error, z.norm(dim=0)
        far = error.norm(dim=0)
        relative = torch.where(size > 0, far / size, torch.where(far > 0, torch.inf, 0.0)) + cast
        digits = trusted_digits(float(relative.max()))
        to_x = self.unit_of_y / self.scale[:, None]
        message = ""
        if not unique and asked == "auto":
            message = (
                f"rank {self.rank} of {n}: the coefficients are not unique; this is the shortest solution, "
                "and only its predictions are determined"
            )
        elif unique and digits < 1:
            message = f"condition {float(s[0] / s[-1]):.1e}: no digit of the coefficients can be trusted"
        elif self.minimiser.holds is False:
            message = "the residual is not orthogonal to X: this is not a minimiser"

        def kind(t: Tensor) -> Array:
            t = (t[:, 0] if vector and t.ndim == 2 else t).to(dtype)
            return t.detach().cpu().numpy() if numpy else t

        return LeastSquares(
            x=kind(self.x),
            residual=kind(self.residual),
            rank=self.rank,
            ranks=self.ranks,
            singular_values=kind(s),
            condition=float(s[0] / s[-1]) if self.rank == len(s) else math.inf,
            error_bound=kind((error + cast * z.abs()) * to_x),
            input_error=kind(self.input_error * to_x),
            digits=digits,
            method=self.method,
            status=Status.ILL_POSED if message else Status.CONVERGED,
            certificates=(
                self.rank_certificate,
                self.minimiser,
                forward_certificate(
                    relative,
                    unique,
                    "|e_i' R^-1| (|f| + |R^-T g|) with f = y - r - Xx, g = X'r, and input rounding",
                ),
            ),
            message=message,
        )


def _dense(A: LinearOperator, Y: Tensor, method: str, tau: float, asked: bool) -> _Answer:
    m, n = A.shape
    # A common power of two takes y into the middle of the range, as D does for X.
    unit_of_y = float(power_of_two_norms(Y.abs().amax(dim=1, keepdim=True)))
    whole = A if isinstance(A, DoubledMatrix) else None
    given = A.to_dense().detach().double() if whole is None else whole.high
    scale = power_of_two_norms(given)
    rounding = InputRounding.found(given, whole, Y, scale, unit_of_y)
    problem = Problem(given / scale, None if whole is None else whole.low / scale, Y / unit_of_y)
    Q, R = torch.linalg.qr(problem.X)
    U, s, Vt = torch.linalg.svd(R, full_matrices=False)
    rank = decided_rank(s, tau)
    unique = rank == n
    require(
        unique or method != "qr",
        f"X of full column rank {n} for method 'qr'",
        f"rank {rank}",
        "use method='auto', or drop the collinear columns",
    )
    c = Q.mT @ problem.Y
    if unique and method != "minimum-norm":
        chosen = "qr"
        z, r, f, g = refined(problem, Q, R)
        error = computed_error(problem, R, factor_error(s, m, n), z, r, f, g)
        of_input = input_error(rounding, Q, R, z.high, r.high)
    else:
        chosen = "minimum-norm"
        start = shortest(U[:, :rank], s[:rank], Vt[:rank], c, scale)
        z = Pair(start, torch.zeros_like(start))
        r = problem.residual(z)
        f, g = torch.zeros_like(r.high), problem.gradient(r)
        if unique:
            error = computed_error(problem, R, factor_error(s, m, n), z, r, f, g)
            of_input = input_error(rounding, Q, R, z.high, r.high)
        else:
            error, of_input = torch.full_like(start, torch.inf), torch.zeros_like(start)
    ranks = rank_decisions(R, s, scale, tau, A if asked else None)
    full = rank_certificate(s, rank, tau, n, ranks) if n <= m else underdetermined(m, n, rank)
    return _Answer(
        x=z.high / scale[:, None] * unit_of_y,
        z=z.high,
        residual=r.high * unit_of_y,
        s=s,
        rank=rank,
        ranks=ranks,
        scale=scale,
        unit_of_y=unit_of_y,
        error=error,
        input_error=of_input,
        method=chosen,
        rank_certificate=full,
        minimiser=_orthogonality(float(problem.X.norm()), z.high, r.high, g, max(m, n)),
    )


def _tall(
    A: LinearOperator, Y: Tensor, method: str, tau: float, dtype: torch.dtype, numpy: bool, vector: bool
) -> LeastSquares:
    """Many rows: in blocks, without a copy of the whole in float64."""
    matrix = None if isinstance(A, DataMatrix) else A.to_dense().detach()

    def pairs() -> Iterator[tuple[Tensor, Tensor]]:
        if isinstance(A, DataMatrix):
            start = 0
            for batch in A.batches():
                yield batch, Y[start : start + batch.shape[0]]
                start += batch.shape[0]
        else:
            assert matrix is not None
            yield matrix, Y

    fit: BatchedLeastSquares = lstsq_batches(pairs if matrix is None else [(matrix, Y)], tolerance=tau)
    require(
        fit.rank == A.shape[1] or method != "qr",
        f"X of full column rank {A.shape[1]} for method 'qr'",
        f"rank {fit.rank}",
        "use method='auto', or drop the collinear columns",
    )
    x = fit.x.double()
    residual = torch.cat([right.double() - left.double() @ x for left, right in pairs()])

    def kind(t: Tensor) -> Array:
        t = (t[:, 0] if vector and t.ndim == 2 else t).to(dtype)
        return t.cpu().numpy() if numpy else t

    return LeastSquares(
        x=kind(fit.x),
        residual=kind(residual),
        rank=fit.rank,
        ranks={},
        singular_values=kind(fit.singular_values),
        condition=fit.condition,
        error_bound=kind(fit.error_bound),
        input_error=kind(torch.zeros_like(fit.error_bound)),
        digits=fit.digits,
        method=fit.method,
        status=fit.status,
        certificates=fit.certificates,
        message=fit.message,
    )


def _orthogonality(X: float, z: Tensor, r: Tensor, g: Tensor, size: int) -> Certificate:
    # Rounding x alone moves X'r by u |X|^2 |x|, and where y lies in the range of X the residual is nothing
    # but rounding noise: the second term allows for both.
    tolerance = 10 * size * _UNIT
    of_g, of_r, of_z = (torch.linalg.vector_norm(t, dim=0) for t in (g, r, z))
    allowed = tolerance * X * (of_r + X * of_z)
    product = torch.where(of_r > 0, X * of_r, torch.ones_like(of_r))
    value, limit = of_g / product, allowed / product
    worst = int((value - limit).argmax())
    return Certificate(
        "x is a minimiser: |X'r| / (|X| |r|) <= tolerance (1 + |X| |x| / |r|)",
        Kind.PROOF,
        bool((of_g <= allowed).all()),
        bound=float(limit[worst]),
        value=float(value[worst]),
        assumptions=("columns of X scaled to unit norm", "the solution before it is rounded to its dtype"),
        method=f"normal equations at the returned x and residual, tolerance {tolerance:.1e}",
    )
