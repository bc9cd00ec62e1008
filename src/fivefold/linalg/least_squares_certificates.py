"""What least squares says about its answer, shared by the solvers: minimiser, digits, uniqueness."""

import math

import torch
from torch import Tensor

from fivefold.core import Certificate, Kind

_UNIT = 2.0**-53


def trusted_digits(relative: float) -> float:
    """Decimal digits that a relative error leaves, between 0 and 16.

    >>> trusted_digits(1e-5), trusted_digits(float("inf"))
    (5.0, 0.0)
    """
    return max(0.0, min(16.0, -math.log10(relative))) if relative > 0 else 16.0


def shortest(U: Tensor, s: Tensor, Vt: Tensor, c: Tensor, scale: Tensor) -> Tensor:
    """Shortest minimiser in the original units: x = W t in the row space of X = Q U S V' D, D V = W T.

    >>> one = torch.ones(1, 1).double()
    >>> shortest(one, one[0], one, one, one[0]).item()
    1.0
    """
    if s.numel() == 0:
        return torch.zeros((scale.shape[0], c.shape[1]), dtype=c.dtype, device=c.device)
    W, T = torch.linalg.qr(scale[:, None] * Vt.mT)
    t = torch.linalg.solve_triangular(T.mT, (U.mT @ c) / s[:, None], upper=False)
    z: Tensor = scale[:, None] * (W @ t)
    return z


def underdetermined(m: int, n: int, rank: int) -> Certificate:
    """Fewer rows than columns: never unique.

    >>> underdetermined(1, 2, 1).holds
    False
    """
    return Certificate(
        "the solution is unique",
        Kind.PROOF,
        False,
        bound=float(n),
        value=float(rank),
        method=f"{m} rows cannot determine {n} coefficients",
    )


def forward_certificate(relative: Tensor, unique: bool, how: str) -> Certificate:
    """Whether at least one digit of the coefficients is right.

    >>> forward_certificate(torch.tensor([1e-9]), True, "a bound").holds
    True
    """
    value = float(relative.max())
    known = math.isfinite(value)
    return Certificate(
        "the coefficients have at least one correct digit: |x* - x| <= 0.1 |x|",
        Kind.PROOF,
        value <= 0.1 if known else None,
        bound=0.1,
        value=value if known else None,
        assumptions=(
            "no overflow or underflow",
            "the smallest singular value is computed to 10 max(m, n) u of the largest",
            "rounding of the input counts to first order; whole numbers and short binary fractions are exact",
        ),
        method=how if unique else "no bound: the rank is deficient",
    )
