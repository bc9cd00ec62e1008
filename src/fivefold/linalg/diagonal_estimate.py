"""The diagonal of an operator from products, with a standard error for each entry."""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from fivefold.core import Budget, Certificate, Info, Iteration, Kind, Status, drive, require
from fivefold.linalg.arrays import Array, wants_numpy
from fivefold.linalg.captured_part import Captured, CapturedRows, captured, captured_rows
from fivefold.linalg.dense import as_operator
from fivefold.linalg.known_values import split_known
from fivefold.linalg.leave_one_out import ExchangeableProbes, LeaveOneOut
from fivefold.linalg.operator import LinearOperator, require_matrix
from fivefold.linalg.probes import Prober
from fivefold.linalg.sketch_choice import FEWEST, Choice, Purse, choose
from fivefold.linalg.stochastic_estimate import Estimate, Goal, exact, reserve, stopped, t_quantile

_SMALL = 32  # up to this size n products cost no more than a first look


@dataclass(frozen=True, eq=False)
class _State:
    part: Captured | CapturedRows | None
    Z: Tensor  # until something is deflated all probes, then the latest
    Y: Tensor
    count: int
    mean: Tensor
    scatter: Tensor  # sum of squared differences from the mean
    probing: bool


class _Deflated:
    """Diag++: the diagonal of the captured part, and sign probes of what is left."""

    def __init__(self, prober: Prober, goal: Goal) -> None:
        self.prober, self.goal = prober, goal
        self.widest = max(2, min(prober.n // 3, prober.room() // 4))

    def init(self) -> tuple[_State, Info]:
        n, device = self.prober.n, self.prober.A.device
        zero = torch.zeros(n, dtype=torch.float64, device=device)
        state = self.probed(_State(None, zero[:, None], zero[:, None], 0, zero, zero, probing=False), FEWEST)
        return state, self.info(state)

    def step(self, state: _State) -> tuple[_State, Info]:
        p = self.prober
        if not state.probing:
            width = max(FEWEST // 2, state.count // 4)
            choice = self.choice(state)
            fits = state.count + width <= self.widest and self.left() >= width + choice.taken + FEWEST
            if choice.limited and fits:
                longer = self.probed(state, width)
                Z, Y = torch.cat([state.Z, longer.Z], dim=1), torch.cat([state.Y, longer.Y], dim=1)
                state = replace(longer, Z=Z, Y=Y)
                return state, self.info(state)
            if choice.directions is not None:
                zero, model = torch.zeros_like(state.mean), captured if p.A.symmetric else captured_rows
                part = model(p, state.Z, state.Y, choice.directions)
                state = _State(part, state.Z, state.Y, 0, zero, zero, probing=True)
        state = self.probed(replace(state, probing=True), max(FEWEST, state.count))
        return state, self.info(state)

    def left(self) -> int:
        return self.goal.products - self.prober.products

    def choice(self, state: _State) -> Choice:
        """What the sketch says; the diagonal of the rest has no error, but is not known in advance."""
        room = min(self.prober.n - 1, self.prober.room() // 4) - state.count
        plain = float(state.scatter.sum()) / max(state.count - 1, 1)
        purse = Purse(self.left(), self.goal.target(float(torch.linalg.vector_norm(state.mean))))
        return choose(
            state.Z, state.Y, plain, purse, factor=1.0, most=min(room, self.left() - FEWEST),
            unit=self.prober.unit, symmetric=self.prober.A.symmetric,
        )  # fmt: skip

    def probed(self, state: _State, width: int) -> _State:
        p = self.prober
        width = max(1, min(width, self.left(), p.room() // 4))
        Z = p.signs(width)
        Y = p.apply(Z)
        p.check(Z, Y)
        samples = Z * (Y if state.part is None else state.part.rest_of_any(Z, Y))
        # Welford's update keeps the sum of squares accurate over many blocks.
        count = state.count + width
        here = samples.mean(dim=1)
        step = here - state.mean
        scatter = state.scatter + ((samples - here[:, None]) ** 2).sum(dim=1)
        scatter = scatter + step**2 * (state.count * width / count)
        mean = state.mean + step * (width / count)
        return replace(state, Z=Z, Y=Y, count=count, mean=mean, scatter=scatter)

    def value(self, state: _State) -> Tensor:
        return state.mean if state.part is None else state.part.diagonal + state.mean

    def error(self, state: _State) -> Tensor:
        spread = (state.scatter / (max(state.count - 1, 1) * state.count)) ** 0.5
        return torch.clamp(spread, min=self.prober.unit * float(self.value(state).abs().max()))

    def info(self, state: _State) -> Info:
        value = float(torch.linalg.vector_norm(self.value(state)))
        error = float(torch.linalg.vector_norm(self.error(state)))
        status = None
        if state.count >= min(FEWEST, self.goal.products) and error <= self.goal.target(value):
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

    ``auto`` (Diag++) reads off a small sketch how many directions are worth their products, deflates them (on
    both sides where A is symmetric) or none, and claims a 95% interval for each entry from sign probes that
    are independent of the sketch. ``xdiag`` makes every probe a sketch too: a
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
        method: The estimator; ``"diag++"`` is ``"auto"``.
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
        value, error = scheme.value(run.state), scheme.error(run.state)
        count, sort = run.state.count, Kind.STATISTICAL
        chosen = "hutchinson" if run.state.part is None else "diag++"
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
        True if count >= FEWEST else None,
        bound=t_quantile(0.975, max(count - 1, 1)) * error,
        value=error,
        assumptions=("the entries of the rest are sums of many terms of random sign",),
        method="t interval of independent sign probes; the norms over all entries are given",
    )
