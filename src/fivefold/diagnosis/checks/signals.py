"""Signals of several channels whose numbers were read in another order than they were written."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fivefold.diagnosis.checks.pictures import of_numbers
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record

LEAST_SIGNALS = 32
MOST_SIGNALS = 512
LEAST_STEPS = 16
SMOOTHER = 0.9
STANDARD_ERRORS = 6.0


@dataclass(frozen=True, slots=True)
class Distances:
    """Mean squared distances of numbers of a signal, in each signal, over that of numbers at random, [n].

    Attributes:
        given: Neighbours in time as the model is given them.
        other: Neighbours in time where the same numbers are read as [n, steps, channels].
        across: Of these, those that lie in different channels as given.
    """

    given: Tensor
    other: Tensor
    across: Tensor


def distances(signals: Tensor) -> Distances:
    """Return how far apart neighbours are in signals, as given and read in the other order.

    Args:
        signals: [n, channels, steps].

    >>> walks = torch.randn(64, 40, 2, generator=torch.Generator().manual_seed(0)).cumsum(1)
    >>> mixed = distances(walks.reshape(64, 2, 40))
    >>> bool(mixed.other.mean() < 0.2 * mixed.given.mean()), round(float(mixed.across.mean()), 2) < 0.2
    (True, True)
    """
    n, channels, steps = signals.shape
    x = signals.double()
    # A channel's own level counts: neighbours share it.
    x = x - x.mean()
    size = (2.0 * x.square().mean()).clamp_min(1e-300)
    flat = x.reshape(n, -1)
    apart = (flat[:, channels:] - flat[:, :-channels]).square() / size
    place = torch.arange(apart.shape[1])
    crosses = place // steps != (place + channels) // steps
    return Distances(x.diff(dim=2).square().mean((1, 2)) / size, apart.mean(1), apart[:, crosses].mean(1))


def check_signals(record: Record) -> list[Finding]:
    """Find signals of which the channels were moved by a view instead of a transposition.

    Statistic: :func:`distances` of the signals as a convolution along their last dimension is given them,
    [n, channels, steps]. Null: neighbours are at least as near as given than in any other order; and numbers
    that lie in different channels as given, the end of one and the beginning of the next, are strangers.
    Found where both distances of the other order are at most 0.9 of the one as given, those across channels
    by 6 standard errors over the signals (once in 10^9 by chance). False alarms: signals that repeat after as
    many steps as there are channels, all channels in the same phase.

    Args:
        record: What was seen.
    """
    x = _signals(record)
    if x is None:
        return []
    found = distances(x)
    n, channels, steps = x.shape
    given, other, across = (float(v.mean()) for v in (found.given, found.other, found.across))
    nearer = found.given - found.across
    error = float(nearer.std()) / math.sqrt(n)
    if max(other, across) > SMOOTHER * given or float(nearer.mean()) < STANDARD_ERRORS * error:
        return []
    return [
        Finding(
            "axis.channels",
            "the channels of the signals are mixed up with their steps",
            f"neighbouring steps lie {given:.2f} apart (1 for numbers at random), and {other:.2f} where the "
            f"same numbers are read as [{steps}, {channels}], {across:.2f} from one channel into the next; "
            f"{n} signals",
            "high",
            f"arrays of shape [{steps}, {channels}] were given the shape [{channels}, {steps}] by view or "
            "reshape, which leaves the numbers in their order",
            "move the axis: transpose(1, 2), or permute(0, 2, 1)",
            picture=of_numbers(
                "Squared distance of neighbouring steps, smallest as given where nothing is wrong",
                "squared distance, 1 for numbers at random",
                {
                    f"as given, [{channels}, {steps}]": given,
                    f"read as [{steps}, {channels}]": other,
                    "so, from one channel into the next": across,
                },
                (SMOOTHER * given, "the other, from here on"),
            ),
        )
    ]


def _signals(record: Record) -> Tensor | None:
    """Kept inputs [n, channels, steps] of a model that convolves along the steps; ``None`` where none."""
    reads = {m.in_channels for _, m in record.modules() if isinstance(m, nn.Conv1d)}
    blocks = [b for b in record.training_rows.inputs if b.ndim == 3 and b.is_floating_point()]
    blocks = [b for b in blocks if b.shape[1:] == blocks[0].shape[1:]]
    if not blocks or sum(map(len, blocks)) < LEAST_SIGNALS:
        return None
    x = torch.cat(blocks)[:MOST_SIGNALS]
    _, channels, steps = x.shape
    if channels < 2 or channels not in reads or steps < max(LEAST_STEPS, 2 * channels):
        return None
    return x if bool(torch.isfinite(x).all()) else None
