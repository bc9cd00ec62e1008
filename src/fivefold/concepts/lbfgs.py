"""L-BFGS: learn the curvature from the last few steps, and never write a matrix down.

    sₜ = wₜ₊₁ − wₜ        yₜ = ∇F(wₜ₊₁) − ∇F(wₜ)        H yₜ = sₜ        dₜ = −H ∇F(wₜ)

A pair (s, y) tells how the slope changed along a step. BFGS keeps the inverse Hessian H nearest to the old
one that explains the newest pair; the two loops below apply it from m pairs in 4mn multiplications.

Source: Nocedal (1980); Liu and Nocedal (1989); Nocedal and Wright (2006), algorithms 7.4 and 7.5.
"""

from collections import deque
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def direction(gradient: Array, pairs: Iterable[tuple[Array, Array]]) -> Array:
    """Return −H ∇F from the pairs (s, y), oldest first, each with s·y > 0; without any, −∇F.

    >>> s = np.array([1.0, 0.0])  # along it the curvature is 4, and so it is taken to be elsewhere
    >>> direction(np.array([4.0, 4.0]), [(s, 4.0 * s)])
    array([-1., -1.])
    """
    q, shares, known = gradient, [], list(pairs)
    for s, y in reversed(known):
        shares.append((s @ q) / (s @ y))
        q = q - shares[-1] * y
    if known:
        s, y = known[-1]
        q = (s @ y) / (y @ y) * q
    for (s, y), share in zip(known, reversed(shares), strict=True):
        q = q + (share - (y @ q) / (s @ y)) * s
    return -q


def lbfgs(
    value: Callable[[Array], float], gradient: Callable[[Array], Array], start: Array, memory: int, steps: int
) -> Array:
    """Return every point on the way, [k + 1, n], k ≤ steps, with ``memory`` pairs; the slope may reach zero.

    A step is halved until it gains. A pair with s·y ≤ 0 is refused: H would send the walk uphill.

    >>> bowl = np.array([1.0, 100.0])
    >>> lbfgs(lambda w: 0.5 * w @ (bowl * w), lambda w: bowl * w, np.ones(2), 5, 30)[-1].round(9) + 0.0
    array([0., 0.])
    """
    path, pairs = [start.astype(np.float64)], deque[tuple[Array, Array]](maxlen=memory)
    g = gradient(path[0])
    for _ in range(steps):
        w, d = path[-1], direction(g, pairs)
        if not np.any(g):
            break
        t = 1.0 if pairs else min(1.0, 1.0 / float(np.abs(g).sum()))
        while not value(w + t * d) <= value(w) + 1e-4 * t * (g @ d) and t > 1e-12:
            t /= 2.0
        path.append(w + t * d)
        s, y = t * d, gradient(path[-1]) - g
        if s @ y > 1e-10 * np.linalg.norm(s) * np.linalg.norm(y):
            pairs.append((s, y))
        g = g + y
    return np.array(path)
