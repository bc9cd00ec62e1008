"""Simple rules that tell targets from inputs, each judged on examples that it has not seen."""

from dataclasses import dataclass, field

import numpy as np

from fivefold.diagnosis.checks.seen import alone, of_one_length, stacked
from fivefold.diagnosis.observation.record import Rows

MOST = 800
"""Examples that a rule is fitted to: its cost grows with the third power of their number."""

MOST_TOKENS = 20_000
MOST_WORDS = 2000
MOST_COLUMNS = 4096
MANY_COLUMNS = 36
RIDGES = (0.03, 0.3, 3.0)


@dataclass
class Examples:
    """Distinct examples with a target each.

    Attributes:
        x: Inputs, [n, d]; tokens are integers.
        y: Targets, [n, k]: one column a class, a tag or a number, the latter standardised.
        tokens: Whether inputs are tokens.
        classes: The labels of the columns, where targets are classes; else empty.
        steps: The update or evaluation that each example was first seen in.
    """

    x: np.ndarray
    y: np.ndarray
    tokens: bool
    classes: np.ndarray = field(default_factory=lambda: np.empty(0))
    steps: np.ndarray = field(default_factory=lambda: np.empty(0))

    @property
    def labels(self) -> np.ndarray:
        """The labels, where targets are classes."""
        return np.asarray(self.classes[self.y.argmax(1)])

    def part(self, rows: np.ndarray) -> "Examples":
        """Some of them."""
        return Examples(self.x[rows], self.y[rows], self.tokens, self.classes, self.steps[rows])


def every_draw(rows: Rows, *, like: Examples | None = None) -> Examples | None:
    """Return all kept examples with their targets, repeats included; ``None`` where targets are not known.

    Args:
        rows: What was kept.
        like: Others whose kind of targets these must have.
    """
    x, y = stacked(rows)
    if y is None or not len(x) or not alone(rows) or x.shape[1] > MOST_COLUMNS or not np.isfinite(x).all():
        return None
    blocks = of_one_length(rows.inputs)
    steps = np.concatenate(
        [
            np.full(len(b), s)
            for b, s in zip(blocks, rows.steps, strict=True)
            if b.shape[1:] == blocks[0].shape[1:] and b.dtype == blocks[0].dtype
        ]
    )[: len(x)]
    tokens = not rows.inputs[0].is_floating_point()
    if tokens and (x.max() > MOST_TOKENS or x.shape[1] < 2):
        return None
    first = next(t for t in rows.targets if t is not None)
    if y.ndim > 2 or not np.isfinite(y).all() or (y.ndim == 2 and tokens and y.shape == x.shape):
        return None
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    whole = bool(np.allclose(y, np.round(y)))
    hot = y.ndim == 2 and whole and y.min() >= 0 and y.max() <= 1 and bool((y.sum(1) == 1).all())
    if hot:
        y = y.argmax(1).astype(float)  # one column a class
    if y.ndim == 1 and whole and (hot or not first.is_floating_point() or len(np.unique(y)) <= 2):
        classes = np.unique(y) if like is None else like.classes
        if not 2 <= len(classes) <= 100 or not np.isin(y, classes).any():
            return None
        known = np.isin(y, classes)
        columns = (y[known, None] == classes).astype(float)
        return Examples(x[known], columns, tokens, classes, steps[known])
    if like is not None and len(like.classes):
        return None
    y = y.reshape(len(y), -1)
    if y.shape[1] > 256 or (like is not None and like.y.shape[1] != y.shape[1]):
        return None
    spread = y.std(0)
    if not (spread > 1e-12).any():
        return None
    y = (y - y.mean(0)) / np.where(spread > 1e-12, spread, 1.0)
    return Examples(x, y, tokens, steps=steps)


def distinct(examples: Examples) -> Examples:
    """Each example once."""
    return examples.part(np.sort(np.unique(examples.x, axis=0, return_index=True)[1]))


def some(examples: Examples, most: int = MOST) -> Examples:
    """At most so many examples, drawn evenly by a fixed seed."""
    if len(examples.x) <= most:
        return examples
    return examples.part(np.sort(np.random.default_rng(0).permutation(len(examples.x))[:most]))


def even(examples: Examples) -> Examples:
    """Of the commonest class only as many examples as all others have, drawn by a fixed seed.

    >>> y = np.eye(2)[[0] * 7 + [1] * 2]
    >>> uneven = Examples(np.arange(9.0)[:, None], y, False, np.arange(2), np.zeros(9))
    >>> even(uneven).y.sum(0).tolist()
    [2.0, 2.0]
    """
    top = examples.y[:, int(examples.y.sum(0).argmax())] > 0
    common = np.flatnonzero(top)
    kept = np.random.default_rng(0).permutation(common)[: int((~top).sum())]
    return examples.part(np.sort(np.concatenate([np.flatnonzero(~top), kept])))


class Features:
    """What a rule reads: columns of one scale, or which words a text holds.

    Args:
        examples: Those that it is fitted to.
    """

    def __init__(self, examples: Examples) -> None:
        self._tokens = examples.tokens
        if examples.tokens:
            counts = _counts(examples.x)
            used = counts > 0
            # A token that all hold, padding for one, tells nothing.
            weight = np.log(len(counts) / np.maximum(used.sum(0), 1))
            self._words = np.argsort(-used.sum(0))[:MOST_WORDS]
            self._weight = weight[self._words]
        else:
            x = examples.x
            self._mean = x.mean(0)
            spread = x.std(0)
            self._used = spread > 0
            self._scale = spread[self._used]
            if len(self._scale) >= MANY_COLUMNS:
                # Of an image or a signal, a place that hardly ever moves must not outweigh the others.
                self._scale = np.maximum(self._scale, 0.3 * np.median(self._scale))

    def of(self, x: np.ndarray) -> np.ndarray:
        """Features of inputs, [n, p], of about unit length."""
        if not self._tokens:
            out = np.clip((x[:, self._used] - self._mean[self._used]) / self._scale, -20, 20)
            return np.asarray(out / max(1.0, out.shape[1]) ** 0.5)
        counts = _counts(x, int(self._words.max()) + 1)
        out = np.log1p(counts[:, self._words]) * self._weight
        return np.asarray(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12))


def _counts(x: np.ndarray, columns: int = 0) -> np.ndarray:
    ids = x.astype(np.int64)
    wide = max(int(ids.max()) + 1, columns, 1)
    counts = np.zeros((len(ids), wide), dtype=np.float32)
    row = np.broadcast_to(np.arange(len(ids))[:, None], ids.shape)
    there = ids >= 0
    np.add.at(counts, (row[there], ids[there]), 1.0)
    return counts


@dataclass(frozen=True)
class Judged:
    """How well a rule tells targets of examples that it has not seen.

    Attributes:
        explained: Share of the targets' variance explained, by example; their mean is R^2.
        right: Whether the class with the largest value is the label, by example; empty where targets are no
            classes.
    """

    explained: np.ndarray
    right: np.ndarray

    @property
    def share(self) -> float:
        """R^2."""
        return float(self.explained.mean())

    @property
    def error(self) -> float:
        """Standard error of R^2."""
        return float(self.explained.std() / max(1, len(self.explained)) ** 0.5)

    @property
    def z(self) -> float:
        """R^2 over its standard error: about standard normal, or below, where targets are unrelated."""
        return self.share / max(self.error, 1e-12)

    @property
    def accuracy(self) -> float:
        """Share of right labels; nan where targets are no classes."""
        return float(self.right.mean()) if len(self.right) else float("nan")


def _judge(examples: Examples, told: np.ndarray, mean: np.ndarray) -> Judged:
    base = ((examples.y - mean) ** 2).sum(1)
    gain = base - ((examples.y - told) ** 2).sum(1)
    right = np.empty(0)
    if len(examples.classes):
        right = (told.argmax(1) == examples.y.argmax(1)).astype(float)
    return Judged(gain / max(float(base.mean()), 1e-300), right)


class Rule:
    """Kernel ridge regression of the targets, linear or with a Gaussian kernel, whichever does better.

    With G = K + r I and centred targets y, the prediction for an example left out is
    y_i - (G^-1 y)_i / (G^-1)_ii, so that every example is judged by a rule that has not seen it.

    Source: Rifkin and Lippert, "Notes on regularized least squares" (2007).

    Args:
        examples: Distinct ones, at most a thousand or so.

    Attributes:
        own: How well it tells the targets of its own examples, each left out.
    """

    def __init__(self, examples: Examples) -> None:
        self._features = Features(examples)
        self._x = self._features.of(examples.x)
        self._mean = examples.y.mean(0)
        y = examples.y - self._mean
        self._gamma = self._scale = 1.0
        best: Judged | None = None
        for gaussian in (False, True):
            kernel = self._kernel(self._x, gaussian, fit=True)
            for ridge in RIDGES:
                inverse = np.linalg.inv(kernel + ridge * np.eye(len(y)))
                weights = inverse @ y
                told = examples.y - weights / np.diag(inverse)[:, None]
                judged = _judge(examples, told, self._mean)
                if best is None or judged.share > best.share:
                    best, self._gaussian, self._weights = judged, gaussian, weights
        assert best is not None
        self.own = best

    def _kernel(self, x: np.ndarray, gaussian: bool, *, fit: bool = False) -> np.ndarray:
        inner = x @ self._x.T
        if not gaussian:
            if fit:
                self._scale = max(float(np.diag(inner).mean()), 1e-12)
            return np.asarray(inner / self._scale)
        square = (x**2).sum(1)[:, None] + (self._x**2).sum(1)[None] - 2 * inner
        if fit:
            self._gamma = 1.0 / max(float(np.median(square)), 1e-12)
        return np.asarray(np.exp(-self._gamma * np.maximum(square, 0.0)))

    def tell(self, x: np.ndarray) -> np.ndarray:
        """Predictions for inputs, [n, k]."""
        return np.asarray(self._kernel(self._features.of(x), self._gaussian) @ self._weights + self._mean)

    def judge(self, examples: Examples) -> Judged:
        """How well it tells the targets of other examples, beside the mean of their own targets."""
        return _judge(examples, self.tell(examples.x), examples.y.mean(0))


def textures(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """How rough images, signals or sequences are, which no single place of them tells: [n, p].

    The logarithm of the mean distance of neighbours along each of the last two dimensions, of the deviation,
    and of the former over the latter.

    Args:
        x: Examples, [n, d].
        shape: That of an example, with d numbers; two dimensions or three.

    >>> textures(np.eye(4)[:2], (2, 2)).shape, textures(np.eye(4)[:2], (4,)).shape
    ((2, 5), (2, 0))
    """
    if len(shape) not in (2, 3) or int(np.prod(shape)) != x.shape[1] or min(shape[-2:]) < 2:
        return np.empty((len(x), 0))
    whole = x.reshape(len(x), *shape)
    spread = np.log(x.std(1) + 1e-6)
    rough = [
        np.log(np.abs(np.diff(whole, axis=axis)).reshape(len(x), -1).mean(1) + 1e-6) for axis in (-1, -2)
    ]
    return np.stack([spread, *rough, *(r - spread for r in rough)], axis=1)


def keys_of(x: np.ndarray) -> list[bytes]:
    """The bytes of each example, equal where all its numbers are."""
    return [np.ascontiguousarray(row).tobytes() for row in x + 0.0]  # -0.0 becomes 0.0


def rich(x: np.ndarray, *, tokens: bool) -> np.ndarray:
    """Which examples hold so many distinct numbers that they are hardly the same by chance.

    Args:
        x: Examples, [n, d].
        tokens: Whether their numbers count rather than measure.
    """
    needed = 8 if tokens else min(8, max(3, x.shape[1]))
    ordered = np.sort(x, axis=1)
    return np.asarray(1 + (np.diff(ordered, axis=1) != 0).sum(1) >= needed)
