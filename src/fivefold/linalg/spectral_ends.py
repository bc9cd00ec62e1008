"""Numbers beyond both ends of the spectrum of a symmetric operator, with a stated probability."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.core import require
from fivefold.linalg.operator import LinearOperator
from fivefold.linalg.probes import Prober
from fivefold.linalg.stochastic_lanczos import lanczos_rules


@dataclass(frozen=True, eq=False)
class Ends:
    """What Lanczos shows of the two ends of a spectrum.

    Args:
        low: The smallest eigenvalue is at least this, but for the probability of failure.
        lowest: The smallest Ritz value: the smallest eigenvalue is at most this.
        highest: The largest Ritz value: the largest eigenvalue is at least this.
        high: The largest eigenvalue is at most this, but for the probability of failure.
        products: Products made.
    """

    low: float
    lowest: float
    highest: float
    high: float
    products: int


def spectral_ends(A: LinearOperator, *, steps: int, failure: float = 1e-6, seed: int = 0) -> Ends:
    r"""Return bounds of both ends of the spectrum of a symmetric operator, known by its products.

    With v uniform on the sphere and :math:`p_k` the k-th Lanczos polynomial, :math:`\|p_k(A) v\| = 1`, so
    that an eigenvalue :math:`\lambda` beyond the Ritz values has
    :math:`|p_k(\lambda)| \, |\gamma| \le 1` with :math:`\gamma` the part of v along its eigenvector. Hence

    .. math:: \lambda_{\max} \le x \quad \text{for} \quad p_k(x) = \frac 1 \delta, \; x > \theta_{\max},
              \qquad P(|\gamma| < \delta) \le \delta \sqrt{2 n / \pi} = \tfrac 1 2 \, \text{failure}

    and likewise at the lower end. It needs no gap, and uses one where there is one.

    Source: J. van Dorsselaer, M. Hochstenbach, H. van der Vorst, "Computing probabilistic bounds for extreme
    eigenvalues of symmetric matrices with the Lanczos method", SIAM J. Matrix Anal. Appl. 22 (2000).

    Args:
        A: Symmetric ``[n, n]``; the claim is the caller's.
        steps: k, at least 1.
        failure: Probability that one of the two bounds is wrong, between 0 and 1.
        seed: Of the start.

    Returns:
        Both bounds, widened by what rounding of the products can do.

    Raises:
        ArgumentError: A failure outside 0..1, or no steps.
        NumericalError: A product is not finite.

    >>> from fivefold.linalg import Diagonal
    >>> ends = spectral_ends(Diagonal(torch.linspace(-1, 3, 500).double()), steps=100)
    >>> 3.0 <= ends.high < 3.02, -1.02 < ends.low <= -1.0
    (True, True)
    """
    require(0 < failure < 1, "a probability of failure between 0 and 1", failure)
    require(steps >= 1, "at least one step", steps)
    n = A.shape[0]
    rule = lanczos_rules(Prober(A, seed, "spectral ends"), 1, min(steps, n), check=False)
    nodes, _ = rule.gauss()
    lowest, highest = float(nodes.min()), float(nodes.max())
    target = math.log(2 / failure) + 0.5 * math.log(2 * n / math.pi)
    alpha, beta = rule.alpha[:, 0], rule.beta[:, 0]
    size = max(abs(lowest), abs(highest))
    slack = 100 * math.sqrt(n) * float(torch.finfo(A.dtype).eps) * size
    high = _crossing(alpha, beta, highest, target) + slack
    low = -_crossing(-alpha, beta, -lowest, target) - slack
    return Ends(low, lowest, highest, high, rule.depth)


def _crossing(alpha: Tensor, beta: Tensor, theta: float, target: float) -> float:
    """The point above theta where the logarithm of the last Lanczos polynomial reaches the target."""
    if float(beta[-1]) <= 0:
        return theta  # the Krylov space is complete: a random start misses nothing
    a: list[float] = alpha.tolist()
    b: list[float] = beta.tolist()

    def reached(x: float) -> bool:
        total, before = 0.0, math.inf
        for j, (diagonal, coupling) in enumerate(zip(a, b, strict=True)):
            ratio = (x - diagonal - (b[j - 1] / before if j else 0.0)) / coupling
            if not ratio > 0:
                return False  # rounding beside a Ritz value
            total, before = total + math.log(ratio), ratio
        return total >= target

    width = max(b[-1], 1e-14 * abs(theta))
    while not reached(theta + width) and width < 1e300:
        width *= 2
    inside, outside = 0.0, width
    for _ in range(60):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if reached(theta + middle) else (middle, outside)
    return theta + outside
