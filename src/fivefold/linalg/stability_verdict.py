"""Whether a linear dynamical system is stable: yes, no, or not decided by the arithmetic at hand."""

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from fivefold.core import Budget, Certificate, Kind, require
from fivefold.linalg.arrays import Array
from fivefold.linalg.dense import as_operator
from fivefold.linalg.general_eigen import GeneralEigen, eig
from fivefold.linalg.operator import LinearOperator

_UNIT = 2.0**-53
_LYAPUNOV = 300  # SciPy's discrete solver works on a system of that size squared above it


@dataclass(frozen=True, eq=False)
class Stability:
    """The verdict on a linear system.

    Args:
        stable: ``True``, ``False``, or ``None`` where the bounds do not decide.
        value: Estimate of the spectral radius (discrete time) or abscissa (continuous time).
        lower: Proven lower bound of it.
        upper: Proven upper bound of it.
        eigen: The eigenvalues that the verdict rests on.
        certificate: The verdict, with the method that decided.
    """

    stable: bool | None
    value: float
    lower: float
    upper: float
    eigen: GeneralEigen
    certificate: Certificate


def stability(
    A: Array | LinearOperator,
    *,
    time: Literal["discrete", "continuous"],
    seed: int = 0,
    budget: Budget | None = None,
) -> Stability:
    r"""Say whether every solution of :math:`x_{t+1} = A x_t` (or :math:`\dot x = A x`) tends to zero.

    Discrete time: the spectral radius is below 1. Continuous time: the spectral abscissa is below 0. The
    discs of :func:`fivefold.linalg.eig` decide; where they touch the boundary, or A is close to a defective
    matrix, Lyapunov's equation is tried: a P with

    .. math:: P \succ 0, \quad P - A^\top P A \succ 0 \qquad \text{or} \qquad P \succ 0, \quad
              A^\top P + P A \prec 0

    proves stability, whatever P came from; definiteness is proved by a Cholesky factor with a margin for
    rounding. An operator above size 1000 gets no proof: the verdict is then unknown.

    Source: A. M. Lyapunov 1892; S. M. Rump, "Verification of positive definiteness", BIT 46 (2006).

    Args:
        A: ``[n, n]``: array, tensor or operator.
        time: ``"discrete"`` or ``"continuous"``.
        seed: Of Arnoldi's start, for large operators.
        budget: What Arnoldi may spend.

    Returns:
        The verdict with bounds and certificate.

    Raises:
        ArgumentError: As :func:`fivefold.linalg.eig`.

    >>> stability([[0.5, 1.0], [0.0, 0.5]], time="discrete").stable
    True
    >>> stability([[0.0, 1.0], [-1.0, 0.0]], time="continuous").stable is None
    True
    """
    require(time in ("discrete", "continuous"), "time = 'discrete' or 'continuous'", repr(time))
    operator = as_operator(A)
    discrete = time == "discrete"
    n = operator.shape[-1]
    large = n > 1000
    found = eig(
        operator,
        min(6, n) if large else None,
        which="magnitude" if discrete else "real",
        method="arnoldi" if large else "dense",
        seed=seed,
        budget=budget,
    )
    value, lower, upper = found.spectral_radius if discrete else found.abscissa
    boundary = 1.0 if discrete else 0.0
    stable: bool | None = None
    method = "unknown: the proven bounds lie on both sides of the boundary"
    if upper < boundary:
        stable, method = True, "the discs that hold every eigenvalue lie inside"
    elif lower > boundary:
        stable, method = False, "a connected part of the discs, which holds an eigenvalue, lies outside"
    elif not large and value < boundary and n <= _LYAPUNOV:
        if _lyapunov_proves(operator.to_dense().detach().double(), discrete):
            stable, method = True, "a Lyapunov function, its definiteness proved by Cholesky factors"
            upper = min(upper, boundary)
    elif large:
        method = "unknown: Arnoldi proves nothing of the eigenvalues that it has not met"
    name = "spectral radius" if discrete else "spectral abscissa"
    certificate = Certificate(
        f"the {name} is below {boundary:.0f}: every solution tends to zero",
        Kind.PROOF,
        stable,
        bound=boundary,
        value=value,
        assumptions=("no overflow or underflow",),
        method=method,
    )
    return Stability(stable, value, lower, upper, found, certificate)


def _lyapunov_proves(A: Tensor, discrete: bool) -> bool:
    from scipy.linalg import solve_continuous_lyapunov, solve_discrete_lyapunov

    M = A.cpu().numpy()
    identity = np.eye(len(M))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a bad P is told from a good one by the proof below
            if discrete:
                found = solve_discrete_lyapunov(M.T, identity, method="bilinear")
            else:
                found = solve_continuous_lyapunov(M.T, -identity)
    except (np.linalg.LinAlgError, ValueError):
        return False
    P = torch.from_numpy(np.ascontiguousarray((found + found.T) / 2)).to(A)
    if not bool(torch.isfinite(P).all()):
        return False
    n = len(M)
    unit = (4 * n + 16) * _UNIT
    size, flow = P.abs(), A.abs()
    if discrete:
        Q = P - A.mT @ (P @ A)
        rounding = unit * (size + 2 * flow.mT @ (size @ flow))
    else:
        Q = -(A.mT @ P + P @ A)
        rounding = 2 * unit * (flow.mT @ size + size @ flow)
    return proved_positive(P, torch.zeros_like(P)) and proved_positive((Q + Q.mT) / 2, rounding)


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
