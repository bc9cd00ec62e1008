"""LOBPCG: a few extreme eigenpairs by preconditioned block iteration."""

from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.core import Budget, Info, Status, drive, require, torch_generator
from fivefold.linalg.lanczos import Ritz
from fivefold.linalg.operator import LinearOperator


@dataclass(frozen=True, eq=False)
class _State:
    X: Tensor  # orthonormal Ritz vectors [n, p]
    AX: Tensor
    P: Tensor  # the last directions, orthonormal and orthogonal to X [n, q]
    AP: Tensor
    values: Tensor  # descending [p]
    best: float
    idle: int  # steps without progress


class _Method:
    def __init__(
        self,
        A: LinearOperator,
        k: int,
        M: LinearOperator | None,
        tolerance: float,
        generator: torch.Generator,
    ) -> None:
        self.A, self.k, self.M, self.tolerance, self.generator = A, k, M, tolerance, generator
        self.n = A.shape[0]
        self.width = min(k + min(4, k), self.n // 3)  # guard vectors speed up the last of the wanted ones

    def random(self, columns: int) -> Tensor:
        X = torch.randn((self.n, columns), generator=self.generator, dtype=torch.float64)
        return X.to(dtype=self.A.dtype, device=self.A.device)

    def init(self) -> tuple[_State, Info]:
        X, _ = torch.linalg.qr(self.random(self.width))
        AX: Tensor = self.A.apply(X)
        H = X.mT @ AX
        values, C = torch.linalg.eigh((H + H.mT) / 2)
        values, C = values.flip(0), C.flip(1)
        empty = X[:, :0]
        return self.report(_State(X @ C, AX @ C, empty, empty, values, float("inf"), 0))

    def residual(self, s: _State) -> tuple[Tensor, Tensor, float]:
        R = s.AX - s.X * s.values
        norms = torch.linalg.vector_norm(R, dim=0)
        return R, norms, float(s.values[: self.k].abs().max())

    def report(self, s: _State) -> tuple[_State, Info]:
        _, norms, scale = self.residual(s)
        worst = float(norms[: self.k].max()) / scale if scale > 0 else 0.0
        better = worst < 0.9 * s.best
        s = _State(s.X, s.AX, s.P, s.AP, s.values, min(worst, s.best), 0 if better else s.idle + 1)
        if not torch.isfinite(norms).all():
            return s, Info({"relative_residual": worst}, Status.DIVERGED)
        done = worst <= self.tolerance
        stuck = s.idle >= 60
        status = Status.CONVERGED if done else Status.STALLED if stuck else None
        return s, Info({"relative_residual": worst}, status)

    def step(self, s: _State) -> tuple[_State, Info]:
        R, norms, scale = self.residual(s)
        open_ = norms > self.tolerance * scale
        W = R[:, open_] / norms[open_]
        if self.M is not None:
            W = self.M.apply(W).to(W.dtype)
        basis = torch.cat([s.X, s.P], dim=1)
        W = _orthonormal_outside(W, basis)
        S = torch.cat([basis, W], dim=1)
        AS = torch.cat([s.AX, s.AP, self.A.apply(W)], dim=1)
        H = S.mT @ AS
        every, C = torch.linalg.eigh((H + H.mT) / 2)
        p = s.X.shape[1]
        values, C = every.flip(0)[:p], C.flip(1)[:, :p]
        # The new directions: the part of the step outside the old X, orthogonal to the new X within S, so
        # that X and P stay orthonormal without a product (Hetmaniuk and Lehoucq 2006).
        Z = C.clone()
        Z[:p] = 0
        Z = _orthonormal_outside(Z[:, open_], C)
        new = _State(S @ C, AS @ C, S @ Z, AS @ Z, values, s.best, s.idle)
        return self.report(new)


def _orthonormal_outside(W: Tensor, basis: Tensor) -> Tensor:
    """Orthonormal columns for the part of W outside the span of the basis; what lies inside is dropped."""
    room = W.shape[0] - basis.shape[1]
    for _ in range(2):
        W = W - basis @ (basis.mT @ W)
        norms = torch.linalg.vector_norm(W, dim=0)
        W = W[:, norms > 0] / norms[norms > 0]
        if W.shape[1] == 0:
            return W
        left, sizes, _ = torch.linalg.svd(W, full_matrices=False)
        keep = sizes > 1e3 * torch.finfo(W.dtype).eps * sizes[0]
        W = left[:, keep][:, :room]
    return W - basis @ (basis.mT @ W)


def lobpcg(
    A: LinearOperator,
    k: int,
    *,
    preconditioner: LinearOperator | None = None,
    tolerance: float,
    seed: int = 0,
    budget: Budget | None = None,
) -> Ritz:
    r"""Return the k largest Ritz pairs of a symmetric operator by locally optimal block steps.

    .. math:: X_{t+1} = \text{the best Ritz vectors of } \operatorname{span}\{X_t,\ M R_t,\ P_t\}, \qquad
              R_t = A X_t - X_t \Theta_t

    Three blocks of memory whatever the number of steps. A preconditioner M close to the inverse of
    :math:`\mu I - A` makes it fast where Lanczos is slow: at the clustered end of a spectrum.

    Source: A. V. Knyazev, "Toward the optimal preconditioned eigensolver", SIAM J. Sci. Comput. 23 (2001);
    U. Hetmaniuk and R. Lehoucq, J. Comput. Phys. 218 (2006), for the orthonormal basis.

    Args:
        A: Symmetric ``[n, n]``, with n at least 3 k.
        k: How many.
        preconditioner: M, positive definite; none by default.
        tolerance: Residual norm relative to the largest of the k values in magnitude.
        seed: Of the random first block.
        budget: 1000 block products by default.

    Returns:
        The Ritz pairs.

    Raises:
        ArgumentError: n below 3 k.

    >>> from fivefold.linalg import Diagonal
    >>> run = lobpcg(Diagonal(torch.arange(50.0).double()), 2, tolerance=1e-8)
    >>> run.values.round(decimals=6).tolist(), str(run.status)
    ([49.0, 48.0], 'converged')
    """
    require(3 * k <= A.shape[0], f"k of at most a third of the size, {A.shape[0] // 3}", k, "use dense")
    method = _Method(A, k, preconditioner, tolerance, torch_generator(seed, "lobpcg"))
    run = drive(method, budget or Budget(steps=1000))
    state = run.state
    following = float(state.values[k]) if len(state.values) > k else None
    return Ritz(state.values[:k], state.X[:, :k], following, False, run.steps, run.status)
