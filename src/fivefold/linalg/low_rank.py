"""A diagonal matrix plus one of low rank, with its exact inverse and determinant."""

import numpy as np
import torch
from torch import Tensor

from fivefold.core import NumericalError, require
from fivefold.linalg.arrays import Array, to_tensor
from fivefold.linalg.operator import LinearOperator


class LowRankPlusDiagonal(LinearOperator):
    r"""The matrix :math:`A = \operatorname{diag}(d) + U \operatorname{diag}(w) V^\top`.

    A product costs :math:`2 n r` multiplications instead of :math:`n^2`. Symmetric where V is left out
    (then V is U), positive where also no d and no w is negative.

    Source: M. A. Woodbury, "Inverting modified matrices", Princeton 1950, for :meth:`inverse`.

    Args:
        diagonal: d, ``[..., n]``.
        U: ``[..., n, r]``.
        V: ``[..., n, r]``; U by default.
        weights: w, ``[..., r]``; ones by default.
        positive: The caller's claim of positivity, which negative weights do not show by themselves.

    Raises:
        ArgumentError: Sizes that do not fit, or numbers that are not finite.

    >>> A = LowRankPlusDiagonal([1.0, 2.0], [[1.0], [1.0]])
    >>> A.to_dense().tolist()
    [[2.0, 1.0], [1.0, 3.0]]
    >>> (5 * A.inverse().to_dense()).round(decimals=12).tolist()
    [[3.0, -1.0], [-1.0, 2.0]]
    >>> round(A.logdet().exp().item(), 12)
    5.0
    """

    def __init__(
        self,
        diagonal: Array,
        U: Array,
        V: Array | None = None,
        *,
        weights: Array | None = None,
        positive: bool = False,
    ) -> None:
        d, left = to_tensor(diagonal, "the diagonal"), to_tensor(U, "U")
        n = d.shape[-1]
        require(left.ndim >= 2 and left.shape[-2] == n, f"U of shape [..., {n}, r]", tuple(left.shape))
        right = left if V is None else to_tensor(V, "V")
        require(right.shape == left.shape, f"V in the shape of U, {tuple(left.shape)}", tuple(right.shape))
        r = left.shape[-1]
        w = torch.ones(r, dtype=left.dtype) if weights is None else to_tensor(weights, "the weights")
        require(w.shape[-1] == r, f"{r} weights", tuple(w.shape))
        dtype = torch.promote_types(torch.promote_types(d.dtype, w.dtype), right.dtype)
        dtype = torch.promote_types(dtype, left.dtype)
        batch = np.broadcast_shapes(d.shape[:-1], left.shape[:-2], w.shape[:-1])
        symmetric = V is None
        super().__init__(
            (*batch, n, n),
            dtype=dtype,
            device=left.device,
            symmetric=symmetric,
            positive=positive or (symmetric and bool((d >= 0).all()) and bool((w >= 0).all())),
        )
        self.diagonal, self.U, self.V, self.weights = (t.to(left.device, dtype) for t in (d, left, right, w))

    def _matmat(self, X: Tensor) -> Tensor:
        out: Tensor = self.diagonal[..., None] * X + self.U @ (self.weights[..., None] * (self.V.mT @ X))
        return out

    def _adjoint(self) -> "LowRankPlusDiagonal":
        return LowRankPlusDiagonal(self.diagonal, self.V, self.U, weights=self.weights)

    def inverse(self) -> "LowRankPlusDiagonal":
        r"""Return the inverse, again of low rank plus diagonal.

        .. math:: A^{-1} = D^{-1} - D^{-1} U (I + W V^\top D^{-1} U)^{-1} W V^\top D^{-1}

        It is exact but for rounding, which grows with :math:`\|D^{-1}\| \|U W V^\top\|`;
        :func:`fivefold.linalg.solve` corrects and bounds it.

        Raises:
            ArgumentError: A zero on the diagonal.
            NumericalError: The matrix is singular to rounding.
        """
        d, U, V, w = self._wide()
        DU, DV = U / d[..., None], V / d[..., None]
        if self.symmetric and bool((d > 0).all()) and bool((w >= 0).all()):
            # Symmetric and at least the identity, so that nothing cancels in the small matrix.
            root = w.sqrt()[..., None]
            s, Q = torch.linalg.eigh(root * (V.mT @ DU) * root.mT)
            return self._like(1 / d, DU * root.mT @ Q, None, -1 / (1 + s.clamp(min=0)), positive=True)
        small = self._capacitance(d, U, V, w)
        if not bool((torch.linalg.cond(small, 1) < 1 / torch.finfo(small.dtype).eps).all()):
            raise NumericalError("a regular matrix", "one that is singular to rounding", "use solve or lstsq")
        K = torch.linalg.solve(small, torch.diag_embed(w.expand(*small.shape[:-1])))
        if self.symmetric:
            s, Q = torch.linalg.eigh((K + K.mT) / 2)
            return self._like(1 / d, DU @ Q, None, -s, positive=self.positive)
        return self._like(1 / d, -DU @ K, DV, torch.ones_like(w), positive=False)

    def slogdet(self) -> tuple[Tensor, Tensor]:
        r"""Return the sign and :math:`\log |\det A|`, shape ``[...]``, by the determinant lemma.

        .. math:: \det A = \det D \, \det(I + W V^\top D^{-1} U)

        Raises:
            ArgumentError: A zero on the diagonal.
        """
        d, U, V, w = self._wide()
        sign, size = torch.linalg.slogdet(self._capacitance(d, U, V, w))
        sign = sign * torch.sign(d).prod(dim=-1)
        size = size + d.abs().log().sum(dim=-1)
        return sign.to(self.dtype), size.to(self.dtype)

    def logdet(self) -> Tensor:
        r"""Return :math:`\log\det A`, shape ``[...]``.

        Raises:
            NumericalError: The determinant is not positive.
        """
        sign, size = self.slogdet()
        if not bool((sign > 0).all()):
            raise NumericalError("a positive determinant", f"sign {sign.min().item():.0f}", "use slogdet")
        return size

    def _wide(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        d, U, V, w = (t.double() for t in (self.diagonal, self.U, self.V, self.weights))
        zeros = int((d == 0).sum())
        require(zeros == 0, "a diagonal without zeros", f"{zeros} zeros", "use solve, which makes it dense")
        return d, U, V, w

    @staticmethod
    def _capacitance(d: Tensor, U: Tensor, V: Tensor, w: Tensor) -> Tensor:
        out: Tensor = torch.eye(U.shape[-1]).to(U) + w[..., None] * (V.mT @ (U / d[..., None]))
        return out

    def _like(
        self, d: Tensor, U: Tensor, V: Tensor | None, w: Tensor, *, positive: bool
    ) -> "LowRankPlusDiagonal":
        right = None if V is None else V.to(self.dtype)
        return LowRankPlusDiagonal(
            d.to(self.dtype), U.to(self.dtype), right, weights=w.to(self.dtype), positive=positive
        )
