"""Steps through a differential equation y′ = f(t, y): Euler, midpoint, Runge-Kutta, implicit Euler.

    Euler      y + h f(t, y)                                       error ∝ h
    midpoint   y + h f(t + h/2, y + h/2 f(t, y))                   error ∝ h²
    RK4        y + h (k₁ + 2k₂ + 2k₃ + k₄) / 6                     error ∝ h⁴

On y′ = λy every step multiplies y by a number R(hλ). Where |R| > 1 the walk grows although y shrinks: then
stability, not accuracy, limits h. Gradient descent is Euler's step on the gradient flow y′ = −∇F(y).

Source: Kutta (1901); Hairer and Wanner, Solving Ordinary Differential Equations II (1996), IV.2.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]  # of floats; complex ones for the growth factor
Field = Callable[[float, Array], Array]
Step = Callable[[Field, float, Array, float], Array]


def euler(f: Field, t: float, y: Array, h: float) -> Array:
    """Follow the slope at the start."""
    return np.asarray(y + h * f(t, y))


def midpoint(f: Field, t: float, y: Array, h: float) -> Array:
    """Go half a step, and use the slope found there for the whole."""
    return np.asarray(y + h * f(t + h / 2, y + h / 2 * f(t, y)))


def rk4(f: Field, t: float, y: Array, h: float) -> Array:
    """Average four slopes: at the start, twice in the middle, at the end."""
    k1 = f(t, y)
    k2 = f(t + h / 2, y + h / 2 * k1)
    k3 = f(t + h / 2, y + h / 2 * k2)
    k4 = f(t + h, y + h * k3)
    return np.asarray(y + h * (k1 + 2 * k2 + 2 * k3 + k4) / 6)


def walk(step: Step, f: Field, start: Array, end: float, steps: int) -> Array:
    """Take equal steps from time 0 to ``end``: every state on the way, [steps + 1, n].

    >>> walk(euler, lambda t, y: -y, np.array([16.0]), end=1.0, steps=2)[:, 0]
    array([16.,  8.,  4.])
    """
    h, path = end / steps, [np.asarray(start)]
    for i in range(steps):
        path.append(step(f, i * h, path[-1], h))
    return np.array(path)


def growth(step: Step, z: Array) -> Array:
    """Return R(z), z = hλ: what one step makes of y = 1 on y′ = λy. It is stable where |R| ≤ 1.

    >>> growth(euler, np.array([-0.5, -3.0])), growth(rk4, np.array([-1.0]))
    (array([ 0.5, -2. ]), array([0.375]))
    """
    return step(lambda t, y: z * y, 0.0, np.ones_like(z), 1.0)


def implicit_euler(A: Array, y: Array, h: float) -> Array:
    """Use the slope at the *end* of the step on y′ = A y: solve (I − hA) y⁺ = y. R = 1/(1 − z).

    Stable for every h where the true solution shrinks; the price is a linear system for each step.
    """
    return np.asarray(np.linalg.solve(np.eye(len(y)) - h * A, y))
