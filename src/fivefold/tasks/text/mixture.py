"""How much of a network is mixed into the words: none, unless it gains more than chance would."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fivefold.tasks.standard_error import standard_error
from fivefold.tasks.temperature import tempered_losses

Floats = npt.NDArray[np.float64]
SHARES = (0.25, 0.5, 0.75, 1.0)
"""Shares of the network that are tried."""


@dataclass(frozen=True, eq=False)
class Mixture:
    """A share of the network, and why.

    Attributes:
        share: In 0..1; 0 where the best one does not gain more than the standard error of its gain.
        tried: The share of the smallest loss.
        losses: ``[n]`` log losses on the judging texts of the words alone.
        mixed: ``[n]`` those of the mixture with the share ``tried``.
    """

    share: float
    tried: float
    losses: Floats
    mixed: Floats

    @property
    def gain(self) -> float:
        """Mean loss of the words alone minus that of the mixture with the share ``tried``."""
        return float((self.losses - self.mixed).mean())

    @property
    def error(self) -> float:
        """Standard error of the gain, paired text by text; infinite of one text."""
        return standard_error(self.losses - self.mixed) if len(self.losses) > 1 else math.inf


def choose_share(
    words: Floats, network: Floats | None, labels: npt.NDArray[np.int64], shares: tuple[float, ...] = SHARES
) -> Mixture:
    """Choose the share of the smallest log loss, each mixture at its own temperature.

    The same texts have chosen the epoch and the network: so a share must gain more than the standard error
    of its gain, paired text by text, over the words alone.

    Args:
        words: ``[n, K]`` tempered scores of the words.
        network: ``[n, K]`` those of the network, or ``None`` where there is none.
        labels: ``[n]`` codes.
        shares: Those that are tried.

    >>> same = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> choose_share(same, same, np.array([0, 1])).share
    0.0
    """
    alone = tempered_losses(words, labels)
    tried, mixed = 0.0, alone
    if network is not None:
        for share in shares:
            losses = tempered_losses(share * network + (1 - share) * words, labels)
            if losses.mean() < mixed.mean():
                tried, mixed = share, losses
    found = Mixture(tried, tried, alone, mixed)
    return found if found.gain > found.error else Mixture(0.0, tried, alone, mixed)
