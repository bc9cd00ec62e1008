"""Least squares with a certificate: how many digits of the coefficients can be trusted."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from fivefold.core import Certificate, Kind, Status, require
from fivefold.linalg.arrays import Array, to_tensor, wants_numpy
from fivefold.linalg.data_matrix import DataMatrix
from fivefold.linalg.dense import Dense, as_operator
from fivefold.linalg.householder import (
    decided_rank,
    power_of_two_norms,
    rank_certificate,
    rank_tolerance,
    triangle,
)
from fivefold.linalg.operator import LinearOperator, require_matrix
from fivefold.linalg.refinement import ScaledResidual, refined

_UNIT = 2.0**-53


@dataclass(frozen=True, eq=False)
class LeastSquares:
    r"""The solution of :math:`\min_x \|y - X x\|` and what is known about it.

    Args:
        x: ``[n]`` or ``[n, k]``; of all minimisers the shortest where ``rank < n``.
        residual: :math:`y - X x`, ``[m]`` or ``[m, k]``.
        rank: The numerical rank of X with columns of unit norm.
        singular_values: Of X with columns of unit norm (to a factor of two), descending.
        condition: Their ratio; infinite where the rank is deficient.
        error_bound: Bound of the absolute error of each coefficient, in the shape of x; infinite where no
            bound is known.
        digits: Decimal digits of x (in norm, columns scaled) that the bound vouches for; 0 where none.
        method: ``"qr"`` or ``"minimum-norm"``.
        status: ``CONVERGED``, or ``ILL_POSED`` where x is not unique or has no digit to trust.
        certificates: Full rank, residual orthogonality, forward error.
        message: What is the matter, or an empty string.
    """

    x: Array
    residual: Array
    rank: int
    singular_values: Array
    condition: float
    error_bound: Array
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

    D scales the columns to unit norm by powers of two. x and the residual are then refined together with
    residuals in doubled precision, so that x is accurate to about :math:`\kappa u` instead of
    :math:`\kappa^2 u`. Where the rank is deficient, the shortest minimiser comes from the singular values of
    R. Arithmetic is in float64 whatever the input's dtype.

    The forward error bound holds for any pair (x, r): with :math:`f = y - r - X x` and :math:`g = X^\top r`,
    :math:`\|x^* - x\| \le (\|f\| + \|g\| / \sigma_{\min}) / \sigma_{\min}`.

    Source: Å. Björck, BIT 7 (1967), for the refinement; BIT 27 (1987)/Linear Algebra Appl. 88/89 (1987),
    corrected seminormal equations, for data in batches.

    Args:
        X: ``[m, n]``: array, tensor or operator (made dense, except a :class:`DataMatrix`, which is read a
            few times and never held).
        y: ``[m]`` or ``[m, k]``.
        method: ``"auto"`` takes QR, or the minimum-norm solution where the rank is deficient, and then says
            ``ILL_POSED``. ``"qr"`` refuses to go on there. ``"minimum-norm"`` asks for the shortest
            solution, which always exists, so that it is no failure.
        tolerance: Singular values below this times the largest count as zero; ``max(m, n) * eps`` of the
            input's dtype by default.

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
    Y = target.detach().to(device=A.device, dtype=torch.float64)
    Y = Y[:, None] if target.ndim == 1 else Y
    # A common power of two takes y into the middle of the range, as D does for X.
    unit_of_y = float(power_of_two_norms(Y.abs().amax(dim=1, keepdim=True)))
    Y = Y / unit_of_y

    source: Tensor | DataMatrix
    if isinstance(A, DataMatrix):
        Q, R, c = triangle(A, Y)
        scale = power_of_two_norms(R)
        R = R / scale
        source, norm = A, float(R.norm())
    else:
        source = A.to_dense().detach().double()
        scale = power_of_two_norms(source)
        source = source / scale
        Q, R, c = triangle(Dense(source), Y)
        norm = float(source.norm())
    assert c is not None
    U, s, Vt = torch.linalg.svd(R, full_matrices=False)
    tau = rank_tolerance(tolerance, A)
    rank = decided_rank(s, tau)
    unique = rank == n
    require(
        unique or method != "qr",
        f"X of full column rank {n} for method 'qr'",
        f"rank {rank}",
        "use method='auto', or drop the collinear columns",
    )
    residual = ScaledResidual(source, scale, Y)
    if unique and method != "minimum-norm":
        chosen = "qr"
        z, r, f, g, unit = refined(residual, Q, R, c)
    else:
        chosen = "minimum-norm"
        z = _shortest(U[:, :rank], s[:rank], Vt[:rank], c, scale)
        r, low, unit = residual.of(z)
        f, g = torch.zeros_like(r), residual.gradient(r, low)

    norms = _Norms(norm, Y, z, r)
    # The computed singular values are exact for a matrix within m n u of X D^-1 in norm.
    smallest = float(s[-1]) - 10 * max(m, n) * _UNIT * float(s[0]) if unique else 0.0
    rounding_f = (n + 2) ** 2 * unit * (norms.X * norms.z + norms.Y + norms.r)
    rounding_g = (m + 2) ** 2 * unit * norms.X * norms.r
    if smallest > 0:
        error = (norms.of(f) + rounding_f + (norms.of(g) + rounding_g) / smallest) / smallest
    else:
        error = torch.full((Y.shape[1],), torch.inf, dtype=torch.float64, device=Y.device)
    cast_unit = torch.finfo(dtype).eps / 2 if dtype != torch.float64 else 0.0
    relative = torch.where(norms.z > 0, error / norms.z, torch.where(error > 0, torch.inf, 0.0)) + cast_unit
    digits = _digits(float(relative.max()))

    x = z / scale[:, None] * unit_of_y
    bound = (error / scale[:, None] + cast_unit * z.abs() / scale[:, None]) * unit_of_y
    certificates = (
        rank_certificate(s, rank, tau, n) if n <= m else _underdetermined(m, n, rank),
        _orthogonality(norms, g, max(m, n)),
        _forward(relative, unique),
    )
    message = ""
    if not unique and method == "auto":
        message = (
            f"rank {rank} of {n}: the coefficients are not unique; this is the shortest solution, "
            "and only its predictions are determined"
        )
    elif unique and digits < 1:
        message = f"condition {float(s[0] / s[-1]):.1e}: no digit of the coefficients can be trusted"
    elif certificates[1].holds is False:
        message = "the residual is not orthogonal to X: this is not a minimiser"
    vector = target.ndim == 1

    def kind(t: Tensor) -> Array:
        t = (t[:, 0] if vector and t.ndim == 2 else t).to(dtype)
        return t.detach().cpu().numpy() if numpy else t

    return LeastSquares(
        x=kind(x),
        residual=kind(r * unit_of_y),
        rank=rank,
        singular_values=kind(s),
        condition=float(s[0] / s[-1]) if rank == len(s) else math.inf,
        error_bound=kind(bound),
        digits=digits,
        method=chosen,
        status=Status.ILL_POSED if message else Status.CONVERGED,
        certificates=certificates,
        message=message,
    )


class _Norms:
    """Norms by right-hand side."""

    def __init__(self, X: float, Y: Tensor, z: Tensor, r: Tensor) -> None:
        self.X, self.Y, self.z, self.r = X, self.of(Y), self.of(z), self.of(r)

    @staticmethod
    def of(t: Tensor) -> Tensor:
        out: Tensor = torch.linalg.vector_norm(t, dim=0)
        return out


def _shortest(U: Tensor, s: Tensor, Vt: Tensor, c: Tensor, scale: Tensor) -> Tensor:
    """Shortest minimiser in the original units: x = W t in the row space of X = Q U S V' D, D V = W T."""
    if s.numel() == 0:
        return torch.zeros((scale.shape[0], c.shape[1]), dtype=c.dtype, device=c.device)
    W, T = torch.linalg.qr(scale[:, None] * Vt.mT)
    t = torch.linalg.solve_triangular(T.mT, (U.mT @ c) / s[:, None], upper=False)
    z: Tensor = scale[:, None] * (W @ t)
    return z


def _digits(relative: float) -> float:
    return max(0.0, min(16.0, -math.log10(relative))) if relative > 0 else 16.0


def _underdetermined(m: int, n: int, rank: int) -> Certificate:
    return Certificate(
        "the solution is unique",
        Kind.PROOF,
        False,
        bound=float(n),
        value=float(rank),
        method=f"{m} rows cannot determine {n} coefficients",
    )


def _orthogonality(norms: _Norms, g: Tensor, size: int) -> Certificate:
    # Rounding x alone moves X'r by u |X|^2 |x|, and where y lies in the range of X the residual is nothing
    # but rounding noise: the second term allows for both.
    tolerance = 10 * size * _UNIT
    allowed = tolerance * norms.X * (norms.r + norms.X * norms.z)
    product = torch.where(norms.r > 0, norms.X * norms.r, torch.ones_like(norms.r))
    value, limit = norms.of(g) / product, allowed / product
    worst = int((value - limit).argmax())
    return Certificate(
        "x is a minimiser: |X'r| / (|X| |r|) <= tolerance (1 + |X| |x| / |r|)",
        Kind.PROOF,
        bool((norms.of(g) <= allowed).all()),
        bound=float(limit[worst]),
        value=float(value[worst]),
        assumptions=("columns of X scaled to unit norm", "the solution before it is rounded to its dtype"),
        method=f"normal equations at the returned x and residual, tolerance {tolerance:.1e}",
    )


def _forward(relative: Tensor, unique: bool) -> Certificate:
    value = float(relative.max())
    known = math.isfinite(value)
    return Certificate(
        "the coefficients have at least one correct digit: |x* - x| <= 0.1 |x|",
        Kind.PROOF,
        value <= 0.1 if known else None,
        bound=0.1,
        value=value if known else None,
        assumptions=(
            "no overflow or underflow",
            "the smallest singular value is computed to 10 max(m, n) u of the largest",
        ),
        method="(|f| + |g| / sigma_min) / sigma_min with f = y - r - Xx, g = X'r"
        if unique
        else "no bound: the rank is deficient",
    )
