"""Residuals made linear around one point, with their Jacobian formed, or by its products alone."""

import math
from functools import cached_property

import torch
from torch import Tensor

from fivefold.core import Budget
from fivefold.linalg import Diagonal, LinearOperator, Product, lsmr
from fivefold.objective import ResidualObjective
from fivefold.optimize.methods.linearization import INNER_STEPS, fits, random_signs, within_rounding

_ROWS = 64
"""Most rows of a Jacobian that is formed from rows though it has fewer columns."""
_PROBES = 16
"""Random signs that estimate the lengths of a Jacobian's columns: to a fifth of each, which is enough."""


class DenseResiduals:
    r"""Residuals r and their Jacobian J, formed and reduced to its triangle.

    .. math:: J = Q R, \qquad
              p = \arg\min \left\| \begin{pmatrix} R \\ \sqrt\lambda D \end{pmatrix} p
                  + \begin{pmatrix} Q^\top r \\ 0 \end{pmatrix} \right\|

    J^T J, whose condition is the square, is never formed. The distance is the cosine of the angle between r
    and the range of J, which bounds that to each column, :math:`\max_j |(J^\top r)_j| / (|J_j| |r|)`, and has
    no unit: at 1e-8 the parameters move by about 1e-8 of their standard errors. A direction of a small
    singular value counts as far as rounding lets it be seen.

    Source: J. J. Moré, "The Levenberg-Marquardt algorithm: implementation and theory", 1978; D. M. Bates
    and D. G. Watts, "A relative offset orthogonality convergence criterion", Technometrics 23 (1981).

    Args:
        objective: F, half the square of r.
        w: The point [P].
        jacobian: J there as an operator.
    """

    refines = True

    def __init__(self, objective: ResidualObjective, w: Tensor, jacobian: LinearOperator) -> None:
        self._objective = objective
        self.w = w.detach().clone()
        self._r = objective.residuals(self.w).detach()
        J = _formed(jacobian)
        self.value = 0.5 * (self._r @ self._r)
        self.gradient = J.mT @ self._r
        self.scale = J.norm(dim=0)
        # columns of one length: the QR factorization does not care, the SVD of R does
        self._unit = torch.where(self.scale > 0, self.scale, 1.0)
        # what overflows in the squares is as useless as what is not a number
        self._finite = bool(torch.isfinite(self.gradient).all() & torch.isfinite(self.scale).all())
        self._finite = self._finite and bool(torch.isfinite(self.value))
        self._Q, self._R = torch.linalg.qr(J / self._unit if self._finite else torch.zeros_like(J))
        self._q = self._Q.mT @ self._r
        self._solved: tuple[float, Tensor, Tensor, Tensor] | None = None
        self._bends: tuple[Tensor, Tensor, Tensor, Tensor] | None = None

    def step(self, damping: float, scale: Tensor) -> tuple[Tensor, float]:
        """Solve by QR of the triangle above the damping."""
        z = self._solve(-self._q, damping, scale)
        image, held = self._R @ z, scale / self._unit * z
        return z / self._unit, 0.5 * float(image @ image) + damping * float(held @ held)

    def step_beside(self, S: Tensor, damping: float, scale: Tensor) -> tuple[Tensor, float]:
        r"""Minimise the model with :math:`J^\top J + S` by eigenvectors, damped past the negative ones."""
        if self._bends is None or self._bends[0] is not S or self._bends[1] is not scale:
            A = self._R * (self._unit / scale)
            B = A.mT @ A + S / scale / scale[:, None]
            if not bool(torch.isfinite(B).all()):
                return self.step(damping, scale)
            self._bends = (S, scale, *torch.linalg.eigh(0.5 * (B + B.mT)))
        _, _, values, V = self._bends
        c = V.mT @ (self.gradient / scale)
        below = values + damping + max(0.0, -1.01 * float(values[0]))
        z = -c / below
        return (V @ z) / scale, -float(z @ (c + 0.5 * values * z))

    def foretold(self, s: Tensor) -> float:
        """By how much F falls along s [P] by the model without a second derivative."""
        image = self._R @ (self._unit * s)
        return -float(self.gradient @ s) - 0.5 * float(image @ image)

    def turned(self, ahead: "DenseResiduals") -> Tensor:
        """The difference of the Jacobians there and here, transposed, times the residuals there, [P]."""
        kept: Tensor = self._unit * (self._R.mT @ (self._Q.mT @ ahead._r))
        return ahead.gradient - kept

    def shortest(self) -> Tensor:
        """The undamped step by the SVD, without the directions that J maps to rounding."""
        U, s, V = self._parts
        kept = s > max(self._R.shape) * torch.finfo(s.dtype).eps * s[0]
        inverse = torch.where(kept, 1 / torch.where(kept, s, 1.0), 0.0)
        p: Tensor = V.mT @ (inverse * (U.mT @ -self._q)) / self._unit
        return p

    def correction(self, p: Tensor, damping: float, scale: Tensor) -> Tensor | None:
        """Half the damped solution for r'', which the residuals a tenth of the step ahead give."""
        h = 0.1
        ahead = self._objective.residuals(self.w + h * p)
        # what J does not reach would be lost in the solution all the same
        second = 2 * (self._Q.mT @ (ahead - self._r) - h * (self._R @ (self._unit * p))) / (h * h)
        if float(second.norm()) <= 8 * self._rounding / (h * h):
            # rounding, which is no reason to reject a step
            return torch.zeros_like(p)
        return 0.5 * self._solve(-second, damping, scale) / self._unit

    def decrease(self, w: Tensor) -> tuple[float, float]:
        """From the residuals' differences, which lose fewer digits than those of F."""
        return _decrease(self._objective, self._r, w, self._rounding)

    @cached_property
    def distance(self) -> float:
        """The cosine, less what rounding alone makes."""
        length = float(self._r.norm())
        if not self._finite:
            return math.inf
        if length == 0:
            return 0.0
        U, s, _ = self._parts
        kind = torch.finfo(s.dtype)
        blur = 16 * kind.eps * length * s[0] / s.clamp_min(kind.tiny)
        offset = float(((U.mT @ self._q).abs() - blur).clamp_min(0).norm())
        column = float((self.gradient / self._unit).abs().max())
        return max(0.0, max(offset, column) - self._rounding) / length

    def _solve(self, right: Tensor, damping: float, scale: Tensor) -> Tensor:
        if self._solved is None or self._solved[0] != damping or self._solved[1] is not scale:
            below = math.sqrt(damping) * torch.diag(scale / self._unit)
            self._solved = (damping, scale, *torch.linalg.qr(torch.cat([self._R, below])))
        _, _, Q, R = self._solved
        turned = Q[: self._R.shape[0]].mT @ right
        z: Tensor = torch.linalg.solve_triangular(R, turned[:, None], upper=True)[:, 0]
        return z

    @cached_property
    def _parts(self) -> tuple[Tensor, Tensor, Tensor]:
        U, s, V = torch.linalg.svd(self._R, full_matrices=False)
        return U, s, V

    @cached_property
    def _rounding(self) -> float:
        """What the last digits of w and r change in r."""
        return within_rounding(float((self.scale * self.w.abs()).sum() + self._r.norm()), self.w)


class FreeResiduals:
    r"""Residuals and their Jacobian by products alone: LSMR finds the step.

    The distance is the largest cosine between r and a column of J,
    :math:`\max_j |(J^\top r)_j| / (|J_j| |r|)`, the columns' lengths by random signs:
    :math:`|J_j|^2 = E (J^\top z)_j^2`.

    Source: D. C.-L. Fong and M. A. Saunders, "LSMR", SIAM J. Sci. Comput. 33 (2011); C. Bekas, E. Kokiopoulou
    and Y. Saad, "An estimator for the diagonal of a matrix", Appl. Numer. Math. 57 (2007).

    Args:
        objective: F, half the square of r.
        w: The point [P].
        jacobian: J there as an operator.
    """

    refines = False

    def __init__(self, objective: ResidualObjective, w: Tensor, jacobian: LinearOperator) -> None:
        self._objective = objective
        self.w = w.detach().clone()
        self._r = objective.residuals(self.w).detach()
        self._J = jacobian
        self.value = 0.5 * (self._r @ self._r)
        signs = random_signs(self._r.shape[0], _PROBES, self._r)
        seen = torch.as_tensor(self._J.H @ torch.cat([self._r[:, None], signs], dim=1)).detach()
        self.gradient = seen[:, 0]
        self.scale = seen[:, 1:].square().mean(1).sqrt()
        self._finite = bool(torch.isfinite(seen).all() & torch.isfinite(self.value))

    def step(self, damping: float, scale: Tensor) -> tuple[Tensor, float]:
        """LSMR in the scaled parameters, until |A^T r| has fallen to a tenth, or by the distance."""
        A = Product(self._J, Diagonal(1 / scale))
        # LSMR's own measure has |A| in the Frobenius norm, the root of P in these units
        far = self.distance
        tolerance = max(1e-14, min(0.1, far) * far / math.sqrt(self.w.shape[0]))
        limit = Budget(steps=INNER_STEPS)
        run = lsmr(A, -self._r, damping=math.sqrt(damping), tolerance=tolerance, budget=limit)
        z = torch.as_tensor(run.x)
        image = torch.as_tensor(A @ z)
        # stopped early, LSMR has not the optimum's identity: the decrease by its definition
        return z / scale, -float(image @ self._r) - 0.5 * float(image @ image)

    def shortest(self) -> Tensor:
        """The undamped step, from 0."""
        return self.step(0.0, torch.where(self.scale > 0, self.scale, 1.0))[0]

    def correction(self, p: Tensor, damping: float, scale: Tensor) -> Tensor | None:
        """Nothing: it would cost a second solve by products."""
        return None

    def decrease(self, w: Tensor) -> tuple[float, float]:
        """From the residuals' differences."""
        return _decrease(self._objective, self._r, w, self._rounding)

    @property
    def distance(self) -> float:
        """Largest cosine to a column, less what rounding alone makes."""
        length = float(self._r.norm())
        if not self._finite:
            return math.inf
        if length == 0:
            return 0.0
        small = torch.finfo(self.w.dtype).eps * self.scale.max()
        column = (self.gradient.abs() / torch.where(self.scale > small, self.scale, torch.inf)).max()
        return max(0.0, float(column) - self._rounding) / length

    @cached_property
    def _rounding(self) -> float:
        # many columns, whose last digits add up like random ones
        return within_rounding(float((self.scale * self.w).norm() + self._r.norm()), self.w)


def _decrease(objective: ResidualObjective, r: Tensor, w: Tensor, rounding: float) -> tuple[float, float]:
    other = objective.residuals(w)
    return 0.5 * float((r - other) @ (r + other)), rounding * (float(r.norm()) + rounding)


def _formed(jacobian: LinearOperator) -> Tensor:
    """The matrix; from its rows where they are few, as one reverse pass costs less than a forward one."""
    m, P = jacobian.shape
    if m <= min(_ROWS, 8 * P):
        rows = torch.eye(m, dtype=jacobian.dtype, device=jacobian.device)
        return torch.as_tensor(jacobian.H @ rows).detach().mT
    return jacobian.to_dense().detach()


def linearize_residuals(objective: ResidualObjective, w: Tensor) -> DenseResiduals | FreeResiduals:
    """F around w [P], with the Jacobian formed where it is within the bounds.

    >>> F = ResidualObjective(lambda w: w - 1, torch.zeros(2, dtype=torch.float64))
    >>> linearize_residuals(F, F.initial).shortest()
    tensor([1., 1.], dtype=torch.float64)
    """
    J = objective.jacobian(w)
    return (DenseResiduals if fits(J.shape[0], w) else FreeResiduals)(objective, w, J)
