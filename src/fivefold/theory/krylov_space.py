"""One Krylov space of a few random probes, kept whole, that answers several questions at once."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.core import Info, Status
from fivefold.linalg.probes import Prober, extend_basis, project_out


@dataclass(frozen=True, eq=False)
class KrylovSpace:
    r"""An orthonormal basis V of :math:`\operatorname{span}\{Z, A Z, \dots, A^{d-1} Z\}` and its Ritz pairs.

    .. math:: V^\top A V = T = S \Theta S^\top, \qquad A V S - V S \Theta = W (S_\text{last})

    Args:
        V: ``[n, j]``.
        AV: Its image ``[n, j]``.
        T: ``[j, j]``.
        starts: The probes' coordinates in the first block, columns of norm 1, ``[b, m]``.
        ends: Columns of V after each block; the length is the depth.
        rest: W, what the last block's image has outside V, ``[n, b]``.
        values: Ritz values, descending ``[j]``.
        S: Ritz vectors in the basis ``[j, j]``.
        closed: Whether the space is invariant: the Ritz values of the probes are eigenvalues.
    """

    V: Tensor
    AV: Tensor
    T: Tensor
    starts: Tensor
    ends: tuple[int, ...]
    rest: Tensor
    values: Tensor
    S: Tensor
    closed: bool

    @property
    def complete(self) -> bool:
        """Whether V spans everything, so that all eigenvalues are known."""
        return self.V.shape[0] == self.V.shape[1]

    @property
    def residual_norms(self) -> Tensor:
        """Residual norms of all Ritz pairs by the recurrence, ``[j]``."""
        last = self.S[self.V.shape[1] - self.rest.shape[1] :]
        norms: Tensor = torch.linalg.vector_norm(torch.linalg.qr(self.rest, mode="r").R @ last, dim=0)
        return norms

    def quadrature(self, depth: int | None = None) -> tuple[Tensor, Tensor]:
        """Return nodes ``[j]`` and the weights of each probe ``[m, j]``, whose sums are 1.

        Args:
            depth: Blocks that are used; all by default.
        """
        if depth is None:
            values, S = self.values, self.S
        else:
            end = self.ends[depth - 1]
            values, S = torch.linalg.eigh(self.T[:end, :end])
        first = S[: self.starts.shape[0]]
        return values, (self.starts.mT @ first) ** 2


class KrylovGrowth:
    r"""Block Lanczos from random probes without restarts, with full reorthogonalisation.

    ``linalg``'s two Lanczos methods keep less: that of ``eigh`` restarts and forgets its start, that of the
    spectral density forgets its basis. Here the same products give eigenpairs with residuals (from V), sums
    over the whole spectrum (from the probes' weights), and directions to deflate.

    Source: G. Golub and G. Meurant, "Matrices, Moments and Quadrature", 2010, section 4 for the block rule.

    Args:
        prober: Draws, multiplies and counts.
        k: Ritz pairs that are to converge, at least 1.
        width: Probes, the columns of a block.
        tolerance: Of their residual norms, relative to the largest of their values.
        columns: The most columns of the basis.
        bandwidth: Relative to the range, of the density that is to be resolved; 0 where none is.

    >>> from fivefold.core import drive
    >>> from fivefold.linalg import Diagonal
    >>> prober = Prober(Diagonal(torch.arange(40.0)), 0, "doc")
    >>> run = drive(KrylovGrowth(prober, 2, 2, 1e-6, 40, 0.0))
    >>> run.state.values[:2].round(decimals=6).tolist(), str(run.status)
    ([39.0, 38.0], 'converged')
    """

    def __init__(
        self, prober: Prober, k: int, width: int, tolerance: float, columns: int, bandwidth: float
    ) -> None:
        self.prober, self.k, self.tolerance, self.bandwidth = prober, k, tolerance, bandwidth
        self.width = min(width, prober.n)
        self.columns = min(columns, prober.n)

    def init(self) -> tuple[KrylovSpace, Info]:
        """The space of the probes alone."""
        Z = self.prober.sphere(self.width)
        block, R = torch.linalg.qr(Z)
        empty = Z[:, :0]
        space = self.extended(empty, empty, Z.new_zeros(0, 0), block, R / Z.norm(dim=0), ())
        return space, self.info(space)

    def step(self, space: KrylovSpace) -> tuple[KrylovSpace, Info]:
        """One more block of products."""
        room = self.columns - space.V.shape[1]
        block = extend_basis(space.V, space.AV[:, -space.rest.shape[1] :], self.prober.unit)[:, :room]
        if not block.shape[1]:  # invariant, but fewer pairs than are wanted: look elsewhere
            block = extend_basis(space.V, self.prober.normal(self.width), self.prober.unit)[:, :room]
        new = self.extended(space.V, space.AV, space.T, block, space.starts, space.ends)
        return new, self.info(new)

    def extended(
        self, V: Tensor, AV: Tensor, T: Tensor, block: Tensor, starts: Tensor, ends: tuple[int, ...]
    ) -> KrylovSpace:
        """The space with a further block of basis vectors."""
        image = self.prober.apply(block)
        self.prober.check(block, image)
        V = torch.cat([V, block], dim=1)
        AV = torch.cat([AV, image], dim=1)
        corner = V.mT @ image
        j, b = V.shape[1], block.shape[1]
        grown = T.new_zeros(j, j)
        grown[: j - b, : j - b] = T
        grown[:, j - b :] = corner
        grown[j - b :] = corner.mT
        grown[j - b :, j - b :] = (corner[j - b :] + corner[j - b :].mT) / 2
        values, S = torch.linalg.eigh(grown)
        rest = project_out(V, image)
        size = float(torch.linalg.vector_norm(image, dim=0).max())
        closed = j == self.prober.n or float(rest.abs().max()) <= 100 * self.prober.unit * size
        return KrylovSpace(V, AV, grown, starts, (*ends, j), rest, values.flip(0), S.flip(1), closed)

    def info(self, space: KrylovSpace) -> Info:
        """The worst residual of the wanted pairs, and whether to stop."""
        j = space.V.shape[1]
        wanted = min(self.k, j)
        scale = float(space.values[:wanted].abs().max())
        worst = float(space.residual_norms[:wanted].max())
        relative = worst / scale if scale > 0 else 0.0
        status = None
        found = j >= self.k and relative <= self.tolerance
        if space.complete or (found and (space.closed or self.resolved(space))):
            status = Status.CONVERGED
        elif j >= self.columns:
            status = Status.OUT_OF_BUDGET
        return Info({"products": float(self.prober.products), "relative_residual": relative}, status)

    def resolved(self, space: KrylovSpace) -> bool:
        """Whether the smoothed density has stopped changing with the depth, to 1% of its largest value."""
        if self.bandwidth == 0:
            return True
        depth = len(space.ends)
        if depth < 4:
            return False
        x, sigma = density_axes(space.values, self.bandwidth)
        now, before = (
            gaussians(nodes, x, sigma).mT @ weights.mean(0)
            for nodes, weights in (space.quadrature(), space.quadrature(3 * depth // 4))
        )
        return bool((now - before).abs().max() <= 0.01 * now.max())


def density_axes(values: Tensor, bandwidth: float) -> tuple[Tensor, float]:
    """Return 200 points over the range of the values, three bandwidths beyond it, and the bandwidth.

    Args:
        values: In any order ``[j]``.
        bandwidth: Relative to their range.

    >>> x, sigma = density_axes(torch.tensor([0.0, 2.0]), 0.5)
    >>> float(x[0]), float(x[-1]), sigma
    (-3.0, 5.0, 1.0)
    """
    low, high = float(values.min()), float(values.max())
    sigma = bandwidth * ((high - low) or max(abs(high), 1.0))
    return torch.linspace(low - 3 * sigma, high + 3 * sigma, 200, dtype=torch.float64), sigma


def gaussians(nodes: Tensor, x: Tensor, sigma: float) -> Tensor:
    r"""Return :math:`g_\sigma(x - \theta)` for nodes ``[j]`` and points ``[g]``, ``[j, g]``.

    >>> round(float(gaussians(torch.zeros(1), torch.zeros(1), 1.0)), 4)
    0.3989
    """
    bells: Tensor = (-0.5 * ((x - nodes[:, None]) / sigma) ** 2).exp() / (sigma * math.sqrt(2 * math.pi))
    return bells
