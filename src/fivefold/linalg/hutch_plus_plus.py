"""Trace by Hutchinson probes of what is left after the dominant directions are deflated."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fivefold.core import Info, Status
from fivefold.linalg.probes import Prober, extend_basis
from fivefold.linalg.stochastic_estimate import Goal

BLOCK = 10
"""Probes of the first block, and the fewest that a standard error rests on."""


@dataclass(frozen=True, eq=False)
class TraceState:
    r"""Deflated directions and the probes of the rest.

    Args:
        Q: Deflated directions, orthonormal ``[n, k]``.
        AQ: Their images.
        Z: The latest block of probes, on the sphere in the complement.
        B: Their images :math:`(I - QQ^\top) A Z` less ``shift * Z``.
        shift: Mean eigenvalue of the rest, as first seen; subtracted for accuracy.
        forms: :math:`z^\top B z` of every probe.
        squares: :math:`\|Bz\|^2` of every probe.
        before: Variance of one probe at the stage before, or ``None``.
        probing: Whether the deflation is over.
    """

    Q: Tensor
    AQ: Tensor
    Z: Tensor
    B: Tensor
    shift: float
    forms: Tensor
    squares: Tensor
    before: float | None
    probing: bool

    @property
    def value(self) -> float:
        """The estimate."""
        rest = self.Q.shape[0] - self.Q.shape[1]
        return float((self.Q * self.AQ).sum()) + self.shift * rest + float(self.forms.mean())

    def variance(self, *, symmetric: bool) -> float:
        r"""Variance of one probe, :math:`\frac{2d}{d+2}(\|B\|_F^2 - \operatorname{tr}(B)^2 / d)`."""
        if not symmetric:
            return float(self.forms.var())
        d = self.Q.shape[0] - self.Q.shape[1]
        spread = float(self.squares.mean()) - float(self.forms.mean()) ** 2 / d
        return 2 * d / (d + 2) * max(spread, 0.0)

    @property
    def size(self) -> float:
        """Magnitude of what was summed, for the rounding of the result."""
        n, k = self.Q.shape
        inner = float((self.Q * self.AQ).sum(dim=0).abs().sum()) if k else 0.0
        return inner + abs(self.shift) * (n - k) + float(self.forms.abs().mean())


class HutchPlusPlus:
    r"""Deflate while that pays, then probe what is left.

    .. math::
        \operatorname{tr} A = \operatorname{tr}(Q^\top A Q) + \operatorname{tr} B, \quad
        B = (I - QQ^\top) A (I - QQ^\top), \quad
        \operatorname{tr} B \approx \frac1m \sum_i z_i^\top B z_i

    Every block of probes of one stage is the sketch of the next, so that the variance of the rest is known
    before the next deflation is paid for. A spectrum is flat where even the Cauchy-Schwarz bound on what k
    directions can take, :math:`\sqrt{k/r}` of the variance, does not pay; then plain Hutchinson goes on. Here
    :math:`r = \operatorname{tr}(B^2)^2 / \operatorname{tr}(B^4)`, from the images' inner products.

    The probes are uniform on the sphere of the complement, so that the distribution of the error depends on
    the spectrum alone. For symmetric A its variance is not estimated from the scatter of the
    :math:`z_i^\top B z_i`, which a single large eigenvalue makes skewed and far too small in most runs, but
    from :math:`\|B z_i\|^2`: even where B has rank one, the interval with m - 1 degrees of freedom covers.

    Source: R. Meyer, C. Musco, C. Musco, D. Woodruff, "Hutch++: Optimal stochastic trace estimation", SOSA
    2021; D. Persson, A. Cortinovis, D. Kressner, SIAM J. Matrix Anal. Appl. 43 (2022), for adaptivity;
    E. Epperly, J. Tropp, R. Webber, ibid. 45 (2024), for probes on the sphere of the complement.

    Args:
        prober: Draws and multiplies.
        goal: When to stop.
        deflate: ``False`` is plain Hutchinson; ``None`` decides.
    """

    def __init__(self, prober: Prober, goal: Goal, *, deflate: bool | None = None) -> None:
        self.prober, self.goal, self.deflate = prober, goal, deflate
        self.symmetric = prober.A.symmetric

    def init(self) -> tuple[TraceState, Info]:
        """Probe A itself."""
        spare = 0 if self.symmetric else 1  # the repeated product
        width = min(BLOCK, self.goal.products - spare, self.prober.n)
        empty = torch.zeros((self.prober.n, 0), dtype=torch.float64, device=self.prober.A.device)
        state = self.probed(empty, empty, width, None, probing=self.deflate is False)
        return state, self.info(state)

    def step(self, state: TraceState) -> tuple[TraceState, Info]:
        """Deflate once more where that pays; otherwise probe what is left."""
        if not state.probing and self.pays(state):
            state = self.deflated(state)
        else:
            state = self.more(replace(state, probing=True))
        return state, self.info(state)

    def probed(
        self, Q: Tensor, AQ: Tensor, width: int, before: float | None, *, probing: bool = False
    ) -> TraceState:
        """A stage with its first block of probes."""
        d = self.prober.n - Q.shape[1]
        Z, Y = self.images(Q, width)
        shift = float((Z * Y).sum(dim=0).mean()) / d
        B = Y - shift * Z
        return TraceState(Q, AQ, Z, B, shift, (Z * B).sum(dim=0), (B * B).sum(dim=0), before, probing)

    def images(self, Q: Tensor, width: int) -> tuple[Tensor, Tensor]:
        """Probes of the complement and their images, projected."""
        Z = self.prober.sphere(width, Q)
        Y = self.prober.apply(Z)
        self.prober.check(Z, Y)
        return Z, Y - Q @ (Q.mT @ Y)

    def more(self, state: TraceState) -> TraceState:
        """Further probes of the same stage: as many as the tolerance asks for, at most doubling them."""
        m, left = state.forms.numel(), self.left()
        target = self.goal.target(state.value)
        wanted = left if target == 0 else self.wanted(self.variance(state), target) - m
        width = max(1, min(wanted, max(m, BLOCK), left, self.prober.room()))
        Z, Y = self.images(state.Q, width)
        B = Y - state.shift * Z
        forms = torch.cat([state.forms, (Z * B).sum(dim=0)])
        squares = torch.cat([state.squares, (B * B).sum(dim=0)])
        return replace(state, Z=Z, B=B, forms=forms, squares=squares)

    def deflated(self, state: TraceState) -> TraceState:
        """Take the directions of the latest block out, and probe what remains."""
        sketch = state.B + state.shift * state.Z
        new = extend_basis(state.Q, sketch, self.prober.unit)
        if not new.shape[1]:
            return self.more(replace(state, probing=True))
        Q = torch.cat([state.Q, new], dim=1)
        image = self.prober.apply(self.prober.rounded(new))
        if self.symmetric:
            self.prober.check(new, image)
        AQ = torch.cat([state.AQ, image], dim=1)
        width = max(1, min(max(BLOCK, Q.shape[1] // 2), self.left(), self.prober.n - Q.shape[1]))
        return self.probed(Q, AQ, width, self.variance(state))

    def left(self) -> int:
        """Products that the budget still allows."""
        return self.goal.products - self.prober.products

    def variance(self, state: TraceState) -> float:
        """Variance of one probe."""
        return state.variance(symmetric=self.symmetric)

    def wanted(self, variance: float, target: float) -> int:
        """Probes that bring the standard error to the target."""
        return math.ceil(min(variance / max(target, 1e-150) ** 2, 1e18))

    def pays(self, state: TraceState) -> bool:
        """Whether another deflation is expected to lower the final variance."""
        width = state.Z.shape[1]
        variance, target, left = self.variance(state), self.goal.target(state.value), self.left()
        if target > 0:  # no more will be spent than the tolerance asks for
            left = min(left, self.wanted(variance, target) - width)
        k = state.Q.shape[1] + 2 * width
        if left < width + BLOCK or width < 2 or k >= self.prober.n or k > self.prober.room() // 4:
            return False
        if state.before is None:
            size = float(state.B.abs().max()) or 1.0  # fourth powers overflow early
            inner = (state.B / size).mT @ (state.B / size)
            fourth = (float((inner**2).sum()) - float((inner.diagonal() ** 2).sum())) / (width * (width - 1))
            second = float(inner.diagonal().mean())
            r = max(second**2 / fourth, 1.0) if fourth > 0 else float(self.prober.n)
            rest = max(0.0, 1 - math.sqrt(width / r))
        else:
            # The decay slows down: expect the square root of the last gain.
            rest = math.sqrt(min(1.0, variance / state.before)) if state.before > 0 else 1.0
        return rest < (left - width) / (left + width)

    def error(self, state: TraceState) -> float:
        """The standard error, never below rounding."""
        sampling = math.sqrt(self.variance(state) / state.forms.numel())
        return max(sampling, self.prober.unit * state.size)

    def info(self, state: TraceState) -> Info:
        """The report, and whether to stop."""
        error, value = self.error(state), state.value
        enough = state.forms.numel() >= min(BLOCK, self.goal.products)
        status = None
        if enough and error <= self.goal.target(value):
            status = Status.CONVERGED
        elif self.left() <= 0:
            status = Status.OUT_OF_BUDGET
        record = {"products": float(self.prober.products), "value": value, "standard_error": error}
        return Info(record, status)
