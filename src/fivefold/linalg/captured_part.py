"""The part of an operator that known images A Q determine, and what a product has beside it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.linalg.probes import Prober, extend_basis


@dataclass(frozen=True, eq=False)
class Captured:
    r"""A model of A from the images of an orthonormal basis.

    .. math::
        \hat A = QQ^\top A + AQQ^\top - QHQ^\top + FF^\top, \qquad
        H = Q^\top A Q, \quad FF^\top = E H^{-1} E^\top, \quad E = (I - QQ^\top) A Q

    With F this is the Nyström approximation :math:`AQ H^{-1} (AQ)^\top`. It needs a symmetric A and a
    positive definite H; otherwise F has no columns. The rest :math:`A - \hat A` of a symmetric A maps the
    complement of Q into itself and Q to zero, whatever F is: its probes are free of bias.

    Source: A. Gittens and M. Mahoney, J. Mach. Learn. Res. 17 (2016); D. Persson, A. Cortinovis, D. Kressner,
    SIAM J. Matrix Anal. Appl. 43 (2022) (Nyström++).

    Args:
        Q: Orthonormal ``[n, k]``.
        AQ: Images.
        F: ``[n, r]``, orthogonal to Q.
    """

    Q: Tensor
    AQ: Tensor
    F: Tensor

    @property
    def trace(self) -> float:
        """Trace of the model."""
        return float((self.Q * self.AQ).sum()) + float((self.F**2).sum())

    @property
    def diagonal(self) -> Tensor:
        """Diagonal of the model of a symmetric A ``[n]``."""
        H = self.Q.mT @ self.AQ
        return ((2 * self.AQ - self.Q @ H) * self.Q).sum(dim=1) + (self.F**2).sum(dim=1)

    @property
    def size(self) -> float:
        """Magnitude of what the trace sums, for its rounding."""
        return float((self.Q * self.AQ).sum(dim=0).abs().sum()) + float((self.F**2).sum())

    def rest(self, Z: Tensor, Y: Tensor) -> Tensor:
        r""":math:`(A - \hat A) Z` from Y = A Z for probes Z of the complement of Q."""
        return Y - self.Q @ (self.Q.mT @ Y) - self.F @ (self.F.mT @ Z)

    def rest_of_any(self, Z: Tensor, Y: Tensor) -> Tensor:
        r""":math:`(A - \hat A) Z` from Y = A Z for any probes and a symmetric A."""
        inside = self.Q.mT @ Z
        return self.rest(Z - self.Q @ inside, Y - self.AQ @ inside)


@dataclass(frozen=True, eq=False)
class CapturedRows:
    r"""The one-sided model :math:`\hat A = QQ^\top A` of an operator that is not symmetric.

    Args:
        Q: Orthonormal ``[n, j]``.
        rows: Its images under the adjoint ``[n, j]``.
    """

    Q: Tensor
    rows: Tensor

    @property
    def diagonal(self) -> Tensor:
        """Diagonal of the model ``[n]``."""
        return (self.Q * self.rows).sum(dim=1)

    def rest_of_any(self, Z: Tensor, Y: Tensor) -> Tensor:
        r""":math:`(A - QQ^\top A) Z` from Y = A Z."""
        return Y - self.Q @ (self.rows.mT @ Z)


def captured(prober: Prober, Z: Tensor, Y: Tensor, directions: Tensor) -> Captured:
    """Model A from a sketch Y = A Z and from the images of further directions, which are paid for here.

    Args:
        prober: Multiplies.
        Z: Probes ``[n, k]``, linearly independent.
        Y: Their images.
        directions: To be added to the span of the probes ``[n, j]``.

    >>> from fivefold.linalg import Dense
    >>> A = torch.diag(torch.tensor([3.0, 2.0, 0.0, 0.0, 0.0])).double()
    >>> p = Prober(Dense(A, symmetric=True), 0, "doc")
    >>> Z = p.sphere(2)
    >>> model = captured(p, Z, A @ Z, Z[:, :0])
    >>> round(model.trace, 10), p.products
    (5.0, 0)
    """
    Q, R = torch.linalg.qr(Z)
    AQ: Tensor = torch.linalg.solve_triangular(R, Y, upper=True, left=False)
    new = prober.rounded(extend_basis(Q, directions, prober.unit)) if directions.shape[1] else Q[:, :0]
    if new.shape[1]:
        image = prober.apply(new)
        if prober.A.symmetric:
            prober.check(new, image)
        Q, AQ = torch.cat([Q, new], dim=1), torch.cat([AQ, image], dim=1)
    return Captured(Q, AQ, _factor(prober, Q, AQ))


def captured_rows(prober: Prober, Z: Tensor, Y: Tensor, directions: Tensor) -> CapturedRows:
    r"""Model an A that is not symmetric by :math:`\hat A = QQ^\top A`, from products with its adjoint.

    Args:
        prober: Multiplies.
        Z: Probes ``[n, k]``.
        Y: Their images, compared with the adjoint's.
        directions: Q, orthonormal ``[n, j]``.

    >>> from fivefold.linalg import Dense
    >>> A = torch.tensor([[1.0, 2.0], [0.0, 0.0]]).double()
    >>> p = Prober(Dense(A), 0, "doc")
    >>> Z = p.signs(1)
    >>> captured_rows(p, Z, A @ Z, torch.eye(2).double()[:, :1]).diagonal.tolist()
    [1.0, 0.0]
    """
    Q = prober.rounded(directions)
    rows = prober.apply(Q, adjoint=True)
    prober.compare(Z, Y, Q, rows)
    return CapturedRows(Q, rows)


def _factor(prober: Prober, Q: Tensor, AQ: Tensor) -> Tensor:
    none = Q[:, :0]
    if not prober.A.symmetric:
        return none
    H = Q.mT @ AQ
    values, vectors = torch.linalg.eigh((H + H.mT) / 2)
    noise = prober.unit * prober.n**0.5 * float(torch.linalg.vector_norm(AQ, dim=0).max())
    if float(values.min()) < -noise:  # indefinite: the inverse of H could be large where A is not
        return none
    E = AQ - Q @ H
    E = E - Q @ (Q.mT @ E)
    F: Tensor = torch.div(E @ vectors, torch.clamp(values, min=max(noise, 1e-300)) ** 0.5)
    return F
