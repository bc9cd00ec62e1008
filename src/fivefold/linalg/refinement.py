"""Iterative refinement of a least-squares solution with residuals in doubled precision."""

from collections.abc import Iterator

import torch
from torch import Tensor

from fivefold.linalg.data_matrix import DataMatrix
from fivefold.linalg.doubled import plain_or_doubled_residual


class ScaledResidual:
    """Residuals and gradients of a least-squares problem with scaled columns, from a matrix or from batches.

    Args:
        X: The scaled matrix ``[m, n]`` in float64, or a data matrix that is scaled as it is read.
        scale: Norms of the columns, ``[n]``.
        Y: Right-hand sides ``[m, k]`` in float64.

    >>> problem = ScaledResidual(torch.eye(2).double(), torch.ones(2), torch.ones(2, 1).double())
    >>> problem.of(torch.ones(2, 1).double())[0].tolist()
    [[0.0], [0.0]]
    """

    def __init__(self, X: Tensor | DataMatrix, scale: Tensor, Y: Tensor) -> None:
        self.X, self.scale, self.Y = X, scale, Y

    def parts(self) -> Iterator[Tensor]:
        """Yield the scaled rows; a data matrix is read afresh."""
        if isinstance(self.X, DataMatrix):
            for batch in self.X.batches():
                yield batch.double() / self.scale
        else:
            yield self.X

    def of(self, z: Tensor, shift: Tensor | None = None) -> tuple[Tensor, Tensor, float]:
        """High and low part of ``Y - shift - X z`` and the unit roundoff they rest on."""
        high, low, unit, start = [], [], 0.0, 0
        for part in self.parts():
            rows = slice(start, start + part.shape[0])
            start += part.shape[0]
            minus = None if shift is None else -shift[rows]
            a, b, u = plain_or_doubled_residual(part, z, self.Y[rows], minus)
            high.append(a)
            low.append(b)
            unit = max(unit, u)
        return torch.cat(high), torch.cat(low), unit

    def gradient(self, high: Tensor, low: Tensor) -> Tensor:
        """``X' (high + low)``, doubled where cheap, over the batches."""
        n = self.scale.shape[0]
        total = torch.zeros((n, high.shape[1]), dtype=torch.float64, device=high.device)
        rest = torch.zeros_like(total)
        start = 0
        for part in self.parts():
            rows = slice(start, start + part.shape[0])
            start += part.shape[0]
            total, more, _ = plain_or_doubled_residual(part.mT, -high[rows], total, rest)
            rest = more + part.mT @ low[rows]
        gradient: Tensor = total + rest
        return gradient


def refined(
    residual: ScaledResidual, Q: Tensor | None, R: Tensor, c: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, float]:
    """Solve by the factors and refine once or twice.

    With Q, solution and residual are corrected together (Björck 1967). Without it, one step of the corrected
    seminormal equations is taken (Björck 1987). A correction is kept where it made the error smaller.

    Args:
        residual: The problem.
        Q: ``[m, n]``, or ``None`` where it was not kept.
        R: ``[n, n]``, regular.
        c: ``Q' Y``, ``[n, k]``.

    Returns:
        The solution z of the scaled problem, the residual r, ``f = Y - r - X z``, ``g = X' r`` and the unit
        roundoff that the residuals rest on.

    >>> eye, y = torch.eye(2).double(), torch.ones(2, 1).double()
    >>> refined(ScaledResidual(eye, torch.ones(2), y), eye, eye, y)[0].tolist()
    [[1.0], [1.0]]
    """

    def back(b: Tensor) -> Tensor:
        out: Tensor = torch.linalg.solve_triangular(R, b, upper=True)
        return out

    def forward(b: Tensor) -> Tensor:
        out: Tensor = torch.linalg.solve_triangular(R.mT, b, upper=False)
        return out

    z = back(c)
    if Q is None:
        r, low, unit = residual.of(z)
        g = residual.gradient(r, low)
        moved = z + back(forward(g))
        r2, low2, unit = residual.of(moved)
        g2 = residual.gradient(r2, low2)
        better = g2.norm(dim=0) <= g.norm(dim=0)
        z, r, g = (torch.where(better, new, old) for new, old in ((moved, z), (r2, r), (g2, g)))
        return z, r, torch.zeros_like(r), g, unit
    r, _, unit = residual.of(z)
    none = torch.zeros_like(r)
    f, low, _ = residual.of(z, r)
    f, g = f + low, residual.gradient(r, none)
    for _ in range(2):
        # Solve [I X; X' 0] [dr; dz] = [f; -g] with the factors: the exact correction of the pair (r, z).
        h = forward(-g)
        d = Q.mT @ f - h
        z_new, r_new = z + back(d), r + f - Q @ d
        f_new, low, _ = residual.of(z_new, r_new)
        f_new, g_new = f_new + low, residual.gradient(r_new, none)
        better = back(Q.mT @ f_new + forward(g_new)).norm(dim=0) < back(d).norm(dim=0)
        z, r, f, g = (
            torch.where(better, new, old) for new, old in ((z_new, z), (r_new, r), (f_new, f), (g_new, g))
        )
        if not bool(better.any()):
            break
    return z, r, f, g, unit
