"""The Cholesky factor of a positive definite matrix, and what it can be trusted for."""

from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.core import Certificate, Kind, NumericalError, Status, require
from fivefold.linalg.arrays import Array, in_kind, solved_by, to_tensor, wants_numpy
from fivefold.linalg.condition_estimate import inverse_norm_estimate
from fivefold.linalg.dense import require_symmetric
from fivefold.linalg.operator import LinearOperator

TRUSTED = 0.1
"""A condition times the unit roundoff above this leaves less than one digit: the problem is ill-posed."""


@dataclass(frozen=True, eq=False)
class Cholesky:
    r"""The factor :math:`A = L L^\top` and its certificates.

    Args:
        factor: L, lower triangular, ``[..., n, n]``; meaningless where ``definite`` is false.
        definite: Whether the factor exists, ``[...]``.
        condition: Estimated condition in the 1-norm of A scaled to a unit diagonal, ``[...]``: the condition
            that governs Cholesky, since scaling a variable does not change its rounding errors.
        status: ``ILL_POSED`` where a factor fails or less than one digit can be trusted, for any of a batch.
        certificates: For the worst of the batch.
        message: What went wrong, or an empty string.
    """

    factor: Array
    definite: Array
    condition: Array
    status: Status
    certificates: tuple[Certificate, ...]
    message: str

    def solve(self, b: Array) -> Array:
        r"""Return :math:`x = A^{-1} b` in the kind of ``b``.

        Args:
            b: ``[n]`` or ``[..., n, k]``.

        Raises:
            NumericalError: A factor does not exist.
            ArgumentError: The sizes do not fit.
        """
        self._require_definite()
        L = to_tensor(self.factor, "the factor")
        return solved_by(lambda B: torch.cholesky_solve(B, L), L.shape[-1], b, L)

    def logdet(self) -> Array:
        r"""Return :math:`\log\det A = 2 \sum_i \log L_{ii}`, shape ``[...]``, summed in float64.

        Raises:
            NumericalError: A factor does not exist.
        """
        self._require_definite()
        L = to_tensor(self.factor, "the factor")
        out = 2 * L.diagonal(dim1=-2, dim2=-1).double().log().sum(dim=-1).to(L.dtype)
        return in_kind(out, self.factor)

    def _require_definite(self) -> None:
        if not bool(self.definite.all()):
            raise NumericalError("a positive definite matrix", self.message, "add a ridge to the diagonal")


def cholesky(A: Array | LinearOperator) -> Cholesky:
    r"""Factor a positive definite matrix, or a batch of them, and say whether the factor can be trusted.

    .. math:: A = L L^\top

    Source: N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., chapter 10; A. van der
    Sluis, Numer. Math. 14 (1969), for the unit diagonal.

    Args:
        A: Symmetric, ``[..., n, n]``: array, tensor, or an operator, which is made dense.

    Returns:
        The factor, its condition, status and certificates. It does not raise for an indefinite matrix.

    Raises:
        ArgumentError: Not square, not symmetric, or not finite.

    >>> C = cholesky([[4.0, 2.0], [2.0, 3.0]])
    >>> C.factor.round(6).tolist(), str(C.status)
    ([[2.0, 0.0], [1.0, 1.414214]], 'converged')
    >>> str(cholesky([[1.0, 2.0], [2.0, 1.0]]).status)
    'ill-posed'
    """
    numpy = wants_numpy(A)
    M = A.to_dense() if isinstance(A, LinearOperator) else to_tensor(A, "A")
    require(
        M.ndim >= 2 and M.shape[-1] == M.shape[-2],
        "a square matrix [..., n, n]",
        f"shape {tuple(M.shape)}",
    )
    require_symmetric(M)
    M = M.detach()
    L, info = torch.linalg.cholesky_ex(M)
    definite = info == 0
    # A unit diagonal: S A S with S = diag(A)^(-1/2). Its factor is S L, so that nothing is factored twice.
    scale = M.diagonal(dim1=-2, dim2=-1)
    scale = torch.where(scale > 0, scale, torch.ones_like(scale)).rsqrt()[..., None]
    eye = torch.eye(M.shape[-1], dtype=M.dtype, device=M.device)
    scaled_factor = torch.where(definite[..., None, None], L * scale, eye)
    norm = (M * scale * scale.mT).abs().sum(dim=-2).amax(dim=-1)

    def solve(b: Tensor) -> Tensor:
        return torch.cholesky_solve(b, scaled_factor)

    condition = norm * inverse_norm_estimate(solve, solve, M)
    condition = torch.where(definite, condition, torch.inf)
    unit = torch.finfo(M.dtype).eps / 2
    worst = float(condition.max())
    trusted = worst * unit < TRUSTED
    failed = int((~definite).sum())
    message = ""
    if failed:
        pivot = int(info.max())
        many = f"{failed} of {definite.numel()} matrices are" if definite.numel() > 1 else "the matrix is"
        message = f"{many} not positive definite: pivot {pivot} of {M.shape[-1]} is not positive"
    elif not trusted:
        message = f"the condition {worst:.1e} leaves less than one digit at unit roundoff {unit:.1e}"
    certificates = (
        Certificate(
            "A is positive definite",
            Kind.PROOF,
            None if failed == 0 and not trusted else failed == 0,
            assumptions=("the smallest eigenvalue is not within rounding of zero",),
            method="the factor exists exactly where every pivot is positive",
        ),
        Certificate(
            "a solve with the factor keeps at least one digit",
            Kind.INDICATOR,
            trusted,
            bound=TRUSTED / unit,
            value=worst,
            assumptions=("the condition estimate is a lower bound, usually within a factor of 3",),
            method="1-norm condition of the matrix with unit diagonal (Hager, Higham) against 0.1 / u",
        ),
    )
    status = Status.CONVERGED if trusted and not failed else Status.ILL_POSED
    parts: list[Array] = [t.cpu().numpy() if numpy else t for t in (L, definite, condition)]
    return Cholesky(parts[0], parts[1], parts[2], status, certificates, message)
