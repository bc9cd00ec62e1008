"""The trace of an operator from products, with its standard error."""

from typing import Literal

from fivefold.core import Budget, Certificate, Iteration, Kind, drive, require
from fivefold.linalg.arrays import Array
from fivefold.linalg.dense import as_operator
from fivefold.linalg.hutch_plus_plus import HutchPlusPlus, TraceState
from fivefold.linalg.known_values import split_known
from fivefold.linalg.leave_one_out import ExchangeableProbes, LeaveOneOut
from fivefold.linalg.operator import LinearOperator, require_matrix
from fivefold.linalg.probes import Prober
from fivefold.linalg.stochastic_estimate import Estimate, Goal, covering, exact, reserve, stopped

_SMALL = 32  # up to this size n products cost no more than a first look


def trace(
    A: Array | LinearOperator,
    *,
    tolerance: float = 0.01,
    absolute: float = 0.0,
    products: int | None = None,
    method: Literal["auto", "hutch++", "hutchinson", "xtrace"] = "auto",
    seed: int = 0,
    budget: Budget | None = None,
) -> Estimate:
    r"""Return the trace of a square operator, exactly where it is known, else with a standard error.

    .. math:: \operatorname{tr} A = \sum_i A_{ii} = \mathbb{E}\, z^\top A z, \quad \mathbb{E}\, z z^\top = I

    ``auto`` deflates while that lowers the error (Hutch++) and recognises flat spectra, where plain
    Hutchinson has the smallest error; its 95% interval covers at the nominal rate. ``xtrace`` has a smaller
    error where the spectrum decays, but its error estimate is an indicator only. Terms of a sum whose trace
    is known are added exactly.

    Source: R. Meyer, C. Musco, C. Musco, D. Woodruff, SOSA 2021; E. Epperly, J. Tropp, R. Webber, SIAM J.
    Matrix Anal. Appl. 45 (2024).

    Args:
        A: Square ``[n, n]``.
        tolerance: Stops where the standard error is at most ``tolerance * |value|``; 0 spends the budget.
        absolute: Stops as well where the standard error is at most this.
        products: The most products, at least 4. Where they allow n for the exact answer beside the estimate,
            an estimate that misses the tolerance is followed by it; n for each by default.
        method: The estimator.
        seed: Of the probes.
        budget: Seconds or blocks, beside the products.

    Returns:
        The estimate; its message says why it stopped.

    Raises:
        ArgumentError: Not square, falsely symmetric, or products that change between calls.
        NumericalError: A product is not finite.

    >>> from fivefold.linalg import Diagonal, Product
    >>> trace(Diagonal([1.0, 2.0])).value
    3.0
    >>> import torch
    >>> d = Diagonal(torch.linspace(1.0, 2.0, 200, dtype=torch.float64))
    >>> e = trace(Product(d, d, symmetric=True), products=60)
    >>> low, high = e.interval(0.999)
    >>> low < float((d.entries**2).sum()) < high, e.products <= 60, e.method
    (True, True, 'hutchinson')
    """
    operator = as_operator(A)
    require_matrix(operator, "A", square=True)
    names = ("auto", "hutch++", "hutchinson", "xtrace")
    require(method in names, f"a method among {names}", repr(method))
    n = operator.shape[0]
    most, exactly = reserve(products, n, n)
    known, rest = split_known(operator)
    offset = 0.0 if known is None else float(known.sum())
    goal = Goal(tolerance, absolute, max(4, most), offset)
    if rest is None:
        return exact(offset, "the diagonal is known", seed=seed)
    prober = Prober(rest, seed, "trace")
    if exactly and (n <= _SMALL or most < 4 or max(tolerance, absolute) == 0):
        return _all_columns(prober, offset, seed)
    run: Iteration[TraceState] | Iteration[LeaveOneOut]
    if method == "xtrace":
        scheme = ExchangeableProbes(prober, goal)
        run = drive(scheme, budget)
        value, error = float(run.state.value), scheme.numbers(run.state)[1]
        degrees = float(run.state.samples.shape[-1] - 1)
        chosen, kind = "xtrace", Kind.INDICATOR
    else:
        estimator = HutchPlusPlus(prober, goal, deflate=False if method == "hutchinson" else None)
        run = drive(estimator, budget)
        value, error = run.state.value, estimator.error(run.state)
        degrees = float(run.state.forms.numel() - 1)
        chosen = "hutch++" if run.state.part.Q.shape[1] else "hutchinson"
        kind = Kind.STATISTICAL
    if not run.status.succeeded and exactly:
        # What is left of the tolerance costs more than the n products of the exact answer.
        return _all_columns(prober, offset, seed)
    value += offset
    certificates = (
        _claim(value, error, degrees, kind),
        goal.certificate(value - offset, error, kind),
    )
    history = {**run.history, "value": [v + offset for v in run.history["value"]]}
    return Estimate(
        value,
        error,
        degrees,
        products=prober.products,
        seed=seed,
        method=chosen,
        status=run.status,
        history=history,
        certificates=certificates,
        message=stopped(run.status),
    )


def _all_columns(prober: Prober, offset: float, seed: int) -> Estimate:
    value = offset + float(prober.diagonal().sum())
    return exact(value, "products with every unit vector", products=prober.products, seed=seed)


def _claim(value: float, error: float, degrees: float, kind: Kind) -> Certificate:
    if kind is Kind.STATISTICAL:
        why = "t interval; the variance of a probe from the norms of the images of the probes"
        return covering(value, error, degrees, 0.0, why)
    return Certificate(
        "the spread of the leave-one-out values is of the size of the error",
        kind,
        None,
        value=error,
        assumptions=("the leave-one-out values are correlated: no rate of covering is claimed",),
        method="sqrt(sum (t_i - mean)^2 / (m (m - 1)))",
    )
