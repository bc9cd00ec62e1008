"""What a network is measured against: logistic regression on the pixels of small pictures."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from fivefold.tasks.images.material import Material, part_of
from fivefold.tasks.temperature import log_losses, temperature_of

Floats = npt.NDArray[np.float64]
_SIDE = 16
_MOST = 6_000
_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)
"""Penalties on standardised pixels, per training picture."""
NAME = "logistic regression on pixels"


@dataclass(frozen=True, eq=False)
class Yardstick:
    """Scores ``[n, K]`` of held-out and test pictures, and how they came about."""

    held: Floats
    test: Floats
    description: str


def fit_yardstick(material: Material, seed: int) -> Yardstick:
    """Fit logistic regression to the standardised pixels of pictures of at most 16 x 16.

    The penalty is the one with the smallest log loss on the held-out pictures.

    Args:
        material: The pictures.
        seed: Of the draw where there are more than 6,000 training pictures.
    """
    from sklearn.linear_model import LogisticRegression

    height, width = (min(_SIDE, int(v)) for v in np.median(material.images.sizes, axis=0))
    labels = material.images.labels
    rows = material.train[part_of(len(material.train), _MOST, labels[material.train], seed, "yardstick")]

    def pixels(at: npt.NDArray[np.int64]) -> Floats:
        found = material.images.load(at, height, width, colour=material.images.colour)
        return np.asarray(found.reshape(len(at), -1), dtype=np.float64)

    X, H, T = pixels(rows), pixels(material.held), pixels(material.test)
    mean, spread = X.mean(0), np.maximum(X.std(0), 1.0)
    X, H, T = ((part - mean) / spread for part in (X, H, T))
    best: tuple[float, Floats, Floats, float] | None = None
    for penalty in _PENALTIES:
        # the bound is on the mean loss, of which the gradient of one class of many is a small part
        tol = min(1e-3, 1e-2 / material.classes)
        model = LogisticRegression(C=1 / (penalty * len(X)), max_iter=100, tol=tol)
        fitted = _fitted(model, X, labels[rows])
        held = _scores(fitted, H, material.classes)
        at = temperature_of(held, labels[material.held])
        loss = float(log_losses(held / at, labels[material.held]).mean())
        if best is None or loss < best[0]:
            best = loss, held / at, _scores(fitted, T, material.classes) / at, penalty
    assert best is not None
    return Yardstick(
        best[1],
        best[2],
        f"on {height} x {width} pixels of {len(rows):,} training pictures, penalty {best[3]:g} a picture",
    )


def _fitted(model: object, X: Floats, y: npt.NDArray[np.int64]) -> object:
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a yardstick near its optimum will do
        return model.fit(X, y)  # type: ignore[attr-defined]


def _scores(model: object, X: Floats, classes: int) -> Floats:
    """Scores ``[n, classes]``; a class that the fit has not seen has the least of its row."""
    found = np.asarray(model.decision_function(X))  # type: ignore[attr-defined]
    if found.ndim == 1:
        found = np.column_stack([np.zeros(len(X)), found])
    out = np.repeat(found.min(1, keepdims=True), classes, axis=1)
    out[:, np.asarray(model.classes_, dtype=np.int64)] = found  # type: ignore[attr-defined]
    return out


def constant_scores(material: Material, rows: int) -> Floats:
    """Return the logarithms of the classes' shares in training, ``[rows, K]``: what knows no picture."""
    counts = torch.bincount(material.labels(material.train), minlength=material.classes).double()
    return np.asarray(torch.log(counts / counts.sum()).expand(rows, -1).numpy())
