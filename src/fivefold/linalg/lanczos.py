"""Block Lanczos with full reorthogonalisation and thick restarts."""

from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.core import Budget, Info, Status, drive, torch_generator
from fivefold.linalg.operator import LinearOperator


@dataclass(frozen=True, eq=False)
class Ritz:
    """What the Krylov space shows of the upper end of the spectrum.

    Args:
        values: ``[k]``, descending.
        vectors: ``[n, k]``.
        following: The next Ritz value, or ``None``.
        complete: Whether the basis spans the whole space, so that nothing can be missing.
        steps: Block products made.
        status: ``CONVERGED`` where all k residuals reach the tolerance.
    """

    values: Tensor
    vectors: Tensor
    following: float | None
    complete: bool
    steps: int
    status: Status


@dataclass(frozen=True, eq=False)
class _State:
    V: Tensor  # orthonormal basis [n, j]
    AV: Tensor  # its image
    values: Tensor  # Ritz values, descending [j]
    S: Tensor  # Ritz vectors in the basis [j, j]
    block: Tensor  # the next directions [n, b], orthonormal to V; no columns where V spans everything


class _Method:
    def __init__(self, A: LinearOperator, k: int, tolerance: float, generator: torch.Generator) -> None:
        self.A, self.k, self.tolerance, self.generator = A, k, tolerance, generator
        self.n = A.shape[0]
        # A block finds eigenvalues of that multiplicity; four columns cost little more than one product.
        self.width = min(max(2, min(k, 4)), self.n)
        self.most = min(self.n, max(4 * k, 2 * k + 12 * self.width))

    def random(self, columns: int) -> Tensor:
        shape = (self.n, columns)
        X = torch.randn(shape, generator=self.generator, dtype=torch.float64)
        return X.to(dtype=self.A.dtype, device=self.A.device)

    def fresh(self, V: Tensor, candidates: Tensor) -> Tensor:
        """Orthonormal directions outside V; a candidate that lies inside V is replaced by a random one."""
        room = min(candidates.shape[1], self.n - V.shape[1])
        kept: list[Tensor] = []
        for column in range(room):
            v = candidates[:, column : column + 1]
            for attempt in range(3):
                before = torch.linalg.vector_norm(v)
                basis = torch.cat([V, *kept], dim=1)
                for _ in range(2):  # twice is enough (Parlett, Kahan)
                    v = v - basis @ (basis.mT @ v)
                after = torch.linalg.vector_norm(v)
                if bool(after > 1e3 * torch.finfo(v.dtype).eps * before) and attempt < 2:
                    v = v / after
                    v = v - basis @ (basis.mT @ v)
                    kept.append(v / torch.linalg.vector_norm(v))
                    break
                v = self.random(1)
        return torch.cat([V[:, :0], *kept], dim=1)

    def init(self) -> tuple[_State, Info]:
        empty = self.random(1)[:, :0]
        block = self.fresh(empty, self.random(self.width))
        return self.extend(empty, empty, block)

    def step(self, state: _State) -> tuple[_State, Info]:
        V, AV = state.V, state.AV
        if V.shape[1] + state.block.shape[1] > self.most and self.most < self.n:
            keep = self.k + (self.most - self.k) // 2
            V, AV = V @ state.S[:, :keep], AV @ state.S[:, :keep]
        return self.extend(V, AV, state.block)

    def extend(self, V: Tensor, AV: Tensor, block: Tensor) -> tuple[_State, Info]:
        V = torch.cat([V, block], dim=1)
        AV = torch.cat([AV, self.A.apply(block)], dim=1)
        H = V.mT @ AV
        values, S = torch.linalg.eigh((H + H.mT) / 2)
        values, S = values.flip(0), S.flip(1)
        wanted = min(max(self.k, self.width), V.shape[1])
        residual = AV @ S[:, :wanted] - (V @ S[:, :wanted]) * values[:wanted]
        norms = torch.linalg.vector_norm(residual, dim=0)
        scale = values[: self.k].abs().max()
        open_ = norms > self.tolerance * scale
        done = V.shape[1] >= self.k and not bool(open_[: self.k].any())
        full = V.shape[1] == self.n
        # The residuals of unfinished Ritz vectors span the next Krylov block.
        pick = torch.argsort(open_.to(torch.int8), descending=True, stable=True)[: self.width]
        next_block = V[:, :0] if done or full else self.fresh(V, residual[:, pick])
        status = Status.CONVERGED if done else Status.STALLED if full or not next_block.numel() else None
        worst = float(norms[: self.k].max() / scale) if float(scale) > 0 else 0.0
        return _State(V, AV, values, S, next_block), Info({"relative_residual": worst}, status)


def lanczos(
    A: LinearOperator, k: int, *, tolerance: float, seed: int = 0, budget: Budget | None = None
) -> Ritz:
    r"""Return the k largest Ritz pairs of a symmetric operator.

    .. math:: \mathcal{K} = \operatorname{span}\{B, A B, A^2 B, \dots\}, \qquad V^\top A V s = \theta s

    Source: C. Lanczos, J. Res. Nat. Bur. Standards 45 (1950); K. Wu and H. Simon, SIAM J. Matrix Anal. Appl.
    22 (2000).

    Args:
        A: Symmetric ``[n, n]``.
        k: How many, at most n.
        tolerance: Residual norm relative to the largest of the k values in magnitude.
        seed: Of the random first block.
        budget: 1000 block products by default.

    Returns:
        The Ritz pairs. Fewer than k never come back: the basis grows to at least k first.

    >>> from fivefold.linalg import Diagonal
    >>> run = lanczos(Diagonal(torch.arange(50.0).double()), 2, tolerance=1e-8)
    >>> run.values.round(decimals=6).tolist(), str(run.status)
    ([49.0, 48.0], 'converged')
    """
    method = _Method(A, k, tolerance, torch_generator(seed, "lanczos"))
    run = drive(method, budget or Budget(steps=1000))
    state = run.state
    while state.V.shape[1] < k and state.block.shape[1] > 0:
        state, _ = method.step(state)
    values, V = state.values, state.V
    following = float(values[k]) if len(values) > k else None
    complete = V.shape[1] == method.n
    return Ritz(values[:k], V @ state.S[:, :k], following, complete, run.steps, run.status)
