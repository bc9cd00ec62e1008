"""Eigenvalues of symmetric operators: all of them densely, a few of them by Lanczos."""

from dataclasses import dataclass
from functools import singledispatch
from typing import Literal

import torch
from torch import Tensor

from fivefold.core import Budget, Certificate, Kind, Status, require
from fivefold.linalg.arrays import Array, wants_numpy
from fivefold.linalg.dense import Dense, as_operator, require_symmetric
from fivefold.linalg.diagonals import Diagonal
from fivefold.linalg.lanczos import lanczos
from fivefold.linalg.lobpcg import lobpcg
from fivefold.linalg.memory import require_memory
from fivefold.linalg.operator import LinearOperator, require_matrix
from fivefold.linalg.structured_eigen import structured_pairs

_DENSE = 1000  # up to this size the dense method takes a second at most


@dataclass(frozen=True, eq=False)
class Eigen:
    r"""Eigenpairs :math:`A V = V \Lambda` of a symmetric operator.

    Args:
        values: ``[k]``, descending (ascending where the smallest were asked for).
        vectors: Orthonormal columns ``[n, k]``.
        residual_norms: :math:`\|A v_i - \lambda_i v_i\|`, ``[k]``; an eigenvalue of A lies that close.
        method: ``"dense"``, ``"diagonal"``, ``"kronecker"``, ``"blocks"``, ``"lanczos"`` or ``"lobpcg"``.
        steps: Block products that the iteration made; 0 otherwise.
        status: How it ended.
        certificates: Residuals, orthonormality, completeness, separation.
        message: What went wrong, or an empty string.
    """

    values: Array
    vectors: Array
    residual_norms: Array
    method: str
    steps: int
    status: Status
    certificates: tuple[Certificate, ...]
    message: str


def eigh(
    A: Array | LinearOperator,
    k: int | None = None,
    *,
    which: Literal["largest", "smallest"] = "largest",
    method: Literal["auto", "dense", "lanczos", "lobpcg"] = "auto",
    preconditioner: Array | LinearOperator | None = None,
    tolerance: float | None = None,
    seed: int = 0,
    budget: Budget | None = None,
) -> Eigen:
    r"""Return the k algebraically largest (or smallest) eigenpairs of a symmetric operator.

    .. math:: A v_i = \lambda_i v_i, \qquad V^\top V = I

    ``auto`` goes through the factors of a Kronecker product and the blocks of a block diagonal; else it is
    dense up to size 1000 or where more than a fifth of the spectrum is asked for, otherwise block Lanczos
    with full reorthogonalisation and thick restarts.

    Source: B. N. Parlett, "The Symmetric Eigenvalue Problem", SIAM 1998, for the residual bound; K. Wu and
    H. Simon, SIAM J. Matrix Anal. Appl. 22 (2000), for the restarts.

    Args:
        A: Symmetric ``[n, n]``: array, tensor, or an operator that says it is symmetric.
        k: How many, between 1 and n; all by default.
        which: Which end of the spectrum.
        method: Chosen by structure and size unless given.
        preconditioner: For LOBPCG: positive definite, close to the inverse of A (shifted so that the wanted
            end becomes small).
        tolerance: Residual norm relative to the largest value found, for Lanczos and LOBPCG; 1e-10, or 1e-5
            in float32.
        seed: Of their random first block.
        budget: What they may spend; 1000 block products by default.

    Returns:
        The pairs with certificates, in the kind and dtype of A. Each vector's largest entry is positive.

    Raises:
        ArgumentError: Not square, not symmetric, not finite, k outside 1..n (a third of n for LOBPCG), a
            preconditioner for another method, or more memory than is free.

    >>> e = eigh([[2.0, 1.0], [1.0, 2.0]])
    >>> e.values.round(12).tolist(), str(e.status)
    ([3.0, 1.0], 'converged')
    """
    numpy = wants_numpy(A)
    operator = as_operator(A)
    require_matrix(operator, "A", square=True)
    n = operator.shape[0]
    count = n if k is None else int(k)
    require(1 <= count <= n, f"k between 1 and {n}", k)
    require(which in ("largest", "smallest"), "which = 'largest' or 'smallest'", repr(which))
    names = ("auto", "dense", "lanczos", "lobpcg")
    require(method in names, f"a method of {', '.join(names)}", repr(method))
    M = None if preconditioner is None else as_operator(preconditioner, "the preconditioner")
    require(M is None or method == "lobpcg", "a preconditioner for method='lobpcg' alone", method)
    require(
        M is None or M.shape == operator.shape, f"a preconditioner of shape {operator.shape}", M and M.shape
    )
    if isinstance(operator, Dense):
        require_symmetric(operator.matrix)
    else:
        require(operator.symmetric, "a symmetric operator", repr(operator), "build it with symmetric=True")
    tau = tolerance or (1e-10 if operator.dtype == torch.float64 else 1e-5)
    require(0 < tau < 1, "a tolerance between 0 and 1", tolerance)
    steps, status, following = 0, Status.CONVERGED, None
    structured = structured_pairs(operator, count, which == "largest") if method == "auto" else None
    if structured is not None:
        chosen, values, vectors, following = structured
        complete = True
    elif method in ("lanczos", "lobpcg") or (method == "auto" and n > _DENSE and 5 * count <= n):
        chosen = "lobpcg" if method == "lobpcg" else "lanczos"
        sign = 1.0 if which == "largest" else -1.0
        signed = operator if sign > 0 else -operator
        if method == "lobpcg":
            run = lobpcg(signed, count, preconditioner=M, tolerance=tau, seed=seed, budget=budget)
        else:
            run = lanczos(signed, count, tolerance=tau, seed=seed, budget=budget)
        values, vectors, steps, status = sign * run.values, run.vectors, run.steps, run.status
        following = None if run.following is None else sign * run.following
        complete = run.complete
    else:
        size = 4 * n * n * operator.dtype.itemsize
        require_memory(size, "a dense eigenproblem", "ask for few values: k <= n / 5", operator.device)
        chosen, every, vectors = _spectrum(operator)
        order = every.argsort(descending=which == "largest", stable=True)
        following = float(every[order[count]]) if count < n else None
        values, vectors = every[order[:count]], vectors[:, order[:count]]
        complete = True
    vectors = positive_peak(vectors)
    residual = operator.apply(vectors) - vectors * values
    norms = torch.linalg.vector_norm(residual, dim=0)
    certificates = _certificates(values, vectors, norms, following, tau, complete=complete)
    message = "" if status is Status.CONVERGED else "the residuals did not reach the tolerance"
    if status is Status.CONVERGED and certificates[0].holds is False:
        status, message = Status.STALLED, "the residuals are above the tolerance"

    def kind(t: Tensor) -> Array:
        t = t.detach().to(operator.dtype)
        return t.cpu().numpy() if numpy else t

    return Eigen(kind(values), kind(vectors), kind(norms), chosen, steps, status, certificates, message)


@singledispatch
def _spectrum(A: LinearOperator) -> tuple[str, Tensor, Tensor]:
    matrix = A.to_dense().detach()
    values, vectors = torch.linalg.eigh((matrix + matrix.mT) / 2)
    return "dense", values, vectors


@_spectrum.register
def _(A: Diagonal) -> tuple[str, Tensor, Tensor]:
    return "diagonal", A.entries.detach(), torch.eye(A.shape[0], dtype=A.dtype, device=A.device)


def positive_peak(vectors: Tensor) -> Tensor:
    """Flip columns so that each one's largest entry in magnitude is positive; no sign is left to chance.

    >>> positive_peak(torch.tensor([[1.0], [-2.0]])).tolist()
    [[-1.0], [2.0]]
    """
    peak = vectors.gather(0, vectors.abs().argmax(dim=0, keepdim=True))
    return vectors * torch.where(peak < 0, -1.0, 1.0).to(vectors.dtype)


def orthonormality(vectors: Tensor, name: str) -> Certificate:
    """Whether the columns are orthonormal to 100 n u.

    >>> orthonormality(torch.ones(1, 1), "V").verdict
    'yes'
    """
    eye = torch.eye(vectors.shape[1], dtype=vectors.dtype, device=vectors.device)
    gap = float(torch.linalg.matrix_norm(vectors.mT @ vectors - eye))
    limit = 100 * max(vectors.shape) * float(torch.finfo(vectors.dtype).eps)
    return Certificate(
        f"the columns of {name} are orthonormal",
        Kind.PROOF,
        gap <= limit,
        bound=limit,
        value=gap,
        method=f"|{name}'{name} - I|_F, computed",
    )


def _certificates(
    values: Tensor, vectors: Tensor, norms: Tensor, following: float | None, tau: float, *, complete: bool
) -> tuple[Certificate, ...]:
    size = float(values.abs().max())
    unit = float(torch.finfo(values.dtype).eps)
    limit = max(tau, 10 * len(vectors) * unit) * size
    worst = float(norms.max())
    gap = None if following is None else abs(float(values[-1]) - following)
    separated = gap is None or gap > max(10 * worst, 10 * len(vectors) * unit * size)
    return (
        Certificate(
            "every value lies within the bound of an eigenvalue of A",
            Kind.PROOF,
            worst <= limit,
            bound=limit,
            value=worst,
            assumptions=("A is symmetric",),
            method="|A v - lambda v| for a unit vector v, computed with A",
        ),
        orthonormality(vectors, "V"),
        Certificate(
            "no eigenvalue beyond the returned ones was missed",
            Kind.PROOF,
            True if complete else None,
            method="the whole spectrum was computed"
            if complete
            else "unknown: a Krylov space sees only what its random first block touches",
        ),
        Certificate(
            "the space of the returned vectors is determined: a gap follows the last value",
            Kind.INDICATOR,
            separated,
            bound=max(10 * worst, 10 * len(vectors) * unit * size),
            value=gap,
            assumptions=() if complete else ("the next Ritz value is close to the next eigenvalue",),
            method="distance to the next value against ten times the residual (Davis and Kahan 1970)",
        ),
    )
