"""Texts as numbers of their words: each is cut into words once, whatever is counted afterwards."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fivefold.tasks.text.tokens import split_words

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CutTexts:
    """Texts, one after the other.

    Attributes:
        words: The V different words in lower case, in the order in which they first come.
        numbers: ``[T]`` places in ``words`` of all words of all texts.
        starts: ``[n + 1]`` where in ``numbers`` each text begins; the last is T.

    >>> cut = CutTexts.of(["It purrs.", "", "it"])
    >>> cut.words, cut.numbers.tolist(), cut.starts.tolist()
    (('it', 'purrs', '.'), [0, 1, 2, 0], [0, 3, 3, 4])
    """

    words: tuple[str, ...]
    numbers: npt.NDArray[np.int32]
    starts: Codes

    @classmethod
    def of(cls, texts: Iterable[str]) -> "CutTexts":
        """Cut texts into words and signs, as :func:`~fivefold.tasks.text.tokens.split_words` does."""
        known: dict[str, int] = {}
        numbers, starts = array("i"), array("q", [0])
        for text in texts:
            numbers.extend([known.setdefault(word, len(known)) for word in split_words(text.lower())])
            starts.append(len(numbers))
        return cls(tuple(known), np.array(numbers, dtype=np.int32), np.array(starts, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def rows(self) -> Codes:
        """Return the text ``[T]`` that each word stands in."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def take(self, rows: Codes) -> "CutTexts":
        """Return some of the texts, with the words of all.

        >>> CutTexts.of(["a b", "c"]).take(np.array([1])).numbers.tolist()
        [2]
        """
        lengths = np.diff(self.starts)[rows]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        at = np.arange(starts[-1]) + np.repeat(self.starts[rows] - starts[:-1], lengths)
        return CutTexts(self.words, self.numbers[at], starts)
