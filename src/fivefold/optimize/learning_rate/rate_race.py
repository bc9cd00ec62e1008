"""Which rate trains best: short trainings on a coarse grid, then longer ones around the best."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from fivefold.optimize.learning_rate.rate_probe import RateProbe

_FINE = 1.5
_WINDOW = (1.0, 2.0, 1.0)
_NOISE = (0.01, 0.3)
_CLIP = 3.0
_EXTENSIONS = 4
_LATE = 0.2
_PARTS = 20


class RateRace:
    """Probes at many rates, of which the better ones go on.

    Args:
        probe: Makes the training at a rate, of a numbered repeat.
        batches: Updates of an epoch.
        planned: Updates of the longest probes.
        repeats: Probes of each rate on the fine grid.
        width: Highest over lowest rate of the window that is sought.

    ``run`` fills ``centre`` (the middle of the likeliest window), ``inside`` (whether the best rate has worse
    ones on both sides), ``first`` and ``lowest`` (losses), ``steps`` (updates made) and ``history``.
    """

    def __init__(
        self,
        probe: Callable[[float, int], RateProbe],
        batches: int,
        planned: int,
        repeats: int,
        width: float = 4.0,
    ) -> None:
        self.probe, self.batches, self.planned, self.repeats = probe, batches, planned, repeats
        self.reach = math.log(width, _FINE) / 2
        self.steps = 0
        self.history: dict[str, Tensor] = {}
        self.centre, self.inside, self.first, self.lowest = 0.0, False, math.inf, math.inf

    def run(self, grid: list[float], bounds: tuple[float, float] | None) -> None:
        """Find the region on a coarse grid by short probes, then the minimum on a fine one."""
        short = max(4, self.planned // 8)
        coarse = [[self.probe(rate, 0)] for rate in grid]
        loss = self._advance(coarse, short)
        self.first = coarse[0][0].losses[0]
        self.history |= {"coarse_rate": _tensor(grid), "coarse_loss": loss[:, -1]}
        middle = grid[int(smooth(height_of(loss[:, -1]), _WINDOW).argmin())]
        # short trainings like higher rates than long ones, so that more is left below
        fine = [middle * _FINE**k for k in range(-6, 3)]
        if bounds is not None:
            fine = [rate for rate in fine if bounds[0] <= rate <= bounds[1]] or [middle]
        probes = [[self.probe(rate, k) for k in range(self.repeats)] for rate in fine]
        half = self._advance(probes, self.planned // 2)
        # the short probes misjudged the region where the best lies at an end: the grid grows there
        for _ in range(_EXTENSIONS):
            at = int(smooth(late_height(half), _WINDOW).argmin())
            if 2 <= at <= len(fine) - 3:
                break
            below = at < 2
            powers = (-3, -2, -1) if below else (1, 2, 3)
            beyond = [fine[0 if below else -1] * _FINE**k for k in powers]
            more = [rate for rate in beyond if grid[0] <= rate <= grid[-1]]
            if not more:
                break
            added = [[self.probe(rate, k) for k in range(self.repeats)] for rate in more]
            values = self._advance(added, self.planned // 2)
            fine = more + fine if below else fine + more
            probes = added + probes if below else probes + added
            half = torch.cat([values, half] if below else [half, values])
        low = max(0, min(round(valley(late_height(half), self.reach)) - 3, len(fine) - 7))
        kept = range(low, min(len(fine), low + 7))
        ends = self._advance([probes[i] for i in kept], self.planned - self.planned // 2)
        loss = torch.full((len(fine),), math.nan, dtype=torch.float64)
        loss[list(kept)] = ends[:, -1]
        self.history |= {"rate": _tensor(fine), "half_loss": half[:, -1], "loss": loss}
        height = late_height(ends)
        at = int(smooth(height, _WINDOW).argmin())
        self.inside = 0 < at < len(height) - 1
        self.lowest = float(ends[:, -1].min())
        self.centre = fine[low] * _FINE ** valley(height, self.reach)

    def _advance(self, probes: list[list[RateProbe]], steps: int) -> Tensor:
        """Continue every probe; returns the mean losses of each rate's late epochs [R, epochs]."""
        means = []
        for same_rate in probes:
            for each in same_rate:
                before = len(each.losses)
                each.advance(steps)
                self.steps += sum(math.isfinite(loss) for loss in each.losses[before:])
            made = len(same_rate[0].losses)
            last = min(self.batches, max(1, made // 2))
            late = range(max(min(2, made // last), round(_LATE * made / last)), 0, -1)
            ends = [made - (k - 1) * last for k in late]
            means.append([[sum(each.losses[end - last : end]) / last for end in ends] for each in same_rate])
        return _tensor(means).mean(1)


def _tensor(values: Sequence[Any]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def height_of(loss: Tensor) -> Tensor:
    """Losses on a scale on which neighbours can be averaged: logarithms, a blown-up one only some higher.

    >>> height_of(torch.tensor([2.0, 1.0, float("inf")])).tolist()
    [0.6931471824645996, 0.0, 3.0]
    """
    loss = loss.nan_to_num(nan=math.inf, posinf=math.inf)
    finite = loss[loss.isfinite()]
    if not len(finite):
        return torch.zeros_like(loss)
    least = finite.min()
    if least > 0:
        height = (loss / least).log()
    else:  # a loss that can be negative has no logarithm
        height = 3 * (loss - least) / (finite.max() - least).clamp_min(1e-300)
    return height.clamp(max=_CLIP)


def late_height(losses: Tensor) -> Tensor:
    """Means over the late epochs of the rates' heights, which are steadier than the last epoch's [R, epochs].

    >>> late_height(torch.tensor([[1.0, 2.0], [1.0, 1.0]], dtype=torch.float64)).tolist()
    [0.34657359027997264, 0.0]
    """
    return torch.stack([height_of(epoch) for epoch in losses.T]).mean(0)


def smooth(height: Tensor, weights: tuple[float, ...]) -> Tensor:
    """Weighted means over neighbours, the ends repeated.

    >>> smooth(_tensor([0.0, 4.0, 0.0]), (1.0, 2.0, 1.0)).tolist()
    [1.0, 2.0, 1.0]
    """
    reach = len(weights) // 2
    padded = torch.cat([height[:1].expand(reach), height, height[-1:].expand(reach)])
    kernel = _tensor(weights) / sum(weights)
    return padded.unfold(0, len(weights), 1) @ kernel


def valley(height: Tensor, reach: float) -> float:
    r"""The middle of the window that most likely holds the lowest place.

    .. math:: \arg\max_c \int_{c - r}^{c + r} e^{-h(x) / \tau} dx, \qquad
              \tau = \tfrac12 (h_{(4)} - h_{(1)}) \in [0.01, 0.3]

    over smoothed heights h, interpolated linearly. A training's noise makes a place the lowest whose true
    height lies a little above, and the less often the higher it lies; the fourth lowest height tells the flat
    floor from the steep. Of windows with nearly the same mass (within 2 %) the middle one is taken. One
    valley, a flat floor and two valleys are thereby judged alike.

    Args:
        height: Heights at the places 0, 1, ... [R].
        reach: Half the width of the window, r.

    >>> round(valley(_tensor([3.0, 3.0, 1.0, 0.0, 1.0, 3.0, 3.0]), 1.7), 3)
    3.0
    """
    curve = smooth(height, _WINDOW)
    places = torch.linspace(0, len(curve) - 1, _PARTS * (len(curve) - 1) + 1, dtype=torch.float64)
    below = places.floor().long().clamp(max=max(len(curve) - 2, 0))
    above = (below + 1).clamp(max=len(curve) - 1)
    between = torch.lerp(curve[below], curve[above], places - below)
    fourth = curve.sort().values[: min(4, len(curve))][-1]
    weight = torch.exp(-(between - between.min()) / (0.5 * (fourth - curve.min())).clamp(*_NOISE))
    mass = ((places[:, None] - places).abs() <= reach).to(weight.dtype) @ weight
    return float(places[mass >= 0.98 * mass.max()].mean())
