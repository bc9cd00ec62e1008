"""Stability of a matrix by a quadratic form that falls along every solution, its definiteness proved."""

import warnings

import numpy as np
import torch
from torch import Tensor

_UNIT = 2.0**-53
_BARTELS = 300  # SciPy's discrete solver works on a system of that size squared above it


def lyapunov_proves(A: Tensor, *, discrete: bool) -> bool:
    r"""Whether a P was found with :math:`P \succ 0` and :math:`P - A^\top P A \succ 0`, or
    :math:`A^\top P + P A \prec 0` in continuous time.

    Where P came from does not matter for the proof: SciPy's solver up to size 300, above it Smith's doubling

    .. math:: P_{j+1} = P_j + M_j^\top P_j M_j, \qquad M_{j+1} = M_j^2

    with M the matrix, or its Cayley transform in continuous time.

    Source: A. M. Lyapunov 1892; R. A. Smith, "Matrix equation XA + BX = C", SIAM J. Appl. Math. 16 (1968).

    Args:
        A: ``[n, n]`` in float64.
        discrete: Whether time is.

    >>> lyapunov_proves(torch.tensor([[0.5, 9.0], [0.0, 0.5]]).double(), discrete=True)
    True
    """
    found = _by_scipy(A, discrete) if len(A) <= _BARTELS else _by_doubling(A, discrete)
    if found is None or not bool(torch.isfinite(found).all()):
        return False
    P = (found + found.mT) / 2
    n = len(P)
    unit = (4 * n + 16) * _UNIT
    size, flow = P.abs(), A.abs()
    if discrete:
        Q = P - A.mT @ (P @ A)
        rounding = unit * (size + 2 * flow.mT @ (size @ flow))
    else:
        Q = -(A.mT @ P + P @ A)
        rounding = 2 * unit * (flow.mT @ size + size @ flow)
    return proved_positive(P, torch.zeros_like(P)) and proved_positive((Q + Q.mT) / 2, rounding)


def _by_scipy(A: Tensor, discrete: bool) -> Tensor | None:
    from scipy.linalg import solve_continuous_lyapunov, solve_discrete_lyapunov

    M = A.cpu().numpy()
    identity = np.eye(len(M))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a bad P is told from a good one by the proof
            if discrete:
                found = solve_discrete_lyapunov(M.T, identity, method="bilinear")
            else:
                found = solve_continuous_lyapunov(M.T, -identity)
    except (np.linalg.LinAlgError, ValueError):
        return None
    return torch.from_numpy(np.ascontiguousarray(found)).to(A)


def _by_doubling(A: Tensor, discrete: bool) -> Tensor | None:
    identity = torch.eye(len(A), dtype=A.dtype, device=A.device)
    M, P = A, identity
    if not discrete:
        # (I - hA)^-1 (I + hA) with h between the sizes that A has for its fastest and slowest solutions.
        LU, pivots, info = torch.linalg.lu_factor_ex(A)
        if int(info) != 0:
            return None
        slowest = float(torch.linalg.matrix_norm(torch.linalg.lu_solve(LU, pivots, identity)))
        h = (slowest / float(torch.linalg.matrix_norm(A))) ** 0.5
        inverse, info = torch.linalg.inv_ex(identity - h * A)
        if int(info) != 0:
            return None
        M = 2 * inverse - identity
        P = 2 * h * (inverse.mT @ inverse)
    for _ in range(40):
        step = M.mT @ (P @ M)
        P = P + step
        size, moved = float(P.abs().max()), float(step.abs().max())
        if not size < 1e100 or moved <= 1e-17 * size:
            break
        M = M @ M
    return P


def proved_positive(Q: Tensor, uncertainty: Tensor) -> bool:
    r"""Whether every symmetric matrix within ``uncertainty`` (entry by entry) of Q is positive definite.

    A Cholesky factor of :math:`Q - c I` that runs to its end proves it, with c the largest row sum of the
    uncertainty plus what rounding can do to the factorisation.

    Source: S. M. Rump, BIT 46 (2006), theorem 2.3.

    >>> proved_positive(torch.eye(2).double(), torch.zeros(2, 2).double())
    True
    """
    n = Q.shape[0]
    gamma = (n + 2) * _UNIT / (1 - (n + 2) * _UNIT)
    trace = float(Q.diagonal().abs().sum())
    margin = 2 * (float(uncertainty.sum(dim=1).max()) + gamma / (1 - 2 * gamma) * trace)
    shifted = Q - margin * torch.eye(n, dtype=Q.dtype, device=Q.device)
    return bool((shifted.diagonal() > 0).all()) and int(torch.linalg.cholesky_ex(shifted)[1]) == 0
