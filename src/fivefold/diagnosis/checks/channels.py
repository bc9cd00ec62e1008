"""Images whose numbers were read in another order than they were written."""

import torch
from torch import Tensor

from fivefold.diagnosis.checks.pictures import of_numbers
from fivefold.diagnosis.checks.probes import last_question
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record

LEAST_IMAGES = 4
LEAST_SIDE = 8
MOST_CHANNELS = 4
SMOOTHER = 0.8


def roughness(images: Tensor) -> float:
    """Mean difference of neighbouring pixels beside that of pixels at random places, near 1 for noise.

    The differences within a channel, down and across, root mean square, over sqrt(2) deviations of the
    channel.

    Args:
        images: [n, channels, height, width].

    >>> ramp = torch.arange(8.0).expand(1, 1, 8, 8)
    >>> round(roughness(ramp), 2), 0.9 < roughness(torch.randn(64, 1, 8, 8)) < 1.1
    (0.22, True)
    """
    images = images.double()
    across, down = images.diff(dim=-1).square().mean(), images.diff(dim=-2).square().mean()
    spread = images.var(dim=(0, 2, 3), correction=0).mean().clamp_min(1e-30)
    return float(((across + down) / (4.0 * spread)).sqrt())


def check_channels(record: Record) -> list[Finding]:
    """Find images of which the colours were moved by a view instead of a permutation.

    Statistic: :func:`roughness` of the images as the model is given them, [n, c, h, w] with 2 to 4 channels,
    beside that of the same numbers read as [n, h, w, c] and permuted. Null: neighbours are alike in an image
    that is read in its own order, so that the other order is rougher: 1.35 to 2.7 times on crops of
    photographs, 0.15 to 0.7 where a view mixed them up. Found where it has at most 0.8 of the roughness.
    False alarms: images that are noise have 1 in both; stripes that repeat after as many pixels as there are
    channels.

    Args:
        record: What was seen.
    """
    asked = last_question(record)
    if asked is None:
        return []
    x = asked[2]
    if x.ndim != 4 or not x.is_floating_point() or len(x) < LEAST_IMAGES or not torch.isfinite(x).all():
        return []
    n, c, h, w = x.shape
    if not 2 <= c <= MOST_CHANNELS or min(h, w) < LEAST_SIDE:
        return []
    given, other = roughness(x), roughness(x.reshape(n, h, w, c).permute(0, 3, 1, 2))
    if other > SMOOTHER * given:
        return []
    return [
        Finding(
            "axis.channels",
            "the colours of the images are mixed up with their pixels",
            f"neighbouring pixels differ by {given:.2f} of what pixels at random places do, and by "
            f"{other:.2f} where the same numbers are read as [{h}, {w}, {c}]; {n} images",
            "high",
            f"arrays of shape [{h}, {w}, {c}] were given the shape [{c}, {h}, {w}] by view or reshape, which "
            "leaves the numbers in their order",
            "move the axis: permute(2, 0, 1), or transpose((2, 0, 1)) in NumPy",
            picture=of_numbers(
                "Difference of neighbouring pixels, smaller as given where nothing is wrong",
                "of that of pixels at random places",
                {f"as given, [{c}, {h}, {w}]": given, f"read as [{h}, {w}, {c}]": other},
                (SMOOTHER * given, "the other, from here on"),
            ),
        )
    ]
