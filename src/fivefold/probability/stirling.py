"""What Stirling's formula leaves over, so that differences of log-gamma functions do not cancel."""

import math

import torch
from torch import Tensor

# B_{2n} / (2n (2n - 1)): the series of the remainder in 1/x, 1/x^3, ... At x = 10 the next term is 3e-17.
_SERIES = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400)
_FROM = 10.0


def stirling_remainder(x: Tensor, order: int = 0) -> Tensor:
    r"""Return the remainder of Stirling's formula, or one of its first two derivatives.

    .. math:: s(x) = \log\Gamma(x) - (x - \tfrac12) \log x + x - \tfrac12 \log 2\pi
              = \frac1{12 x} - \frac1{360 x^3} + \dots

    The density of a gamma or negative binomial variable with a large shape is a small difference of large
    log-gammas; written in s, the large parts cancel on paper instead of in the computer.

    Source: Abramowitz & Stegun 1964, "Handbook of Mathematical Functions", 6.1.40, 6.3.18 and 6.4.12.

    Args:
        x: Positive, any shape.
        order: 0, 1 or 2: which derivative.

    Returns:
        The shape of x.

    >>> float(stirling_remainder(torch.tensor(1.0, dtype=torch.float64))) # 1 - log(2 pi) / 2
    0.0810614667953...
    """
    # Each branch sees only its own side, so that neither its value nor its derivative can spoil the other's.
    near, far = x.clamp(max=_FROM), x.clamp(min=_FROM)
    log = torch.log(near)
    if order == 0:
        direct = torch.lgamma(near) - (near - 0.5) * log + near - 0.5 * math.log(2 * math.pi)
    elif order == 1:
        direct = torch.digamma(near) - log + 0.5 / near
    else:
        direct = _trigamma(near) - 1 / near - 0.5 / near.square()
    return torch.where(x < _FROM, direct, _series(far, order))


def _series(x: Tensor, order: int) -> Tensor:
    total = torch.zeros_like(x)
    for n in reversed(range(len(_SERIES))):
        power = 2 * n + 1
        factor = (1, -power, power * (power + 1))[order]
        total = total + factor * _SERIES[n] * x ** (-(power + order))
    return total


def _trigamma(x: Tensor) -> Tensor:
    # torch.polygamma has ten digits. The recurrence leads to where the series has them all.
    steps = int(_FROM)
    z = x + steps
    total = 1 / z + 0.5 / z.square() + _series(z, 2)
    for i in range(steps):
        total = total + (x + i) ** -2
    return total


def log_gamma_ratio(y: Tensor, r: Tensor, order: int = 0) -> Tensor:
    r"""Return :math:`D(y, r) = \log\Gamma(y + r) - \log\Gamma(r)`, or a derivative of it in r.

    .. math:: D = (r - \tfrac12) \log(1 + y / r) + y \log(y + r) - y + s(y + r) - s(r)

    with s from :func:`stirling_remainder`. For r = 1e12 the plain difference has three digits left, this all.

    Args:
        y: At least 0.
        r: Positive; the shapes broadcast.
        order: 0, 1 or 2: which derivative in r.

    Returns:
        The broadcast shape.

    >>> float(log_gamma_ratio(torch.tensor(2.0), torch.tensor(3.0)).exp())  # 3 * 4
    12.0000...
    """
    total = y + r
    rest = stirling_remainder(total, order) - stirling_remainder(r, order)
    if order == 0:
        return (r - 0.5) * torch.log1p(y / r) + y * torch.log(total) - y + rest
    if order == 1:
        return torch.log1p(y / r) + 0.5 * (y / r) / total + rest
    slope = -(y / r) / total
    return slope + 0.5 * slope * (1 / r + 1 / total) + rest
