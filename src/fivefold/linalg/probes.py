"""Random probes of an operator: drawn, multiplied, counted and checked."""

import torch
from torch import Tensor

from fivefold.core import ArgumentError, NumericalError, torch_generator
from fivefold.linalg.memory import BASES, require_memory
from fivefold.linalg.operator import LinearOperator


class Prober:
    r"""Draws probes for one operator and multiplies them, in float64 outside the operator.

    Products are counted. Each is checked: finite, of the right shape, the same when it is repeated; and where
    the operator claims symmetry, :math:`z^\top (A w) = (A z)^\top w` for all pairs of probes, which costs
    nothing and also notices products that change between calls.

    Args:
        A: Square ``[n, n]``.
        seed: Of the probes.
        name: Of the child stream.

    >>> from fivefold.linalg import Identity
    >>> p = Prober(Identity(5), 0, "doc")
    >>> Z = p.sphere(3)
    >>> bool(torch.allclose((p.apply(Z) * Z).sum(0), torch.full((3,), 5.0).double())), p.products
    (True, 3)
    """

    def __init__(self, A: LinearOperator, seed: int, name: str) -> None:
        self.A, self.n, self.seed = A, A.shape[0], seed
        self.generator = torch_generator(seed, "linalg", name)
        self.products = 0
        self._size = 0.0  # the largest |A z| / |z| seen: below its rounding nothing is compared
        self._first: tuple[Tensor, Tensor] | None = None
        self.unit = float(torch.finfo(A.dtype).eps)

    def normal(self, columns: int) -> Tensor:
        """Standard normal probes ``[n, columns]``."""
        Z = torch.randn((self.n, columns), generator=self.generator, dtype=torch.float64)
        return Z.to(device=self.A.device)

    def sphere(self, columns: int, Q: Tensor | None = None) -> Tensor:
        r"""Probes uniform on the sphere of radius :math:`\sqrt d` in the complement of Q, of dimension d."""
        Z = self.normal(columns)
        d = self.n
        if Q is not None and Q.shape[1]:
            Z = project_out(Q, Z)
            d -= Q.shape[1]
        return self.rounded(Z * (d**0.5 / torch.linalg.vector_norm(Z, dim=0)))

    def signs(self, columns: int) -> Tensor:
        """Probes of independent fair signs ``[n, columns]``."""
        return torch.where(self.normal(columns) < 0, -1.0, 1.0).to(torch.float64)

    def rounded(self, X: Tensor) -> Tensor:
        """X as the operator will see it, so that rounding of the probes is no error of the product."""
        return X.to(self.A.dtype).to(torch.float64)

    def apply(self, X: Tensor, *, adjoint: bool = False) -> Tensor:
        """Return A X (or its adjoint's product) in float64 and count the columns.

        Raises:
            NumericalError: NaN or infinite numbers in the product.
        """
        operator = self.A.adjoint() if adjoint else self.A
        Y: Tensor = operator.apply(X.to(self.A.dtype)).detach()
        self.products += X.shape[1]
        bad = int((~torch.isfinite(Y)).sum())
        if bad:
            raise NumericalError(
                "finite products of A with finite probes",
                f"{bad} NaN or infinite numbers in {X.shape[1]} products",
                "scale A, or look for overflow in its product",
            )
        return Y.to(torch.float64)

    def check(self, Z: Tensor, Y: Tensor) -> None:
        """Compare products with each other and with the first ones that were checked.

        Args:
            Z: Probes ``[n, b]``.
            Y: Their products.

        Raises:
            ArgumentError: A claims symmetry and its products deny it, or a product changed when repeated.
        """
        if self._first is None:
            self._first = (Z[:, :2], Y[:, :2])
            if not self.A.symmetric:
                self._repeat()
        if self.A.symmetric:
            before, after = self._first
            self.compare(Z, Y, torch.cat([before, Z], dim=1), torch.cat([after, Y], dim=1))

    def compare(self, Z: Tensor, Y: Tensor, W: Tensor, X: Tensor) -> None:
        r"""Refuse products :math:`Y = A Z` and :math:`X = A^\top W` with :math:`Z^\top X \ne Y^\top W`.

        Raises:
            ArgumentError: They differ by more than the root of the rounding.
        """
        gap = float((Z.mT @ X - Y.mT @ W).abs().max())
        z, x, w, y = (float(torch.linalg.vector_norm(part, dim=0).max()) for part in (Z, X, W, Y))
        self._size = max(self._size, x / w, y / z)
        scale = self._size * z * w
        if gap > self.unit**0.5 * scale:
            raise ArgumentError(
                "a symmetric operator whose products do not change between calls",
                f"z'(Aw) and (Az)'w that differ by {gap / scale:.1e} of |z| |Aw|",
                "freeze dropout and the order of data; build it without symmetric=True if it is not",
            )

    def _repeat(self) -> None:
        assert self._first is not None
        Z, Y = self._first
        again = self.apply(Z[:, :1])
        gap = float(torch.linalg.vector_norm(again - Y[:, :1]))
        size = float(torch.linalg.vector_norm(Y[:, :1]))
        if gap > self.unit**0.5 * size:
            raise ArgumentError(
                "an operator whose products do not change between calls",
                f"a repeated product that differs by {gap / size if size else gap:.1e}",
                "freeze dropout and the order of data",
            )

    def diagonal(self) -> Tensor:
        """The diagonal from n products with unit vectors, a group of columns at a time."""
        width = max(1, min(256, self.room()))
        entries = []
        for start in range(0, self.n, width):
            columns = torch.arange(start, min(self.n, start + width), device=self.A.device)
            E = torch.zeros((self.n, len(columns)), dtype=torch.float64, device=self.A.device)
            E[columns, torch.arange(len(columns), device=self.A.device)] = 1.0
            entries.append(self.apply(E)[columns].diagonal())
        return torch.cat(entries)

    def room(self, depth: int = 1) -> int:
        """Columns whose bases of this depth fit into ``BASES``; at least one, or an error naming the size.

        Raises:
            ArgumentError: Not even one fits, or one is more than the free memory.
        """
        needed = 8 * self.n * depth
        columns = BASES // needed
        if columns < 1:
            raise ArgumentError(
                f"bases of at most {BASES / 2**30:.0f} GiB",
                f"{needed / 2**30:.1f} GiB for one probe of depth {depth}",
                "lower the depth",
            )
        require_memory(needed, f"a basis of depth {depth}", "lower the depth", self.A.device)
        return columns


def project_out(Q: Tensor, X: Tensor) -> Tensor:
    """Return X without its part in the span of the orthonormal Q; twice, which is enough.

    >>> project_out(torch.eye(2)[:, :1], torch.ones(2, 1)).tolist()
    [[0.0], [1.0]]
    """
    for _ in range(2):
        X = X - Q @ (Q.mT @ X)
    return X


def extend_basis(Q: Tensor, Y: Tensor, unit: float) -> Tensor:
    """Orthonormal directions of Y outside Q; those that are rounding noise are left out.

    >>> extend_basis(torch.eye(3)[:, :1], torch.eye(3)[:, :2], 1e-7).shape
    torch.Size([3, 1])
    """
    norms = torch.linalg.vector_norm(Y, dim=0)
    left, weight, _ = torch.linalg.svd(
        project_out(Q, Y) / torch.where(norms > 0, norms, 1.0), full_matrices=False
    )
    new: Tensor = left[:, weight > 100 * unit][:, : Y.shape[0] - Q.shape[1]]
    if not new.shape[1]:
        return new
    basis: Tensor = torch.linalg.qr(project_out(Q, new)).Q
    return basis
