"""Batch normalisation: every channel of a layer is brought to mean zero and variance one, over the batch.

    μ = (1/n) Σᵢ xᵢ        v = (1/n) Σᵢ (xᵢ − μ)²        x̂ᵢ = (xᵢ − μ) / √(v + ε)        yᵢ = γ x̂ᵢ + β
    training:    μ and v of this batch;  running:  m ← (1 − α) m + α μ,   V ← (1 − α) V + α v n/(n − 1)
    evaluation:  m and V instead, so that a row's answer no longer depends on its neighbours
    ∂L/∂xᵢ = γ/√(v + ε) · (gᵢ − mean g − x̂ᵢ · mean(g x̂))        gᵢ = ∂L/∂yᵢ

Moving or scaling a channel of the whole batch changes nothing (but for ε), so no slope points that way. A
batch of n is a noisy ruler: of variance about 1/n. In a picture, the rows of a channel are all its pixels.

Source: Ioffe and Szegedy (2015), ICML; small batches: Wu and He (2018), ECCV.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def moments(x: Array) -> tuple[Array, Array]:
    """Return mean and variance (divided by n) of each channel of x [rows, channels].

    >>> moments(np.array([[1.0, 0.0], [3.0, 0.0]]))
    (array([2., 0.]), array([1., 0.]))
    """
    return x.mean(axis=0), x.var(axis=0)


def normalised(x: Array, mean: Array, variance: Array, eps: float = 1e-5) -> Array:
    """Return x̂ [rows, channels], measured by this mean and variance.

    >>> normalised(np.array([[1.0], [3.0]]), np.array([2.0]), np.array([1.0]), eps=0.0).ravel()
    array([-1.,  1.])
    """
    return np.asarray((x - mean) / np.sqrt(variance + eps))


def running(old: tuple[Array, Array], x: Array, rate: float = 0.1) -> tuple[Array, Array]:
    """Return the running mean and variance after a batch x; the variance is made unbiased, by n/(n − 1).

    >>> running((np.array([0.0]), np.array([1.0])), np.array([[1.0], [3.0]]))
    (array([0.2]), array([1.1]))
    """
    mean, variance = moments(x)
    unbiased = variance * len(x) / (len(x) - 1)
    return (1.0 - rate) * old[0] + rate * mean, (1.0 - rate) * old[1] + rate * unbiased


def backward(x: Array, g: Array, gamma: Array, eps: float = 1e-5) -> tuple[Array, Array, Array]:
    """Return ∂L/∂x, ∂L/∂γ and ∂L/∂β in training, from g = ∂L/∂y [rows, channels].

    What is returned for x has mean zero and is at right angles to x̂, but for ε.

    >>> backward(np.array([[1.0], [3.0]]), np.array([[5.0], [7.0]]), np.array([1.0]), eps=0.0)[0].ravel()
    array([0., 0.])
    """
    mean, variance = moments(x)
    hat = normalised(x, mean, variance, eps)
    across = g - g.mean(axis=0) - hat * np.mean(g * hat, axis=0)
    return gamma / np.sqrt(variance + eps) * across, np.sum(g * hat, axis=0), g.sum(axis=0)
