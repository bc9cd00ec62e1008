"""Activation functions: the bend between two layers, without which a deep net is one matrix.

    sigmoid  σ(z) = 1 / (1 + e⁻ᶻ)     σ′ = σ (1 − σ) ≤ 1/4
    tanh     tanh(z)                  tanh′ = 1 − tanh² ≤ 1
    relu     max(z, 0)                1 where z > 0, else 0
    silu     z σ(z)                   σ (1 + z (1 − σ))

The gradient of an early layer is a product of one slope a layer: with σ′ ≤ 1/4, ten layers leave a millionth.

Source: Glorot and Bengio (2010), AISTATS; He et al. (2015), ICCV; Elfwing et al. (2018), Neural Networks 107.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def activate(name: str, z: Array) -> tuple[Array, Array]:
    """Return the value and the slope of an activation, entry by entry.

    >>> value, slope = activate("sigmoid", np.array([0.0]))
    >>> value, slope
    (array([0.5]), array([0.25]))
    """
    s = 0.5 * (1.0 + np.tanh(0.5 * z))  # the sigmoid, without an exponential that overflows
    match name:
        case "sigmoid":
            return s, s * (1.0 - s)
        case "tanh":
            return np.tanh(z), 1.0 - np.tanh(z) ** 2
        case "relu":
            return np.maximum(z, 0.0), (z > 0.0).astype(np.float64)
        case "silu":
            return z * s, s * (1.0 + z * (1.0 - s))
    raise ValueError(f"expected sigmoid, tanh, relu or silu; got {name!r}")


def gradient_by_layer(name: str, weights: list[Array], x: Array) -> Array:
    """Send rows x [n, d] up through square layers and a slope back down; return its size at each layer.

    The size is ‖δₗ‖ / ‖g‖: g is a fixed slope at the output, δₗ what is left of it at layer l.

    >>> gradient_by_layer("sigmoid", [np.eye(2)] * 3, np.zeros((1, 2))).round(4)
    array([0.0134, 0.0534, 0.2273])
    """
    slopes = []
    for W in weights:
        x, slope = activate(name, x @ W)
        slopes.append(slope)
    g = np.cos(np.arange(x.size)).reshape(x.shape)
    scale, sizes = np.linalg.norm(g), []
    for W, slope in zip(reversed(weights), reversed(slopes), strict=True):
        delta = g * slope  # the slope at this layer's input z
        sizes.append(np.linalg.norm(delta) / scale)
        g = delta @ W.T
    return np.array(sizes[::-1])
