"""XTrace and XDiag: every probe is both sketch and sample, and the spread over probes warns of the error."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.core import Info, Status
from fivefold.linalg.probes import Prober, project_out
from fivefold.linalg.stochastic_estimate import Goal


@dataclass(frozen=True, eq=False)
class LeaveOneOut:
    """Probes, their images, and what every probe says with the others' space deflated.

    Args:
        W: Probes ``[n, m]``.
        Y: Their images, ``Y = Q R``.
        Q: Orthonormal basis of the images.
        R: Upper triangular ``[m, m]``.
        C: ``A Q`` (for the diagonal, the adjoint's).
        samples: ``[m]`` traces or ``[n, m]`` diagonals.
        scale: Magnitude of what was summed.
    """

    W: Tensor
    Y: Tensor
    Q: Tensor
    R: Tensor
    C: Tensor
    samples: Tensor
    scale: float

    @property
    def value(self) -> Tensor:
        """The mean over probes."""
        return self.samples.mean(dim=-1)

    @property
    def standard_error(self) -> Tensor:
        r"""Spread of the leave-one-out values, :math:`\sqrt{\sum_i (t_i - \bar t)^2 / (m (m - 1))}`."""
        return self.samples.std(dim=-1) / math.sqrt(self.samples.shape[-1])


class ExchangeableProbes:
    r"""XTrace, or XDiag where ``diagonal`` is asked for; probes are added until the spread is small.

    .. math::
        t_i = \operatorname{tr}(Q_i^\top A Q_i)
              + \alpha_i \, w_i^\top (I - Q_i Q_i^\top) A (I - Q_i Q_i^\top) w_i, \qquad
        d_i = \operatorname{diag}(Q_i Q_i^\top A) + w_i \circ (I - Q_i Q_i^\top) A w_i

    :math:`Q_i` spans the images of all probes but the i-th, and
    :math:`\alpha_i = (n - m + 1) / \|(I - Q_i Q_i^\top) w_i\|^2`. With :math:`s_i` the normalised columns of
    :math:`R^{-\top}`, :math:`Q_i Q_i^\top = Q (I - s_i s_i^\top) Q^\top`.

    Source: E. Epperly, J. Tropp, R. Webber, "XTrace: Making the most of every sample in stochastic trace
    estimation", SIAM J. Matrix Anal. Appl. 45 (2024).

    Args:
        prober: Draws and multiplies.
        goal: When to stop.
        diagonal: XDiag instead of XTrace.
    """

    def __init__(self, prober: Prober, goal: Goal, *, diagonal: bool = False) -> None:
        self.prober, self.goal, self.diagonal = prober, goal, diagonal
        spare = 0 if prober.A.symmetric else 1  # the repeated product
        self.most = min((goal.products - spare) // 2, prober.n - 1, prober.room() // 6)

    def init(self) -> tuple[LeaveOneOut, Info]:
        """The first block: all probes where only the budget ends it."""
        open_end = self.goal.tolerance == 0 and self.goal.absolute == 0
        width = self.most if open_end else min(self.most, 10)
        empty = torch.zeros((self.prober.n, 0), dtype=torch.float64, device=self.prober.A.device)
        blank = LeaveOneOut(empty, empty, empty, empty[:0], empty, empty, 0.0)  # R: [0, 0]
        state = self.grown(blank, width)
        return state, self.info(state)

    def step(self, state: LeaveOneOut) -> tuple[LeaveOneOut, Info]:
        """Double the probes."""
        state = self.grown(state, min(state.W.shape[1], self.most - state.W.shape[1]))
        return state, self.info(state)

    def grown(self, old: LeaveOneOut, width: int) -> LeaveOneOut:
        """Add probes, extend the factorisation, and recompute what every probe says."""
        p = self.prober
        W = p.signs(width) if self.diagonal else p.sphere(width)
        Y = p.apply(W)
        p.check(W, Y)
        top = old.Q.mT @ Y
        new, corner = torch.linalg.qr(project_out(old.Q, Y))
        # Images inside the span of the others leave a zero pivot; its direction is arbitrary but harmless.
        new = torch.linalg.qr(project_out(old.Q, new)).Q
        corner = new.mT @ project_out(old.Q, Y)
        R = torch.cat(
            [
                torch.cat([old.R, top], dim=1),
                torch.cat([torch.zeros((width, old.R.shape[1])).to(old.R), corner.triu()], dim=1),
            ]
        )
        pivots = R.diagonal()
        floor = float(p.unit * torch.linalg.vector_norm(R, dim=0).max()) or 1.0
        small = pivots.abs() < floor
        R = R + torch.diag(torch.where(small, floor - pivots, torch.zeros_like(pivots)))
        image = p.apply(p.rounded(new), adjoint=self.diagonal)
        if self.diagonal or p.A.symmetric:
            p.compare(W, Y, p.rounded(new), image)
        C = torch.cat([old.C, image], dim=1)
        W, Y, Q = (torch.cat(pair, dim=1) for pair in ((old.W, W), (old.Y, Y), (old.Q, new)))
        make = self.diagonals if self.diagonal else self.traces
        samples = make(W, Y, Q, R, C)
        return LeaveOneOut(W, Y, Q, R, C, samples, float((Q * C).sum(dim=0).abs().sum()))

    def directions(self, R: Tensor) -> Tensor:
        """Normalised columns of the inverse of the transposed R."""
        S: Tensor = torch.linalg.solve_triangular(R, torch.eye(R.shape[0]).to(R), upper=True).mT
        lengths: Tensor = torch.linalg.vector_norm(S, dim=0)
        return torch.div(S, lengths)

    def traces(self, W: Tensor, Y: Tensor, Q: Tensor, R: Tensor, C: Tensor) -> Tensor:
        """XTrace of every probe."""
        n, m = W.shape
        S = self.directions(R)
        H = Q.mT @ C
        q = Q.mT @ W
        q = q - S * (S * q).sum(dim=0)
        U, AU = W - Q @ q, Y - C @ q
        alpha = (n - m + 1) / (U * U).sum(dim=0)
        return H.trace() - (S * (H @ S)).sum(dim=0) + alpha * (U * AU).sum(dim=0)

    def diagonals(self, W: Tensor, Y: Tensor, Q: Tensor, R: Tensor, C: Tensor) -> Tensor:
        """XDiag of every probe."""
        S = self.directions(R)
        QS = Q @ S
        inside = (Q * C).sum(dim=1)[:, None] - QS * (C @ S)
        return inside + W * QS * (S * R).sum(dim=0)

    def numbers(self, state: LeaveOneOut) -> tuple[float, float]:
        """Magnitude of the value and of its error; norms for the diagonal."""
        value = float(torch.linalg.vector_norm(state.value)) if self.diagonal else float(state.value)
        error = float(torch.linalg.vector_norm(state.standard_error))
        return value, max(error, self.prober.unit * state.scale)

    def info(self, state: LeaveOneOut) -> Info:
        """The report, and whether to stop."""
        value, error = self.numbers(state)
        m = state.W.shape[1]
        status = None
        if m > 1 and error <= self.goal.target(value):
            status = Status.CONVERGED
        elif m >= self.most:
            status = Status.OUT_OF_BUDGET
        record = {"products": float(self.prober.products), "value": value, "standard_error": error}
        return Info(record, status)
