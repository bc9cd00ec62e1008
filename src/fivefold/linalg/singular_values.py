"""Singular values and vectors: densely, from batches, or by randomized block Krylov iteration."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from fivefold.core import Budget, Certificate, Info, Kind, Status, drive, require, torch_generator
from fivefold.linalg.arrays import Array, wants_numpy
from fivefold.linalg.data_matrix import DataMatrix
from fivefold.linalg.dense import Dense, as_operator
from fivefold.linalg.doubled import CHEAP
from fivefold.linalg.eigen import orthonormality, positive_peak
from fivefold.linalg.householder import triangle
from fivefold.linalg.moments import moments
from fivefold.linalg.operator import LinearOperator, require_matrix
from fivefold.linalg.spectral_norm import block_norm_bound, norm_bound

_RESOLVED = 1e-10
"""Bound of the relative error of a squared value up to which it is taken from products."""
_DENSE = 1000  # up to this smaller side the dense method takes seconds at most


@dataclass(frozen=True, eq=False)
class SVD:
    r"""Leading part of :math:`A = U \Sigma V^\top`.

    Args:
        U: ``[m, k]``.
        values: Singular values, descending, ``[k]``.
        V: ``[n, k]`` (not transposed).
        residual_norms: :math:`\max(\|A v - \sigma u\|, \|A^\top u - \sigma v\|)`, ``[k]``.
        method: ``"dense"``, ``"products"``, ``"batches"`` or ``"krylov"``.
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

    ``auto`` is dense up to a smaller side of 1000 or where more than a fifth of the values is asked for,
    through the eigenvalues of :math:`A^\top A` where few values of a tall matrix are asked for and the
    rounding of the products is proved too small to matter; a :class:`DataMatrix` goes through the R of a
    streaming QR; anything else through block Krylov iteration.

    Source: C. Musco and C. Musco, "Randomized block Krylov methods for stronger and faster approximate
    singular value decomposition", NeurIPS 2015.

    Args:
        A: ``[m, n]``: array, tensor or operator.
        k: How many, between 1 and min(m, n); all by default.
        method: Chosen by size unless given.
        tolerance: Residual norm relative to the largest value, for Krylov; 1e-8, or 1e-5 in float32, or what
            rounding leaves where that is more.
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
    # rounding of sums over so many entries leaves residuals that no iteration removes
    floor = 4 * torch.finfo(operator.dtype).eps * max(operator.shape) ** 0.5
    tau = tolerance or max(1e-8 if operator.dtype == torch.float64 else 1e-5, floor)
    require(0 < tau < 1, "a tolerance between 0 and 1", tolerance)
    steps, status, space = 0, Status.CONVERGED, None
    if method == "krylov" or (method == "auto" and by_krylov(operator.shape, count)):
        chosen = "krylov"
        run = drive(_Krylov(operator, count, tau, seed), budget or Budget(steps=50))
        space = run.state
        U, s, V = space.U, space.s, space.V
        steps, status = run.steps, run.status
    elif isinstance(operator, DataMatrix):
        chosen = "batches"
        _, R, _ = triangle(operator, None)
        _, s, Vt = torch.linalg.svd(R, full_matrices=False)
        s, V = s[:count].to(operator.dtype), Vt[:count].mT.to(operator.dtype)
        # Where a value is rounding noise, U is too; the certificate of orthonormality then says no.
        U = operator.apply(V) / torch.where(s > 0, s, torch.ones_like(s))
    elif (leading := _from_products(operator, count)) is not None:
        chosen = "products"
        U, s, V = leading
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
        _complete(operator, U, s, V, space, seed),
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


def by_krylov(shape: tuple[int, ...], k: int) -> bool:
    """Whether ``auto`` takes the k largest values of a matrix of that shape by Krylov iteration.

    >>> by_krylov((20_000, 5_000), 10), by_krylov((20_000, 500), 10)
    (True, False)
    """
    return min(shape) > _DENSE and 5 * k <= min(shape)


def _from_products(A: LinearOperator, k: int) -> tuple[Tensor, Tensor, Tensor] | None:
    r"""Return U, the values and V of a tall matrix by :math:`A^\top A`, in its dtype; ``None`` if unfit.

    The products' error is at most :math:`\gamma \operatorname{tr}(A^\top A)`, and so is that of
    :math:`\sigma^2` (Weyl) and, divided by :math:`\sigma_k^2`, that of :math:`U^\top U`.
    """
    if not isinstance(A, Dense):
        return None
    X = A.matrix.detach()
    m, n = X.shape
    if m < 4 * n or 5 * k > n or m * n <= CHEAP:
        return None
    sums = moments([(X, X[:, :0])], centre=False)
    gram = sums.gram * torch.outer(sums.scale, sums.scale)
    squares, vectors = torch.linalg.eigh((gram + gram.mT) / 2)
    squares, V = squares.flip(0)[:k], vectors.flip(1)[:, :k]
    if not sums.growth * float(gram.diagonal().sum()) <= _RESOLVED * float(squares[-1]):
        return None
    s = squares.sqrt()
    return X @ V.to(X.dtype) / s.to(X.dtype), s.to(X.dtype), V.to(X.dtype)


@dataclass(frozen=True, eq=False)
class _State:
    Q: Tensor  # orthonormal basis of the left Krylov space [m, j]
    B: Tensor  # A' Q, [n, j]
    block: Tensor  # images A V of the leading Ritz vectors [m, b]
    U: Tensor
    s: Tensor
    V: Tensor
    following: float  # the value after the k-th in the space


class _Krylov:
    """The Krylov space of A A' from a random block, with Rayleigh-Ritz after each block."""

    def __init__(self, A: LinearOperator, k: int, tolerance: float, seed: int) -> None:
        self.A, self.At, self.k, self.tolerance = A, A.adjoint(), k, tolerance
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
        image = self.At.apply(new) if new.shape[1] else None
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
        following = float(s[k]) if s.shape[0] > k else 0.0
        state = _State(Q, B, AV, U[:, :k], s[:k], V[:, :k], following)
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


def _complete(
    A: LinearOperator, U: Tensor, s: Tensor, V: Tensor, space: _State | None, seed: int
) -> Certificate:
    r"""Certify that nothing larger lies outside of the Krylov space.

    With Q its basis and :math:`R = A - Q Q^\top A`, :math:`A^\top A = B B^\top + R^\top R`, so that no value
    of A after the k-th exceeds :math:`(\sigma_{k+1}(B)^2 + \|R\|^2)^{1/2}` (Weyl).
    """
    claim = "no singular value larger than the returned ones was missed"
    if space is None:
        return Certificate(claim, Kind.PROOF, True, method="all singular values were computed")
    low = float(s[-1])
    if isinstance(A, Dense):
        # in its own precision first: in float64 only where that promises a proof
        kept, total = float((s.double() ** 2).sum()), float(torch.linalg.vector_norm(A.matrix)) ** 2
        near = total - kept <= 2 * low**2 + 1e-3 * total
        total = float(torch.linalg.vector_norm(A.matrix, dtype=torch.float64)) ** 2 if near else total
        rest = max(0.0, total - kept + 1e-12 * total) ** 0.5
        if near and rest <= low:
            how = "what is left of the Frobenius norm bounds every other singular value"
            return Certificate(claim, Kind.PROOF, True, bound=low, value=rest, method=how)
    if isinstance(A, DataMatrix):
        how = "unknown: the bound would take forty more passes over the data"
        return Certificate(claim, Kind.STATISTICAL, None, bound=low, method=how)
    noise = 100 * max(A.shape) * float(torch.finfo(s.dtype).eps) * float(s[0])
    how = "norm of A - Q Q'A by powers on random blocks (Halko, Martinsson and Tropp 2011)"
    outside = block_norm_bound(A - Dense(space.Q) @ Dense(space.B.mT), seed=seed)
    rest = math.hypot(space.following, outside)
    if rest > low + noise:
        # The values that were missed are those of the rest, but for rounding of U and V.
        left = A - Dense(U * s) @ Dense(V.mT)
        how = "norm of A - U S V' by Lanczos from a random start (Kuczynski and Wozniakowski 1992)"
        rest = norm_bound(left, seed=seed)
    return Certificate(
        claim,
        Kind.STATISTICAL,
        True if rest <= low + noise else None,
        bound=low,
        value=rest + noise,  # what rounding did to the values found, of which the bound is made
        assumptions=("fails with probability 1e-6 at most",),
        method=how,
    )
