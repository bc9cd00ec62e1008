"""The curvature of a loss at the present parameters: extreme eigenpairs, trace, density, in few products."""

from typing import Any, Unpack

from torch import Tensor

from fivefold.calculus.model_operator import Options
from fivefold.core import Budget, Clock, Status, drive, require
from fivefold.linalg import Estimate, SpectralDensity, trace
from fivefold.linalg.eigen import positive_peak
from fivefold.linalg.probes import Prober
from fivefold.theory.curvature_certificates import eigen_certificates
from fivefold.theory.curvature_result import Curvature
from fivefold.theory.deflated import Deflated
from fivefold.theory.krylov_space import KrylovGrowth, KrylovSpace
from fivefold.theory.spectral_sums import Sums
from fivefold.theory.subject import Loss, Matrix, Subject, Target, examine

__all__ = ["Curvature", "curvature", "summarise"]

_COLUMNS = 160
"""The most columns of the Krylov basis where no budget says otherwise."""
_TRACE_PRODUCTS = 200
_LEAST = 1e-3
"""Seconds that are left where reading the data took all: enough for the k products that cannot be spared."""
_SHARE = 0.7
"""The part of a budget that the Krylov space may take, where a trace is wanted beside it."""


def curvature(
    target: Target,
    loss: Loss | None = None,
    data: Any = None,
    *,
    w: Tensor | None = None,
    k: int = 5,
    matrix: Matrix = "hessian",
    vectors: bool = False,
    density: bool = True,
    with_trace: bool = True,
    tolerance: float = 1e-3,
    trace_tolerance: float = 0.05,
    bandwidth: float = 0.025,
    probes: int = 2,
    seed: int = 0,
    budget: Budget | str | float | None = None,
    **options: Unpack[Options],
) -> Curvature:
    r"""Return the largest eigenpairs, trace, spectral density and effective dimension of a loss's curvature.

    .. math:: H = \nabla^2_w L(w), \quad H v_i = \lambda_i v_i, \quad \operatorname{tr} H, \quad
              \phi(x) = \frac1P \sum_i g_\sigma(x - \lambda_i), \quad
              d(a) = \sum_i \frac{\lambda_i}{\lambda_i + a}

    One block Krylov space of a few random probes gives the eigenpairs, the density and the effective
    dimension together; a few further probes outside it complete the trace. Up to about a hundred parameters
    everything is exact. The module, its buffers and all random generators stay as they are.

    Source: Ghorbani, Krishnan and Xiao, "An investigation into neural net optimization via Hessian
    eigenvalue density", ICML 2019; Meyer, Musco, Musco and Woodruff, "Hutch++", SOSA 2021; MacKay,
    "Bayesian interpolation", Neural Computation 4 (1992), for the effective dimension.

    Args:
        target: A module, in the mode that is meant, at its parameters; or an
            :class:`~fivefold.objective.Objective`.
        loss: A mean over rows of outputs and targets, or a likelihood; for a module.
        data: ``(X, y)``, a list of such pairs, a loader that does not shuffle, or a function that returns a
            fresh iterable at each call; for a module.
        w: The point of an objective ``[P]``; its initial one by default.
        k: Eigenpairs, at least 1 and at most P.
        matrix: ``"hessian"`` or ``"gauss-newton"``.
        vectors: Whether the eigenvectors are returned, ``[P, k]``.
        density: Whether the density (and with it the effective dimension) is made.
        with_trace: Whether the trace is.
        tolerance: Of the eigenpairs: residual norm relative to the largest value, in (0, 1).
        trace_tolerance: Standard error of the trace relative to it, positive.
        bandwidth: Of the density's smoothing, relative to the range of the spectrum, in (0, 1).
        probes: Columns of the block, 2 by default: an eigenvalue is found with a multiplicity of at most
            this. More of them make the density's standard error smaller, by the root.
        seed: Of the probes.
        budget: Seconds (``"2s"``) or, as ``Budget(steps=...)``, products with the matrix. What is known when
            it ends is returned, with bounds that hold for it.
        options: parameters, evaluation, batching (``"loop"`` by default, with which the same seed gives the
            same bits), memory, retain: :class:`~fivefold.calculus.model_operator.Options`.

    Returns:
        A :class:`~fivefold.theory.Curvature`, with certificates.

    Raises:
        ArgumentError: Arguments out of range; what stands in the way of derivatives, with a way out.
        DataError: Batches that are empty, not finite or different at each pass.
        NumericalError: A product is not finite.

    >>> import torch
    >>> X = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    >>> found = curvature(torch.nn.Linear(2, 1, bias=False), torch.nn.MSELoss(), (X, X[:, :1]), k=2)
    >>> [round(float(x), 5) for x in found.eigenvalues], round(found.trace.value, 5)
    ([4.0, 1.0], 5.0)
    >>> round(found.effective_dimension(1.0).value, 5)  # 4 / 5 + 1 / 2
    1.3
    """
    most = Budget.parse(budget)
    clock = Clock(most)
    subject = examine(target, loss, data, w=w, matrix=matrix, **options)
    left = most.minus(clock.elapsed, 0)  # reading the data and one forward pass count
    return summarise(
        subject,
        k=k,
        vectors=vectors,
        density=density,
        with_trace=with_trace,
        tolerance=tolerance,
        trace_tolerance=trace_tolerance,
        bandwidth=bandwidth,
        probes=probes,
        seed=seed,
        budget=Budget(_LEAST, most.steps) if left is None else left,
    )


def summarise(
    subject: Subject,
    *,
    k: int = 5,
    vectors: bool = False,
    density: bool = True,
    with_trace: bool = True,
    tolerance: float = 1e-3,
    trace_tolerance: float = 0.05,
    bandwidth: float = 0.025,
    probes: int = 2,
    seed: int = 0,
    budget: Budget | str | float | None = None,
) -> Curvature:
    """Do what :func:`curvature` does for a subject that has been read."""
    operator = subject.operator
    P = operator.shape[0]
    require(1 <= k <= P, f"k between 1 and the {P} parameters", k)
    require(0 < tolerance < 1, "a tolerance in (0, 1)", tolerance)
    require(trace_tolerance > 0, "a positive tolerance of the trace", trace_tolerance)
    require(0 < bandwidth < 1, "a bandwidth in (0, 1), relative to the range of the spectrum", bandwidth)
    require(probes >= 1, "at least 1 probe", probes)
    most = Budget.parse(budget)
    require(most.steps is None or most.steps >= k, f"a budget of at least k = {k} products", most.steps)
    clock = Clock(most)
    share = _SHARE if with_trace else 1.0
    columns = _COLUMNS + 4 * k
    if most.steps is not None:
        columns = min(columns, max(k, int(share * most.steps)))
    prober = Prober(operator, seed, "curvature")
    columns = min(columns, prober.room(1))
    width = min(probes, columns)
    growth = KrylovGrowth(prober, k, width, tolerance, columns, bandwidth if density else 0.0)
    run = drive(growth, Budget(seconds=None if most.seconds is None else share * most.seconds))
    space = run.state
    while space.V.shape[1] < k:  # fewer pairs than were asked for do not come back
        space, _ = growth.step(space)
    top = positive_peak(space.V @ space.S[:, :k])
    residual = space.AV @ space.S[:, :k] - (space.V @ space.S[:, :k]) * space.values[:k]
    norms = residual.norm(dim=0)
    scale = float(space.values[:k].abs().max())
    known = int((norms <= tolerance * scale).to(int).cumprod(0).sum())
    sums = Sums(space, known, seed, prober.products)
    estimate = _trace(subject, space, sums, clock, trace_tolerance, seed, prober) if with_trace else None
    picture: SpectralDensity | None = sums.density(bandwidth) if density else None
    status = run.status
    if status.succeeded and estimate is not None:
        status = estimate.status
    return Curvature(
        eigenvalues=space.values[:k],
        residual_norms=norms,
        eigenvectors=top.to(operator.dtype) if vectors else None,
        smallest=float(space.values[-1]),
        smallest_residual=float(space.residual_norms[-1]),
        trace=estimate,
        density=picture,
        shares={name: (top[part] ** 2).sum(0) for name, part in subject.blocks()},
        sums=sums,
        size=P,
        products=prober.products
        + (0 if estimate is None or estimate.method == sums.METHOD else estimate.products),
        seconds=clock.elapsed,
        status=status,
        certificates=eigen_certificates(space, top, norms, tolerance * scale),
        message=_message(status, run.status, known, k),
    )


def _trace(
    subject: Subject,
    space: KrylovSpace,
    sums: Sums,
    clock: Clock,
    tolerance: float,
    seed: int,
    prober: Prober,
) -> Estimate:
    """The trace inside the space, which is known, and that of what is outside, from probes of its own."""
    rough = sums.total(lambda x: x, tolerance=tolerance)
    left = clock.budget.minus(clock.elapsed, prober.products)
    products = _TRACE_PRODUCTS if left is None or left.steps is None else min(_TRACE_PRODUCTS, left.steps)
    if space.complete or left is None or products < 4:
        return rough
    inside = float(space.T.trace())
    outside = trace(
        Deflated(subject.operator, space.V, float(space.values.abs().max())),
        tolerance=tolerance,
        absolute=tolerance * abs(inside),
        products=products,
        method="hutchinson",
        seed=seed,
        budget=Budget(seconds=left.seconds),
    )
    return sums.shifted(outside, inside)


def _message(status: Status, krylov: Status, known: int, k: int) -> str:
    if status.succeeded:
        return "stopped because the eigenpairs and the trace reached their tolerances"
    if not krylov.succeeded:
        return f"stopped because the budget was spent: {known} of {k} eigenpairs are within the tolerance"
    return "stopped because the budget was spent before the trace reached its tolerance"
