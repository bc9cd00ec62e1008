"""The gradient noise scale: how large a batch must be before its slope is more signal than noise.

    B_simple = tr Σ / |G|²        B_noise = tr(H Σ) / Gᵀ H G        G = E gᵢ,  Σ = Cov gᵢ over rows
    best rate η(B) = η_max / (1 + B_noise/B)        gain of that step ΔF(B) = ΔF_max / (1 + B_noise/B)

Far below the noise scale twice the batch does twice the work; far above it, hardly more. η_max = |G|² / GᵀHG
and ΔF_max = ½ |G|⁴ / GᵀHG belong to the whole gradient, on the quadratic that fits here.

Source: McCandlish, Kaplan, Amodei et al., An empirical model of large-batch training (2018), section 2, A.1.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def noise_scale(gradients: Array, hessian: Array | None = None) -> float:
    """Return B_noise of the rows' gradients [N, n], drawn with repeats; B_simple where H is not given.

    >>> noise_scale(np.array([[1.0, 1.0], [1.0, -1.0]])), noise_scale(np.array([[4.0], [2.0]]), np.eye(1))
    (1.0, 0.1111111111111111)
    """
    G = gradients.mean(axis=0)
    H = np.eye(len(G)) if hessian is None else hessian
    away = gradients - G
    return float(np.mean(np.sum(away @ H * away, axis=1)) / (G @ H @ G))


def from_two_batches(small: float, large: float, few: int, many: int) -> tuple[float, float]:
    """Return |G|² and tr Σ, unbiased, from the squared norms |g|² of a batch of ``few`` and one of ``many``.

    Average both over many steps before dividing them: the ratio of two noisy numbers is far off.

    >>> from_two_batches(small=3.0, large=2.0, few=1, many=2)  # E |g|² = |G|² + tr Σ / B
    (1.0, 2.0)
    """
    squared = (many * large - few * small) / (many - few)
    return squared, (small - large) / (1.0 / few - 1.0 / many)


def share_of_the_gain(batch: Array, scale: float) -> Array:
    """Return ΔF(B) / ΔF_max, which is η(B) / η_max as well: one half at the noise scale.

    >>> share_of_the_gain(np.array([1.0, 100.0, 10000.0]), 100.0).round(4)
    array([0.0099, 0.5   , 0.9901])
    """
    return np.asarray(1.0 / (1.0 + scale / batch), dtype=np.float64)


def expected_gain(gradient: Array, hessian: Array, scale: float, batch: float, rate: float) -> float:
    """Return by how much a step at this rate lowers a quadratic on average, for this batch and noise scale.

    >>> expected_gain(np.array([2.0]), np.eye(1), scale=1.0, batch=1.0, rate=0.5)
    1.0
    """
    bend = float(gradient @ hessian @ gradient)
    return float(rate * (gradient @ gradient) - 0.5 * rate**2 * bend * (1.0 + scale / batch))
