"""Backpropagation: the chain rule, read from the loss backwards, so that every slope is computed once.

    values   aₗ = tanh(aₗ₋₁ Wₗ + bₗ)                       forward; the last layer has no tanh
    slopes   δₗ = (δₗ₊₁ Wₗ₊₁ᵀ) ⊙ (1 − aₗ²)                backward, starting from ∂L/∂(output)
    weights  ∂L/∂Wₗ = aₗ₋₁ᵀ δₗ,   ∂L/∂bₗ = Σ_rows δₗ

All gradients together cost about two more forward passes, however many weights there are.

Source: Rumelhart, Hinton and Williams (1986), Nature 323, 533–536.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Layers = list[tuple[Array, Array]]  # a weight matrix [inputs, outputs] and a bias [outputs] a layer


def forward(layers: Layers, x: Array) -> list[Array]:
    """Return the values of every layer for the rows x [n, d], from the input to the output.

    >>> layers = [(np.array([[2.0]]), np.array([0.0])), (np.array([[3.0]]), np.array([1.0]))]
    >>> [float(value.item().__round__(3)) for value in forward(layers, np.array([[0.5]]))]
    [0.5, 0.762, 3.285]
    """
    values = [x]
    for depth, (W, b) in enumerate(layers, start=1):
        z = values[-1] @ W + b
        values.append(z if depth == len(layers) else np.tanh(z))
    return values


def loss(layers: Layers, x: Array, y: Array) -> float:
    """Return half the squared error, averaged over the rows: Σ (output − y)² / 2n."""
    return float(np.sum((forward(layers, x)[-1] - y) ** 2) / (2 * len(x)))


def backward(layers: Layers, x: Array, y: Array) -> Layers:
    """Return the gradient of the loss, in the shape of the layers.

    >>> layers = [(np.array([[2.0]]), np.array([0.0])), (np.array([[3.0]]), np.array([1.0]))]
    >>> (dW1, db1), (dW2, db2) = backward(layers, np.array([[0.5]]), np.array([[3.0]]))
    >>> round(dW2.item(), 4), round(dW1.item(), 4)
    (0.2169, 0.1794)
    """
    values = forward(layers, x)
    gradients: Layers = []
    delta = (values[-1] - y) / len(x)
    for depth in reversed(range(len(layers))):
        W, _ = layers[depth]
        below = values[depth]
        gradients.insert(0, (below.T @ delta, delta.sum(axis=0)))
        if depth > 0:
            delta = (delta @ W.T) * (1.0 - below**2)  # tanh′ = 1 − tanh², from the value kept on the way up
    return gradients
