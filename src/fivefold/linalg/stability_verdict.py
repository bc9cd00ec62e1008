"""Whether a linear dynamical system is stable: yes, no, or not decided by the arithmetic at hand."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from fivefold.core import Budget, Certificate, Kind, require
from fivefold.linalg.arrays import Array
from fivefold.linalg.contraction import dense_contraction, sampled_contraction
from fivefold.linalg.dense import Dense, as_operator
from fivefold.linalg.diagonals import Identity
from fivefold.linalg.eigenpair_inclusion import eigenvalue_near
from fivefold.linalg.general_eigen import GeneralEigen, eig
from fivefold.linalg.lyapunov_proof import lyapunov_proves, proved_positive
from fivefold.linalg.operator import LinearOperator
from fivefold.linalg.spectral_ends import spectral_ends

_UNIT = 2.0**-53
_WHOLE = 1000  # up to this size the whole spectrum takes some seconds
_MATRIX = 2000  # a matrix at hand up to this size may be multiplied with itself: seconds
_MOST = 160  # Lanczos steps in one bound: their basis is kept


@dataclass(frozen=True, eq=False)
class Stability:
    """The verdict on a linear system.

    Args:
        stable: ``True``, ``False``, or ``None`` where the bounds do not decide.
        value: Estimate of the spectral radius (discrete time) or abscissa (continuous time).
        lower: Lower bound of it: proven, or with the probability that the certificate states.
        upper: Upper bound of it, likewise.
        eigen: The eigenvalues that the verdict rests on.
        certificate: The verdict, with the method that decided; its kind is ``STATISTICAL`` where a random
            start can have missed something, with the probability among the assumptions.
    """

    stable: bool | None
    value: float
    lower: float
    upper: float
    eigen: GeneralEigen
    certificate: Certificate


class _Proof(NamedTuple):
    stable: bool
    bound: float  # of the radius or abscissa, on the side that the verdict needs
    method: str
    sure: bool


def stability(
    A: Array | LinearOperator,
    *,
    time: Literal["discrete", "continuous"],
    failure: float = 1e-6,
    products: int = 40_000,
    seed: int = 0,
    budget: Budget | None = None,
) -> Stability:
    r"""Say whether every solution of :math:`x_{t+1} = A x_t` (or :math:`\dot x = A x`) tends to zero.

    Discrete time: the spectral radius is below 1. Continuous time: the spectral abscissa is below 0. Up to
    size 1000 the discs of :func:`fivefold.linalg.eig` decide; where they touch the boundary, or A is close to
    a defective matrix, Lyapunov's equation is tried: a P with

    .. math:: P \succ 0, \quad P - A^\top P A \succ 0 \qquad \text{or} \qquad P \succ 0, \quad
              A^\top P + P A \prec 0

    proves stability, whatever P came from; definiteness is proved by a Cholesky factor with a margin for
    rounding. Above it Arnoldi says which side to try, and one of these decides:

    .. math:: \|A^k\| < 1, \qquad \lambda_{\max}\big(\tfrac 1 2 (A + A^\top)\big) < 0, \qquad
              \|(I + h A)^k\| < 1, \qquad |\lambda^* - \lambda| \le \rho

    the first three for stability, the last, an eigenvalue of A near a computed one outside, against it. They
    are proofs for a matrix at hand up to size 2000, and hold with a stated probability for operators known
    by products with them and their adjoints, which Lanczos from a random start bounds.

    Source: A. M. Lyapunov 1892; S. M. Rump, "Verification of positive definiteness", BIT 46 (2006); J. van
    Dorsselaer, M. Hochstenbach, H. van der Vorst, SIAM J. Matrix Anal. Appl. 22 (2000).

    Args:
        A: ``[n, n]``: array, tensor or operator.
        time: ``"discrete"`` or ``"continuous"``.
        failure: Probability that a verdict above size 1000 is wrong, between 0 and 1.
        products: The most products that a bound above size 1000 may take, beside Arnoldi's; 0 asks for none.
        seed: Of the random starts, for large operators.
        budget: What Arnoldi may spend.

    Returns:
        The verdict with bounds and certificate.

    Raises:
        ArgumentError: As :func:`fivefold.linalg.eig`; a failure outside 0..1, or negative products.

    >>> stability([[0.5, 1.0], [0.0, 0.5]], time="discrete").stable
    True
    >>> stability([[0.0, 1.0], [-1.0, 0.0]], time="continuous").stable is None
    True
    """
    require(time in ("discrete", "continuous"), "time = 'discrete' or 'continuous'", repr(time))
    require(0 < failure < 1, "a probability of failure between 0 and 1", failure)
    require(products >= 0, "a number of products that is not negative", products)
    operator = as_operator(A)
    discrete = time == "discrete"
    n = operator.shape[-1]
    large = n > _WHOLE
    first: Literal["magnitude", "real"] = "magnitude" if discrete else "real"
    found = eig(
        operator,
        min(6, n) if large else None,
        which=first,
        method="arnoldi" if large else "dense",
        seed=seed,
        budget=budget,
    )
    boundary = 1.0 if discrete else 0.0
    proof = None
    if large:
        value = (found.spectral_radius if discrete else found.abscissa)[0]
        share = (failure, products, seed)
        if value > boundary:
            share = (failure / 2, products // 2, seed)
            proof = _outside(operator, found, discrete, *share)
        # A Ritz value of a matrix far from normal can lie outside although no eigenvalue does.
        proof = proof or _inside(operator, value, discrete, *share)
        if proof is None and products and isinstance(operator, Dense) and n <= _MATRIX:
            found = eig(operator, which=first, method="dense")
    value, lower, upper = found.spectral_radius if discrete else found.abscissa
    method = "unknown: the proven bounds lie on both sides of the boundary"
    if proof is not None:
        pass
    elif upper < boundary:
        proof = _Proof(True, upper, "the discs that hold every eigenvalue lie inside", True)
    elif lower > boundary:
        how = "a connected part of the discs, which holds an eigenvalue, lies outside"
        proof = _Proof(False, lower, how, True)
    elif found.method == "arnoldi":
        method = (
            "unknown: Arnoldi proves nothing of the eigenvalues that it has not met, and within "
            f"{products} products no power of A, numerical range or single eigenvalue decided"
        )
    elif (
        not large
        and value < boundary
        and lyapunov_proves(operator.to_dense().detach().double(), discrete=discrete)
    ):
        how = "a Lyapunov function, its definiteness proved by Cholesky factors"
        proof = _Proof(True, boundary, how, True)
    stable: bool | None = None
    if proof is not None:
        stable, method = proof.stable, proof.method
        upper = min(upper, proof.bound) if stable else upper
        lower = lower if stable else max(lower, proof.bound)
    sure = proof is None or proof.sure
    name = "spectral radius" if discrete else "spectral abscissa"
    certificate = Certificate(
        f"the {name} is below {boundary:.0f}: every solution tends to zero",
        Kind.PROOF if sure else Kind.STATISTICAL,
        stable,
        bound=boundary,
        value=value,
        assumptions=("no overflow or underflow",)
        if sure
        else (
            f"a random start is not unlucky: wrong with probability at most {failure:.0e}",
            "a product errs by at most 10 sqrt(n) units in the last place of |A| |x|, and the adjoint is one",
        ),
        method=method,
    )
    return Stability(stable, value, lower, upper, found, certificate)


def _inside(
    A: LinearOperator, value: float, discrete: bool, failure: float, products: int, seed: int
) -> _Proof | None:
    """A proof of stability for an operator too large for its whole spectrum."""
    if isinstance(A, Dense) and A.shape[0] <= _MATRIX and products:
        return _matrix_inside(A.matrix.detach().double(), discrete)
    if discrete:
        power = sampled_contraction(A, products=products, failure=failure, seed=seed)
        if power.norm < 1:
            how = f"|A^{power.power}|_2 <= {power.norm:.3g}, bounded by Lanczos from a random start"
            return _Proof(True, power.radius, how, False)
        return None
    symmetric = 0.5 * (A + A.adjoint())
    spent, steps, reach = 0, 20, 0.0
    while spent + 2 * steps <= products and steps <= _MOST:
        ends = spectral_ends(symmetric, steps=steps, failure=failure / 8, seed=seed + steps)
        spent, steps = spent + 2 * ends.products, 2 * steps
        reach = max(abs(ends.low), abs(ends.high))
        if ends.high < 0:
            how = f"the numerical range lies left of {ends.high:.3g}, bounded by Lanczos from a random start"
            return _Proof(True, ends.high, how, False)
        if ends.highest >= 0:
            break  # the numerical range crosses the axis: it can prove nothing
    # |1 + h z| < 1 holds for z left of the axis where h is small enough: first for real z, then for turning.
    size = abs(value)
    for h in (1 / max(reach, size), size / max(reach, size) ** 2) if reach else ():
        moved = Identity(A.shape[0], dtype=A.dtype, device=A.device) + h * A
        power = sampled_contraction(moved, products=(products - spent) // 2, failure=failure / 4, seed=seed)
        if power.norm < 1:
            how = f"|(I + {h:.2g} A)^{power.power}|_2 <= {power.norm:.3g}, by Lanczos from a random start"
            # |1 + h z| <= r keeps z left of (r - 1) / h.
            return _Proof(True, (power.radius - 1) / h, how, False)
    return None


def _matrix_inside(M: Tensor, discrete: bool) -> _Proof | None:
    if discrete:
        power = dense_contraction(M)
        if power.norm < 1:
            return _Proof(
                True, power.radius, f"|A^{power.power}| <= {power.norm:.3g}, rounding bounded", True
            )
    elif proved_positive(-(M + M.mT) / 2, 2 * _UNIT * M.abs().maximum(M.abs().mT)):
        return _Proof(True, 0.0, "the numerical range is left of the axis, proved by a Cholesky factor", True)
    if lyapunov_proves(M, discrete=discrete):
        how = "a Lyapunov function, its definiteness proved by Cholesky factors"
        return _Proof(True, 1.0 if discrete else 0.0, how, True)
    return None


def _outside(
    A: LinearOperator, found: GeneralEigen, discrete: bool, failure: float, products: int, seed: int
) -> _Proof | None:
    """An eigenvalue proved to be outside, beside the computed one that lies farthest out."""
    values, vectors = torch.as_tensor(found.values), torch.as_tensor(found.vectors)
    sizes = values.abs() if discrete else values.real
    at = int(sizes.argmax())
    value, boundary = complex(values[at]), 1.0 if discrete else 0.0
    scale = float(values.abs().max())
    spent, steps = 0, 20
    while spent + 4 * steps <= products and steps <= _MOST:
        radius = eigenvalue_near(
            A, value, vectors[:, at], steps=steps, scale=scale, failure=failure / 8, seed=seed + steps
        )
        spent, steps = spent + 4 * steps, 2 * steps
        if float(sizes[at]) - radius > boundary:
            how = f"an eigenvalue of A within {radius:.1e} of {value:.6g}, by Newton and Kantorovich"
            return _Proof(False, float(sizes[at]) - radius, how, False)
    return None
