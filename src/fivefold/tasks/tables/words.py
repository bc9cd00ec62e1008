r"""A text column as a few coordinates of its word counts.

Term frequencies :math:`\log(1 + f)` times inverse document frequencies :math:`\log(n / d)`, each text
scaled to length one, projected on the leading right singular vectors (latent semantic analysis). Source:
Deerwester et al., Indexing by latent semantic analysis (1990).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from fivefold.tasks.tables.rowwise import row_sums

Floats = npt.NDArray[np.float64]
_WORD = re.compile(r"\w+")
_VOCABULARY = 1500
_COORDINATES = 24
_MOST_CHARACTERS = 20_000
_MOST_TEXTS = 20_000
"""Texts from which words and directions are learned: these at even distances, where there are more."""
_MOST_WORDS = 500_000
"""Different words and pairs held while counting; beyond, those in one text so far are forgotten."""
_CHUNK = 2048
"""Texts whose counts are held at a time."""


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
        if len(values) > _MOST_TEXTS:
            values = values[np.linspace(0, len(values) - 1, _MOST_TEXTS).astype(np.int64)]
        documents: dict[str, int] = {}
        lengths = np.empty(len(values))
        for i, text in enumerate(values):
            words = _words(text)
            lengths[i] = np.log1p(len(words))
            for word in set(words):
                documents[word] = documents.get(word, 0) + 1
            if len(documents) > _MOST_WORDS:
                documents = {word: d for word, d in documents.items() if d >= 2}
        kept = sorted((w for w, d in documents.items() if d >= 2), key=lambda w: (-documents[w], w))[
            :_VOCABULARY
        ]
        weights = np.log(len(values) / np.array([documents[w] for w in kept], dtype=np.float64)) + 1e-6
        empty = np.zeros((len(kept), 0))
        length = (float(lengths.mean()), float(lengths.std()) or 1.0)
        encoder = cls(column, tuple(kept), weights, empty, np.zeros(0), length)
        if not kept:
            return encoder
        # The Gram matrix of the vocabulary is small (V <= 1500), so its eigenvectors are the cheap way.
        gram = np.zeros((len(kept), len(kept)))
        for part in encoder._chunks(values):
            counts = encoder._counts([_words(text) for text in part])
            gram += counts.T @ counts
        eigenvalues, vectors = np.linalg.eigh(gram)
        keep = min(_COORDINATES, int((eigenvalues > 1e-8 * eigenvalues[-1]).sum()))
        directions = vectors[:, ::-1][:, :keep]
        directions = directions * np.where(directions.sum(0) < 0, -1.0, 1.0)  # the sign is arbitrary: fix it
        coordinates = np.concatenate(
            [
                encoder._counts([_words(text) for text in part]) @ directions
                for part in encoder._chunks(values)
            ]
        )
        # texts have length one: a smaller spread is rounding, of texts that are all alike
        spread = np.where(coordinates.std(0) > 1e-7, coordinates.std(0), 1.0)
        return cls(column, tuple(kept), weights, directions / spread, coordinates.mean(0) / spread, length)

    @staticmethod
    def _chunks(values: Any) -> Iterator[Any]:
        """Cut the texts so that their counts never fill the memory."""
        return (values[at : at + _CHUNK] for at in range(0, len(values), _CHUNK))

    def _counts(self, texts: Sequence[Sequence[str]]) -> Floats:
        """Return the weighted counts ``[n, V]`` of texts given as their words."""
        index = {word: i for i, word in enumerate(self.vocabulary)}
        counts = np.zeros((len(texts), len(index)))
        for row, words in enumerate(texts):
            for word in words:
                at = index.get(word)
                if at is not None:
                    counts[row, at] += 1.0
        counts = np.log1p(counts) * self.weights
        norm = np.sqrt((counts**2).sum(1, keepdims=True))
        return counts / np.where(norm > 0, norm, 1.0)

    def transform(self, values: Any) -> tuple[Floats, list[str]]:
        """Return coordinates ``[n, k + 1]`` and their names."""
        names = [f"{self.column} (length)"]
        names += [f"{self.column} (words {i + 1})" for i in range(self.directions.shape[1])]
        out = np.empty((len(values), len(names)))
        for at, part in zip(range(0, len(values), _CHUNK), self._chunks(values), strict=True):
            texts = [_words(text) for text in part]
            lengths = np.array([np.log1p(len(words)) for words in texts])
            out[at : at + _CHUNK, 0] = (lengths - self.length[0]) / self.length[1]
            if self.directions.shape[1]:
                out[at : at + _CHUNK, 1:] = row_sums(self._counts(texts), self.directions) - self.means
        return np.clip(out, -6.0, 6.0), names

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
