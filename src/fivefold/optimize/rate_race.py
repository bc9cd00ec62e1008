"""Which rate trains best: short trainings on a coarse grid, then longer ones around the best."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from fivefold.optimize.rate_probe import RateProbe

_FINE = 1.5
_WINDOW = (1.0, 2.0, 1.0)
_NOISE = 0.3
_CLIP = 3.0
_EXTENSIONS = 4


class RateRace:
    """Probes at many rates, of which the better ones go on.

    Args:
        probe: Makes the training at a rate, of a numbered repeat.
        batches: Updates of an epoch.
        planned: Updates of the longest probes.
        repeats: Probes of each rate on the fine grid.

    ``run`` fills ``centre`` (the best rate), ``inside`` (whether it has worse ones on both sides), ``first``
    and ``lowest`` (losses), ``steps`` (updates made) and ``history``.
    """

    def __init__(
        self, probe: Callable[[float, int], RateProbe], batches: int, planned: int, repeats: int
    ) -> None:
        self.probe, self.batches, self.planned, self.repeats = probe, batches, planned, repeats
        self.steps = 0
        self.history: dict[str, Tensor] = {}
        self.centre, self.inside, self.first, self.lowest = 0.0, False, math.inf, math.inf

    def run(self, grid: list[float], bounds: tuple[float, float] | None) -> None:
        """Find the region on a coarse grid by short probes, then the minimum on a fine one."""
        short = max(4, self.planned // 8)
        coarse = [[self.probe(rate, 0)] for rate in grid]
        loss = self._advance(coarse, short)
        self.first = coarse[0][0].losses[0]
        self.history |= {"coarse_rate": _tensor(grid), "coarse_loss": loss}
        middle = grid[int(smooth(height_of(loss), _WINDOW).argmin())]
        # short trainings like higher rates than long ones, so that more is left below
        fine = [middle * _FINE**k for k in range(-5, 4)]
        if bounds is not None:
            fine = [rate for rate in fine if bounds[0] <= rate <= bounds[1]] or [middle]
        probes = [[self.probe(rate, k) for k in range(self.repeats)] for rate in fine]
        half = self._advance(probes, self.planned // 2)
        # the short probes misjudged the region where the best lies at an end: the grid grows there
        for _ in range(_EXTENSIONS):
            at = valley(height_of(half))
            if 1.5 <= at <= len(fine) - 2.5:
                break
            below = at < 1.5
            powers = (-3, -2, -1) if below else (1, 2, 3)
            ends = [fine[0 if below else -1] * _FINE**k for k in powers]
            more = [rate for rate in ends if grid[0] <= rate <= grid[-1]]
            if not more:
                break
            added = [[self.probe(rate, k) for k in range(self.repeats)] for rate in more]
            values = self._advance(added, self.planned // 2)
            fine = more + fine if below else fine + more
            probes = added + probes if below else probes + added
            half = torch.cat([values, half] if below else [half, values])
        low = max(0, min(round(valley(height_of(half))) - 3, len(fine) - 7))
        kept = range(low, min(len(fine), low + 7))
        loss = torch.full_like(half, math.nan)
        loss[list(kept)] = self._advance([probes[i] for i in kept], self.planned - self.planned // 2)
        self.history |= {"rate": _tensor(fine), "half_loss": half, "loss": loss}
        height = height_of(loss[list(kept)])
        at = int(smooth(height, _WINDOW).argmin())
        self.inside = 0 < at < len(height) - 1
        self.lowest = float(loss[list(kept)].min())
        self.centre = fine[low] * _FINE ** valley(height)

    def _advance(self, probes: list[list[RateProbe]], steps: int) -> Tensor:
        """Continue every probe; returns the mean loss of each rate over its last epoch [R]."""
        means = []
        for same_rate in probes:
            for each in same_rate:
                before = len(each.losses)
                each.advance(steps)
                self.steps += sum(math.isfinite(loss) for loss in each.losses[before:])
            last = min(self.batches, max(1, len(same_rate[0].losses) // 2))
            means.append([sum(each.losses[-last:]) / last for each in same_rate])
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


def smooth(height: Tensor, weights: tuple[float, ...]) -> Tensor:
    """Weighted means over neighbours, the ends repeated.

    >>> smooth(_tensor([0.0, 4.0, 0.0]), (1.0, 2.0, 1.0)).tolist()
    [1.0, 2.0, 1.0]
    """
    reach = len(weights) // 2
    padded = torch.cat([height[:1].expand(reach), height, height[-1:].expand(reach)])
    kernel = _tensor(weights) / sum(weights)
    return padded.unfold(0, len(weights), 1) @ kernel


def valley(height: Tensor) -> float:
    r"""The middle of the valley: half way between its lowest place and the mean place of low heights.

    .. math:: \tfrac12 \arg\min_k h_k + \tfrac12 \sum_k k\, e^{-(h_k - \min h) / \tau}
              / \sum_k e^{-(h_k - \min h) / \tau}, \quad \tau = 0.3

    over smoothed heights h within four places of the lowest: rates whose losses differ by a third or less
    are not told apart by one training, and the mean of their places is steadier than the lowest. It lies too
    low, because losses rise slowly below the best rate and steeply above it, hence the half way.

    >>> round(valley(_tensor([3.0, 3.0, 1.0, 0.0, 1.0, 3.0, 3.0])), 3)
    3.0
    """
    curve = smooth(height, _WINDOW)
    at = int(curve.argmin())
    near = torch.arange(max(0, at - 4), min(len(curve), at + 5))
    weights = torch.exp(-(curve[near] - curve[at]) / _NOISE)
    return 0.5 * (at + float((weights * near).sum() / weights.sum()))
