"""How often findings are right: counted on scripts with a planted fault, and on their healthy twins."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

RIGHT_OF_SAID: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"high": (159, 185), "medium": (10, 20), "low": (0, 3)}
)
"""By confidence: how often the first finding on a faulty script named the planted fault, of how often such a
finding stood first."""

SCRIPTS, SILENT = 258, 50
"""Faulty scripts, and those on which nothing was found."""

HEALTHY, ACCUSED = 40, 4
"""Healthy scripts, and those on which something was found with high confidence."""

Z = 1.959964
"""The 97.5th percentile of the standard normal distribution."""


def wilson(right: int, said: int) -> tuple[float, float]:
    r"""Return the 95% interval of a share.

    .. math:: \frac{\hat p + z^2/2n \pm z \sqrt{\hat p(1-\hat p)/n + z^2/4n^2}}{1 + z^2/n}

    Source: E. B. Wilson 1927, "Probable inference, the law of succession, and statistical inference".

    Args:
        right: Successes, 0 to ``said``.
        said: Trials, at least 1.

    >>> low, high = wilson(9, 10)
    >>> round(low, 3), round(high, 3)
    (0.596, 0.982)
    """
    p, z = right / said, Z * Z / said
    half = Z * math.sqrt(p * (1 - p) / said + z / (4 * said))
    return max(0.0, (p + z / 2 - half) / (1 + z)), min(1.0, (p + z / 2 + half) / (1 + z))


def calibration() -> dict[str, Any]:
    """Return the table that a page of findings shows, in plain numbers and sentences.

    >>> [row["confidence"] for row in calibration()["rows"]]
    ['high', 'medium', 'low']
    """
    rows = []
    for confidence, (right, said) in RIGHT_OF_SAID.items():
        low, high = wilson(right, said)
        rows.append({"confidence": confidence, "right": right, "said": said, "low": low, "high": high})
    return {
        "rows": rows,
        "sentences": [
            f"Counted on {SCRIPTS} training scripts with one planted fault each, of kinds that studies of "
            f"deep-learning bugs list. On {SILENT} of them nothing was found: no finding is no proof of "
            "health.",
            f"On {HEALTHY} healthy scripts, {ACCUSED} had a finding of high confidence.",
        ],
    }
