"""Arnoldi with full reorthogonalisation and Krylov-Schur restarts, for operators that are not symmetric."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from fivefold.core import Budget, Info, Status, drive, torch_generator
from fivefold.linalg.operator import LinearOperator


@dataclass(frozen=True, eq=False)
class Schur:
    """Ritz pairs of an operator that need not be symmetric.

    Args:
        values: Complex, ``[k]``, the wanted ones first.
        vectors: Complex unit columns ``[n, k]``.
        complete: Whether the basis spans the whole space.
        steps: Products made, each with one complex vector.
        status: ``CONVERGED`` where all k residuals reach the tolerance.
    """

    values: Tensor
    vectors: Tensor
    complete: bool
    steps: int
    status: Status


@dataclass(frozen=True, eq=False)
class _State:
    V: Tensor  # orthonormal, complex [n, j]
    T: Tensor  # V* A V [j, j]
    next: Tensor  # the direction outside V [n, 1]; no columns where V spans everything
    row: Tensor  # A V = V T + next row [1, j]


def rank_of_wanted(values: Tensor, which: Literal["magnitude", "real"]) -> Tensor:
    """Return the order that puts the wanted values first; conjugates stay beside each other.

    >>> rank_of_wanted(torch.tensor([1.0 + 0j, -3.0]), "magnitude").tolist()
    [1, 0]
    """
    size = values.abs() if which == "magnitude" else values.real
    keys = np.lexsort((-values.imag.cpu().numpy(), -values.real.cpu().numpy(), -_rounded(size)))
    return torch.from_numpy(keys).to(values.device)


def _rounded(size: Tensor) -> np.ndarray:
    """Sizes that differ by rounding are equal, so that conjugate pairs are not torn apart."""
    top = float(size.abs().max())
    if top == 0:
        return size.cpu().numpy()
    out: np.ndarray = np.round(size.cpu().numpy() / top, 11)
    return out


class _Method:
    def __init__(
        self,
        A: LinearOperator,
        k: int,
        which: Literal["magnitude", "real"],
        tolerance: float,
        generator: torch.Generator,
    ) -> None:
        self.A, self.k, self.which, self.tolerance, self.generator = A, k, which, tolerance, generator
        self.n = A.shape[0]
        self.most = min(self.n, max(4 * k, 2 * k + 20))

    def random(self) -> Tensor:
        x = torch.randn((self.n, 1), generator=self.generator, dtype=torch.float64)
        return x.to(self.A.device).to(torch.complex128)

    def outside(self, w: Tensor, V: Tensor) -> tuple[Tensor, Tensor, float]:
        """Coefficients in V, the unit rest and its length; a random direction where nothing is left."""
        before = float(torch.linalg.vector_norm(w))
        h = V.mH @ w
        w = w - V @ h
        again = V.mH @ w  # twice is enough (Parlett, Kahan)
        w, h = w - V @ again, h + again
        length = float(torch.linalg.vector_norm(w))
        if length > 100 * torch.finfo(torch.float64).eps * before:
            return h, w / length, length
        if V.shape[1] == self.n:
            return h, w[:, :0], 0.0
        fresh = self.random()
        for _ in range(3):
            fresh = fresh - V @ (V.mH @ fresh)
            fresh = fresh / torch.linalg.vector_norm(fresh)
        return h, fresh, 0.0

    def init(self) -> tuple[_State, Info]:
        start = self.random()
        empty = start[:, :0]
        zero = torch.zeros(0, 0, dtype=start.dtype, device=start.device)
        state = _State(empty, zero, start / torch.linalg.vector_norm(start), zero[:0])
        return state, Info({})

    def step(self, s: _State) -> tuple[_State, Info]:
        if s.V.shape[1] >= self.most and self.most < self.n:
            s = self.shrink(s)
        V = torch.cat([s.V, s.next], dim=1)
        w = apply_complex(self.A, s.next)
        h, following, length = self.outside(w, V)
        j = s.V.shape[1]
        T = torch.zeros(j + 1, j + 1, dtype=V.dtype, device=V.device)
        T[:j, :j] = s.T
        T[j, :j] = s.row if j else T[j, :j]
        T[:, j] = h[:, 0]
        row = torch.zeros(1, j + 1, dtype=V.dtype, device=V.device)
        row[0, j] = length
        new = _State(V, T, following, row)
        return new, self.report(new)

    def report(self, s: _State) -> Info:
        j = s.V.shape[1]
        full = j == self.n or s.next.shape[1] == 0
        # The small eigenproblem costs more than the product where it is solved at every step.
        if not full and (j < self.k or (j % 5 and j != self.most)):
            return Info({})
        values, Y = torch.linalg.eig(s.T)
        order = rank_of_wanted(values, self.which)[: self.k]
        norms = (s.row @ Y[:, order]).abs()[0] / torch.linalg.vector_norm(Y[:, order], dim=0)
        scale = float(values.abs().max())
        worst = float(norms.max()) / scale if scale > 0 else 0.0
        done = j >= self.k and worst <= self.tolerance
        status = Status.CONVERGED if done else Status.STALLED if full else None
        return Info({"relative_residual": worst}, status)

    def shrink(self, s: _State) -> _State:
        """Keep the wanted part of the Schur form (Stewart 2002)."""
        from scipy.linalg import schur

        T = s.T.cpu().numpy()
        values = np.linalg.eigvals(T)
        keep = self.k + (self.most - self.k) // 2
        size = np.sort(np.abs(values) if self.which == "magnitude" else values.real)[::-1]
        # Halfway between two sizes, so that no conjugate pair is torn and rounding does not decide.
        while keep < len(size) - 1 and size[keep - 1] - size[keep] <= 1e-8 * abs(size[0]):
            keep += 1
        limit = (size[keep - 1] + size[keep]) / 2

        def wanted(z: Any) -> bool:
            return bool((abs(z) if self.which == "magnitude" else z.real) >= limit)

        upper, Q, count = schur(T, output="complex", sort=wanted)
        count = max(1, min(int(count), self.most - 1))
        R = torch.from_numpy(np.ascontiguousarray(upper[:count, :count])).to(s.T)
        Z = torch.from_numpy(np.ascontiguousarray(Q[:, :count])).to(s.T)
        return _State(s.V @ Z, R, s.next, s.row @ Z)


def apply_complex(A: LinearOperator, X: Tensor) -> Tensor:
    """Return ``A X`` for complex X: the real and the imaginary part side by side.

    >>> from fivefold.linalg import Diagonal
    >>> apply_complex(Diagonal([2.0]), torch.tensor([[1.0 + 1.0j]])).tolist()
    [[(2+2j)]]
    """
    k = X.shape[1]
    if not bool(X.imag.any()):
        plain: Tensor = A.apply(X.real)
        return plain.to(torch.complex128)
    out: Tensor = A.apply(torch.cat([X.real, X.imag], dim=1)).double()
    return torch.complex(out[:, :k], out[:, k:])


def arnoldi(
    A: LinearOperator,
    k: int,
    *,
    which: Literal["magnitude", "real"] = "magnitude",
    tolerance: float,
    seed: int = 0,
    budget: Budget | None = None,
) -> Schur:
    r"""Return k Ritz pairs of an operator, those of largest magnitude or largest real part.

    .. math:: A V = V T + v b^*, \qquad V^* V = I, \qquad T y = \theta y

    Source: W. E. Arnoldi, Quart. Appl. Math. 9 (1951); G. W. Stewart, "A Krylov-Schur algorithm for large
    eigenproblems", SIAM J. Matrix Anal. Appl. 23 (2002).

    Args:
        A: ``[n, n]``.
        k: How many, at most n.
        which: ``"magnitude"`` or ``"real"``.
        tolerance: Residual norm relative to the largest Ritz value in magnitude.
        seed: Of the random start.
        budget: 10,000 products by default.

    Returns:
        The Ritz pairs, at least k steps in.

    >>> from fivefold.linalg import Dense
    >>> run = arnoldi(Dense([[0.0, 1.0], [-4.0, 0.0]]), 2, tolerance=1e-10)
    >>> [round(z.imag, 9) for z in run.values.tolist()]
    [2.0, -2.0]
    """
    method = _Method(A, k, which, tolerance, torch_generator(seed, "arnoldi"))
    run = drive(method, budget or Budget(steps=10_000))
    state = run.state
    while state.V.shape[1] < k and state.next.shape[1] > 0:
        state, _ = method.step(state)
    values, Y = torch.linalg.eig(state.T)
    order = rank_of_wanted(values, which)[:k]
    vectors = state.V @ Y[:, order]
    vectors = vectors / torch.linalg.vector_norm(vectors, dim=0)
    return Schur(values[order], vectors, state.V.shape[1] == method.n, run.steps, run.status)
