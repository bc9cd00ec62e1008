"""Sums of functions of the eigenvalues by stochastic Lanczos quadrature, with both of their errors."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.core import Info, Status
from fivefold.linalg.probes import Prober
from fivefold.linalg.stochastic_estimate import Goal
from fivefold.linalg.stochastic_lanczos import Jacobi, lanczos_rules

PROBES = 10
"""Probes of the first block where the budget allows them."""
_DEEPEST = 200


@dataclass(frozen=True, eq=False)
class SpectralState:
    """The rules of all probes so far, and what they say.

    Args:
        rules: One for each block of probes, all of one depth.
        probes: How many.
        value: ``[g]``.
        standard_error: ``[g]``.
        bias: ``[g]``: half of the bracket, or the change between two depths.
    """

    rules: tuple[Jacobi, ...]
    probes: int
    value: Tensor
    standard_error: Tensor
    bias: Tensor


class SpectralSum:
    r"""Estimate :math:`\operatorname{tr} f(A) = \sum_i f(\lambda_i)` for one or many functions at once.

    .. math::
        \operatorname{tr} f(A) \approx \frac nm \sum_i e_1^\top f(T_i) e_1, \qquad
        \operatorname{SE}^2 = \frac1m \frac{2n}{n + 2}
            \Big( \|f(A)\|_F^2 - \tfrac1n \operatorname{tr}(f(A))^2 \Big)

    The Frobenius norm comes from the same rules, so that a single far eigenvalue does not make the standard
    error too small. With a bound ``floor`` of the spectrum, Gauss and Gauss-Radau rules enclose each
    :math:`z^\top f(A) z` where the derivatives of f have constant signs (as those of the logarithm); without,
    the change from three quarters of the depth indicates the bias.

    Source: S. Ubaru, J. Chen, Y. Saad, SIAM J. Matrix Anal. Appl. 38 (2017); G. Golub and G. Meurant,
    "Matrices, Moments and Quadrature", 2010.

    Args:
        prober: Draws and multiplies.
        goal: When to stop: the largest standard error against the largest magnitude.
        f: Maps nodes ``[...]`` to ``[..., g]``.
        floor: Lower bound of the spectrum for the bracket, or ``None``.
        depth: Lanczos steps; as many as the bias asks for where ``None``.
    """

    def __init__(
        self,
        prober: Prober,
        goal: Goal,
        f: Callable[[Tensor], Tensor],
        *,
        floor: float | None = None,
        depth: int | None = None,
    ) -> None:
        self.prober, self.goal, self.f, self.floor, self.depth = prober, goal, f, floor, depth
        deepest = min(depth or _DEEPEST, prober.n)
        self.width = max(2, min(PROBES, goal.products // max(20, depth or 0)))
        self.width = max(1, min(self.width, prober.room(min(deepest, 40))))
        self.deepest = max(1, min(deepest, goal.products // self.width, prober.room(self.width)))

    def init(self) -> tuple[SpectralState, Info]:
        """The first block, which also decides the depth."""
        enough = None if self.depth else self.enough
        rule = lanczos_rules(self.prober, self.width, self.deepest, enough)
        state = self.summary((rule,))
        return state, self.info(state)

    def step(self, state: SpectralState) -> tuple[SpectralState, Info]:
        """Further probes of the same depth."""
        depth = state.rules[0].depth
        left = (self.goal.products - self.prober.products) // depth
        target, error = self.target(state), float(state.standard_error.max())
        wanted = (
            left if target == 0 else int(state.probes * min((error / target) ** 2, 1e9)) + 1 - state.probes
        )
        width = max(1, min(wanted, left, self.width))
        rule = lanczos_rules(self.prober, width, depth)
        if rule.depth < depth:  # the Krylov spaces of this block were complete earlier
            missing = depth - rule.depth
            alpha = torch.cat([rule.alpha, rule.alpha[:1].expand(missing, -1)])
            rule = Jacobi(alpha, torch.cat([rule.beta, torch.zeros_like(alpha[:missing])]))
        state = self.summary((*state.rules, rule))
        return state, self.info(state)

    def enough(self, rule: Jacobi) -> bool:
        """Whether the bias is small beside the standard error that the budget or the tolerance allows."""
        if rule.depth < 4 or rule.depth % 2:
            return False
        state = self.summary((rule,))
        final = math.sqrt(self.width * rule.depth / self.goal.products) * float(state.standard_error.max())
        return bool(float(state.bias.max()) <= 0.2 * max(final, self.target(state)))

    def target(self, state: SpectralState) -> float:
        """The standard error that suffices."""
        top = state.value[state.value.abs().argmax()]
        return self.goal.target(float(top))

    def mean(self, rules: list[tuple[Tensor, Tensor]], shift: Tensor | None = None) -> Tensor:
        """Mean over probes of the sums of f (or of the squares of f less the shift), ``[g]``."""
        total, probes = torch.zeros(()), 0
        for nodes, weights in rules:
            seen = weights > torch.finfo(weights.dtype).tiny
            anchor = nodes.gather(-1, weights.argmax(dim=-1, keepdim=True))
            values = self.f(torch.where(seen, nodes, anchor))
            if shift is not None:
                values = (values - shift) ** 2
            total = total.to(values) + torch.einsum("bk,bkg->g", weights, values)
            probes += nodes.shape[0]
        return total / probes

    def summary(self, rules: tuple[Jacobi, ...]) -> SpectralState:
        """Value, standard error and bias from all rules."""
        n, depth = self.prober.n, rules[0].depth
        probes = sum(rule.alpha.shape[1] for rule in rules)
        gauss = [rule.gauss() for rule in rules]
        mean = self.mean(gauss)
        square = self.mean(gauss, shift=mean)
        error = (2 * n * n / (n + 2) * square / probes) ** 0.5
        complete = all(not bool(rule.beta[-1].any()) for rule in rules)
        if complete:
            value, bias = n * mean, torch.zeros_like(mean)
        elif self.floor is not None and self.floor > 0:
            other = self.mean([rule.radau(self.floor) for rule in rules])
            value, bias = n * (mean + other) / 2, n * (mean - other).abs() / 2
        else:
            other = self.mean([rule.gauss(max(1, 3 * depth // 4)) for rule in rules])
            value, bias = n * mean, n * (mean - other).abs()
        rounding = 10 * self.prober.unit * n * (mean.abs() + square.sqrt())
        return SpectralState(rules, probes, value, torch.maximum(error, rounding), bias)

    def info(self, state: SpectralState) -> Info:
        """The report, and whether to stop."""
        error = float(state.standard_error.max())
        status = None
        if error <= self.target(state):
            status = Status.CONVERGED
        elif self.prober.products + state.rules[0].depth > self.goal.products:
            status = Status.OUT_OF_BUDGET
        top = float(state.value[state.value.abs().argmax()])
        return Info({"products": float(self.prober.products), "value": top, "standard_error": error}, status)
