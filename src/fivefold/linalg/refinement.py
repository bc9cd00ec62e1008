"""Iterative refinement of a least-squares solution with everything in doubled precision."""

from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.linalg.doubled import CHEAP, doubled_residual, pair_sum

_UNIT = 2.0**-53
_STEPS = 12
"""Steps at most: each gains the digits that the condition leaves, so that two or three are the rule."""


@dataclass(frozen=True, eq=False)
class Problem:
    r"""Residuals and gradients of :math:`\min \|Y - (X + X') z\|`, doubled where that is cheap.

    Args:
        X: ``[m, n]`` in float64.
        low: X', or ``None`` where X is exact.
        Y: ``[m, k]`` in float64.

    >>> problem = Problem(torch.eye(2).double(), None, torch.ones(2, 1).double())
    >>> problem.unit < 1e-31
    True
    """

    X: Tensor
    low: Tensor | None
    Y: Tensor

    @property
    def doubled(self) -> bool:
        """Whether the sums are doubled, or plain because they would take seconds."""
        return self.X.numel() * self.Y.shape[1] <= CHEAP

    @property
    def unit(self) -> float:
        """The unit roundoff that residuals and gradients rest on."""
        return _UNIT**2 if self.doubled else _UNIT

    def defect(self, z: "Pair", r: "Pair") -> Tensor:
        """Return :math:`f = Y - r - X z`."""
        if not self.doubled:
            out = self.Y - r.high - r.low - self.X @ z.high - self.X @ z.low
            return out if self.low is None else out - self.low @ z.high
        matrices, factors = self._terms(self.X, self.low, z)
        high, low = doubled_residual(torch.cat(matrices, 1), torch.cat(factors), self.Y, -r.low, r.high)
        return high + low

    def residual(self, z: "Pair") -> "Pair":
        """Return :math:`r = Y - X z` as a pair."""
        none = Pair(torch.zeros_like(self.Y), torch.zeros_like(self.Y))
        if not self.doubled:
            return Pair(self.defect(z, none), none.low)
        matrices, factors = self._terms(self.X, self.low, z)
        return Pair(*doubled_residual(torch.cat(matrices, 1), torch.cat(factors), self.Y))

    def gradient(self, r: "Pair") -> Tensor:
        """Return :math:`g = X^T r`."""
        if not self.doubled:
            out = self.X.mT @ r.high + self.X.mT @ r.low
            return out if self.low is None else out + self.low.mT @ r.high
        matrices, factors = self._terms(self.X.mT, None if self.low is None else self.low.mT, r)
        zero = torch.zeros((self.X.shape[1], self.Y.shape[1]), dtype=self.Y.dtype, device=self.Y.device)
        high, low = doubled_residual(torch.cat(matrices, 1), -torch.cat(factors), zero)
        return high + low

    @staticmethod
    def _terms(A: Tensor, low: Tensor | None, x: "Pair") -> tuple[list[Tensor], list[Tensor]]:
        matrices, factors = [A, A], [x.high, x.low]
        if low is not None:
            matrices, factors = [*matrices, low], [*factors, x.high]
        return matrices, factors


@dataclass(frozen=True, eq=False)
class Pair:
    """An unevaluated sum of two float64 tensors, the second the rounding error of the first.

    >>> Pair(torch.ones(1).double(), torch.zeros(1).double()).plus(torch.ones(1).double()).high.item()
    2.0
    """

    high: Tensor
    low: Tensor

    def plus(self, change: Tensor) -> "Pair":
        """Return the sum with a float64 tensor, as a pair."""
        return Pair(*pair_sum(self.high, self.low, change))

    def where(self, mask: Tensor, other: "Pair") -> "Pair":
        """Return ``other`` in the columns of the mask."""
        return Pair(torch.where(mask, other.high, self.high), torch.where(mask, other.low, self.low))


def refined(problem: Problem, Q: Tensor, R: Tensor) -> tuple[Pair, Pair, Tensor, Tensor]:
    r"""Solve by the factors, then correct solution and residual together until nothing is gained.

    .. math:: \begin{pmatrix} I & X \\ X^\top & 0 \end{pmatrix}
        \begin{pmatrix} \delta r \\ \delta z \end{pmatrix} = \begin{pmatrix} f \\ -g \end{pmatrix}

    Solution and residual are pairs: with the residual in one number, its rounding error alone would cost
    digits where the residual is large beside the coefficients (Wampler's fifth problem).

    Source: Å. Björck, BIT 7 (1967); J. Demmel, Y. Hida, E. J. Riedy, X. S. Li, ACM Trans. Math. Softw. 35
    (2009), for extra precision in the solution itself.

    Args:
        problem: The least-squares problem.
        Q: ``[m, n]``.
        R: ``[n, n]``, regular.

    Returns:
        z, r, the defect ``f = Y - r - X z`` and the gradient ``g = X' r``.

    >>> eye, y = torch.eye(2).double(), torch.ones(2, 1).double()
    >>> refined(Problem(eye, None, y), eye, eye)[0].high.tolist()
    [[1.0], [1.0]]
    """

    def back(b: Tensor) -> Tensor:
        out: Tensor = torch.linalg.solve_triangular(R, b, upper=True)
        return out

    def forward(b: Tensor) -> Tensor:
        out: Tensor = torch.linalg.solve_triangular(R.mT, b, upper=False)
        return out

    start = back(Q.mT @ problem.Y)
    z = Pair(start, torch.zeros_like(start))
    r = problem.residual(z)
    f, g = torch.zeros_like(r.high), problem.gradient(r)
    step = back(forward(g))
    for _ in range(_STEPS if problem.doubled else 2):
        h = forward(-g)
        d = Q.mT @ f - h
        z_new, r_new = z.plus(back(d)), r.plus(f - Q @ d)
        f_new = problem.defect(z_new, r_new)
        g_new = problem.gradient(r_new)
        step_new = back(Q.mT @ f_new + forward(g_new))
        better = step_new.norm(dim=0) < 0.5 * step.norm(dim=0)
        if not bool(better.any()):
            break
        z, r = z.where(better, z_new), r.where(better, r_new)
        f, g, step = (
            torch.where(better, new, old) for new, old in ((f_new, f), (g_new, g), (step_new, step))
        )
        if bool((step.abs() <= _UNIT**2 * z.high.abs()).all()):
            break
    return z, r, f, g
