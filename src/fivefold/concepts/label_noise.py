"""Label noise: wrong labels cap the score that can be seen, and lopsided ones move the boundary.

    P(seen = j | x) = Σᵢ Tᵢⱼ P(true = i | x)        T: rows sum to one, Tᵢⱼ = P(seen j | true i)
    flips at rate ρ to any other of K classes:   accuracy seen = a (1 − ρ) + (1 − a) ρ/(K − 1) ≤ 1 − ρ
    forward:  ℓ(x, j) = −log (Tᵀ p(x))ⱼ        backward:  ℓ̃(x, ·) = T⁻¹ ℓ(x, ·),  so that E ℓ̃ = ℓ

Noise that treats all classes alike leaves the best boundary in its place; flips from one class to the other
shift it. If T is known, the forward loss fits the true classes, though it sees only the wrong labels.

Source: Natarajan, Dhillon, Ravikumar and Tewari (2013); Patrini, Rozza, Menon, Nock and Qu (2017).
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def seen_accuracy(accuracy: Array, flips: float, classes: int = 2) -> Array:
    """Return the accuracy on noisy labels of a model that has this accuracy on true ones.

    >>> seen_accuracy(np.array([1.0, 0.9, 0.5]), flips=0.2).round(12)
    array([0.8 , 0.74, 0.5 ])
    """
    return np.asarray(accuracy * (1.0 - flips) + (1.0 - accuracy) * flips / (classes - 1), dtype=np.float64)


def softmax(logits: Array) -> Array:
    """Return probabilities from scores [n, K], row by row."""
    grown = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))


def forward_loss(logits: Array, labels: NDArray[np.int64], T: Array) -> tuple[float, Array]:
    """Return the mean forward-corrected loss and its gradient by the logits, [n, K]; T = I corrects nothing.

    >>> loss, gradient = forward_loss(np.zeros((1, 2)), np.array([0]), np.array([[1.0, 0.0], [0.5, 0.5]]))
    >>> round(float(np.exp(-loss)), 12), gradient.round(12)
    (0.75, array([[-0.16666667,  0.16666667]]))
    """
    p, rows = softmax(logits), np.arange(len(labels))
    seen = (p @ T)[rows, labels]
    blame = p * T[:, labels].T / seen[:, None]  # P(true = i | seen label, x)
    return float(-np.mean(np.log(seen))), np.asarray((p - blame) / len(labels))


def backward_loss(logits: Array, T: Array) -> Array:
    """Return the corrected loss of each label it could have, [n, K]: its mean over the flips is the true one.

    >>> T, z = np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([[0.0, 1.0]])
    >>> T @ backward_loss(z, T)[0] + np.log(softmax(z)[0]) < 1e-12
    array([ True,  True])
    """
    return np.asarray(np.linalg.solve(T, -np.log(softmax(logits)).T).T)


def boundary(from_zero: float, from_one: float, gap: float = 2.0) -> float:
    """Return where the best guess of the seen label changes, for classes N(±gap/2, 1), one as frequent.

    >>> boundary(0.3, 0.3), round(boundary(0.0, 0.4), 4)
    (0.0, 0.8047)
    """
    return float(np.log((0.5 - from_zero) / (0.5 - from_one)) / gap)
