"""Transfer: what was learnt on a task with many rows is a start for one with few, if the two are alike.

    fine-tuned:  ŵ = argmin_w |y − X w|² + λ |w − w₀|² = w₀ + (XᵀX + λ I)⁻¹ Xᵀ (y − X w₀)
    frozen:      ŵ = B v̂,   v̂ = argmin_v |y − X B v|²        B: k features that other tasks share
    y = X w* + noise σ²:  E |ŵ − w*|² = λ² |S (w₀ − w*)|² + σ² tr(S XᵀX S),   S = (XᵀX + λ I)⁻¹

w₀: the weights of the source. A large λ keeps them, a small one asks them only where the rows are silent.
A start from zero pays for |w*|, one from the source for |w₀ − w*|: with columns alike, a source further off
than zero harms (negative transfer).

Source: Chelba and Acero (2006); Yosinski, Clune, Bengio and Lipson (2014); Rosenstein et al. (2005).
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def fine_tune(X: Array, y: Array, start: Array, strength: float) -> Array:
    """Return ŵ [p] from the target's rows X [n, p], y [n], pulled towards ``start`` with λ > 0.

    >>> fine_tune(np.array([[1.0, 0.0]]), np.array([3.0]), np.array([1.0, 5.0]), strength=1.0)
    array([2., 5.])
    """
    A = X.T @ X + strength * np.eye(X.shape[1])
    return np.asarray(start + np.linalg.solve(A, X.T @ (y - X @ start)))


def shared_features(tasks: Array, k: int) -> Array:
    """Return B [p, k], orthonormal: the directions that the weights [p, tasks] of many tasks have in common.

    >>> abs(shared_features(np.array([[1.0, 2.0, -1.0], [0.0, 0.1, 0.0]]), 1)).round(2)
    array([[1.  ],
           [0.03]])
    """
    return np.asarray(np.linalg.svd(tasks, full_matrices=False)[0][:, :k])


def frozen(X: Array, y: Array, B: Array) -> Array:
    """Return ŵ = B v̂ [p]: the features stay as they are, only their k weights are learnt.

    >>> frozen(np.array([[1.0, 1.0], [2.0, 0.0]]), np.array([1.0, 2.0]), np.array([[1.0], [0.0]]))
    array([1., 0.])
    """
    return np.asarray(B @ np.linalg.lstsq(X @ B, y, rcond=None)[0])


def expected_error(X: Array, gap: Array, strength: float, noise: float) -> float:
    """Return E |ŵ − w*|² of fine-tuning over the noise σ² = ``noise``, where the gap is w₀ − w*.

    >>> expected_error(np.eye(2), np.array([2.0, 0.0]), strength=1.0, noise=0.5)
    1.25
    """
    G = X.T @ X
    S = np.linalg.inv(G + strength * np.eye(len(G)))
    return float(np.sum((strength * S @ gap) ** 2) + noise * np.trace(S @ G @ S))
