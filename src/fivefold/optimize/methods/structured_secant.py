"""What Gauss-Newton leaves out, learned from the Jacobians seen: the residuals' own curvature."""

import torch
from torch import Tensor

from fivefold.optimize.methods.linear_residuals import DenseResiduals

SECANT_COLUMNS = 500
"""Most parameters with which it is learned: each step then takes all eigenvalues of a matrix of that size."""
_CLEARLY = 1.5
"""How many times nearer the other model's promise must be before it is followed."""


class StructuredSecant:
    r"""An approximation S of :math:`\sum_i r_i \nabla^2 r_i`, and whether it has been worth using.

    Where the residuals stay large, :math:`J^\top J` misses most of the Hessian, and damping makes up for it
    with steps that are ever too short. After a step s with :math:`y = g_+ - g` and
    :math:`v = (J_+ - J)^\top r_+ - \tau S s`,

    .. math:: S_+ = \tau S + \frac{v y^\top + y v^\top}{y^\top s} - \frac{v^\top s}{(y^\top s)^2}\, y y^\top,
              \qquad \tau = \min\left(1, \frac{|s^\top (J_+ - J)^\top r_+|}{|s^\top S s|}\right),

    so that S is exact along s, and shrinks as the residuals do. It is used after a trial of whose decrease it
    would have foretold clearly more than the model without it, and laid aside after the contrary. Where F
    bends downwards along s, :math:`D^2 s` takes the place of y, with the scale D.

    Source: J. E. Dennis, D. M. Gay and R. E. Welsch, "An adaptive nonlinear least-squares algorithm", ACM
    Transactions on Mathematical Software 7 (1981).

    Args:
        like: A point [P]; S is 0 at first, and not used.

    >>> StructuredSecant(torch.zeros(2)).matrix is None
    True
    """

    def __init__(self, like: Tensor) -> None:
        self._S = torch.zeros(like.shape[0], like.shape[0], dtype=like.dtype, device=like.device)
        self._known = False
        self._used = False

    @property
    def matrix(self) -> Tensor | None:
        """S [P, P] where it is used."""
        return self._S if self._used else None

    def turn(self, around: DenseResiduals, s: Tensor, down: float) -> bool:
        """Change the model if the other one foretold the decrease along s [P] clearly better."""
        plain = around.foretold(s)
        whole = plain - 0.5 * float(s @ (self._S @ s))
        mine, other = (whole, plain) if self._used else (plain, whole)
        clearly = _CLEARLY * abs(other - down) < abs(mine - down)
        return clearly and self.change()

    def change(self) -> bool:
        """Change the model if something is known of S."""
        self._used ^= self._known
        return self._known

    def learn(self, around: DenseResiduals, ahead: DenseResiduals, scale: Tensor) -> None:
        """Make S exact along the step from one point to the next, with the scale D [P]."""
        s = ahead.w - around.w
        y, seen = ahead.gradient - around.gradient, around.turned(ahead)
        image = self._S @ s
        old = float(s @ image)
        tau = min(1.0, abs(float(s @ seen)) / abs(old)) if old else 1.0
        v = seen - tau * image
        # without units, so that those of the parameters change nothing
        bent = float(y @ s) > 1e-12 * float((y / scale).norm() * (scale * s).norm())
        along = y if bent else scale * scale * s
        # a tensor, so that what underflows to 0 is infinite below and no error
        size = along @ s
        pair = torch.outer(v, along) / size
        S = tau * self._S + pair + pair.mT - torch.outer(along, along) * ((v @ s) / size / size)
        self._known = bool(torch.isfinite(S).all())
        self._S = S if self._known else torch.zeros_like(S)
        self._used = self._used and self._known
