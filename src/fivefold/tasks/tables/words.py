r"""A text column as a few coordinates of its word counts.

Term frequencies :math:`\log(1 + f)` times inverse document frequencies :math:`\log(n / d)`, each text
scaled to length one, projected on the leading right singular vectors (latent semantic analysis). Source:
Deerwester et al., Indexing by latent semantic analysis (1990).
"""

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_WORD = re.compile(r"\w+")
_VOCABULARY = 1500
_COORDINATES = 24
_MOST_CHARACTERS = 20_000


def _words(text: str | None) -> list[str]:
    words = _WORD.findall((text or "")[:_MOST_CHARACTERS].lower())
    return words + [f"{a} {b}" for a, b in pairwise(words)]


@dataclass(frozen=True, eq=False)
class WordEncoder:
    """Words and pairs of neighbouring words of a text column: at most 24 coordinates, and the text's length.

    Attributes:
        column: The column.
        vocabulary: The words kept: the most frequent that stand in at least two texts.
        weights: ``[V]`` inverse document frequencies.
        directions: ``[V, k]`` right singular vectors divided by the coordinates' standard deviations.
        means: ``[k]`` means of the coordinates.
        length: Mean and standard deviation of the logarithm of the number of words.
    """

    kind: ClassVar[str] = "words"
    column: str
    vocabulary: tuple[str, ...]
    weights: Floats
    directions: Floats
    means: Floats
    length: tuple[float, float]

    @classmethod
    def fit(cls, column: str, values: Any) -> "WordEncoder":
        """Learn the vocabulary and the directions from training texts."""
        documents: dict[str, int] = {}
        lengths = np.empty(len(values))
        for i, text in enumerate(values):
            words = _words(text)
            lengths[i] = np.log1p(len(words))
            for word in set(words):
                documents[word] = documents.get(word, 0) + 1
        kept = sorted((w for w, d in documents.items() if d >= 2), key=lambda w: (-documents[w], w))[
            :_VOCABULARY
        ]
        weights = np.log(len(values) / np.array([documents[w] for w in kept], dtype=np.float64)) + 1e-6
        empty = np.zeros((len(kept), 0))
        length = (float(lengths.mean()), float(lengths.std()) or 1.0)
        encoder = cls(column, tuple(kept), weights, empty, np.zeros(0), length)
        if not kept:
            return encoder
        counts = encoder._counts(values)
        # The Gram matrix of the vocabulary is small (V <= 1500), so its eigenvectors are the cheap way.
        eigenvalues, vectors = np.linalg.eigh(counts.T @ counts)
        keep = min(_COORDINATES, int((eigenvalues > 1e-8 * eigenvalues[-1]).sum()))
        directions = vectors[:, ::-1][:, :keep]
        directions = directions * np.where(directions.sum(0) < 0, -1.0, 1.0)  # the sign is arbitrary: fix it
        coordinates = counts @ directions
        spread = coordinates.std(0)
        # texts have length one: a smaller spread is rounding, of texts that are all alike
        directions = directions / np.where(spread > 1e-7, spread, 1.0)
        means = (counts @ directions).mean(0)
        return cls(column, tuple(kept), weights, directions, means, length)

    def _counts(self, values: Any) -> Floats:
        index = {word: i for i, word in enumerate(self.vocabulary)}
        counts = np.zeros((len(values), len(index)))
        for row, text in enumerate(values):
            for word in _words(text):
                at = index.get(word)
                if at is not None:
                    counts[row, at] += 1.0
        counts = np.log1p(counts) * self.weights
        norm = np.sqrt((counts**2).sum(1, keepdims=True))
        return counts / np.where(norm > 0, norm, 1.0)

    def transform(self, values: Any) -> tuple[Floats, list[str]]:
        """Return coordinates ``[n, k + 1]`` and their names."""
        lengths = np.array([np.log1p(len(_words(text))) for text in values])
        parts = [((lengths - self.length[0]) / self.length[1])[:, None]]
        names = [f"{self.column} (length)"]
        if self.directions.shape[1]:
            parts.append(self._counts(values) @ self.directions - self.means)
            names += [f"{self.column} (words {i + 1})" for i in range(self.directions.shape[1])]
        return np.clip(np.column_stack(parts), -6.0, 6.0), names

    def state(self) -> dict[str, Any]:
        """Return the saved form."""
        return {
            "kind": self.kind,
            "column": self.column,
            "vocabulary": list(self.vocabulary),
            "weights": self.weights,
            "directions": self.directions,
            "means": self.means,
            "length": list(self.length),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "WordEncoder":
        """Read the saved form."""
        return cls(
            state["column"],
            tuple(state["vocabulary"]),
            np.asarray(state["weights"]),
            np.asarray(state["directions"]),
            np.asarray(state["means"]),
            (float(state["length"][0]), float(state["length"][1])),
        )
