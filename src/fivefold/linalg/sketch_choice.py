"""How much of a random sketch is worth deflating, read off the sketch before anything is paid for."""

from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.linalg.stochastic_estimate import t_quantile

FEWEST = 10
"""The fewest probes that a standard error rests on."""
SPARE = 4
"""Columns of a sketch beyond the directions that pay; with fewer, a larger sketch may do better."""


@dataclass(frozen=True, eq=False)
class Choice:
    """What to do with a sketch.

    Args:
        predicted: Directions that are predicted to pay, orthonormal ``[n, j]``.
        sure: Whether deflating them promises a gain even by the estimate that is free of bias.
        limited: Whether a larger sketch may find more of them.
    """

    predicted: Tensor
    sure: bool
    limited: bool

    @property
    def directions(self) -> Tensor | None:
        """What to deflate beside the sketch; ``None`` is to deflate nothing."""
        return self.predicted if self.sure else None

    @property
    def taken(self) -> int:
        """How many are predicted to pay."""
        return self.predicted.shape[1]


@dataclass(frozen=True)
class Purse:
    """Products, and what is wanted for them.

    Args:
        left: Products that may still be made.
        target: Standard error that suffices; 0 spends them all.

    >>> Purse(60, 0.0).cost(1.0, 0) < Purse(60, 0.0).cost(1.0, 20)
    True
    """

    left: int
    target: float

    def cost(self, variance: float, paid: int, probes: int = 0) -> tuple[bool, float]:
        r"""What a plan costs: products where they reach the target, else the squared half-width that remains.

        The half-width is :math:`t_{m-1} \sqrt{v / m}` with m the probes that can be had.

        Args:
            variance: Of one probe, v.
            paid: Products before the first probe.
            probes: That are there already.
        """
        most = self.left - paid + probes
        if most < 2:
            return True, float("inf")
        wanted = max(variance / self.target**2, float(FEWEST)) if self.target > 1e-150 else float("inf")
        if wanted <= most:
            return False, paid + max(wanted - probes, 0.0)
        return True, variance * t_quantile(0.975, most - 1.0) ** 2 / most


def choose(
    Z: Tensor,
    Y: Tensor,
    plain: float,
    purse: Purse,
    *,
    factor: float,
    most: int,
    unit: float,
    symmetric: bool = True,
) -> Choice:
    r"""Decide how many directions of the sketch Y = A Z to deflate, if any.

    With :math:`s_1 \ge s_2 \ge \dots` the singular values of :math:`(A - \sigma I) Z`, what is left of the
    squared Frobenius norm after j directions is predicted, and after k - 1 directions estimated, by

    .. math::
        \rho_j = \frac{1}{k - j} \sum_{i > j} s_i^2, \qquad
        \rho = \frac1k \sum_i \frac{1}{(G^{-1})_{ii}}, \qquad G = Z^\top (A - \sigma I)^2 Z

    The first is the mean over the k - j degrees of freedom that are left; it chooses j, and is too low where
    more directions are alike than the sketch has columns. So nothing is deflated unless the second, too,
    promises a gain: it is what every probe's image has outside the span of all others, free of bias because
    the probes are exchangeable. Where nearly all directions of the sketch would be taken, a larger one may do
    better. The shift :math:`\sigma` (among 0 and two Ritz values of the sketch) is the one that leaves least:
    a multiple of the identity has a known trace and no directions to deflate. A plan's cost is the interval's
    length at the end of the budget, or the products that reach the target.

    Source: E. Epperly, J. Tropp, R. Webber, SIAM J. Matrix Anal. Appl. 45 (2024), for leave-one-out errors of
    exchangeable probes; D. Persson, A. Cortinovis, D. Kressner, ibid. 43 (2022), for splitting the budget by
    what the sketch has captured.

    Args:
        Z: Independent probes ``[n, k]`` of squared length n.
        Y: Their images.
        plain: Variance of a probe without deflation.
        purse: What may be spent.
        factor: Variance of a probe over the squared Frobenius norm: 2 for a trace, 1 for a diagonal.
        most: The most directions.
        unit: Rounding of the products.
        symmetric: Whether shifts are tried.

    >>> Z = torch.randn(50, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> Z = Z * 50**0.5 / Z.norm(dim=0)
    >>> far = torch.cat([torch.tensor([1e4]), torch.ones(49)]).double()
    >>> choice = choose(Z, far[:, None] * Z, 2e8, Purse(50, 0.0), factor=2.0, most=20, unit=1e-16)
    >>> choice.directions.shape[1], choice.limited
    (1, False)
    """
    k = Z.shape[1]
    basis, corner = torch.linalg.qr(torch.cat([Y, Z], dim=1))
    shifts = [0.0]
    if symmetric:
        inner, scale = torch.linalg.qr(corner[:, k:])  # not lstsq: its bits differ from call to call
        H = torch.linalg.solve_triangular(scale, inner.mT @ corner[:, :k], upper=True, left=False)
        ritz = torch.linalg.eigvalsh((H + H.mT) / 2)
        shifts += [float(ritz[0]), float(ritz[k // 2])]
    moved = torch.stack([corner[:, :k] - shift * corner[:, k:] for shift in shifts])
    left, s, V = torch.linalg.svd(moved, full_matrices=False)
    tops = Z.shape[0] ** 0.5 * s.new_tensor(shifts).abs()
    floor = ((unit * torch.maximum(s[:, 0], tops)) ** 2)[:, None].clamp(min=1e-300)
    alone = 1 / (V.mT**2 @ (1 / torch.maximum(s**2, floor))[..., None])
    unbiased = alone.mean(dim=(1, 2)).tolist()
    tails = (s**2).flip(-1).cumsum(-1).flip(-1) / torch.arange(k, 0, -1).to(s)
    predicted = (tails + k * floor).tolist()
    without = purse.cost(plain, 0, k)
    cheapest, best, which = without, -1, 0
    for j in range(min(k - 1, most) + 1):
        remains, here = min((rests[j], i) for i, rests in enumerate(predicted))
        cost = purse.cost(factor * remains, j)
        if cost < cheapest:
            cheapest, best, which = cost, j, here
    sure = best >= 0 and purse.cost(factor * max(predicted[which][best], unbiased[which]), best) < without
    return Choice(basis @ left[which][:, : max(best, 0)], sure, best > k - SPARE)
