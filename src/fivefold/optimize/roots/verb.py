"""Systems of nonlinear equations: inexact Newton with a line search on the residual."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor

from fivefold.calculus import JacobianOperator
from fivefold.core import ArgumentError, Budget, Certificate, Info, Kind, Status, drive, require
from fivefold.linalg import Array, LinearOperator, lsmr
from fivefold.linalg.arrays import to_tensor
from fivefold.optimize.roots.gmres import gmres
from fivefold.optimize.roots.kantorovich import DENSE_SIZE, certify_root, lipschitz_of

System: TypeAlias = Callable[[Tensor], Tensor]
RootMethod = Literal["auto", "newton", "newton-krylov"]

LU_SIZE = 200
"""Largest n at which ``auto`` forms the Jacobian and factorizes it."""
_DECREASE, _TRIALS, _STALE = 1e-4, 40, 1e-12


@dataclass(frozen=True, eq=False, slots=True)
class Root:
    """Where the search for a root ended, and what is proved of it.

    Args:
        x: The point of least residual [n].
        residual: F(x) [n].
        residual_norm: |F(x)|.
        status: ``CONVERGED``: |F(x)| is within the tolerance. ``STALLED``: no lower |F| was found (rounding,
            a singular Jacobian, or a minimum of |F| that is no root; ``reason`` says which).
            ``ILL_POSED``: F is not finite at the start. ``OUT_OF_BUDGET``.
        reason: Why it ended, in words.
        steps: Newton steps.
        seconds: Wall-clock seconds.
        evaluations: Evaluations of F.
        products: Products with the Jacobian; n for one that was formed.
        history: ``residual_norm`` and ``step`` [steps + 1], from the start on.
        certificates: That |F(x)| is within the tolerance; that a root lies near x.
        method: ``"newton"`` or ``"newton-krylov"``.
    """

    x: Tensor
    residual: Tensor
    residual_norm: float
    status: Status
    reason: str
    steps: int
    seconds: float
    evaluations: int
    products: int
    history: dict[str, Tensor]
    certificates: tuple[Certificate, ...]
    method: str


def root(
    F: System,
    x0: Array,
    *,
    method: RootMethod = "auto",
    tolerance: float | None = None,
    budget: Budget | str | None = None,
    jacobian: Callable[[Tensor], LinearOperator] | None = None,
    preconditioner: LinearOperator | Callable[[Tensor], LinearOperator] | None = None,
    lipschitz: float | Literal["quadratic"] | None = None,
    progress: Callable[[int, Info], None] | None = None,
) -> Root:
    r"""Find x with F(x) = 0, for F from R^n to R^n.

    .. math:: \|F(x) + F'(x) d\| \le \eta \|F(x)\|, \qquad x \leftarrow x + t d, \qquad
              \|F(x + t d)\| \le (1 - 10^{-4}\, t (1 - \eta)) \|F(x)\|

    The system for d is solved by LU, or by GMRES on products with the Jacobian, which is then never formed,
    to an accuracy eta that grows with the residual's fall: Eisenstat and Walker, "Choosing the forcing terms
    in an inexact Newton method", 1996, choice 2; Knoll and Keyes, "Jacobian-free Newton-Krylov methods",
    2004. A singular Jacobian, or a direction along which |F| does not fall, is replaced by the shortest
    least-squares solution.

    Args:
        F: Maps [n] to [n], in torch operations.
        x0: The start [n], finite; float32 stays, anything else becomes float64.
        method: ``"newton"`` (LU), ``"newton-krylov"`` (GMRES), or ``"auto"``: LU up to n = 200, unless a
            preconditioner is given.
        tolerance: Largest |F(x)| of a root, in the unit of F; by default 1e-10 (1e-5 in float32) times the
            larger of 1 and |F(x0)|.
        budget: Steps or seconds; by default 200 steps.
        jacobian: Maps x to F'(x) as an operator; by default automatic differentiation, forward.
        preconditioner: For GMRES: an operator near the inverse of the Jacobian, or a function of x that
            makes one.
        lipschitz: L with |F'(u) - F'(v)| <= L |u - v|, for Kantorovich's theorem; ``"quadratic"`` where F
            is quadratic, from which L follows.
        progress: Called after each step with its number and report.

    Raises:
        ArgumentError: A start that is not a finite vector, F of another shape or kind than x, an unknown
            method, a preconditioner for LU, or a number out of range.

    >>> end = root(lambda x: torch.stack([x[0] ** 2 + x[1] ** 2 - 4, x[0] - x[1]]), [1.0, 2.0],
    ...            lipschitz="quadratic")
    >>> print(end.status, [round(v, 10) for v in end.x.tolist()], end.certificates[1].verdict)
    converged [1.4142135624, 1.4142135624] yes
    """
    start = to_tensor(x0, "the start", dims=(1,)).detach().clone()
    n = start.shape[0]
    require(method in get_args(RootMethod), f"a method of {', '.join(get_args(RootMethod))}", repr(method))
    require(
        method != "newton" or preconditioner is None, "a preconditioner for newton-krylov alone", "newton"
    )
    first = F(start)
    _require_fits(first, start)
    unit = 1e-10 if start.dtype == torch.float64 else 1e-5
    scale = float(first.norm())
    goal = unit * max(1.0, scale if math.isfinite(scale) else 1.0) if tolerance is None else tolerance
    require(0 < goal < math.inf, "a positive, finite tolerance", goal)
    L = lipschitz_of(F, start, lipschitz)
    dense = method == "newton" or (method == "auto" and n <= LU_SIZE and preconditioner is None)
    make = jacobian or (lambda x: JacobianOperator.trusted(F, x, n))
    limits = Budget(steps=200) if budget is None else Budget.parse(budget)
    run = drive(_Newton(F, start, first.detach(), make, preconditioner, goal, dense), limits, progress)
    state = run.state
    formed = None
    if L is not None and n <= DENSE_SIZE:
        formed = make(state.x).to_dense()
    norm = float(state.f.norm())
    return Root(
        x=state.x,
        residual=state.f,
        residual_norm=norm,
        status=run.status,
        reason=state.reason or "the budget is spent",
        steps=run.steps,
        seconds=run.seconds,
        evaluations=state.evaluations,
        products=state.products,
        history={name: torch.tensor(trace, dtype=torch.float64) for name, trace in run.history.items()},
        certificates=(_certify_residual(norm, goal), certify_root(state.x, state.f, formed, L)),
        method="newton" if dense else "newton-krylov",
    )


def _require_fits(f: Tensor, x: Tensor) -> None:
    if not isinstance(f, Tensor):
        raise ArgumentError("F to return a tensor", type(f).__name__, "write it in torch operations")
    fits = f.shape == x.shape and f.is_floating_point()
    require(fits, f"F to return {x.shape[0]} real numbers, as many as x", f"{f.dtype} {tuple(f.shape)}")


def _certify_residual(norm: float, tolerance: float) -> Certificate:
    return Certificate(
        "|F(x)| <= tolerance",
        Kind.PROOF,
        norm <= tolerance,
        bound=tolerance,
        value=norm,
        assumptions=("F is evaluated up to rounding",),
        method="the Euclidean norm, evaluated at x",
    )


@dataclass(slots=True)
class _State:
    """Where the iteration stands; eta is the last forcing term, ``before`` the norm it was made from."""

    x: Tensor
    f: Tensor
    eta: float = 0.5
    before: float = math.inf
    reason: str = ""
    evaluations: int = 1
    products: int = 0


class _Newton:
    """Inexact Newton as the driver runs it."""

    def __init__(
        self,
        F: System,
        start: Tensor,
        first: Tensor,
        jacobian: Callable[[Tensor], LinearOperator],
        preconditioner: LinearOperator | Callable[[Tensor], LinearOperator] | None,
        tolerance: float,
        dense: bool,
    ) -> None:
        self._F, self._start, self._first = F, start, first
        self._jacobian, self._preconditioner = jacobian, preconditioner
        self._tolerance, self._dense = tolerance, dense

    def init(self) -> tuple[_State, Info]:
        """The start."""
        state = _State(self._start, self._first)
        if not bool(torch.isfinite(self._first).all()):
            state.reason = "F is not finite at the start"
            return state, Info({"residual_norm": math.nan, "step": 0.0}, Status.ILL_POSED)
        return state, self._report(state, 0.0)

    def step(self, state: _State) -> tuple[_State, Info]:
        """One direction and one search; where that fails, the shortest least-squares direction."""
        with torch.no_grad():
            J = self._jacobian(state.x)
            norm = float(state.f.norm())
            eta = self._forcing(state, norm)
            t = 0.0
            for solve in (self._newton_direction, self._shortest_direction):
                d = solve(J, state, eta)
                if d is not None:
                    t = self._search(state, d, norm, eta)
                if t > 0:
                    break
            if t > 0:
                state.before, state.eta = norm, eta
                return state, self._report(state, t)
            slope = float((J.H @ state.f).norm())
            state.products += 1
        small = slope <= 1e-6 * norm * max(1.0, norm)
        state.reason = (
            f"the slope of |F| is {slope:.3g} where |F| = {norm:.3g}: a minimum of |F| that is no root, "
            "or a singular Jacobian"
            if small
            else f"no lower |F| along the Newton direction within rounding; |F| = {norm:.3g}"
        )
        return state, Info({"residual_norm": norm, "step": 0.0}, Status.STALLED)

    def _forcing(self, state: _State, norm: float) -> float:
        if not math.isfinite(state.before):
            return 0.1
        eta = 0.9 * (norm / state.before) ** 2
        kept = 0.9 * state.eta**2
        eta = max(eta, kept) if kept > 0.1 else eta
        # solved no further than the tolerance asks for
        return min(0.9, max(eta, 0.1 * self._tolerance / norm))

    def _newton_direction(self, J: LinearOperator, state: _State, eta: float) -> Tensor | None:
        if self._dense:
            matrix = J.to_dense()
            state.products += matrix.shape[0]
            d, info = torch.linalg.solve_ex(matrix, -state.f)
            return d if int(info) == 0 and bool(torch.isfinite(d).all()) else None
        M = self._preconditioner
        M = M(state.x) if callable(M) and not isinstance(M, LinearOperator) else M
        found = gmres(J, -state.f, preconditioner=M, tolerance=eta)
        state.products += found.products
        return found.x if found.residual < 1 else None

    def _shortest_direction(self, J: LinearOperator, state: _State, eta: float) -> Tensor | None:
        """The least-squares solution of least norm, which a singular Jacobian has too."""
        if self._dense:
            matrix = J.to_dense()
            if not bool(torch.isfinite(matrix).all()):
                return None
            d: Tensor = torch.linalg.pinv(matrix, rtol=1e-8) @ -state.f
            return d
        found = lsmr(J, -state.f, tolerance=1e-6)
        state.products += 2 * found.steps
        return torch.as_tensor(found.x).to(state.x)

    def _search(self, state: _State, d: Tensor, norm: float, eta: float) -> float:
        """Shorten until |F| falls; move the state there, and return the length."""
        t = 1.0
        for _ in range(_TRIALS):
            x = state.x + t * d
            f = self._F(x)
            state.evaluations += 1
            new = float(f.norm())
            if new <= (1 - _DECREASE * t * (1 - min(eta, 0.9))) * norm:
                state.x, state.f = x, f
                return t
            if float((t * d).norm()) <= _STALE * torch.finfo(x.dtype).eps * float(state.x.norm()):
                break
            # the parabola through |F|^2 at 0 and t whose slope at 0 is that of an exact direction
            share = norm**2 / (new**2 + norm**2) if math.isfinite(new) else 0.1
            t *= min(max(share, 0.1), 0.5)
        return 0.0

    def _report(self, state: _State, t: float) -> Info:
        norm = float(state.f.norm())
        done = norm <= self._tolerance
        if done:
            state.reason = "|F| is within the tolerance"
        record = {"residual_norm": norm, "step": t}
        return Info(record, Status.CONVERGED if done else None)
