"""Noise that is the same at each update: a generator that begins anew each time."""

from itertools import pairwise

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from fivefold.diagnosis.checks.pictures import of_shares
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record

LEAST_PAIRS = 5
LEAST_NUMBERS = 512
MOST_NUMBERS = 4096
NOISES = (stats.norm.cdf, stats.uniform.cdf, stats.uniform(-1.0, 2.0).cdf)
"""Distributions that noise is drawn from: standard normal, uniform on [0, 1] and on [-1, 1]."""


def check_repeated_noise(record: Record) -> list[Finding]:
    """Find noise that a model is to tell and that is drawn once for all updates.

    Statistic: of successive watched batches whose inputs differ, the share with the very same targets, where
    these targets are noise: numbers that a Kolmogorov-Smirnov test cannot tell from standard normal or
    uniform ones (p > 0.01). Null: 0; numbers of a generator that goes on come again by chance in no training.
    Found from half of the pairs and five on. False alarms: measured targets of all examples in one batch
    come again at each update and are no noise of unit size (left out by the test).

    Args:
        record: What was seen.
    """
    rows = record.training_rows
    known = [
        (x, y)
        for x, y in zip(rows.inputs, rows.targets, strict=True)
        if y is not None and y.is_floating_point() and y.numel() >= LEAST_NUMBERS
    ]
    pairs = [(a, b) for a, b in pairwise(known) if not _same(a[0], b[0])]
    again = [b[1] for a, b in pairs if _same(a[1], b[1])]
    share = len(again) / max(1, len(pairs))
    if len(again) < LEAST_PAIRS or share < 0.5 or not _is_noise(again[-1]):
        return []
    return [
        Finding(
            "data.repeated",
            "the noise is the same at each update",
            f"{len(again)} of {len(pairs)} successive watched batches have other inputs and the very same "
            f"{again[-1].numel()} targets, which are distributed as drawn noise",
            "high",
            "the generator of the noise is made, or seeded, anew in each pass through the loop",
            "make the generator once, before the loop, and go on with it",
            picture=of_shares(
                "Successive batches with other inputs and the same targets: none where nothing is wrong",
                "share of the pairs",
                {"the same targets": share, "other targets": 1.0 - share},
                (0.5, "found from here on"),
            ),
        )
    ]


def _same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and bool(torch.equal(a, b))


def _is_noise(target: Tensor) -> bool:
    values = np.unique(target.double().numpy().ravel())
    if len(values) < LEAST_NUMBERS:
        return False
    values = np.random.default_rng(0).permutation(values)[:MOST_NUMBERS]
    return any(stats.kstest(values, cdf).pvalue > 0.01 for cdf in NOISES)
