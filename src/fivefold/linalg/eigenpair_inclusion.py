"""A disc that holds an eigenvalue near a computed pair, for operators known by their products."""

import math

import torch
from torch import Tensor

from fivefold.linalg.arnoldi import apply_complex
from fivefold.linalg.operator import LinearOperator
from fivefold.linalg.spectral_ends import spectral_ends


class Bordered(LinearOperator):
    r"""The derivative of :math:`(x, \mu) \mapsto (A x - s \mu x, \; s (x_0^* x - 1))` at a pair.

    .. math:: \begin{pmatrix} A - \lambda I & -s x \\ s x^* & 0 \end{pmatrix}

    In real form: complex numbers are two real ones where the pair is complex.

    Args:
        A: ``[n, n]``.
        value: :math:`\lambda`.
        vector: Complex unit x, ``[n]``.
        scale: s, positive.

    >>> from fivefold.linalg import Diagonal
    >>> M = Bordered(Diagonal([2.0, 1.0]), 2.0 + 0j, torch.tensor([1.0, 0.0]).to(torch.complex128), 1.0)
    >>> M.to_dense().tolist()
    [[0.0, 0.0, -1.0], [0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]
    """

    def __init__(
        self, A: LinearOperator, value: complex, vector: Tensor, scale: float, *, adjoint: bool = False
    ) -> None:
        self.real = value.imag == 0 and not bool(vector.imag.any())
        self.n = A.shape[0]
        size = (self.n + 1) * (1 if self.real else 2)
        super().__init__((size, size), dtype=A.dtype, device=A.device)
        self.A, self.value, self.vector, self.scale, self.flipped = A, value, vector, scale, adjoint

    def _matmat(self, X: Tensor) -> Tensor:
        if X.ndim > 2:
            return torch.stack([self._matmat(part) for part in X])
        half = self.n + 1
        Z = X.double().to(torch.complex128) if self.real else torch.complex(
            X[:half].double(), X[half:].double()
        )  # fmt: skip
        body, last = Z[:-1], Z[-1:]
        sign = -1.0 if self.flipped else 1.0
        factor = self.A.adjoint() if self.flipped else self.A
        value = self.value.conjugate() if self.flipped else self.value
        top = apply_complex(factor, body) - value * body - sign * self.scale * self.vector[:, None] * last
        bottom = sign * self.scale * (self.vector.conj()[None] @ body)
        out = torch.cat([top, bottom])
        return (out.real if self.real else torch.cat([out.real, out.imag])).to(self.dtype)

    def _adjoint(self) -> "Bordered":
        return Bordered(self.A, self.value, self.vector, self.scale, adjoint=not self.flipped)


def eigenvalue_near(
    A: LinearOperator,
    value: complex,
    vector: Tensor,
    *,
    steps: int,
    scale: float | None = None,
    failure: float = 1e-6,
    seed: int = 0,
) -> float:
    r"""Return the radius of a disc around a computed value that holds an eigenvalue of A, or infinity.

    Newton's method on the pair converges, by Kantorovich, and no farther than twice its first step:

    .. math:: \beta^2 s \|r\| \le \tfrac 1 2 \; \Rightarrow \; |\lambda^* - \lambda| \le 2 s \beta \|r\|,
              \qquad r = A x - \lambda x, \quad \beta \ge \|M^{-1}\|_2

    M is the bordered matrix of :class:`Bordered`, s a number of the size of A, and :math:`\beta` comes from
    the lower end of the spectrum of :math:`M^\top M` as Lanczos bounds it, with a probability of failure. It
    is finite where the value is simple, apart from the others and not ill-conditioned.

    Source: L. V. Kantorovich, Uspekhi Mat. Nauk 3 (1948); T. Yamamoto, Numer. Math. 34 (1980).

    Args:
        A: ``[n, n]``; its adjoint is used.
        value: :math:`\lambda`; not zero where no scale is given.
        vector: Complex unit x, ``[n]``.
        steps: Lanczos steps, each of two products with M.
        scale: s, positive; :math:`|\lambda|` by default.
        failure: Probability that the radius is wrong.
        seed: Of Lanczos.

    >>> from fivefold.linalg import Diagonal
    >>> x = torch.zeros(200).to(torch.complex128)
    >>> x[0] = 1
    >>> eigenvalue_near(Diagonal([2.0] + [0.5] * 199), 2.0 + 1e-9j, x, steps=30) < 1e-7
    True
    """
    from fivefold.linalg.compose import Product

    scale = abs(value) if scale is None else scale
    M = Bordered(A, value, vector, scale)
    ends = spectral_ends(Product(M.adjoint(), M, positive=True), steps=steps, failure=failure, seed=seed)
    if not ends.low > 0:
        return math.inf
    beta = 1 / math.sqrt(ends.low)
    residual = apply_complex(A, vector[:, None])[:, 0] - value * vector
    # The norm of the vector counts as well: |x| = 1 to rounding, and the product is rounded.
    unit = float(torch.finfo(A.dtype).eps)
    length = float(torch.linalg.vector_norm(residual)) + max(scale, abs(value)) * unit * (
        10 + 10 * math.sqrt(len(vector))
    )
    if beta**2 * scale * length > 0.5:
        return math.inf
    return 2 * scale * beta * length
