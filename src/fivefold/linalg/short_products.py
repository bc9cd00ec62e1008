"""Sums of products over many rows whose rounding is that of a few."""

import torch
from torch import Tensor

from fivefold.linalg.doubled import two_sum

SHORT = 128
"""Rows that are multiplied at a time: the proven rounding of a product grows with them."""


def short_products(P: Tensor, Q: Tensor) -> tuple[Tensor, Tensor]:
    r"""Return :math:`P^\top Q` as an unevaluated sum of two, rounded as a product of 128 rows is.

    .. math:: |\hat G - G|_{jk} \le \gamma_{128} \, (|P|^\top |Q|)_{jk} + O(u^2)

    Source: N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., section 3.1, for blocks.

    Args:
        P: ``[m, n]``.
        Q: ``[m, k]``.

    >>> one = torch.ones(300, 1, dtype=torch.float64)
    >>> [t.item() for t in short_products(one, one)]
    [300.0, 0.0]
    """
    whole = P.shape[0] // SHORT * SHORT
    terms = P[:whole].reshape(-1, SHORT, P.shape[1]).mT @ Q[:whole].reshape(-1, SHORT, Q.shape[1])
    if whole < P.shape[0]:
        terms = torch.cat([terms, (P[whole:].mT @ Q[whole:])[None]])
    rest = torch.zeros_like(terms[0])
    while len(terms) > 1:
        half = len(terms) // 2
        odd = terms[2 * half :]
        terms, errors = two_sum(terms[:half], terms[half : 2 * half])
        rest = rest + errors.sum(dim=0)
        terms = torch.cat([terms, odd])
    return terms[0], rest
