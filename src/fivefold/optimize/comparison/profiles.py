"""Which method solves most, and how fast: performance and data profiles with their uncertainty."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.core import child_seed, require, torch_generator


@dataclass(frozen=True, eq=False, slots=True)
class Profile:
    r"""Shares of problems solved, as curves, with a band.

    Args:
        at: Where the curves are known: ratios of at least 1, or costs, ascending [T].
        share: Share solved at each, by method [M, T].
        lower: Lower end of the band [M, T].
        upper: Upper end of the band [M, T].
        area: Mean share over ``at`` from its first to its last place, exact for the steps of the curve [M].
        area_lower: Lower end for the area [M].
        area_upper: Upper end for the area [M].
        level: Pointwise coverage that the band aims at.
    """

    at: Tensor
    share: Tensor
    lower: Tensor
    upper: Tensor
    area: Tensor
    area_lower: Tensor
    area_upper: Tensor
    level: float


def performance_profile(
    costs: Tensor,
    *,
    largest: float = 4.0,
    points: int = 121,
    level: float = 0.9,
    resamples: int = 1000,
    seed: int = 0,
) -> Profile:
    r"""Share of problems that each method solves within a ratio of the fastest method's cost.

    .. math:: \rho_s(\tau) = \frac{1}{|P|} |\{p : t_{p,s} \le \tau \min_{s'} t_{p,s'}\}|

    Over several seeds the cost of a problem is their median, as in AlgoPerf, whose score the area up to
    a ratio of 4 is. The order of methods can change when one is left out (Gould and Scott, 2016): see
    :func:`pairwise_areas`, and :func:`data_profile`, in which no method depends on another.

    The band is the bootstrap's percentiles, over problems and, within each, over seeds.

    Source: Dolan and Moré, "Benchmarking optimization software with performance profiles", 2002; Dahl et al.,
    "Benchmarking neural network training algorithms", 2023.

    Args:
        costs: [problems, seeds, methods] or [problems, methods], positive or 0; infinite where unsolved.
        largest: The largest ratio, above 1.
        points: Ratios at which the curve is given, at least 2.
        level: Pointwise coverage of the band, in (0, 1).
        resamples: Bootstrap samples, at least 1.
        seed: Their draw.

    Raises:
        ArgumentError: Costs of another shape, negative or NaN, or a number out of its range.

    >>> costs = torch.tensor([[1.0, 2.0], [3.0, 1.0], [5.0, torch.inf]])
    >>> profile = performance_profile(costs, largest=4.0)
    >>> [round(a, 4) for a in profile.area.tolist()]
    [0.7778, 0.5556]
    """
    cube = _cube(costs)
    require(1 < largest < math.inf, "a largest ratio above 1", largest)
    at = torch.linspace(1.0, largest, _at_least_two(points), dtype=torch.float64)
    return _banded(_ratios(_over_seeds(cube)), cube, at, _ratios, level, resamples, seed)


def data_profile(
    costs: Tensor,
    *,
    largest: float,
    points: int = 121,
    level: float = 0.9,
    resamples: int = 1000,
    seed: int = 0,
) -> Profile:
    r"""Share of problems that each method solves within a cost, whatever the others do.

    .. math:: d_s(\alpha) = \frac{1}{|P|} |\{p : t_{p,s} \le \alpha\}|

    Moré and Wild divide the costs by P + 1, the evaluations of a simplex gradient; with gradients at hand
    they are given as they are. Arguments, band and errors as for :func:`performance_profile`.

    Source: Moré and Wild, "Benchmarking derivative-free optimization algorithms", 2009.

    Args:
        costs: [problems, seeds, methods] or [problems, methods].
        largest: The largest cost, positive.
        points: Costs at which the curve is given, from 0 on.
        level: Pointwise coverage of the band.
        resamples: Bootstrap samples.
        seed: Their draw.

    >>> profile = data_profile(torch.tensor([[1.0, 2.0], [3.0, torch.inf]]), largest=4.0, points=5)
    >>> profile.share.tolist()
    [[0.0, 0.5, 0.5, 1.0, 1.0], [0.0, 0.0, 0.5, 0.5, 0.5]]
    """
    cube = _cube(costs)
    require(0 < largest < math.inf, "a positive, finite largest cost", largest)
    at = torch.linspace(0.0, largest, _at_least_two(points), dtype=torch.float64)
    return _banded(_over_seeds(cube), cube, at, lambda costs: costs, level, resamples, seed)


def pairwise_areas(costs: Tensor, *, largest: float = 4.0) -> Tensor:
    """Return the areas of the performance profiles of each two methods alone, [M, M]: row against column.

    Row i beats column j where its entry is larger than that of row j and column i, whoever else takes part.
    The diagonal is the share that the method solves.

    >>> pairwise_areas(torch.tensor([[1.0, 2.0], [3.0, 1.0], [5.0, torch.inf]])).round(decimals=4).tolist()
    [[1.0, 0.7778], [0.5556, 0.6667]]
    """
    table = _over_seeds(_cube(costs))
    require(1 < largest < math.inf, "a largest ratio above 1", largest)
    count = table.shape[-1]
    areas = torch.zeros(count, count, dtype=torch.float64)
    for i in range(count):
        for j in range(count):
            pair = _ratios(table[:, [i, j]])
            areas[i, j] = _area(pair, 1.0, largest)[0]
    return areas


def solved_share(costs: Tensor) -> Tensor:
    """Return the share of problems that each method solves at all, [M].

    >>> solved_share(torch.tensor([[1.0, torch.inf], [3.0, 1.0]])).tolist()
    [1.0, 0.5]
    """
    return torch.isfinite(_over_seeds(_cube(costs))).to(torch.float64).mean(0)


def _cube(costs: Tensor) -> Tensor:
    require(costs.ndim in (2, 3) and costs.numel() > 0, "costs [problems, (seeds,) methods]", costs.shape)
    cube = costs.to(torch.float64)
    require(bool((cube >= 0).all()), "costs of at least 0, infinite where unsolved", "negative or NaN")
    return cube[:, None] if cube.ndim == 2 else cube


def _at_least_two(points: int) -> int:
    require(points >= 2, "at least 2 points of the curve", points)
    return points


def _over_seeds(cube: Tensor) -> Tensor:
    """Lower median over seeds of [..., N, R, M]: infinite where half of the seeds or more failed."""
    ordered = cube.sort(dim=-2).values
    count = cube.shape[-2]
    middle = ordered[..., (count - 1) // 2, :], ordered[..., count // 2, :]
    return 0.5 * (middle[0] + middle[1])


def _ratios(table: Tensor) -> Tensor:
    """Costs [..., M] over the least of them; infinite where none is finite. The least costs have ratio 1."""
    least = table.amin(-1, keepdim=True)
    ratio = torch.where(table == least, 1.0, table / least)
    return torch.where(torch.isfinite(table), ratio, torch.inf)


def _area(table: Tensor, first: float, last: float) -> Tensor:
    """Mean over [first, last] of the share at or below, exactly: [..., N, M] to [..., M]."""
    left = (last - table.clamp(first, last)) / (last - first)
    return left.mean(-2)


def _shares(table: Tensor, at: Tensor) -> Tensor:
    """[..., N, M] and [T] to [..., M, T]."""
    ordered = table.movedim(-2, -1).sort(dim=-1).values.contiguous()
    # a relative slack: a ratio of 2 that rounding made 2.0000000000000004 is 2
    places = (at * (1 + 1e-12)).expand(*ordered.shape[:-1], -1).contiguous()
    return torch.searchsorted(ordered, places, right=True).to(torch.float64) / table.shape[-2]


def _banded(
    table: Tensor,
    cube: Tensor,
    at: Tensor,
    transform: Callable[[Tensor], Tensor],
    level: float,
    resamples: int,
    seed: int,
) -> Profile:
    require(0 < level < 1, "a level in (0, 1)", level)
    require(resamples >= 1, "at least 1 bootstrap sample", resamples)
    share, area = _shares(table, at), _area(table, float(at[0]), float(at[-1]))
    draw = torch_generator(child_seed(seed, "profiles"))
    count, seeds = cube.shape[:2]
    # all samples at once: [S, N, R, M], sorted for the counting below
    rows = torch.randint(count, (resamples, count), generator=draw)
    again = cube[rows]
    if seeds > 1:
        which = torch.randint(seeds, (resamples, count, seeds), generator=draw)
        again = again.gather(2, which[..., None].expand(-1, -1, -1, cube.shape[-1]))
    drawn = transform(_over_seeds(again))
    shares, areas = _shares(drawn, at), _area(drawn, float(at[0]), float(at[-1]))
    low, high = _percentiles(shares, level)
    area_low, area_high = _percentiles(areas, level)
    return Profile(at, share, low, high, area, area_low, area_high, level)


def _percentiles(samples: Tensor, level: float) -> tuple[Tensor, Tensor]:
    ends = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64)
    low, high = torch.quantile(samples, ends, dim=0)
    return low, high
