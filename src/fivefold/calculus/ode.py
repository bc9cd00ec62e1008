"""Solutions of ordinary differential equations and gradients through them, with their errors."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from fivefold.core import Certificate, Kind, MissingExtraError, Status, require

Field = Callable[[Tensor, Tensor, Tensor], Tensor]
FINER = 100.0
"""How much smaller the tolerance of the second solution is, with which the first is compared."""


@dataclass(frozen=True, eq=False, slots=True)
class OdeSolution:
    """A solution at the times that were reached.

    Args:
        times: ``[T']``; all that were asked where the status is ``CONVERGED``.
        y: ``[T', ...]``.
        error: The largest estimated error at each of those times, ``[T']``.
        evaluations: Calls of the field.
        status: ``CONVERGED``; ``DIVERGED``: the solution leaves the floating-point numbers;
            ``ILL_POSED``: the steps became too small to go on, as near a singularity;
            ``OUT_OF_BUDGET``: more steps than allowed, as of a stiff system.
        certificates: One, of kind *indicator*.
    """

    times: Tensor
    y: Tensor
    error: Tensor
    evaluations: int
    status: Status
    certificates: tuple[Certificate, ...]

    @property
    def holds(self) -> bool | None:
        """Whether the error is as small as was asked: yes, no, or ``None`` where that is unknown."""
        return self.certificates[0].holds


@dataclass(frozen=True, eq=False, slots=True)
class OdeGradient:
    """A loss of a solution, and its gradient.

    Args:
        value: The loss; not a number where the system could not be solved.
        initial: The gradient in the initial state, in its shape; ``None`` where it could not be made.
        parameters: The gradient in the parameters ``[P]``; ``None`` likewise.
        error: The largest difference between the gradients at two tolerances, relative to the largest
            entry; infinite where there is none.
        status: As of :class:`OdeSolution`.
        certificates: One, of kind *indicator*.
    """

    value: float
    initial: Tensor | None
    parameters: Tensor | None
    error: float
    status: Status
    certificates: tuple[Certificate, ...]


def solve_ode(
    field: Field,
    initial: Tensor,
    times: Tensor,
    parameters: Tensor | None = None,
    *,
    tolerance: float = 1e-6,
    method: str = "dopri5",
    steps: int = 20_000,
) -> OdeSolution:
    r"""Solve an initial value problem, twice, and take the difference as the error of the coarser solution.

    .. math:: \dot y = f(t, y; w), \quad y(t_0) = y_0, \qquad
              \text{error}(t) = \max_{i, s \le t} |y_i(s; \text{tol}) - y_i(s; \text{tol} / 100)|

    The finer solution is returned, so that the error stated is that of a worse one.

    Source: Hairer, Norsett & Wanner 1993, "Solving Ordinary Differential Equations I", section II.4; solved
    by torchdiffeq (Chen, Rubanova, Bettencourt & Duvenaud 2018).

    Args:
        field: f, maps the time ``[]``, the state and the parameters ``[P]`` to the state's derivative.
        initial: :math:`y_0`, of any shape, float64 or float32 (float64 for tolerances below 1e-5).
        times: ``[T]``, strictly increasing or decreasing, at least two; the first is :math:`t_0`.
        parameters: w ``[P]``; empty by default.
        tolerance: Of a step, relative and absolute, 1e-11 to 0.1.
        method: An adaptive method of torchdiffeq: ``"dopri5"`` or ``"dopri8"``.
        steps: How many steps a solution may take, at least 1.

    Returns:
        The solution, up to the time that was reached, its status and errors.

    Raises:
        ArgumentError: An argument out of range, or a field of another shape.
        MissingExtraError: torchdiffeq is not installed.

    >>> times = torch.linspace(0, 1, 3, dtype=torch.float64)
    >>> solution = solve_ode(lambda t, y, w: -y, torch.ones(1, dtype=torch.float64), times)
    >>> bool((solution.y[:, 0] - torch.exp(-times)).abs().max() < solution.error.max()), solution.holds
    (True, True)
    """
    w = _check(initial, times, parameters, tolerance, method, steps)
    counted = _Counted(field, w, initial)
    counted(times[0], initial)
    trials = [
        _until_failure(counted, initial, times, tol, method, steps) for tol in (tolerance, tolerance / FINER)
    ]
    status = next((status for _, status in trials if not status.succeeded), Status.CONVERGED)
    reached = min(len(y) for y, _ in trials)
    coarse, fine = (y[:reached] for y, _ in trials)
    # The largest so far: where the two solutions cross, their difference says nothing.
    error = (fine - coarse).abs().reshape(reached, -1).amax(1).cummax(0).values
    scale = max(1.0, float(fine.abs().max()))
    worst = float(error.max())
    complete = status.succeeded
    reason = {
        Status.CONVERGED: "",
        Status.DIVERGED: "; the solution leaves the floating-point numbers",
        Status.ILL_POSED: "; the steps became too small to go on: a singularity, or a field with jumps",
        Status.OUT_OF_BUDGET: f"; more than {steps} steps: a stiff system, or raise steps=",
    }[status]
    certificate = Certificate(
        f"the solution is within {worst:.1e} at all {reached} times reached",
        Kind.INDICATOR,
        (worst <= 100 * tolerance * scale) if complete else None,
        bound=100 * tolerance * scale,
        value=worst,
        assumptions=(
            "the field is smooth along the solution",
            "the smaller tolerance gives the smaller error",
        ),
        method=f"{method} at tolerances {tolerance:g} and {tolerance / FINER:g} compared{reason}",
    )
    return OdeSolution(times[:reached], fine, error, counted.calls, status, (certificate,))


def ode_gradient(
    field: Field,
    initial: Tensor,
    times: Tensor,
    parameters: Tensor | None,
    loss: Callable[[Tensor], Tensor],
    *,
    tolerance: float = 1e-6,
    method: str = "dopri5",
    steps: int = 20_000,
    adjoint: bool = True,
) -> OdeGradient:
    r"""Return the gradient of a loss of a solution, by the adjoint equation, at two tolerances.

    .. math:: \dot a = -a^\top \partial_y f, \quad a(t_i^-) = a(t_i^+) + \partial_{y(t_i)} L, \qquad
              \nabla_w L = \int a^\top \partial_w f\, dt

    The adjoint takes memory that does not grow with the number of steps; ``adjoint=False`` goes back
    through the steps of the solver instead, which takes memory for each.

    Source: Pontryagin et al. 1962; Chen, Rubanova, Bettencourt & Duvenaud 2018, "Neural ordinary
    differential equations", NeurIPS.

    Args:
        field: f, maps the time ``[]``, the state and the parameters ``[P]`` to the state's derivative.
        initial: :math:`y_0`, of any shape.
        times: ``[T]``, strictly increasing or decreasing, at least two.
        parameters: w ``[P]``; empty where ``None``.
        loss: Maps the solution ``[T, ...]`` to a scalar.
        tolerance: Of a step, relative and absolute, 1e-11 to 0.1.
        method: As for :func:`solve_ode`.
        steps: How many steps a solution may take.
        adjoint: Whether the adjoint equation is solved.

    Returns:
        The gradients at a hundredth of the tolerance, and their difference from those at the tolerance.

    Raises:
        ArgumentError: An argument out of range, or a loss without one real value.
        MissingExtraError: torchdiffeq is not installed.

    >>> one = torch.ones(1, dtype=torch.float64)
    >>> times = torch.tensor([0.0, 2.0], dtype=torch.float64)
    >>> found = ode_gradient(lambda t, y, w: w * y, one, times, -one, lambda y: y[-1].sum())
    >>> abs(float(found.parameters) - 2 * math.exp(-2)) < 1e-6
    True
    """
    w = _check(initial, times, parameters, tolerance, method, steps)
    values: list[float] = []
    gradients: list[tuple[Tensor, Tensor]] = []
    status = Status.CONVERGED
    for tol in (tolerance, tolerance / FINER):
        try:
            value, pair = _differentiate(field, initial, times, w, loss, tol, method, steps, adjoint)
        except (AssertionError, RuntimeError) as failure:
            status = _status_of(failure)
            break
        if not all(bool(torch.isfinite(each).all()) for each in (value, *pair)):
            status = Status.DIVERGED
            break
        values.append(float(value))
        gradients.append(pair)
    if len(gradients) < 2:
        certificate = Certificate(
            "the gradient is known", Kind.INDICATOR, None, method=f"{method}: {status} at {tolerance:g}"
        )
        return OdeGradient(math.nan, None, None, math.inf, status, (certificate,))
    (coarse_y, coarse_w), (fine_y, fine_w) = gradients
    coarse, fine = (torch.cat([a.reshape(-1), b]) for a, b in ((coarse_y, coarse_w), (fine_y, fine_w)))
    scale = float(fine.abs().max())
    error = float((fine - coarse).abs().max()) / max(scale, torch.finfo(torch.float64).tiny)
    bound = 1e3 * tolerance
    certificate = Certificate(
        f"the gradient is within {error:.1e} of its largest entry",
        Kind.INDICATOR,
        error <= bound,
        bound=bound,
        value=error,
        assumptions=("field and loss are differentiable", "the smaller tolerance gives the smaller error"),
        method=f"{'adjoint' if adjoint else 'backpropagation'}, {method}, two tolerances compared",
    )
    return OdeGradient(values[1], fine_y, fine_w, error, status, (certificate,))


class _Counted:
    """The field with its parameters put in, its calls counted and its shape checked."""

    def __init__(self, field: Field, w: Tensor, initial: Tensor) -> None:
        self.field, self.w, self.shape = field, w, initial.shape
        self.calls = 0

    def __call__(self, t: Tensor, y: Tensor) -> Tensor:
        self.calls += 1
        out = self.field(t, y, self.w)
        require(
            isinstance(out, Tensor) and out.shape == self.shape,
            f"a field of the state's shape {tuple(self.shape)}",
            tuple(out.shape) if isinstance(out, Tensor) else type(out).__name__,
        )
        return out


def _torchdiffeq() -> ModuleType:
    try:
        import torchdiffeq
    except ImportError as error:
        raise MissingExtraError.of("torchdiffeq", extra="ode") from error
    module: ModuleType = torchdiffeq
    return module


def _check(
    initial: Tensor, times: Tensor, parameters: Tensor | None, tolerance: float, method: str, steps: int
) -> Tensor:
    _torchdiffeq()
    kinds = (torch.float32, torch.float64)
    require(initial.dtype in kinds, "an initial state in float32 or float64", initial.dtype)
    require(initial.numel() > 0, "a nonempty initial state", tuple(initial.shape))
    require(bool(torch.isfinite(initial).all()), "a finite initial state", "NaN or infinity")
    ordered = times.ndim == 1 and len(times) >= 2 and bool(torch.isfinite(times).all())
    gaps = times.diff() if ordered else times
    require(
        ordered and bool((gaps > 0).all() or (gaps < 0).all()),
        "times [T], at least two, finite, strictly increasing or decreasing",
        times.tolist() if times.numel() <= 8 else f"shape {tuple(times.shape)}",
    )
    require(1e-11 <= tolerance <= 0.1, "a tolerance from 1e-11 to 0.1", tolerance)
    require(
        initial.dtype == torch.float64 or tolerance >= 1e-5,
        "a float64 state for a tolerance below 1e-5",
        f"{initial.dtype} and {tolerance:g}",
        "pass initial.double()",
    )
    methods = ("dopri5", "dopri8")
    require(method in methods, f"method as one of {methods}", repr(method))
    require(steps >= 1, "at least 1 step", steps)
    w = initial.new_zeros(0) if parameters is None else parameters
    require(
        w.ndim == 1 and w.dtype == initial.dtype,
        f"parameters [P] in {initial.dtype}",
        f"{tuple(w.shape)}, {w.dtype}",
    )
    return w.detach()


def _until_failure(
    field: _Counted, initial: Tensor, times: Tensor, tol: float, method: str, steps: int
) -> tuple[Tensor, Status]:
    """Solve; where that fails, solve from time to time to see how far it goes."""
    try:
        y = _solve(field, initial, times, tol, method, steps)
        if bool(torch.isfinite(y).all()):
            return y, Status.CONVERGED
        failure = Status.DIVERGED
    except AssertionError as error:
        failure = _status_of(error)
    rows = [initial.detach()]
    for start, stop in itertools.pairwise(times):
        try:
            row = _solve(field, rows[-1], torch.stack([start, stop]), tol, method, steps)[-1]
        except AssertionError:
            break
        if not bool(torch.isfinite(row).all()):
            break
        rows.append(row)
    return torch.stack(rows), failure


def _solve(field: Any, initial: Tensor, times: Tensor, tol: float, method: str, steps: int) -> Tensor:
    with torch.no_grad():
        y: Tensor = _torchdiffeq().odeint(
            field, initial, times, rtol=tol, atol=tol, method=method, options={"max_num_steps": steps}
        )
    return y


def _differentiate(
    field: Field,
    initial: Tensor,
    times: Tensor,
    w: Tensor,
    loss: Callable[[Tensor], Tensor],
    tol: float,
    method: str,
    steps: int,
    adjoint: bool,
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    with torch.enable_grad():
        start, own = initial.detach().clone().requires_grad_(), w.clone().requires_grad_()
        common: dict[str, Any] = {
            "rtol": tol,
            "atol": tol,
            "method": method,
            "options": {"max_num_steps": steps},
        }
        counted = _Counted(field, own, initial)
        if adjoint:
            y = _torchdiffeq().odeint_adjoint(
                counted,
                start,
                times,
                adjoint_params=(own,),
                adjoint_options={"max_num_steps": steps},
                **common,
            )
        else:
            y = _torchdiffeq().odeint(counted, start, times, **common)
        value = loss(y)
        require(
            value.ndim == 0 and not value.is_complex() and value.requires_grad,
            "a loss with one real value that depends on the solution",
            f"shape {tuple(value.shape)}",
        )
        pair = torch.autograd.grad(value, (start, own), allow_unused=True, materialize_grads=True)
    return value.detach(), (pair[0], pair[1])


def _status_of(error: Exception) -> Status:
    text = str(error)
    if "max_num_steps" in text:
        return Status.OUT_OF_BUDGET
    if "underflow" in text or "non-finite" in text:
        return Status.DIVERGED if "non-finite" in text else Status.ILL_POSED
    raise error
