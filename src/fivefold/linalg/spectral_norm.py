"""An upper bound of the spectral norm that holds with a stated probability."""

import math

import torch

from fivefold.core import require, torch_generator
from fivefold.linalg.operator import LinearOperator
from fivefold.linalg.probes import Prober
from fivefold.linalg.stochastic_lanczos import lanczos_rules


def block_norm_bound(A: LinearOperator, *, power: int = 2, probes: int = 6, seed: int = 0) -> float:
    r"""Return a number that :math:`\|A\|_2` exceeds with probability at most :math:`10^{-r}`, r the probes.

    .. math:: \|B\|_2 \le 10 \sqrt{2 / \pi} \max_{i \le r} \|B g_i\|_2, \qquad
              B = (A A^\top)^q A, \quad \|A\|_2 = \|B\|_2^{1 / (2q + 1)}

    with :math:`g_i` standard normal: 2q + 1 products with r columns at once, where :func:`norm_bound` takes
    forty with one column each. It overestimates more: by a factor of 3 where all of 5,000 values are alike.

    Source: N. Halko, P.-G. Martinsson, J. A. Tropp, SIAM Rev. 53 (2011), lemma 4.1.

    Args:
        A: ``[m, n]``.
        power: q, at least 0.
        probes: r, at least 1.
        seed: Of the probes.

    >>> from fivefold.linalg import Diagonal
    >>> 3.0 <= block_norm_bound(Diagonal([-3.0, 2.0, 1.0, 0.5] * 20)) < 9.0
    True
    """
    require(power >= 0, "a power of at least 0", power)
    require(probes >= 1, "at least one probe", probes)
    generator = torch_generator(seed, "block norm bound")
    block = torch.randn((A.shape[1], probes), generator=generator, dtype=torch.float64)
    image = A.apply(block.to(dtype=A.dtype, device=A.device))
    adjoint = A.adjoint()
    logarithm = math.log(10 * math.sqrt(2 / math.pi))
    for _ in range(power):
        size = float(image.norm())
        if not 0 < size < math.inf:
            return size
        logarithm += math.log(size)
        image = A.apply(adjoint.apply(image / size))
    top = float(image.double().norm(dim=0).max())
    return math.exp((logarithm + math.log(top)) / (2 * power + 1)) if 0 < top < math.inf else top


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
