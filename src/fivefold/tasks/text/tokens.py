"""Texts as padded sequences of tokens: words, and pieces of words where a word is rare."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.core import ArtifactError, require
from fivefold.tasks.text.byte_pairs import Pair, apply_merges, learn_merges

PADDING, UNKNOWN = 0, 1
_FIRST = 2
_START = "\u2581"
"""Put in front of each word, so that the beginning of a word and its middle are different pieces."""
_MOST_WORDS = 200_000
_LONGEST_WORD = 64
_MOST_CACHED = 200_000
_MOST_LETTERS = 4000

_ALONE = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Han and kana, written without spaces: each letter is a word."""
_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u0610-\u061a\u064b-\u065f\u0670"
    "\u0900-\u0963\u0966-\u0dff\u0e01-\u0e3a\u0e40-\u0e4e\u0eb1-\u0ecd\u0f71-\u0f84\u1000-\u1049\u1780-\u17d3"
    "\u200c\u200d"
)
"""Vowel signs and joiners, which Python's ``\\w`` leaves out although they stand within words."""
_RUNS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
"""Thai, Lao, Burmese and Khmer, written without spaces between words."""
_PIECE = re.compile(rf"[{_ALONE}]|[{_RUNS}]{{1,5}}|[^\s{_ALONE}{_RUNS}]+")
_LETTER = re.compile(r"\w")


def split_words(text: str) -> list[str]:
    r"""Cut a text into words and single punctuation marks, by Unicode.

    Apostrophes within words stay. Each letter of Han and kana is a word. Thai, Lao, Khmer and Burmese, also
    written without spaces, stay in runs, which byte pairs then cut; no dictionary is used.

    >>> split_words("Don't panic: caf\u00e9\u4e16\u754c!")
    ["Don't", 'panic', ':', 'café', '世', '界', '!']
    """
    letter = rf"(?:(?![{_ALONE}])[\w{_MARKS}])"
    return re.findall(rf"[{_ALONE}]|{letter}+(?:['\u2019]{letter}+)*|[^\w\s]", text)


def count_words(text: str) -> int:
    """Return about how many words a text has, as readers count them.

    What stands between spaces is one, if a letter or digit is in it; each letter of Han and kana is one, as
    for :func:`split_words`; and of scripts without spaces between words every five letters and signs are.

    >>> count_words("Don't panic - write to a.b@c.org"), count_words("\u4e16\u754c\uff0c ok"), count_words("")
    (5, 3, 0)
    """
    return sum(_LETTER.search(piece) is not None for piece in _PIECE.findall(text))


@dataclass(frozen=True, eq=False)
class Tokenizer:
    """Byte pairs learnt on training texts: frequent words are one token, rare ones several.

    Tokens: 0 padding, 1 unknown letters, then letters, then the pieces that the joins make.

    Args:
        alphabet: Letters, each alone and each after the sign of a word's beginning.
        merges: ``[M, 2]`` the joined pairs of tokens, in order.
        lower: Whether texts are read in lower case.

    >>> tokenizer = Tokenizer.fit(["low lower lowest slow", "new newer newest"] * 3, size=30)
    >>> tokenizer.pieces("lowest slower")
    ['▁lowest', '▁slow', 'er']
    """

    alphabet: tuple[str, ...]
    merges: NDArray[np.int64]
    lower: bool = True
    _letters: dict[str, int] = field(init=False, repr=False)
    _ranks: dict[Pair, int] = field(init=False, repr=False)
    _cache: dict[str, tuple[int, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        letters = {letter: i for i, letter in enumerate(self.alphabet, _FIRST)}
        pairs = [(int(a), int(b)) for a, b in self.merges.tolist()]
        object.__setattr__(self, "_letters", letters)
        object.__setattr__(self, "_ranks", {pair: rank for rank, pair in enumerate(pairs)})
        object.__setattr__(self, "_cache", {})

    @classmethod
    def fit(
        cls, texts: Iterable[str], size: int = 8000, *, lower: bool = True, joins: int | None = None
    ) -> "Tokenizer":
        """Learn letters and joins from training texts; their order does not matter.

        Args:
            texts: Training texts.
            size: Most tokens, at least 3. Letters come first, those of the 200,000 most frequent words; where
                there are too many, or more than 4,000, the most frequent ones.
            lower: Whether texts are read in lower case.
            joins: Most joins, at least 0; ``None`` makes as many as the size has room for.

        Raises:
            ArgumentError: A size below 3, or joins below 0.
        """
        require(size >= _FIRST + 1, f"a size of at least {_FIRST + 1}", size)
        require(joins is None or joins >= 0, "at least 0 joins", joins)
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(split_words(_plain(text, lower=lower)))
        kept = sorted(counts, key=lambda word: (-counts[word], word))[:_MOST_WORDS]
        letters: Counter[str] = Counter()
        for word in kept:
            for chunk in _spelt(word):
                for letter in chunk:
                    letters[letter] += counts[word]
        room = min(size - _FIRST, _MOST_LETTERS)
        often = sorted(letters, key=lambda letter: (letters[letter] < 2, -letters[letter], letter))[:room]
        alphabet = tuple(sorted(often))
        numbers = {letter: i for i, letter in enumerate(alphabet, _FIRST)}
        words: Counter[tuple[int, ...]] = Counter()
        for word in kept:
            for chunk in _spelt(word):
                words[tuple(numbers.get(letter, UNKNOWN) for letter in chunk)] += counts[word]
        first = _FIRST + len(alphabet)
        known = {word: n for word, n in words.items() if UNKNOWN not in word}
        most = size - first if joins is None else min(joins, size - first)
        merges = learn_merges(known, first, most)
        return cls(alphabet, np.array(merges, dtype=np.int64).reshape(-1, 2), lower)

    @property
    def size(self) -> int:
        """Tokens V, padding and unknown included."""
        return _FIRST + len(self.alphabet) + len(self.merges)

    def tokens(self, text: str) -> list[int]:
        """The tokens of one text; a text without words is one unknown token."""
        found: list[int] = []
        for word in split_words(_plain(text, lower=self.lower)):
            known = self._cache.get(word)
            if known is None:
                known = tuple(token for chunk in _spelt(word) for token in self._joined(chunk))
                if len(self._cache) < _MOST_CACHED and len(word) <= _LONGEST_WORD:
                    self._cache[word] = known
            found.extend(known)
        return found or [UNKNOWN]

    def _joined(self, letters: Sequence[str]) -> Sequence[int]:
        numbers = [self._letters.get(letter, UNKNOWN) for letter in letters]
        return apply_merges(numbers, self._ranks, _FIRST + len(self.alphabet))

    def encode(self, texts: Sequence[str], longest: int = 512) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Tokens of texts, padded at the end.

        Args:
            texts: N texts.
            longest: Most tokens of a text; what comes after them is cut off.

        Returns:
            Tokens [N, T] with 0 in the padding, T the longest of the texts, and lengths [N], at least 1.

        Raises:
            ArgumentError: ``longest`` below 1.

        >>> Tokenizer.fit(["a b", "b"], size=9).encode(["b a b", ""])[0].tolist()
        [[3, 2, 3], [1, 0, 0]]
        """
        require(longest >= 1, "at least 1 token a text", longest)
        rows = [self.tokens(text)[:longest] for text in texts]
        lengths = np.array([len(row) for row in rows], dtype=np.int64)
        padded = np.full((len(rows), int(lengths.max(initial=1))), PADDING, dtype=np.int64)
        for row, found in zip(padded, rows, strict=True):
            row[: len(found)] = found
        return padded, lengths

    def names(self) -> list[str]:
        """What each token stands for, [V]: a bar before the beginning of a word, ? for unknown letters."""
        found = ["", "?", *self.alphabet]
        for a, b in self.merges.tolist():
            found.append(found[a] + found[b])
        return found

    def pieces(self, text: str) -> list[str]:
        """The pieces of one text as they are read."""
        names = self.names()
        return [names[token] for token in self.tokens(text)]

    def state(self) -> dict[str, Any]:
        """Return the saved form: plain values and one array."""
        return {
            "kind": "byte_pairs",
            "lower": self.lower,
            "alphabet": list(self.alphabet),
            "merges": self.merges,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Tokenizer":
        """Read the saved form.

        Raises:
            ArtifactError: Another kind, or joins of pieces that are not there yet.
        """
        if state.get("kind") != "byte_pairs":
            raise ArtifactError("the state of a tokenizer", repr(state.get("kind")))
        alphabet = tuple(str(letter) for letter in state["alphabet"])
        merges = np.asarray(state["merges"], dtype=np.int64).reshape(-1, 2)
        below = _FIRST + len(alphabet) + np.arange(len(merges))[:, None]
        if not ((merges >= _FIRST) & (merges < below)).all():
            raise ArtifactError("joins of earlier pieces", "one of a later piece", "the state is damaged")
        return cls(alphabet, merges, bool(state["lower"]))


def _plain(text: str, *, lower: bool) -> str:
    return unicodedata.normalize("NFC", text.lower() if lower else text)


def _spelt(word: str) -> list[list[str]]:
    """A word's letters, the first after the sign of the beginning, in chunks that pairs are joined within."""
    letters = [_START + word[0], *word[1:]]
    return [letters[i : i + _LONGEST_WORD] for i in range(0, len(letters), _LONGEST_WORD)]
