"""The Hessian: how the slope changes, in every direction at once.

    Hᵢⱼ = ∂²f/∂wᵢ∂wⱼ        f(w + d) ≈ f(w) + ∇f·d + ½ dᵀH d        H v ≈ (∇f(w + hv) − ∇f(w − hv)) / 2h

Its eigenvalues are the curvatures along its eigenvectors: all positive at a valley's floor, of both signs
at a saddle. Its product with one vector costs two gradients, however many weights there are.

Source: Nocedal and Wright, Numerical Optimization, 2nd ed. (2006), sections 2.1, 7.1 and 8.1.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Gradient = Callable[[Array], Array]


def hessian_product(gradient: Gradient, w: Array, v: Array) -> Array:
    """Return H(w) v [n] from two gradients: how the slope changes along v.

    >>> gradient = lambda w: np.array([2.0 * w[0] * w[1], w[0] ** 2])  # of f = w₁² w₂
    >>> hessian_product(gradient, np.array([1.0, 3.0]), np.array([1.0, 0.0])).round(6)
    array([6., 2.])
    """
    length = float(np.linalg.norm(v))
    if length == 0.0:
        return np.zeros(len(w))
    h = float(np.finfo(np.float64).eps) ** (1 / 3) * max(1.0, float(np.linalg.norm(w))) / length
    return np.asarray((gradient(w + h * v) - gradient(w - h * v)) / (2.0 * h))


def hessian(gradient: Gradient, w: Array) -> Array:
    """Ask for every unit vector: H [n, n], made symmetric as mixed derivatives are.

    >>> gradient = lambda w: np.array([2.0 * w[0] * w[1], w[0] ** 2])
    >>> hessian(gradient, np.array([1.0, 3.0])).round(6)
    array([[6., 2.],
           [2., 0.]])
    """
    columns = [hessian_product(gradient, w, e) for e in np.eye(len(w))]
    H = np.stack(columns, axis=1)
    return 0.5 * (H + H.T)


def verdict(H: Array, tolerance: float = 1e-6) -> str:
    """Say what a point of zero slope is, from the curvatures there.

    >>> verdict(np.diag([2.0, 1.0])), verdict(np.diag([2.0, -1.0])), verdict(np.diag([2.0, 0.0]))
    ('minimum', 'saddle', 'undecided')
    """
    curvatures = np.linalg.eigvalsh(H)
    small = tolerance * max(1.0, float(np.abs(curvatures).max()))
    if curvatures[0] < -small and curvatures[-1] > small:
        return "saddle"
    if np.all(np.abs(curvatures) > small):
        return "minimum" if curvatures[0] > 0.0 else "maximum"
    return "undecided"


def newton_step(gradient: Gradient, w: Array) -> Array:
    """Go where the slope of the quadratic model is zero, d = −H⁻¹ ∇f: be that a valley or a saddle."""
    return np.asarray(np.linalg.solve(hessian(gradient, w), -gradient(w)), dtype=np.float64)
