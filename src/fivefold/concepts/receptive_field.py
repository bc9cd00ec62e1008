"""Receptive field: the pixels that one unit of a stack of convolutions can see, and those that it does see.

    rₗ = rₗ₋₁ + (tₗ − 1) dₗ jₗ₋₁        jₗ = jₗ₋₁ sₗ        fₗ = fₗ₋₁ − pₗ jₗ₋₁        r₀ = j₀ = 1,  f₀ = 0
    unit i of layer L sees the pixels  f + i j, …, f + i j + r − 1
    weights drawn independently:  σ² = Σₗ (dₗ jₗ₋₁)² (tₗ² − 1)/12

r is the size, j the jump between neighbours, f the first pixel; t, s, p, d are window, stride, padding and
dilation. σ is the deviation of the squared slope by pixel: far more paths lead to the middle than to the rim.

Source: Araujo, Norris and Sim (2019), Distill; effective field: Luo, Li, Urtasun and Zemel (2016), NIPS.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Window(NamedTuple):
    """One layer along one axis: a convolution or a pooling."""

    size: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1


def field(layers: Sequence[Window]) -> tuple[int, int, int]:
    """Return (size, jump, first pixel) of the units of the last layer.

    >>> field([Window(3)] * 3), field([Window(3, padding=1), Window(2, stride=2), Window(3, padding=1)])
    ((7, 1, 0), (8, 2, -3))
    """
    size, jump, first = 1, 1, 0
    for layer in layers:
        size += (layer.size - 1) * layer.dilation * jump
        first -= layer.padding * jump
        jump *= layer.stride
    return size, jump, first


def slopes(layers: Sequence[Window], windows: Sequence[Array]) -> Array:
    """Return ∂y/∂x [in, r, r] on the field of one unit y, the first channel of a linear stack.

    Its windows are [out, in, t, t]. Back from the unit, every value paints its window on the layer below.

    >>> slopes([Window(2), Window(2)], [np.ones((1, 1, 2, 2))] * 2)[0, 0]
    array([1., 2., 1.])
    """
    g: Array = np.eye(len(windows[-1]))[0][:, None, None]
    for (t, stride, _, dilation), K in zip(layers[::-1], windows[::-1], strict=True):
        reach = (t - 1) * dilation + 1
        above, g = g, np.zeros((K.shape[1], *(stride * (n - 1) + reach for n in g.shape[1:])))
        for i, j in np.ndindex(*above.shape[1:]):
            rows, columns = (slice(stride * k, stride * k + reach, dilation) for k in (i, j))
            g[:, rows, columns] += np.tensordot(above[:, i, j], K, axes=1)
    return g


def expected_deviation(layers: Sequence[Window]) -> float:
    """Return σ along one axis, in pixels, where all weights are independent with mean zero.

    >>> round(expected_deviation([Window(3)] * 6), 9), round(expected_deviation([Window(3)] * 24), 9)
    (2.0, 4.0)
    """
    steps = [layer.dilation * field(layers[:k])[1] for k, layer in enumerate(layers)]
    return float(sum(d**2 * (w.size**2 - 1) / 12 for d, w in zip(steps, layers, strict=True)) ** 0.5)
