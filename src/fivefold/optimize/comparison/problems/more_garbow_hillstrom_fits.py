"""Ten of the Moré-Garbow-Hillstrom functions: curves fitted to published data, or to exact values of them."""

import torch
from torch import Tensor

from fivefold.optimize.comparison.problems.more_garbow_hillstrom_small import SOURCE
from fivefold.optimize.comparison.problems.problem import Problem
from fivefold.optimize.comparison.problems.published_residuals import Row, numbers, published_residuals

_BARD = ".14 .18 .22 .25 .29 .32 .35 .39 .37 .58 .73 .96 1.34 2.10 4.39"
_GAUSSIAN = ".0009 .0044 .0175 .0540 .1295 .2420 .3521 .3989 .3521 .2420 .1295 .0540 .0175 .0044 .0009"
_MEYER = "34780 28610 23650 19630 16370 13720 11540 9744 8261 7030 6005 5147 4427 3820 3307 2872"
_KOWALIK = ".1957 .1947 .1735 .1600 .0844 .0627 .0456 .0342 .0323 .0235 .0246"
_KOWALIK_INPUTS = "4 2 1 .5 .25 .167 .125 .1 .0833 .0714 .0625"
_OSBORNE_1 = """
.844 .908 .932 .936 .925 .908 .881 .850 .818 .784 .751 .718 .685 .658 .628 .603 .580
.558 .538 .522 .506 .490 .478 .467 .457 .448 .438 .431 .424 .420 .414 .411 .406"""
_OSBORNE_2 = """
1.366 1.191 1.112 1.013 .991 .885 .831 .847 .786 .725 .746 .679 .608 .655 .616 .606 .602 .626 .651 .724 .649
.649 .694 .644 .624 .661 .612 .558 .533 .495 .500 .423 .395 .375 .372 .391 .396 .405 .428 .429 .523 .562
.607 .653 .672 .708 .633 .668 .645 .632 .591 .559 .597 .625 .739 .710 .729 .720 .636 .581 .428 .292 .162
.098 .054"""


def _count(w: Tensor, first: int, last: int) -> Tensor:
    return torch.arange(first, last + 1, dtype=w.dtype, device=w.device)


def jennrich_sampson(w: Tensor) -> Tensor:
    """2 + 2 i - (exp(i w_1) + exp(i w_2)), i to 10: function 6."""
    i = _count(w, 1, 10)
    return 2 + 2 * i - (torch.exp(i * w[0]) + torch.exp(i * w[1]))


def bard(w: Tensor) -> Tensor:
    """y_i - (w_1 + u / (v w_2 + min(u, v) w_3)), u = i, v = 16 - i: function 8."""
    u = _count(w, 1, 15)
    v = 16 - u
    return numbers(_BARD, w) - (w[0] + u / (v * w[1] + torch.minimum(u, v) * w[2]))


def gaussian(w: Tensor) -> Tensor:
    """w_1 exp(-w_2 (t - w_3)^2 / 2) - y_i, t = (8 - i) / 2: function 9."""
    t = (8 - _count(w, 1, 15)) / 2
    return w[0] * torch.exp(-w[1] * (t - w[2]) ** 2 / 2) - numbers(_GAUSSIAN, w)


def meyer(w: Tensor) -> Tensor:
    """w_1 exp(w_2 / (t + w_3)) - y_i, t = 45 + 5 i: function 10."""
    t = 45 + 5 * _count(w, 1, 16)
    return w[0] * torch.exp(w[1] / (t + w[2])) - numbers(_MEYER, w)


def gulf(w: Tensor) -> Tensor:
    """exp(-|y_i - w_2|^w_3 / w_1) - t, t = i / 100, y_i = 25 + (-50 log t)^(2/3), i to 99: function 11.

    The article prints |y_i m i w_2|; this is the function of its code, whose minimum it publishes.
    """
    t = _count(w, 1, 99) / 100
    y = 25 + (-50 * torch.log(t)) ** (2 / 3)
    return torch.exp(-((y - w[1]).abs() ** w[2]) / w[0]) - t


def box(w: Tensor) -> Tensor:
    """exp(-t w_1) - exp(-t w_2) - w_3 (exp(-t) - exp(-10 t)), t = i / 10, i to 10: function 12."""
    t = _count(w, 1, 10) / 10
    return torch.exp(-t * w[0]) - torch.exp(-t * w[1]) - w[2] * (torch.exp(-t) - torch.exp(-10 * t))


def kowalik_osborne(w: Tensor) -> Tensor:
    """y_i - w_1 (u^2 + u w_2) / (u^2 + u w_3 + w_4): function 15."""
    u = numbers(_KOWALIK_INPUTS, w)
    return numbers(_KOWALIK, w) - w[0] * (u**2 + u * w[1]) / (u**2 + u * w[2] + w[3])


def osborne_1(w: Tensor) -> Tensor:
    """y_i - (w_1 + w_2 exp(-t w_4) + w_3 exp(-t w_5)), t = 10 (i - 1): function 17."""
    t = 10 * _count(w, 0, 32)
    return numbers(_OSBORNE_1, w) - (w[0] + w[1] * torch.exp(-t * w[3]) + w[2] * torch.exp(-t * w[4]))


def biggs(w: Tensor) -> Tensor:
    """w_3 exp(-t w_1) - w_4 exp(-t w_2) + w_6 exp(-t w_5) - y(t), t = i / 10, i to 13: function 18."""
    t = _count(w, 1, 13) / 10
    y = torch.exp(-t) - 5 * torch.exp(-10 * t) + 3 * torch.exp(-4 * t)
    return w[2] * torch.exp(-t * w[0]) - w[3] * torch.exp(-t * w[1]) + w[5] * torch.exp(-t * w[4]) - y


def osborne_2(w: Tensor) -> Tensor:
    """One decay and three Gaussian bumps in t = (i - 1) / 10, i to 65: function 19."""
    t = _count(w, 0, 64) / 10
    # the decay has rate w_5, the bumps widths w_6 to w_8 and places w_9 to w_11
    bumps = sum(w[k] * torch.exp(-((t - w[7 + k]) ** 2) * w[4 + k]) for k in (1, 2, 3))
    return numbers(_OSBORNE_2, w) - (w[0] * torch.exp(-t * w[4]) + bumps)


def fit_problems() -> tuple[Problem, ...]:
    """Return functions 6, 8 to 12, 15 and 17 to 19, in that order.

    >>> fit_problems()[1].name, fit_problems()[1].minimum
    ('bard', 0.004107435)
    """
    rows: tuple[Row, ...] = (
        ("jennrich-sampson", jennrich_sampson, [0.3, 0.4], 124.362, [0.2578, 0.2578]),
        ("bard", bard, [1.0, 1.0, 1.0], 8.21487e-3, None),
        ("gaussian", gaussian, [0.4, 1.0, 0.0], 1.12793e-8, None),
        ("meyer", meyer, [0.02, 4000.0, 250.0], 87.9458, None),
        ("gulf", gulf, [5.0, 2.5, 0.15], 0.0, [50.0, 25.0, 1.5]),
        ("box", box, [0.0, 10.0, 20.0], 0.0, None),
        ("kowalik-osborne", kowalik_osborne, [0.25, 0.39, 0.415, 0.39], 3.07505e-4, None),
        ("osborne-1", osborne_1, [0.5, 1.5, -1.0, 0.01, 0.02], 5.46489e-5, None),
        ("biggs", biggs, [1.0, 2.0, 1.0, 1.0, 1.0, 1.0], 0.0, None),
        ("osborne-2", osborne_2, [1.3, 0.65, 0.65, 0.7, 0.6, 3, 5, 7, 2, 4.5, 5.5], 4.01377e-2, None),
    )
    return tuple(published_residuals(*row, SOURCE) for row in rows)
