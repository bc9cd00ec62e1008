"""Conjugate gradients for positive definite operators, many right-hand sides at once."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from fivefold.core import Budget, Certificate, Info, Kind, Status, drive, require
from fivefold.linalg.arrays import Array, to_tensor, wants_numpy
from fivefold.linalg.dense import as_operator
from fivefold.linalg.operator import LinearOperator, require_matrix
from fivefold.linalg.operator_checks import complaint
from fivefold.linalg.preconditioners import preconditioner_of

_SEVERITY = (Status.CONVERGED, Status.OUT_OF_BUDGET, Status.STALLED, Status.DIVERGED, Status.ILL_POSED)
_RECOMPUTE = 50  # steps between residuals computed anew from x


@dataclass(frozen=True, eq=False)
class ConjugateGradients:
    r"""The iterate where conjugate gradients stopped.

    Args:
        x: ``[n]`` or ``[n, k]``.
        residual_norms: True relative residuals :math:`\|b - A x\| / \|b\|`, one a right-hand side, ``[k]``.
        status: The most severe of ``statuses``.
        statuses: One a right-hand side; ``ILL_POSED`` where a direction with :math:`p^\top A p \le 0` showed
            that A or the preconditioner is not positive definite.
        steps: Products with A, not counting the residuals computed anew.
        history: Largest relative residual at each step, ``[steps + 1]``.
        certificates: Residual and forward error, two a right-hand side, in order.
        message: What went wrong, or an empty string.
    """

    x: Array
    residual_norms: Array
    status: Status
    statuses: tuple[Status, ...]
    steps: int
    history: Array
    certificates: tuple[Certificate, ...]
    message: str


@dataclass(frozen=True, eq=False)
class _State:
    x: Tensor
    r: Tensor  # recursive residual
    p: Tensor
    rho: Tensor  # r' M r
    best: Tensor  # smallest true relative residual seen, and the x that had it
    best_x: Tensor
    code: Tensor  # -1 while a column is active, otherwise an index into _SEVERITY
    restarts: Tensor
    step: int


class _Method:
    """``init`` and ``step`` of the iteration, all columns at once; a finished column no longer moves."""

    def __init__(
        self, A: LinearOperator, b: Tensor, M: LinearOperator | None, tolerance: float, start: Tensor
    ) -> None:
        self.A, self.b, self.M, self.tolerance, self.start = A, b, M, tolerance, start
        norm = torch.linalg.vector_norm(b, dim=0)
        self.norm = torch.where(norm > 0, norm, torch.ones_like(norm))

    def relative(self, r: Tensor) -> Tensor:
        out: Tensor = torch.linalg.vector_norm(r, dim=0) / self.norm
        return out

    def precondition(self, r: Tensor) -> Tensor:
        out: Tensor = r if self.M is None else self.M.apply(r).to(r.dtype)
        return out

    def residual(self, x: Tensor) -> Tensor:
        out: Tensor = self.b - self.A.apply(x)
        return out

    def init(self) -> tuple[_State, Info]:
        x = self.start
        r = self.residual(x)
        z = self.precondition(r)
        rho = (r * z).sum(dim=0)
        true = self.relative(r)
        code = torch.where(true <= self.tolerance, 0, -1)
        code = torch.where((code < 0) & ~(rho > 0), _SEVERITY.index(Status.ILL_POSED), code)
        state = _State(x, r, z, rho, true, x, code, torch.zeros_like(code), 0)
        return state, self.report(state, true)

    def report(self, state: _State, relative: Tensor) -> Info:
        done = bool((state.code >= 0).all())
        status = _SEVERITY[int(state.code.max())] if done else None
        return Info({"relative_residual": float(relative.max())}, status)

    def step(self, state: _State) -> tuple[_State, Info]:
        active = state.code < 0
        Ap: Tensor = self.A.apply(state.p)
        curvature = (state.p * Ap).sum(dim=0)
        # p'Ap within rounding of zero is no proof of positive curvature either.
        noise = torch.finfo(Ap.dtype).eps * (state.p.norm(dim=0) * Ap.norm(dim=0))
        broken = active & ~(curvature > noise)
        moving = active & ~broken
        alpha = torch.where(moving, state.rho / torch.where(moving, curvature, 1.0), 0.0)
        x = state.x + alpha * state.p
        r = state.r - alpha * Ap
        relative = self.relative(r)
        claims = moving & (relative <= self.tolerance)
        check = bool(claims.any()) or (state.step + 1) % _RECOMPUTE == 0
        code, restarts, best, best_x = state.code, state.restarts, state.best, state.best_x
        code = torch.where(broken, _SEVERITY.index(Status.ILL_POSED), code)
        restart = torch.zeros_like(claims)
        if check:
            # The recursive residual drifts from the true one; only the true one may end the iteration.
            true_r = self.residual(x)
            true = self.relative(true_r)
            better = moving & (true < best)
            stuck = claims & (true > self.tolerance) & ~(true < 0.5 * best) & (restarts > 0)
            best, best_x = torch.where(better, true, best), torch.where(better, x, best_x)
            code = torch.where(moving & (true <= self.tolerance), 0, code)
            code = torch.where(stuck, _SEVERITY.index(Status.STALLED), code)
            code = torch.where(moving & ~torch.isfinite(true), _SEVERITY.index(Status.DIVERGED), code)
            # Old directions are not conjugate to a residual that they did not make: begin anew from it.
            drifted = self.relative(true_r - r) > 0.1 * relative
            restart = moving & (true > self.tolerance) & (claims | drifted)
            restarts = restarts + restart.long()
            r = torch.where(moving, true_r, r)
            relative = torch.where(moving, true, relative)
        z = self.precondition(r)
        rho = (r * z).sum(dim=0)
        bad = (code < 0) & ~(rho > 0)
        code = torch.where(bad, _SEVERITY.index(Status.ILL_POSED), code)
        beta = torch.where(restart | ~moving, 0.0, rho / torch.where(state.rho > 0, state.rho, 1.0))
        p = z + beta * state.p
        new = _State(x, r, p, rho, best, best_x, code, restarts, state.step + 1)
        return new, self.report(new, relative)


def cg(
    A: Array | LinearOperator,
    b: Array,
    *,
    preconditioner: Array
    | LinearOperator
    | Literal["jacobi", "low-rank", "incomplete-cholesky"]
    | None = None,
    start: Array | None = None,
    tolerance: float = 1e-10,
    lowest_eigenvalue: float | None = None,
    budget: Budget | None = None,
) -> ConjugateGradients:
    r"""Solve :math:`A x = b` for a symmetric positive definite operator by its products alone.

    .. math:: x_{t+1} = x_t + \alpha_t p_t, \qquad \alpha_t = \frac{r_t^\top M r_t}{p_t^\top A p_t}, \qquad
              p_{t+1} = M r_{t+1} + \frac{r_{t+1}^\top M r_{t+1}}{r_t^\top M r_t} p_t

    The residual is computed anew from x every 50 steps and before success is claimed. Symmetry is the
    caller's claim; it cannot be seen from products with one vector.

    Source: M. R. Hestenes and E. Stiefel, J. Res. Nat. Bur. Standards 49 (1952).

    Args:
        A: Positive definite, ``[n, n]``: array, tensor or operator.
        b: ``[n]`` or ``[n, k]``; every column has its own step lengths and its own status.
        preconditioner: M, positive definite, close to the inverse of A; or ``"jacobi"``, the inverse of its
            diagonal; or ``"low-rank"``, a pivoted Cholesky factor of rank 20 plus a multiple of the
            identity; or ``"incomplete-cholesky"`` for a sparse matrix; none by default.
        start: The first iterate, in the shape of b; zero by default.
        tolerance: Relative residual to reach, positive.
        lowest_eigenvalue: A number that the smallest eigenvalue of A is known to reach (the ridge of a
            ridge regression); with it the forward error is proved.
        budget: Steps and seconds; ``10 n + 100`` steps by default.

    Returns:
        The best iterate, in the kind of b, with status and certificates for each right-hand side.

    Raises:
        ArgumentError: Not square, sizes that do not fit, an empty or not finite input, a tolerance or an
            eigenvalue that is not positive, an unknown preconditioner.
        NumericalError: A named preconditioner of a matrix whose diagonal is not positive.

    >>> run = cg([[4.0, 1.0], [1.0, 3.0]], [1.0, 2.0])
    >>> run.x.round(10).tolist(), str(run.status), run.steps
    ([0.0909090909, 0.6363636364], 'converged', 2)
    """
    numpy = wants_numpy(A, b)
    operator = as_operator(A)
    require_matrix(operator, "A", square=True)
    n = operator.shape[0]
    require(
        tolerance > 0 and math.isfinite(tolerance), "a positive tolerance of the relative residual", tolerance
    )
    require(
        lowest_eigenvalue is None or lowest_eigenvalue > 0, "a positive lowest eigenvalue", lowest_eigenvalue
    )
    target = to_tensor(b, "b", dims=(1, 2)).detach()
    require(target.shape[0] == n, f"b with {n} rows", f"shape {tuple(target.shape)}")
    B = target.reshape(n, -1).to(device=operator.device, dtype=operator.dtype)
    x0 = torch.zeros_like(B)
    if start is not None:
        given = to_tensor(start, "start", dims=(1, 2)).detach()
        require(given.shape == target.shape, f"start in the shape of b, {tuple(target.shape)}", given.shape)
        x0 = given.reshape(n, -1).to(B)
    M = preconditioner_of(operator, preconditioner)
    method = _Method(operator, B, M, tolerance, x0)
    run = drive(method, budget or Budget(steps=10 * n + 100))
    state = run.state
    true = method.relative(method.residual(state.x))
    better = true <= state.best
    x = torch.where(better, state.x, state.best_x)
    true = torch.where(better, true, state.best)
    code = torch.where(state.code < 0, _SEVERITY.index(Status.OUT_OF_BUDGET), state.code)
    statuses = tuple(_SEVERITY[int(c)] for c in code)
    worst = max(statuses, key=_SEVERITY.index)
    # An operator that changes or is not symmetric shows as a failure; two products more name the cause.
    wrong = "" if worst is Status.CONVERGED else complaint(operator)
    ratios = method.norm / torch.linalg.vector_norm(x, dim=0)
    certificates = tuple(
        certificate
        for relative, ratio in zip(true.tolist(), ratios.tolist(), strict=True)
        for certificate in _certificates(relative, ratio, tolerance, lowest_eigenvalue)
    )

    def kind(t: Tensor) -> Array:
        return t.cpu().numpy() if numpy else t

    return ConjugateGradients(
        kind(x.reshape(target.shape)),
        kind(true),
        worst,
        statuses,
        run.steps,
        kind(torch.tensor(run.history["relative_residual"], dtype=torch.float64)),
        certificates,
        "; ".join(filter(None, [wrong, _message(statuses)])),
    )


def _certificates(
    relative: float, ratio: float, tolerance: float, lowest: float | None
) -> tuple[Certificate, Certificate]:
    """``ratio`` is ``|b| / |x|``: infinite while x is zero."""
    error = None if lowest is None else 0.0 if relative == 0 else relative * ratio / lowest
    return (
        Certificate(
            "|b - Ax| <= tolerance |b|",
            Kind.PROOF,
            relative <= tolerance,
            bound=tolerance,
            value=relative,
            method="residual computed anew from x",
        ),
        Certificate(
            "x has at least one correct digit: |x* - x| <= 0.1 |x|",
            Kind.PROOF,
            None if error is None else error <= 0.1,
            bound=0.1,
            value=error,
            assumptions=("A is symmetric and its smallest eigenvalue is at least the given number",),
            method="|b - Ax| / (lowest |x|)" if lowest else "unknown: no lowest eigenvalue was given",
        ),
    )


def _message(statuses: tuple[Status, ...]) -> str:
    reasons = {
        Status.OUT_OF_BUDGET: "stopped by the budget",
        Status.STALLED: "the true residual no longer falls: the tolerance is below what rounding allows",
        Status.DIVERGED: "not finite",
        Status.ILL_POSED: "a direction without positive curvature: A or the preconditioner is indefinite",
    }
    found = [f"{statuses.count(s)} of {len(statuses)}: {why}" for s, why in reasons.items() if s in statuses]
    return "; ".join(found)
