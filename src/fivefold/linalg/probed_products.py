"""Products of float32 rows in float32, with their rounding measured by random probes in float64."""

import math
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from fivefold.core import torch_generator
from fivefold.linalg.few_vectors import self_product
from fivefold.linalg.side_by_side import side_by_side

ROWS = 4096
"""Rows that are multiplied in float32 at a time; the products are added in float64."""
FAILURE = 1e-5
"""Probability with which the error may exceed its bound, over the choice of the probes."""
NARROW = 64
"""Columns below which the probes cost more than products in float32 save."""
_PROBES = 2
_PART = 1024
"""Rows that are converted to float64 at a time: they stay in the cache while the probes pass."""
_NEAR = 0.5
"""Means up to so many spreads: beyond them the products would lose digits that centring keeps."""
_UNIT = 2.0**-53


@dataclass(frozen=True, eq=False)
class ProbedProducts:
    r"""Sums and products of the columns of rows X near zero.

    Args:
        gram: :math:`\hat G \approx X^\top X` in float64, ``[n, n]``.
        sums: Of the columns, ``[n]``.
        error: Bound of :math:`\|\hat G - X^\top X\|_2`; fails with a probability of :data:`FAILURE` at most.
    """

    gram: Tensor
    sums: Tensor
    error: float


def probed_products(X: Tensor, k: int, resolved: float, *, seed: int = 0) -> ProbedProducts | None:
    r"""Multiply blocks of rows in float32, add the products in float64, and measure what rounding did.

    The worst case of rounding, :math:`|E| \le \gamma_{4096} |X|^\top |X|` with the unit of float32, is
    thousands of times what is seen, and the usual model (errors independent, :math:`\sqrt{4096}` for 4096;
    Higham and Mary, SIAM J. Sci. Comput. 41, 2019) cannot be checked. Neither is used: the error is measured.
    For s standard normal vectors :math:`g_i`, drawn without a look at the data, and any matrix E,

    .. math::
        \sum_{i \le s} \|E g_i\|_2^2 \ge \|E\|_2^2 \, \chi^2_s, \qquad
        P(\chi^2_s \le q) \le \frac{(q / 2)^{s / 2}}{\Gamma(s / 2 + 1)},

    and :math:`E g = \hat G g - X^\top (X g)` costs two products of a vector, made in float64, whose own
    rounding is added. So the bound holds whatever the order of summation, for underflow too.

    Args:
        X: ``[m, n]`` in float32, in memory, its rows contiguous.
        k: How many variances are wanted.
        resolved: The relative error that the k-th one may have.
        seed: Of the probes.

    Returns:
        ``None`` where the first rows show that it would be no use (their means are far from zero, or the
        error is too large), or where something is not finite.

    >>> X = torch.tensor([[1.0, 2.0], [-1.0, 2.0], [1.0, -2.0], [-1.0, -2.0]])
    >>> found = probed_products(X, 1, 1e-4)
    >>> found.gram.tolist(), found.error < 1e-8
    ([[4.0, 0.0], [0.0, 16.0]], True)
    """
    rows = X.numpy()
    m, n = rows.shape
    generator = torch_generator(seed, "probed products")
    probes = torch.randn((_PROBES, n), generator=generator, dtype=torch.float64).numpy()
    gram, sums, images = np.zeros((n, n)), np.zeros(n), np.zeros((_PROBES, n))
    seen = 0
    blocks = (rows[start : start + ROWS] for start in range(0, m, ROWS))
    with closing(side_by_side(partial(_of_block, probes), blocks)) as shares:
        for product, block_sums, block_images in shares:
            gram += product
            sums += block_sums
            images += block_images
            if not math.isfinite(gram.trace()):
                return None
            if seen == 0:
                seen = min(m, ROWS)
                error = _error(gram, probes, images, seen)
                if not _promising(gram, sums, error / resolved, k, seen, m):
                    return None
    return ProbedProducts(torch.from_numpy(gram), torch.from_numpy(sums), _error(gram, probes, images, m))


def _of_block(probes: np.ndarray, block: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The block's products in float32, and in float64 its columns' sums and the images of the probes."""
    n = block.shape[1]
    sums, images = np.zeros(n), np.zeros(probes.shape)
    pairs = list(zip(probes, images, strict=True))
    buffer, ones = np.empty((_PART, n)), np.ones(_PART)
    for first in range(0, len(block), _PART):
        part = block[first : first + _PART]
        wide = buffer[: len(part)]
        wide[...] = part
        # one vector at a time: a product with a few columns takes longer than its parts
        for g, image in pairs:
            image += wide.dot(g).dot(wide)
        sums += ones[: len(part)].dot(wide)
    return self_product(block), sums, images


def _error(gram: np.ndarray, probes: np.ndarray, images: np.ndarray, rows: int) -> float:
    n = len(gram)
    quantile = 2 * (FAILURE * math.gamma(_PROBES / 2 + 1)) ** (2 / _PROBES)
    # Dot products over n columns, over the rows of a part and over the parts; twice for the sums of columns.
    growth = 2 * (2 * n + _PART + rows / _PART + 8) * _UNIT * float(gram.trace())
    seen = float(np.linalg.norm(probes @ gram.T - images))
    return float((seen + growth * np.linalg.norm(probes)) / quantile**0.5 + 2 * growth)


def _promising(gram: np.ndarray, sums: np.ndarray, least: float, k: int, seen: int, rows: int) -> bool:
    """Whether the first rows have means near zero, and a k-th variance that the error leaves resolved."""
    from scipy.linalg import eigvalsh

    centred = gram - np.outer(sums, sums) / seen
    if bool((sums**2 / seen > _NEAR**2 * centred.diagonal()).any()):
        return False
    size, rank = float(gram.trace()), len(gram) - k
    if size == 0:
        return False
    # Six digits are enough here. Errors of blocks mostly cancel; where not, the bound at the end shows it.
    values = eigvalsh((centred / size).astype(np.float32), subset_by_index=(rank, rank), check_finite=False)
    return bool(least / size * (seen / rows) ** 0.5 <= values[0])
