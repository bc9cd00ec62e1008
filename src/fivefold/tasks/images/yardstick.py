"""What a network is measured against: logistic regression on the pixels of small pictures."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from fivefold.tasks.images.material import Material, part_of
from fivefold.tasks.softmax_regression import Regression, fit_softmax
from fivefold.tasks.temperature import log_losses, temperature_of

Floats = npt.NDArray[np.float64]
_SIDE = 16
_MOST = 6_000
_PENALTIES = (1e-1, 1e-2, 1e-3, 1e-4)
"""Penalties on standardised pixels, per training picture, tried while the loss falls."""
NAME = "logistic regression on pixels"


@dataclass(frozen=True, eq=False)
class Yardstick:
    """Scores ``[n, K]`` of held-out and test pictures, and how they came about."""

    held: Floats
    test: Floats
    description: str


def fit_yardstick(material: Material, seed: int) -> Yardstick:
    """Fit logistic regression to the standardised pixels of pictures of at most 16 x 16.

    The penalty is the one with the smallest log loss on the held-out pictures, from strong to weak while it
    falls, each fit begun at the one before.

    Args:
        material: The pictures.
        seed: Of the draw where there are more than 6,000 training pictures.
    """
    height, width = (min(_SIDE, int(v)) for v in np.median(material.images.sizes, axis=0))
    labels = material.images.labels
    rows = material.train[part_of(len(material.train), _MOST, labels[material.train], seed, "yardstick")]

    def pixels(at: npt.NDArray[np.int64]) -> Floats:
        found = material.images.load(at, height, width, colour=material.images.colour)
        return np.asarray(found.reshape(len(at), -1), dtype=np.float64)

    X, H, T = pixels(rows), pixels(material.held), pixels(material.test)
    mean, spread = X.mean(0), np.maximum(X.std(0), 1.0)
    X, H, T = ((part - mean) / spread for part in (X, H, T))
    known, codes = np.unique(labels[rows], return_inverse=True)
    best: tuple[float, Floats, Floats, float] | None = None
    start: Regression | None = None
    for penalty in _PENALTIES:
        begin = None if start is None else (start.weights, start.bias)
        start = fit_softmax(X, codes, len(known), penalty, start=begin, nearer=True)
        held, test = (_scores(start, part, known, material.classes) for part in (H, T))
        at = temperature_of(held, labels[material.held])
        loss = float(log_losses(held / at, labels[material.held]).mean())
        if best is not None and loss > best[0]:
            break
        best = loss, held / at, test / at, penalty
    assert best is not None
    return Yardstick(
        best[1],
        best[2],
        f"on {height} x {width} pixels of {len(rows):,} training pictures, penalty {best[3]:g} a picture",
    )


def _scores(fitted: Regression, X: Floats, known: npt.NDArray[np.int64], classes: int) -> Floats:
    """Scores ``[n, classes]``; a class that the fit has not seen has the least of its row."""
    found = X @ fitted.weights + fitted.bias
    out = np.repeat(found.min(1, keepdims=True), classes, axis=1)
    out[:, known] = found
    return out


def constant_scores(material: Material, rows: int) -> Floats:
    """Return the logarithms of the classes' shares in training, ``[rows, K]``: what knows no picture."""
    counts = torch.bincount(material.labels(material.train), minlength=material.classes).double()
    return np.asarray(torch.log(counts / counts.sum()).expand(rows, -1).numpy())
