"""Square systems by a factor that is made once, with certificates for every right-hand side."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.core import Certificate, Kind, Status
from fivefold.linalg.condition_estimate import inverse_norm_estimate
from fivefold.linalg.doubled import plain_or_doubled_residual
from fivefold.linalg.householder import power_of_two_norms
from fivefold.linalg.least_squares import lstsq

_UNIT = 2.0**-53
_PROVED = 1000  # up to this size the inverse is formed, which turns the estimate of the error into a proof


@dataclass(frozen=True, eq=False)
class Raw:
    """A solution in float64, before it takes the kind and the shape of the right-hand side."""

    x: Tensor
    residual: Tensor
    condition: float | None
    digits: float
    method: str
    status: Status
    certificates: tuple[Certificate, ...]
    message: str = ""


class DenseFactor:
    r"""The factor of one matrix: Cholesky where it is symmetric and allows it, LU otherwise.

    Rows and columns are scaled by powers of two; :math:`E = D_r A D_c` stays symmetric where A is.

    Args:
        A: ``[n, n]`` in float64.

    >>> DenseFactor(torch.tensor([[4.0]]).double()).solve(torch.tensor([[2.0]]).double()).x.item()
    0.5
    """

    def __init__(self, A: Tensor) -> None:
        self.A = A
        self.why_singular = ""
        symmetric = bool((A.mT == A).all())
        diagonal = A.diagonal()
        L: Tensor | None = None
        if symmetric and bool((diagonal > 0).all()):
            self.rows = self.columns = torch.exp2(-(diagonal.log2() / 2).round())
            self.E = A * self.rows[:, None] * self.columns
            factor, info = torch.linalg.cholesky_ex(self.E)
            L = factor if int(info) == 0 else None
        self.L = L
        self.method = "lu" if L is None else "cholesky"
        self.condition = math.inf
        if L is None:
            self.rows = 1 / power_of_two_norms(A.mT)
            E = A * self.rows[:, None]
            self.columns = 1 / power_of_two_norms(E)
            self.E = E * self.columns
            self.LU, self.pivots, info = torch.linalg.lu_factor_ex(self.E)
            if int(info) != 0:
                self.why_singular = "an exact zero pivot"
                return
        norm = self.E.abs().sum(dim=0).max()
        self.condition = float(norm * inverse_norm_estimate(self.apply, self.adjoint, self.E))
        if not self.condition * _UNIT < 0.1:
            self.why_singular = f"the estimated condition {self.condition:.1e} leaves no digit"
        self._inverse: tuple[Tensor, float] | None = None

    def apply(self, b: Tensor) -> Tensor:
        """Return ``E^{-1} b`` for the scaled matrix."""
        if self.L is not None:
            return torch.cholesky_solve(b, self.L)
        out: Tensor = torch.linalg.lu_solve(self.LU, self.pivots, b)
        return out

    def adjoint(self, b: Tensor) -> Tensor:
        """Return ``E^{-T} b`` for the scaled matrix."""
        if self.L is not None:
            return torch.cholesky_solve(b, self.L)
        out: Tensor = torch.linalg.lu_solve(self.LU, self.pivots, b, adjoint=True)
        return out

    def unscaled(self, b: Tensor) -> Tensor:
        """Return ``A^{-1} b`` without refinement."""
        return self.columns[:, None] * self.apply(self.rows[:, None] * b)

    def inverse(self) -> tuple[Tensor, float]:
        r"""Return :math:`Y \approx E^{-1}` and a proven bound of :math:`\|I - Y E\|_\infty`, made once."""
        if self._inverse is None:
            n = self.E.shape[0]
            identity = torch.eye(n, dtype=self.E.dtype, device=self.E.device)
            Y = self.apply(identity)
            defect = (identity - Y @ self.E).abs() + (n + 2) * _UNIT * (Y.abs() @ self.E.abs() + identity)
            self._inverse = Y, float(defect.sum(dim=1).max())
        return self._inverse

    def inverse_norm_bound(self) -> float:
        r"""Return a proven upper bound of :math:`\|A^{-1}\|_\infty`; infinite where none is known."""
        if self.why_singular or self.E.shape[0] > _PROVED:
            return math.inf
        Y, alpha = self.inverse()
        if not alpha < 1:
            return math.inf
        # A^-1 = D_c E^-1 D_r, and |E^-1| is at most |Y| and |Y|'s norm times alpha / (1 - alpha) in each row.
        absolute = (self.columns[:, None] * Y * self.rows).abs().sum(dim=1).max()
        rest = float(self.columns.max() * self.rows.max() * Y.abs().sum(dim=1).max()) * alpha / (1 - alpha)
        return (float(absolute) + rest) * (1 + 2 * len(Y) * _UNIT)

    def solve(self, B: Tensor) -> Raw:
        """Solve for the columns of B, refine with doubled residuals where cheap, and bound the error."""
        if self.why_singular:
            return singular(self.A, B, self.why_singular)
        E, n = self.E, self.E.shape[0]
        target = B * self.rows[:, None]
        z = self.apply(target)
        high, low, unit = plain_or_doubled_residual(E, z, target)
        step = self.apply(high)
        for _ in range(3):
            moved = z + step
            new_high, new_low, _ = plain_or_doubled_residual(E, moved, target)
            # The next correction measures the error; the residual is near rounding from the start and
            # does not.
            new_step = self.apply(new_high)
            better = new_step.abs().amax(dim=0) < step.abs().amax(dim=0)
            z, high, low, step = (
                torch.where(better, a, b)
                for a, b in ((moved, z), (new_high, high), (new_low, low), (new_step, step))
            )
            if not bool(better.any()):
                break
        r = high + low
        rounding = (n + 2) ** 2 * unit * (E.abs() @ z.abs() + target.abs())
        backward = float((r.abs() / positive(E.abs() @ z.abs() + target.abs())).max())
        relative, proved = self._error(r, rounding, z.abs().amax(dim=0))
        digits = digits_of(relative if proved else self.condition * _UNIT)
        certificates = (
            Certificate(
                "x solves a system whose entries differ from A and b by rounding",
                Kind.PROOF,
                backward <= 10 * n * _UNIT,
                bound=10 * n * _UNIT,
                value=backward,
                method="componentwise backward error max |r| / (|A| |x| + |b|) (Oettli and Prager 1964)",
            ),
            forward(relative if proved else None, "the inverse is not formed, or not accurate enough"),
        )
        trusted = digits >= 1
        message = "" if trusted else "no digit of x can be trusted"
        status = Status.CONVERGED if trusted else Status.ILL_POSED
        x = z * self.columns[:, None]
        residual = r / self.rows[:, None]
        return Raw(x, residual, self.condition, digits, self.method, status, certificates, message)

    def _error(self, r: Tensor, rounding: Tensor, size: Tensor) -> tuple[float, bool]:
        """Proved relative error in the largest entry, where the inverse is affordable and accurate enough."""
        n = self.E.shape[0]
        if n > _PROVED:
            return math.inf, False
        Y, alpha = self.inverse()
        if not alpha < 1:
            return math.inf, False
        step = (Y @ r).abs() + Y.abs() @ (rounding + (n + 2) * _UNIT * r.abs())
        bound = step.amax(dim=0) / (1 - alpha)
        relative = torch.where(size > 0, bound / positive(size), torch.where(bound > 0, torch.inf, 0.0))
        return float(relative.max()), True


def singular(A: Tensor, B: Tensor, why: str) -> Raw:
    """Return the shortest least-squares solution for a matrix that is singular to rounding.

    >>> singular(torch.zeros(1, 1).double(), torch.ones(1, 1).double(), "zero").x.item()
    0.0
    """
    fit = lstsq(A, B, method="minimum-norm")
    certificate = Certificate(
        "A is regular to rounding",
        Kind.INDICATOR,
        False,
        bound=0.1 / _UNIT,
        value=fit.condition if math.isfinite(fit.condition) else None,
        method="zero pivot or 1-norm condition estimate against 0.1 / u",
    )
    message = f"A is singular to rounding ({why}); x is the shortest least-squares solution"
    certificates = (certificate, forward(None, "A is singular to rounding"))
    return Raw(
        fit.x, fit.residual, math.inf, 0.0, "minimum-norm", Status.ILL_POSED, certificates, message
    )  # fmt: skip


def forward(
    relative: float | None, unknown: str, how: str = "|Yr| / (1 - |I - YA|), Y an approximate inverse"
) -> Certificate:
    """Whether x has a correct digit; unknown where no relative error is proved.

    >>> forward(None, "no reason").verdict
    'unknown'
    """
    return Certificate(
        "x has at least one correct digit: |x* - x| <= 0.1 |x| in the largest entry",
        Kind.PROOF,
        None if relative is None else relative <= 0.1,
        bound=0.1,
        value=relative,
        assumptions=("no overflow or underflow", "the solution before it is rounded to its dtype"),
        method=f"unknown: {unknown}" if relative is None else how,
    )


def positive(t: Tensor) -> Tensor:
    """Return t with ones in place of what is not positive.

    >>> positive(torch.tensor([0.0, 3.0])).tolist()
    [1.0, 3.0]
    """
    return torch.where(t > 0, t, torch.ones_like(t))


def digits_of(relative: float) -> float:
    """Return the decimal digits that a relative error leaves, between 0 and 15.9.

    >>> digits_of(1e-3)
    3.0
    """
    return max(0.0, min(15.9, -math.log10(relative))) if relative > 0 else 15.9
