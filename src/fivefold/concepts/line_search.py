"""Line search: how far to go along a direction that leads down.

    φ(t) = F(w + t d)        φ(t) ≤ φ(0) + c₁ t φ′(0)        |φ′(t)| ≤ c₂ |φ′(0)|        0 < c₁ < c₂ < 1

The first condition refuses steps that gain too little for their length, the second steps after which it
still goes down, or already up, too steeply. Some interval always holds both, if F is bounded below.

Source: Wolfe (1969); Nocedal and Wright, Numerical Optimization, 2nd ed. (2006), section 3.1, lemma 3.1.
"""

from collections.abc import Callable

import numpy as np

Curve = Callable[[float], float]


def verdict(phi: Curve, slope: Curve, t: float, decrease: float = 1e-4, curvature: float = 0.9) -> str:
    """Say what a step t > 0 is; ``slope`` is φ′, ``decrease`` is c₁ and ``curvature`` c₂.

    A value that is not a number counts as too long: there the function ends.

    >>> [verdict(lambda t: (t - 1) ** 2, lambda t: 2 * (t - 1), t) for t in (0.01, 1.0, 2.5)]
    ['too short', 'good', 'too long']
    """
    if not phi(t) <= phi(0.0) + decrease * t * slope(0.0):
        return "too long"
    if slope(t) < curvature * slope(0.0):
        return "too short"
    return "too long" if slope(t) > -curvature * slope(0.0) else "good"


def line_search(
    phi: Curve, slope: Curve, first: float, decrease: float = 1e-4, curvature: float = 0.9, rounds: int = 60
) -> list[float]:
    """Return the steps tried; the last one is good, unless the rounds ran out.

    Too short a step moves the lower end of the interval, too long a one its upper end. While there is no
    upper end the step grows fourfold; then the interval is halved, and a good step always remains inside.

    >>> line_search(lambda t: (t - 5) ** 2, lambda t: 2 * (t - 5), first=0.1)
    [0.1, 0.4, 1.6]
    >>> line_search(lambda t: (t - 1) ** 2, lambda t: 2 * (t - 1), first=8.0)
    [8.0, 4.0, 2.0, 1.0]
    """
    low, high, tried = 0.0, np.inf, [first]
    while len(tried) < rounds:
        t = tried[-1]
        found = verdict(phi, slope, t, decrease, curvature)
        if found == "good":
            break
        low, high = (t, high) if found == "too short" else (low, t)
        tried.append(4.0 * low if np.isinf(high) else 0.5 * (low + high))
    return tried


def backtracking(phi: Curve, start_slope: float, first: float, decrease: float = 1e-4) -> float:
    """Return the first of t, t/2, t/4, … that gains enough: the first condition alone, and no slopes.

    >>> backtracking(lambda t: (t - 1) ** 2, start_slope=-2.0, first=6.0)
    1.5
    """
    t = first
    while not phi(t) <= phi(0.0) + decrease * t * start_slope and t > 1e-16 * first:
        t /= 2.0
    return t
