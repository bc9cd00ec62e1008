"""What a set of singular values says: how many directions count, and how badly they are scaled."""

from dataclasses import dataclass

import numpy as np

from fivefold.core import require
from fivefold.linalg.arrays import Array, to_tensor


@dataclass(frozen=True, eq=False)
class EffectiveRank:
    """How many directions a matrix uses.

    Args:
        stable: Squared Frobenius norm over squared spectral norm; between 1 and the rank; 0 for zero.
        entropy: Exponential of the entropy of the normalised singular values; between 1 and the rank.
        numerical: How many singular values are above rounding.
    """

    stable: float
    entropy: float
    numerical: int


def effective_rank(singular_values: Array) -> EffectiveRank:
    r"""Return the stable rank and the entropy rank of a matrix with these singular values.

    .. math::
        r_\text{stable} = \frac{\sum_i \sigma_i^2}{\max_i \sigma_i^2}, \qquad
        r_\text{entropy} = \exp\Big(-\sum_i p_i \log p_i\Big), \quad p_i = \frac{\sigma_i}{\sum_j \sigma_j}

    Source: O. Roy and M. Vetterli, "The effective rank", EUSIPCO 2007; M. Rudelson and R. Vershynin,
    J. ACM 54 (2007), for the stable (numerical) rank.

    Args:
        singular_values: ``[r]``, not negative, in any order.

    Returns:
        Both ranks, and the number of values above :math:`r \, u \, \sigma_{\max}`.

    Raises:
        ArgumentError: Empty, negative or not finite.

    >>> r = effective_rank([3.0, 3.0, 0.0])
    >>> round(r.stable, 12), round(r.entropy, 12), r.numerical
    (2.0, 2.0, 2)
    """
    s, top = _checked(singular_values)
    if top == 0.0:
        return EffectiveRank(0.0, 0.0, 0)
    relative = s / top
    p = relative[relative > 0] / relative.sum()
    entropy = float(np.exp(-(p * np.log(p)).sum()))
    numerical = int((relative > s.size * np.finfo(np.float64).eps).sum())
    return EffectiveRank(float((relative**2).sum()), entropy, numerical)


def condition(singular_values: Array) -> float:
    r"""Return :math:`\kappa_2 = \sigma_{\max} / \sigma_{\min}`, infinite where the smallest is zero.

    Args:
        singular_values: ``[r]``, not negative, in any order.

    Raises:
        ArgumentError: Empty, negative or not finite.

    >>> condition([4.0, 2.0]), condition([1.0, 0.0])
    (2.0, inf)
    """
    s, top = _checked(singular_values)
    low = float(s.min())
    return float(top / low) if low > 0 else float("inf")


def _checked(singular_values: Array) -> tuple[np.ndarray, float]:
    s = to_tensor(singular_values, "the singular values", dims=(1,)).detach().cpu().double().numpy()
    require(bool((s >= 0).all()), "singular values that are not negative", float(s.min()))
    return s, float(s.max())
