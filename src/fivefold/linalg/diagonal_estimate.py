"""The diagonal of an operator from products, with a standard error for each entry."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from fivefold.core import Budget, Certificate, Info, Iteration, Kind, Status, drive, require
from fivefold.linalg.arrays import Array, wants_numpy
from fivefold.linalg.dense import as_operator
from fivefold.linalg.known_values import split_known
from fivefold.linalg.leave_one_out import ExchangeableProbes, LeaveOneOut
from fivefold.linalg.operator import LinearOperator, require_matrix
from fivefold.linalg.probes import Prober, extend_basis
from fivefold.linalg.stochastic_estimate import Estimate, Goal, exact, reserve, stopped, t_quantile

_SMALL = 32  # up to this size n products cost no more than a first look
_PROBES = 10


@dataclass(frozen=True, eq=False)
class _State:
    inside: Tensor  # diagonal of the deflated part [n]
    Q: Tensor
    C: Tensor  # A' Q
    count: int
    mean: Tensor
    scatter: Tensor  # sum of squared differences from the mean


class _Deflated:
    """Diag++: the diagonal of Q Q' A, and sign probes of what is left."""

    def __init__(self, prober: Prober, goal: Goal) -> None:
        self.prober, self.goal = prober, goal
        open_end = goal.tolerance == 0 and goal.absolute == 0
        third = goal.products // 3
        self.width = min(third if open_end else max(_PROBES, third // 8), prober.n // 2, prober.room() // 4)

    def init(self) -> tuple[_State, Info]:
        p, n = self.prober, self.prober.n
        zero = torch.zeros(n, dtype=torch.float64, device=p.A.device)
        if self.goal.products < 3 * _PROBES:  # too few for both a sketch and a standard error
            empty = zero[:, None][:, :0]
            state = _State(zero, empty, empty, 0, zero, zero)
        else:
            W = p.signs(max(self.width, 2))
            Y = p.apply(W)
            p.check(W, Y)
            Q = p.rounded(extend_basis(Y[:, :0], Y, p.unit))
            C = Q
            if Q.shape[1]:
                C = p.apply(Q, adjoint=True)
                p.compare(W, Y, Q, C)
            state = _State(((2 * C - Q @ (Q.mT @ C)) * Q).sum(dim=1), Q, C, 0, zero, zero)
            if not p.A.symmetric:
                state = _State((Q * C).sum(dim=1), Q, C, 0, zero, zero)
        return self.step(state)

    def step(self, state: _State) -> tuple[_State, Info]:
        p, Q, C = self.prober, state.Q, state.C
        left = self.goal.products - p.products
        width = max(1, min(max(_PROBES, state.count), left, p.room() // 4))
        Z = p.signs(width)
        Y = p.apply(Z)
        p.check(Z, Y)
        B = Y - Q @ (C.mT @ Z)
        if p.A.symmetric:  # two-sided: (I - QQ') A (I - QQ')
            B = B - C @ (Q.mT @ Z) + Q @ ((Q.mT @ C) @ (Q.mT @ Z))
        samples = Z * B
        # Welford's update keeps the sum of squares accurate over many blocks.
        count = state.count + width
        here = samples.mean(dim=1)
        step = here - state.mean
        scatter = state.scatter + ((samples - here[:, None]) ** 2).sum(dim=1)
        scatter = scatter + step**2 * (state.count * width / count)
        mean = state.mean + step * (width / count)
        state = _State(state.inside, Q, C, count, mean, scatter)
        return state, self.info(state)

    def error(self, state: _State) -> Tensor:
        spread = (state.scatter / (max(state.count - 1, 1) * state.count)) ** 0.5
        return torch.clamp(spread, min=self.prober.unit * float((state.inside + state.mean).abs().max()))

    def info(self, state: _State) -> Info:
        value = float(torch.linalg.vector_norm(state.inside + state.mean))
        error = float(torch.linalg.vector_norm(self.error(state)))
        status = None
        if state.count > 1 and error <= self.goal.target(value):
            status = Status.CONVERGED
        elif self.goal.products <= self.prober.products:
            status = Status.OUT_OF_BUDGET
        record = {"products": float(self.prober.products), "value": value, "standard_error": error}
        return Info(record, status)


def diagonal(
    A: Array | LinearOperator,
    *,
    tolerance: float = 0.01,
    absolute: float = 0.0,
    products: int | None = None,
    method: Literal["auto", "diag++", "xdiag"] = "auto",
    seed: int = 0,
    budget: Budget | None = None,
) -> Estimate:
    r"""Return the diagonal of a square operator, exactly where it is known, else with standard errors.

    .. math::
        \operatorname{diag} A = \operatorname{diag}(Q Q^\top A) + \mathbb{E}\, z \circ (I - QQ^\top) A z,
        \qquad z_i = \pm 1

    ``auto`` (Diag++) deflates with a third of the products, on both sides where A is symmetric, and claims a
    95% interval for each entry from independent sign probes. ``xdiag`` makes every probe a sketch too: a
    smaller error where the spectrum decays, with an indicator only.

    Source: C. Bekas, E. Kokiopoulou, Y. Saad, Appl. Numer. Math. 57 (2007); R. Baston and Y. Nakatsukasa,
    arXiv:2208.03268 (Diag++); E. Epperly, J. Tropp, R. Webber, SIAM J. Matrix Anal. Appl. 45 (2024) (XDiag).

    Args:
        A: Square ``[n, n]``. Where it is not symmetric, products with the adjoint are made too.
        tolerance: Stops where the norm of the standard errors is at most this part of the value's norm; 0
            spends the budget.
        absolute: Stops as well where that norm is at most this.
        products: The most products, at least 4. Where they allow n for the exact answer beside the estimate,
            an estimate that misses the tolerance is followed by it; n for each by default.
        method: The estimator.
        seed: Of the probes.
        budget: Seconds or blocks, beside the products.

    Returns:
        Value and standard error ``[n]`` in the kind and dtype of A; the message says why it stopped.

    Raises:
        ArgumentError: Not square, falsely symmetric, or products that change between calls.
        NumericalError: A product is not finite.

    >>> from fivefold.linalg import Identity
    >>> diagonal(2.0 * Identity(2)).value.tolist()
    [2.0, 2.0]
    """
    numpy = wants_numpy(A)
    operator = as_operator(A)
    require_matrix(operator, "A", square=True)
    names = ("auto", "diag++", "xdiag")
    require(method in names, f"a method among {names}", repr(method))
    n = operator.shape[0]
    most, exactly = reserve(products, n, n)
    goal = Goal(tolerance, absolute, max(4, most))
    known, rest = split_known(operator)

    def kind(t: Tensor) -> Array:
        t = t.to(operator.dtype)
        return t.cpu().numpy() if numpy else t

    def known_exactly(t: Tensor, what: str, made: int = 0) -> Estimate:
        done = exact(t, what, products=made, seed=seed)
        return Estimate(
            kind(t),
            kind(torch.zeros_like(t)),
            done.degrees,
            products=made,
            seed=seed,
            certificates=done.certificates,
            message=done.message,
        )

    if rest is None:
        assert known is not None
        return known_exactly(known, "the diagonal is known")
    prober = Prober(rest, seed, "diagonal")
    offset = torch.zeros(n, dtype=torch.float64, device=operator.device) if known is None else known
    if exactly and (n <= _SMALL or most < 4 or max(tolerance, absolute) == 0):
        return known_exactly(offset + prober.diagonal(), "products with every unit vector", prober.products)
    run: Iteration[_State] | Iteration[LeaveOneOut]
    if method == "xdiag":
        run = drive(ExchangeableProbes(prober, goal, diagonal=True), budget)
        value, error = run.state.value, run.state.standard_error
        count, chosen, sort = run.state.samples.shape[-1], "xdiag", Kind.INDICATOR
    else:
        scheme = _Deflated(prober, goal)
        run = drive(scheme, budget)
        value, error = run.state.inside + run.state.mean, scheme.error(run.state)
        count, chosen, sort = run.state.count, "diag++", Kind.STATISTICAL
    if not run.status.succeeded and exactly:
        return known_exactly(offset + prober.diagonal(), "products with every unit vector", prober.products)
    norms = (float(torch.linalg.vector_norm(value)), float(torch.linalg.vector_norm(error)))
    return Estimate(
        kind(offset + value),
        kind(error),
        float(count - 1),
        products=prober.products,
        seed=seed,
        method=chosen,
        status=run.status,
        history=run.history,
        certificates=(_claim(norms[1], count, sort), goal.certificate(*norms, sort)),
        message=stopped(run.status),
    )


def _claim(error: float, count: int, kind: Kind) -> Certificate:
    if kind is Kind.INDICATOR:
        return Certificate(
            "the spread of the leave-one-out values is of the size of the error",
            kind,
            None,
            value=error,
            assumptions=("the leave-one-out values are correlated: no rate of covering is claimed",),
            method="sqrt(sum (d_i - mean)^2 / (m (m - 1))) of each entry",
        )
    return Certificate(
        "each entry lies in its own 95% interval with probability 95% (not all of them at once)",
        kind,
        True if count >= _PROBES else None,
        bound=t_quantile(0.975, max(count - 1, 1)) * error,
        value=error,
        assumptions=("the entries of the rest are sums of many terms of random sign",),
        method="t interval of independent sign probes; the norms over all entries are given",
    )
