"""Singular values and vectors: densely, from batches, or by randomized block Krylov iteration."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from fivefold.core import Budget, Certificate, Info, Kind, Status, drive, require, torch_generator
from fivefold.linalg.arrays import Array, wants_numpy
from fivefold.linalg.data_matrix import DataMatrix
from fivefold.linalg.dense import Dense, as_operator
from fivefold.linalg.eigen import orthonormality, positive_peak
from fivefold.linalg.householder import triangle
from fivefold.linalg.operator import LinearOperator, require_matrix
from fivefold.linalg.spectral_norm import norm_bound

_DENSE = 1000  # up to this smaller side the dense method takes seconds at most


@dataclass(frozen=True, eq=False)
class SVD:
    r"""Leading part of :math:`A = U \Sigma V^\top`.

    Args:
        U: ``[m, k]``.
        values: Singular values, descending, ``[k]``.
        V: ``[n, k]`` (not transposed).
        residual_norms: :math:`\max(\|A v - \sigma u\|, \|A^\top u - \sigma v\|)`, ``[k]``.
        method: ``"dense"``, ``"batches"`` or ``"krylov"``.
        steps: Block iterations made; 0 for direct methods.
        status: How it ended.
        certificates: Residuals, orthonormality of U and V, completeness.
        message: What went wrong, or an empty string.
    """

    U: Array
    values: Array
    V: Array
    residual_norms: Array
    method: str
    steps: int
    status: Status
    certificates: tuple[Certificate, ...]
    message: str


def svd(
    A: Array | LinearOperator,
    k: int | None = None,
    *,
    method: Literal["auto", "dense", "krylov"] = "auto",
    tolerance: float | None = None,
    seed: int = 0,
    budget: Budget | None = None,
) -> SVD:
    r"""Return the k largest singular values with their vectors.

    .. math:: A = U \Sigma V^\top, \qquad U^\top U = V^\top V = I

    ``auto`` is dense up to a smaller side of 1000 or where more than a fifth of the values is asked for; a
    :class:`DataMatrix` goes through the R of a streaming QR; anything else through block Krylov iteration.

    Source: C. Musco and C. Musco, "Randomized block Krylov methods for stronger and faster approximate
    singular value decomposition", NeurIPS 2015.

    Args:
        A: ``[m, n]``: array, tensor or operator.
        k: How many, between 1 and min(m, n); all by default.
        method: Chosen by size unless given.
        tolerance: Residual norm relative to the largest value, for Krylov; 1e-8, or 1e-5 in float32.
        seed: Of the random first block.
        budget: What Krylov may spend; 50 block iterations by default.

    Returns:
        The factors with certificates, in the kind and dtype of A. Each column of V has a positive peak.

    Raises:
        ArgumentError: Not a matrix, not finite, or k outside 1..min(m, n).

    >>> s = svd([[3.0, 0.0], [0.0, 2.0], [0.0, 0.0]], 1)
    >>> s.values.round(12).tolist(), s.V.round(12).tolist()
    ([3.0], [[1.0], [0.0]])
    """
    numpy = wants_numpy(A)
    operator = as_operator(A)
    require_matrix(operator, "A")
    small = min(operator.shape)
    count = small if k is None else int(k)
    require(1 <= count <= small, f"k between 1 and {small}", k)
    require(method in ("auto", "dense", "krylov"), "a method 'auto', 'dense' or 'krylov'", repr(method))
    tau = tolerance or (1e-8 if operator.dtype == torch.float64 else 1e-5)
    require(0 < tau < 1, "a tolerance between 0 and 1", tolerance)
    steps, status = 0, Status.CONVERGED
    if method == "krylov" or (method == "auto" and small > _DENSE and 5 * count <= small):
        chosen = "krylov"
        run = drive(_Krylov(operator, count, tau, seed), budget or Budget(steps=50))
        U, s, V = run.state.U, run.state.s, run.state.V
        steps, status = run.steps, run.status
    elif isinstance(operator, DataMatrix):
        chosen = "batches"
        _, R, _ = triangle(operator, None)
        _, s, Vt = torch.linalg.svd(R, full_matrices=False)
        s, V = s[:count].to(operator.dtype), Vt[:count].mT.to(operator.dtype)
        # Where a value is rounding noise, U is too; the certificate of orthonormality then says no.
        U = operator.apply(V) / torch.where(s > 0, s, torch.ones_like(s))
    else:
        chosen = "dense"
        U, s, Vt = torch.linalg.svd(operator.to_dense().detach(), full_matrices=False)
        U, s, V = U[:, :count], s[:count], Vt[:count].mT
    flipped = positive_peak(V)
    U, V = U * torch.where((flipped == V).all(dim=0), 1.0, -1.0).to(U.dtype), flipped
    left = torch.linalg.vector_norm(operator.apply(V) - U * s, dim=0)
    right = torch.linalg.vector_norm(operator.adjoint().apply(U) - V * s, dim=0)
    norms = torch.maximum(left, right)
    certificates = (
        _residuals(norms, s, tau, max(operator.shape)),
        orthonormality(U, "U"),
        orthonormality(V, "V"),
        _complete(operator, U, s, V, chosen, seed),
    )
    message = "" if status is Status.CONVERGED else "the residuals did not reach the tolerance"
    if status is Status.CONVERGED:
        wrong = [c.claim for c in certificates[:3] if c.holds is False]
        if wrong:
            status, message = Status.ILL_POSED, f"not so: {'; '.join(wrong)}"

    def kind(t: Tensor) -> Array:
        t = t.detach().to(operator.dtype)
        return t.cpu().numpy() if numpy else t

    return SVD(kind(U), kind(s), kind(V), kind(norms), chosen, steps, status, certificates, message)


@dataclass(frozen=True, eq=False)
class _State:
    Q: Tensor  # orthonormal basis of the left Krylov space [m, j]
    B: Tensor  # A' Q, [n, j]
    block: Tensor  # images A V of the leading Ritz vectors [m, b]
    U: Tensor
    s: Tensor
    V: Tensor


class _Krylov:
    """The Krylov space of A A' from a random block, with Rayleigh-Ritz after each block."""

    def __init__(self, A: LinearOperator, k: int, tolerance: float, seed: int) -> None:
        self.A, self.k, self.tolerance = A, k, tolerance
        self.width = min(k + 10, *A.shape)
        self.generator = torch_generator(seed, "svd")

    def init(self) -> tuple[_State, Info]:
        omega = torch.randn((self.A.shape[1], self.width), generator=self.generator, dtype=torch.float64)
        block = self.A.apply(omega.to(dtype=self.A.dtype, device=self.A.device))
        return self.extend(block[:, :0], None, block)

    def step(self, state: _State) -> tuple[_State, Info]:
        return self.extend(state.Q, state.B, state.block)

    def extend(self, Q: Tensor, B: Tensor | None, block: Tensor) -> tuple[_State, Info]:
        eps = torch.finfo(block.dtype).eps
        norms = torch.linalg.vector_norm(block, dim=0)
        for _ in range(2):
            block = block - Q @ (Q.mT @ block)
        # Directions that the basis holds already are rounding noise: drop them before orthonormalising.
        left, weight, _ = torch.linalg.svd(block / torch.where(norms > 0, norms, 1.0), full_matrices=False)
        new = left[:, weight > 1e3 * eps][:, : self.A.shape[0] - Q.shape[1]]
        new = new - Q @ (Q.mT @ new)
        new = torch.linalg.qr(new).Q if new.shape[1] else new
        Q = torch.cat([Q, new], dim=1)
        image = self.A.adjoint().apply(new) if new.shape[1] else None
        parts = [part for part in (B, image) if part is not None]
        B = torch.cat(parts, dim=1) if parts else torch.zeros((self.A.shape[1], 0)).to(block)
        V, s, Wt = torch.linalg.svd(B, full_matrices=False)
        width = min(self.width, s.shape[0])
        U, s, V = Q @ Wt[:width].mT, s[:width], V[:, :width]
        U, s, V = self.filled(U, s, V)
        AV: Tensor = self.A.apply(V)
        residual = torch.linalg.vector_norm(AV - U * s, dim=0)[: self.k]
        worst = float(residual.max() / s[0]) if float(s[0]) > 0 else 0.0
        status = Status.CONVERGED if worst <= self.tolerance else None
        if status is None and not new.shape[1]:
            status = Status.STALLED
        k = self.k
        state = _State(Q, B, AV, U[:, :k], s[:k], V[:, :k])
        return state, Info({"relative_residual": worst}, status)

    def filled(self, U: Tensor, s: Tensor, V: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Fill up to k columns with value zero where A has a smaller rank."""
        lack = self.k - s.shape[0]
        if lack <= 0:
            return U, s, V
        sides = []
        for side in (U, V):
            extra = torch.randn((side.shape[0], lack), generator=self.generator, dtype=torch.float64)
            extra = extra.to(side)
            for _ in range(2):
                extra = extra - side @ (side.mT @ extra)
                extra = torch.linalg.qr(extra).Q
            sides.append(torch.cat([side, extra], dim=1))
        return sides[0], torch.cat([s, torch.zeros(lack).to(s)]), sides[1]


def _residuals(norms: Tensor, s: Tensor, tau: float, size: int) -> Certificate:
    unit = float(torch.finfo(s.dtype).eps)
    limit = max(tau, 10 * size * unit) * float(s[0])
    worst = float(norms.max())
    return Certificate(
        "every value lies within the bound of a singular value of A",
        Kind.PROOF,
        worst <= limit,
        bound=limit,
        value=worst,
        assumptions=("u and v are unit vectors",),
        method="max(|A v - sigma u|, |A'u - sigma v|), computed with A",
    )


def _complete(A: LinearOperator, U: Tensor, s: Tensor, V: Tensor, method: str, seed: int) -> Certificate:
    claim = "no singular value larger than the returned ones was missed"
    if method != "krylov":
        return Certificate(claim, Kind.PROOF, True, method="all singular values were computed")
    low = float(s[-1])
    if isinstance(A, Dense):
        total = float((A.matrix.double() ** 2).sum())
        rest = max(0.0, total - float((s.double() ** 2).sum()) + 1e-12 * total) ** 0.5
        if rest <= low:
            how = "what is left of the Frobenius norm bounds every other singular value"
            return Certificate(claim, Kind.PROOF, True, bound=low, value=rest, method=how)
    if isinstance(A, DataMatrix):
        how = "unknown: the bound would take forty more passes over the data"
        return Certificate(claim, Kind.STATISTICAL, None, bound=low, method=how)
    # The values that were missed are those of the rest, but for rounding of U and V.
    rest = norm_bound(A - Dense(U * s) @ Dense(V.mT), seed=seed)
    noise = 100 * max(A.shape) * float(torch.finfo(s.dtype).eps) * float(s[0])
    return Certificate(
        claim,
        Kind.STATISTICAL,
        True if rest <= low + noise else None,
        bound=low,
        value=rest,
        assumptions=("fails with probability 1e-6 at most",),
        method="norm of A - U S V' by Lanczos from a random start (Kuczynski and Wozniakowski 1992)",
    )
