"""An upper bound of the spectral norm that holds with a stated probability."""

import math

import torch

from fivefold.core import require
from fivefold.linalg.operator import LinearOperator
from fivefold.linalg.probes import Prober
from fivefold.linalg.stochastic_lanczos import lanczos_rules


def norm_bound(A: LinearOperator, *, failure: float = 1e-6, steps: int = 20, seed: int = 0) -> float:
    r"""Return a number that :math:`\|A\|_2` exceeds with probability at most ``failure``.

    .. math::
        \|A\|_2^2 \le \frac{\theta_k}{1 - \varepsilon}, \qquad
        1.648 \sqrt n \, e^{-\sqrt\varepsilon (2k - 1)} = \text{failure}

    :math:`\theta_k` is the largest Ritz value of :math:`A^\top A` after k Lanczos steps from a start that is
    uniform on the sphere; so the bound needs no gap and no decay.

    Source: J. Kuczynski and H. Wozniakowski, "Estimating the largest eigenvalue by the power and Lanczos
    algorithms with a random start", SIAM J. Matrix Anal. Appl. 13 (1992), theorem 4.2.

    Args:
        A: ``[m, n]``.
        failure: Between 0 and 1.
        steps: k; each is a product with A and one with its adjoint. More are made where k is too few for the
            bound to exist.
        seed: Of the start.

    Returns:
        The bound, at least the largest Ritz value's root.

    Raises:
        ArgumentError: Failure outside 0..1, or no steps.

    >>> from fivefold.linalg import Diagonal
    >>> top = norm_bound(Diagonal([-3.0, 2.0, 1.0, 0.5] * 20))
    >>> 3.0 <= top < 3.7
    True
    """
    from fivefold.linalg.gram_operator import gram

    require(0 < failure < 1, "a probability of failure between 0 and 1", failure)
    require(steps >= 1, "at least one step", steps)
    n = A.shape[1]
    needed = math.log(1.648 * math.sqrt(n) / failure)
    k = max(steps, math.ceil((needed / 0.9 + 1) / 2))
    squared = gram(A)
    # Not checked: what is left of a cancellation is rounding noise, and no product of it is symmetric.
    rule = lanczos_rules(Prober(squared, seed, "norm bound"), 1, min(k, n), check=False)
    nodes, _ = rule.gauss()
    theta = max(float(nodes.max()), 0.0)
    if rule.depth == n:
        return math.sqrt(theta) * (1 + 100 * n * float(torch.finfo(A.dtype).eps))
    epsilon = (needed / (2 * k - 1)) ** 2
    return math.sqrt(theta / (1 - epsilon)) if epsilon < 1 else math.inf
