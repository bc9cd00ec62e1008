"""Entropy, divergence and mutual information of classes, from their counts."""

import math
from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np

from fivefold.core import Certificate, DataError, Kind, require
from fivefold.probability.information.estimate import InformationEstimate
from fivefold.probability.samples import Array, as_counts, as_sample

Correction = Literal["miller-madow", "jackknife", "none"]


def count_table(x: Any, y: Any = None) -> Array:
    """Count the labels of one variable ``[n]``, or of two together.

    Args:
        x: Labels ``[n]`` of any kind that can be sorted.
        y: Labels of the second variable, or ``None``.

    Returns:
        ``[K]``, or ``[K, L]``, in the sorted order of the labels.

    Raises:
        DataError: No labels, missing ones, or two variables of different lengths.

    >>> count_table(["a", "b", "a"]), count_table([0, 0, 1], [1, 1, 0])
    (array([2., 1.]), array([[0., 2.], [1., 0.]]))
    """
    rows, K = _codes(x, "x")
    if y is None:
        return np.bincount(rows, minlength=K).astype(np.float64)
    columns, L = _codes(y, "y")
    if len(rows) != len(columns):
        raise DataError("x and y of one length", f"{len(rows)} and {len(columns)} labels")
    return np.bincount(rows * L + columns, minlength=K * L).reshape(K, L).astype(np.float64)


def discrete_entropy(counts: Any, correction: Correction = "miller-madow") -> InformationEstimate:
    r"""Estimate the entropy :math:`H = -\sum_k p_k \log p_k` of classes from their counts.

    .. math:: \hat H = -\sum_k \hat p_k \log \hat p_k + \frac{m - 1}{2n}, \qquad
              \mathrm{se}^2 = \max\left(\frac{\sum_k \hat p_k \log^2 \hat p_k - \hat H_0^2}{n}, v\right),
              \quad v = \frac{m - 1}{2 n^2}

    with m classes seen. The first variance is the delta method's. It vanishes where all classes are equally
    probable; there v is left, because :math:`2 n (\log m - \hat H_0)` is chi-squared.

    Source: Miller 1955, "Note on the bias of information estimates"; Basharin 1959, Theory Prob. Appl. 4;
    Harris 1975, "The statistical estimation of entropy in the non-parametric case"; for the jackknife Efron &
    Stein 1981, Annals of Statistics 9.

    Args:
        counts: ``[K]``, of every class; :func:`count_table` makes them of labels.
        correction: Of the bias: ``"miller-madow"``, ``"jackknife"`` (which gives its own standard error), or
            ``"none"``, the maximum of the likelihood.

    Raises:
        DataError: Negative or fractional counts, or none.
        ArgumentError: No such correction, or the jackknife of a single observation.

    >>> discrete_entropy([50, 50], "none").bits
    1.0
    """
    y = as_counts(counts, "counts")
    n = float(y.sum())
    seen = y[y > 0]
    m = len(seen)

    def parts(table: Array, total: float) -> tuple[float, float, float]:
        p = table[table > 0] / total
        logs = np.log(p)
        H = -float(p @ logs)
        least = (m - 1) / (2 * n * n)
        return H, n * least, max((float(p @ np.square(logs)) - H * H) / n, least)

    value, error, how = _correct(y, parts, correction)
    coverage = _coverage(y, n)
    return InformationEstimate("entropy", value, error, math.inf, int(n), how, 0.0, coverage)


def discrete_mutual_information(table: Any, correction: Correction = "miller-madow") -> InformationEstimate:
    r"""Estimate the mutual information of two classes from the table of their counts.

    .. math:: \hat I = \sum_{kl} \hat p_{kl} \log \frac{\hat p_{kl}}{\hat p_k \hat q_l}
              - \frac{m_{xy} - m_x - m_y + 1}{2n}

    with m the numbers of cells, rows and columns that were seen. Its variance is the delta method's, and at
    least :math:`v = (m_x - 1)(m_y - 1) / (2 n^2)`, what is left under independence, where
    :math:`2 n \hat I` is chi-squared.

    Source: Miller 1955; Roulston 1999, "Estimating the errors on measured entropy and mutual information",
    Physica D 125.

    Args:
        table: ``[K, L]``; :func:`count_table` makes it of labels.
        correction: As for :func:`discrete_entropy`.

    Raises:
        DataError: Negative or fractional counts, or none.
        ArgumentError: No such correction.

    >>> discrete_mutual_information([[50, 0], [0, 50]], "none").bits
    1.0
    """
    y = as_counts(table, "the table", dims=2)
    n = float(y.sum())
    mx, my, mxy = int((y.sum(1) > 0).sum()), int((y.sum(0) > 0).sum()), int((y > 0).sum())

    def parts(counts: Array, total: float) -> tuple[float, float, float]:
        p = counts / total
        joint = p > 0
        independent = np.outer(p.sum(1), p.sum(0))
        logs = np.log(p[joint] / independent[joint])
        value = float(p[joint] @ logs)
        first, least = (float(p[joint] @ np.square(logs)) - value**2) / n, (mx - 1) * (my - 1) / (2 * n * n)
        return value, -(mxy - mx - my + 1) / (2 * n), max(first, least)

    value, error, how = _correct(y, parts, correction)
    coverage = _coverage(y.reshape(-1), n)
    return InformationEstimate("mutual information", value, error, math.inf, int(n), how, 0.0, coverage)


def discrete_divergence(
    counts: Any, reference: Any, correction: Correction = "miller-madow"
) -> InformationEstimate:
    r"""Estimate the Kullback-Leibler divergence :math:`\sum_k p_k \log(p_k / q_k)` from two samples' counts.

    .. math:: \hat D = \sum_k \hat p_k \log\frac{\hat p_k}{\hat q_k} - \frac{m - 1}{2n}
              - \frac{1}{2 n'} \sum_k \hat p_k \left( \frac1{\hat q_k} - 1 \right)

    Each correction is the second term of a Taylor series, as Miller's is for the entropy. The variance is the
    delta method's for both samples, and at least
    :math:`v = \tfrac12 (m - 1) (1/n + 1/n')^2`, what is left for p = q.

    Source: Kullback 1959, "Information Theory and Statistics", chapter 6; Efron & Stein 1981.

    Args:
        counts: Of the first sample, ``[K]``.
        reference: Counts of the second ``[K]``; whole numbers of at least 1 wherever the first has some.
        correction: As for :func:`discrete_entropy`.

    Raises:
        DataError: Impossible counts, or a class that the second sample lacks: the divergence is then infinite
            or too uncertain to be estimated.
        ArgumentError: Another number of classes, or no such correction.

    >>> discrete_divergence([10, 30], [10, 30], "none").value
    0.0
    """
    y, z = as_counts(counts, "counts"), as_counts(reference, "the reference")
    require(len(y) == len(z), f"{len(y)} reference counts, one per class", len(z))
    lost = int(((y > 0) & (z == 0)).sum())
    if lost:
        raise DataError(
            "a reference that has every class of the counts",
            f"{lost} classes without one",
            "merge rare classes",
        )
    n, other = float(y.sum()), float(z.sum())
    m = int((y > 0).sum())

    def both(first: Array, second: Array) -> tuple[float, float, float]:
        p, q = first / first.sum(), second / second.sum()
        inside = (p > 0) & (q > 0)
        p, q = p[inside], q[inside]
        logs = np.log(p / q)
        value = float(p @ logs)
        bias = (m - 1) / (2 * n) + float(p @ (1 / q - 1)) / (2 * other)
        variance = max(float(p @ np.square(logs)) - value**2, 0) / n
        variance += max(float(np.square(p) @ (1 / q)) - float(p.sum()) ** 2, 0) / other
        least = (m - 1) / 2 * (1 / n + 1 / other) ** 2
        return value, -bias, max(variance, least)

    value, error, how = _correct(y, lambda table, _: both(table, z), correction)
    if correction == "jackknife":
        lone = int(((z == 1) & (y > 0)).sum())
        require(lone == 0, "reference counts of at least 2 for the jackknife", f"{lone} classes with 1")
        second, more, _ = _correct(z, lambda table, _: both(y, table), correction)
        plain = both(y, z)[0]
        # Both spreads are floored at the variance of the two samples together, which counts once.
        floor = both(y, z)[2]
        value, error = value + second - plain, math.sqrt(max(error**2 + more**2 - floor, floor))
    return InformationEstimate(
        "divergence", value, error, math.inf, int(n + other), how, 0.0, _coverage(y, n) + _coverage(z, other)
    )


def _correct(
    y: Array, parts: Callable[[Array, float], tuple[float, float, float]], correction: Correction
) -> tuple[float, float, str]:
    require(correction in get_args(Correction), f"a correction among {get_args(Correction)}", correction)
    n = float(y.sum())
    value, bias, variance = parts(y, n)
    if correction == "none":
        return value, math.sqrt(variance), "plug-in, delta method"
    if correction == "miller-madow":
        return value + bias, math.sqrt(variance), "Miller-Madow, delta method"
    require(n >= 2, "at least 2 observations for the jackknife", int(n))
    # Leaving out any observation of one cell gives the same table: one evaluation per cell, not per row.
    cells = np.argwhere(y > 0)
    left, weight = np.empty(len(cells)), np.empty(len(cells))
    for i, cell in enumerate(cells):
        less = y.copy()
        less[tuple(cell)] -= 1
        left[i], weight[i] = parts(less, n - 1)[0], y[tuple(cell)] / n
    centre = float(weight @ left)
    spread = (n - 1) * float(weight @ np.square(left - centre))
    # Where all classes are equal the leave-one-out values agree: the second-order term remains.
    return n * value - (n - 1) * centre, math.sqrt(max(spread, variance)), "jackknife"


def _coverage(y: Array, n: float) -> tuple[Certificate, ...]:
    once = float((y == 1).sum()) / n
    return (
        Certificate(
            "The classes not seen have less than 5% of the probability",
            Kind.INDICATOR,
            once < 0.05,
            bound=0.05,
            value=once,
            assumptions=("independent observations",),
            method="Good-Turing: the share of observations whose class was seen once",
        ),
    )


def _codes(x: Any, name: str) -> tuple[Any, int]:
    values = np.asarray(x)
    if values.ndim != 1 or len(values) == 0:
        raise DataError(f"{name} as a nonempty vector of labels", f"shape {values.shape}")
    if values.dtype.kind in "fc":
        as_sample(values, name, least=1)
    try:
        labels, codes = np.unique(values, return_inverse=True)
    except TypeError as error:
        raise DataError(f"labels of one kind in {name}", str(error), "drop missing labels") from error
    return codes, len(labels)
