"""What is claimed about the ends of a spectrum that a Krylov space shows."""

from torch import Tensor

from fivefold.core import Certificate, Kind
from fivefold.linalg.eigen import orthonormality
from fivefold.theory.krylov_space import KrylovSpace


def eigen_certificates(
    space: KrylovSpace, vectors: Tensor, norms: Tensor, limit: float
) -> tuple[Certificate, ...]:
    """Return the claims about the returned eigenpairs and about the sign of the spectrum.

    Args:
        space: The Krylov space.
        vectors: Of the returned pairs ``[n, k]``.
        norms: Their residual norms ``[k]``.
        limit: The norm that was asked for.

    >>> import torch
    >>> from fivefold.core import drive
    >>> from fivefold.linalg import Diagonal
    >>> from fivefold.linalg.probes import Prober
    >>> from fivefold.theory.krylov_space import KrylovGrowth
    >>> growth = KrylovGrowth(Prober(Diagonal([2.0, -1.0]), 0, "doc"), 1, 1, 1e-6, 2, 0.0)
    >>> space = drive(growth).state
    >>> [c.verdict for c in eigen_certificates(space, space.V @ space.S[:, :1], torch.zeros(1), 1e-6)]
    ['yes', 'yes', 'yes', 'yes']
    """
    worst = float(norms.max())
    low = float(space.values[-1])
    slack = 0.0 if space.complete else float(space.residual_norms[-1])
    negative = low + slack < -abs(float(space.values[0])) * 1e3 * float(space.V.shape[0]) * 2.3e-16
    return (
        Certificate(
            "every value lies within its residual norm of an eigenvalue",
            Kind.PROOF,
            worst <= limit,
            bound=limit,
            value=worst,
            assumptions=("the matrix is symmetric",),
            method="|H v - lambda v| for unit vectors v, from the products that were made",
        ),
        orthonormality(vectors, "V"),
        Certificate(
            "no eigenvalue above the returned ones was missed",
            Kind.PROOF,
            True if space.complete else None,
            method="the whole spectrum was computed"
            if space.complete
            else "unknown: a Krylov space sees only what its random probes touch",
        ),
        Certificate(
            "the curvature is negative in some direction: the point is no minimum",
            Kind.PROOF,
            True if negative else False if space.complete else None,
            bound=0.0,
            value=low + slack,
            method="an eigenvalue lies within the residual norm of the smallest Ritz value",
        ),
    )
