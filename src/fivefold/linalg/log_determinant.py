"""The log-determinant of a positive definite operator, with its standard error and its bias."""

import math

import torch

from fivefold.core import ArgumentError, Budget, Certificate, Kind, drive, require
from fivefold.linalg.arrays import Array
from fivefold.linalg.captured_part import captured
from fivefold.linalg.compose import Scaled
from fivefold.linalg.dense import Dense, as_operator, require_symmetric
from fivefold.linalg.known_values import known_eigenvalues, known_slogdet, spectrum_floor
from fivefold.linalg.operator import LinearOperator, require_matrix
from fivefold.linalg.probes import Prober
from fivefold.linalg.schur_complement import SchurComplement
from fivefold.linalg.sketch_choice import FEWEST, Purse, choose
from fivefold.linalg.spectral_sum import SpectralState, SpectralSum
from fivefold.linalg.stochastic_estimate import Estimate, Goal, covering, exact, reserve, stopped

_SMALL = 200  # up to this size the n products of the whole matrix cost less than ten quadratures
_SHARE = 80  # the most products for the block that is eliminated, and at most a fifth of all
_DENSE = 3000  # up to this size a Cholesky factor takes a second or two


def logdet(
    A: Array | LinearOperator,
    *,
    tolerance: float = 0.01,
    absolute: float = 0.0,
    products: int | None = None,
    lower: float | None = None,
    depth: int | None = None,
    seed: int = 0,
    budget: Budget | None = None,
) -> Estimate:
    r"""Return :math:`\log \det A` of a positive definite operator.

    .. math:: \log\det A = \operatorname{tr} \log A

    Exact from known eigenvalues, or a Cholesky factor where the matrix is at hand or small; else stochastic
    Lanczos quadrature. A small sketch first captures the outliers and eliminates them exactly,
    :math:`\log\det A = \log\det(Q^\top A Q) + \log\det S` with S the Schur complement: what is left needs
    fewer steps and scatters less. The bias of the quadrature is enclosed between Gauss and Gauss-Radau rules
    where a positive lower bound of the spectrum is known (a multiple of the identity in a sum of positive
    terms, or ``lower``); otherwise it is indicated by comparing two depths.

    Source: S. Ubaru, J. Chen, Y. Saad, SIAM J. Matrix Anal. Appl. 38 (2017).

    Args:
        A: Symmetric positive definite ``[n, n]``.
        tolerance: Stops where the standard error is at most ``tolerance * |value|``; 0 spends the budget.
        absolute: Stops as well where the standard error is at most this.
        products: The most products, at least 4; ``max(n, 2000)`` by default, and n more for the exact answer
            where n is at most 3000 and the estimate missed the tolerance.
        lower: A number that is known to be at most the smallest eigenvalue, positive.
        depth: Lanczos steps of each probe; chosen by default so that the bias is a fifth of the error.
        seed: Of the probes.
        budget: Seconds or blocks, beside the products.

    Returns:
        The estimate, with ``bias`` beside the standard error; the message says why it stopped.

    Raises:
        ArgumentError: Not square, not symmetric, not positive definite, or products that change.
        NumericalError: A product is not finite.

    >>> from fivefold.linalg import Identity
    >>> round(logdet([[2.0, 0.0], [0.0, 0.5]]).value, 12), round(logdet(math.e * Identity(3)).value, 12)
    (0.0, 3.0)
    """
    operator = as_operator(A)
    require_matrix(operator, "A", square=True)
    require(lower is None or 0 < lower < math.inf, "a positive, finite lower bound", lower)
    require(depth is None or depth >= 2, "a depth of at least 2", depth)
    offset, n = 0.0, operator.shape[0]
    while isinstance(operator, Scaled) and operator.scalar > 0:
        offset += n * math.log(operator.scalar)
        lower = None if lower is None else lower / operator.scalar
        operator = operator.operator
    most, exactly = reserve(products, n, max(n, 2000))
    exactly = exactly and n <= _DENSE
    goal = Goal(tolerance, absolute, max(4, most), offset)
    values = known_eigenvalues(operator)
    if values is not None:
        _require_positive(float(values.min()), float(values.abs().max()), n)
        return exact(offset + float(values.log().sum()), "the eigenvalues are known", seed=seed)
    if isinstance(operator, Dense):
        require_symmetric(operator.matrix)
        if n <= _DENSE:
            value = offset + _by_cholesky(operator.matrix)
            return exact(value, "twice the sum of logarithms of the Cholesky pivots", seed=seed)
        operator = Dense(operator.matrix, symmetric=True)
    require(operator.symmetric, "a symmetric operator", repr(operator), "build it with symmetric=True")
    structured = known_slogdet(operator) if operator.positive else None
    if structured is not None and math.isfinite(structured[1]):
        require(structured[0] > 0, "a positive definite A", "a determinant that is not positive")
        return exact(offset + structured[1], "the structure gives the determinant", seed=seed)
    prober = Prober(operator, seed, "logdet")
    if exactly and (n <= _SMALL or most < 4 or max(tolerance, absolute) == 0):
        return _all_columns(prober, offset, seed)
    floor = spectrum_floor(operator) if lower is None else lower
    shift, rest = _eliminated(prober, goal)
    spent = prober.products if rest is not prober else 0
    goal = Goal(tolerance, absolute, max(4, most - spent), offset + shift)
    offset += shift
    scheme = SpectralSum(rest, goal, _log, floor=floor, depth=depth)
    run = drive(scheme, budget)
    if not run.status.succeeded and exactly:
        return _all_columns(prober, offset - shift, seed, made=spent + rest.products)
    proven = floor is not None and floor > 0
    _check_spectrum(run.state, n, floor)
    value = float(run.state.value) + offset
    error, bias = float(run.state.standard_error), float(run.state.bias)
    degrees = float(run.state.probes - 1)
    why = "t interval; the variance of a probe from the same quadrature of the squared logarithm"
    certificates = (
        covering(value, error, degrees, bias, why),
        Certificate(
            "the bias of the quadrature is at most a half of the standard error",
            Kind.PROOF if proven else Kind.INDICATOR,
            bias <= 0.5 * error,
            bound=0.5 * error,
            value=bias,
            assumptions=("the lower bound of the spectrum holds",) if proven else (),
            method="half the gap between Gauss and Gauss-Radau rules"
            if proven
            else "change of the Gauss rule from three quarters of its depth",
        ),
        goal.certificate(value - offset, error, Kind.STATISTICAL),
    )
    return Estimate(
        value,
        error,
        degrees,
        bias,
        products=spent + rest.products,
        seed=seed,
        method="stochastic lanczos quadrature",
        status=run.status,
        history={
            **run.history,
            "value": [v + offset for v in run.history["value"]],
            "products": [made + spent for made in run.history["products"]],
        },
        certificates=certificates,
        message=stopped(run.status),
    )


def _log(nodes: torch.Tensor) -> torch.Tensor:
    # Not positive is refused afterwards; meanwhile the logarithm must not become NaN.
    return nodes.clamp(min=torch.finfo(nodes.dtype).tiny).log()[..., None]


def _eliminated(prober: Prober, goal: Goal) -> tuple[float, Prober]:
    """Log-determinant of a captured block and a prober of its Schur complement; 0 and ``prober`` if none."""
    n, share = prober.n, min(goal.products // 5, _SHARE)
    if share < 2 * FEWEST or n < 4 * share or prober.room() < 4 * share:
        return 0.0, prober
    Z = prober.sphere(FEWEST)
    Y = prober.apply(Z)
    while True:
        prober.check(Z, Y)
        k = Z.shape[1]
        plain = 2 * float((Y * Y).sum(dim=0).mean() - (Z * Y).sum(dim=0).mean() ** 2 / n)
        purse = Purse(goal.products - prober.products, 0.0)
        choice = choose(Z, Y, plain, purse, factor=2.0, most=share - k, unit=prober.unit)
        width = FEWEST // 2
        if not choice.limited or k + width + choice.taken > share:
            break
        more = prober.sphere(width)
        Z, Y = torch.cat([Z, more], dim=1), torch.cat([Y, prober.apply(more)], dim=1)
    part = captured(prober, Z, Y, choice.predicted)
    H = part.Q.mT @ part.AQ
    values = torch.linalg.eigvalsh((H + H.mT) / 2)
    if float(values.min()) <= prober.unit * n**0.5 * float(torch.linalg.vector_norm(part.AQ, dim=0).max()):
        _require_positive(float(values.min()), float(values.max()), n)
        return 0.0, prober  # too close to singular for elimination: Lanczos alone is stable there
    rest = Prober(SchurComplement(prober.A, part), prober.seed, "logdet of the rest")
    rest.unit = prober.unit
    return float(values.log().sum()), rest


def _all_columns(prober: Prober, offset: float, seed: int, made: int = 0) -> Estimate:
    before = prober.products
    value = offset + _by_cholesky(_columns(prober))
    made = max(made, before) + prober.products - before
    return exact(value, "Cholesky factor of all columns", products=made, seed=seed)


def _columns(prober: Prober) -> torch.Tensor:
    eye = torch.eye(prober.n, dtype=torch.float64, device=prober.A.device)
    matrix = prober.apply(eye)
    prober.check(eye, matrix)
    return (matrix + matrix.mT) / 2


def _by_cholesky(matrix: torch.Tensor) -> float:
    factor, fault = torch.linalg.cholesky_ex(matrix.detach().double())
    if int(fault):
        raise ArgumentError(
            "a positive definite A",
            f"a pivot that is not positive at row {int(fault)}",
            "add a multiple of the identity",
        )
    return 2 * float(factor.diagonal().log().sum())


def _require_positive(low: float, top: float, n: int, unit: float = 0.0) -> None:
    if low <= n * unit * top:
        raise ArgumentError(
            "a positive definite A",
            f"an eigenvalue (or Rayleigh quotient) {low:.3g}, the largest {top:.3g}",
            "add a multiple of the identity",
        )


def _check_spectrum(state: SpectralState, n: int, floor: float | None) -> None:
    low, top = math.inf, 0.0
    for rule in state.rules:
        nodes, weights = rule.gauss()
        seen = nodes[weights > torch.finfo(weights.dtype).tiny]
        low, top = min(low, float(seen.min())), max(top, float(seen.abs().max()))
    _require_positive(low, top, n, float(torch.finfo(torch.float64).eps))
    require(
        floor is None or low >= floor * (1 - 1e-6),
        "a lower bound at most the smallest eigenvalue",
        f"lower = {floor}, and a Rayleigh quotient {low:.6g}",
    )
