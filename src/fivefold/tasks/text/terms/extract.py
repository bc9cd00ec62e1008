"""The terms of a field, ranked: length and frequency, contrast with other texts, and a network's evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.core import DataError, require
from fivefold.tasks.text.memory import first_other
from fivefold.tasks.text.terms.c_value import c_values
from fivefold.tasks.text.terms.candidates import Candidates, Key, find_candidates
from fivefold.tasks.text.terms.termhood import centroid_similarity, log_likelihood_ratio, weirdness

_AROUND = 40


@dataclass(frozen=True)
class Term:
    """One term.

    Attributes:
        text: The form in which it occurs most often.
        score: What the terms are ranked by.
        count: Occurrences, those within longer terms included.
        documents: Texts that hold it.
        c_value: See :func:`~fivefold.tasks.text.terms.c_value.c_values`, with e = 1.
        log_ratio: Logarithm of its frequency here by that in the other texts; ``None`` without those.
        likelihood_ratio: Dunning's G², negative where it is rarer here; ``None`` without other texts.
        similarity: Cosine of its vector to those of the best terms; ``None`` without vectors.
        example: Its first occurrence, with the words around it.
    """

    text: str
    score: float
    count: int
    documents: int
    c_value: float
    log_ratio: float | None
    likelihood_ratio: float | None
    similarity: float | None
    example: str


@dataclass(frozen=True)
class Terms:
    """Terms, the best first.

    Attributes:
        terms: The terms.
        candidates: How many there were to choose from.
        words: Words of the texts.
        texts: Texts.
    """

    terms: tuple[Term, ...]
    candidates: int
    words: int
    texts: int

    def __len__(self) -> int:
        return len(self.terms)

    def __str__(self) -> str:
        head = f"{len(self)} of {self.candidates:,} candidates in {self.texts:,} texts, {self.words:,} words"
        width = max([4, *(len(term.text) for term in self.terms)])
        lines = [head, f"{'term':<{width}}  {'score':>8}  {'count':>6}  {'texts':>6}  example"]
        for term in self.terms:
            numbers = f"{term.score:>8.1f}  {term.count:>6,}  {term.documents:>6,}"
            lines.append(f"{term.text:<{width}}  {numbers}  {term.example}")
        return "\n".join(lines)

    def to_record(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        counts = {"candidates": self.candidates, "words": self.words, "texts": self.texts}
        return {**counts, "terms": [dict(vars(term)) for term in self.terms]}


def extract_terms(
    texts: Sequence[str],
    *,
    reference: Sequence[str] | None = None,
    features: Mapping[str, NDArray[np.float64]] | None = None,
    most: int = 100,
    least: int = 2,
) -> Terms:
    r"""Find the terms of a field in its texts.

    .. math:: S(a) = C(a) \cdot
        \max\Big(0, \log\frac{p(a \mid \text{field})}{p(a \mid \text{others})}\Big) \cdot
        \frac{1 + \cos(v_a, \bar v)}{2}

    C is the C-value with e = 1. The second factor needs texts of another field, the third vectors of words,
    as a network learns them; each is left out where its evidence is not given. Without texts of another field
    frequent words of any English text come up; give some.

    Source: Frantzi, Ananiadou and Mima (2000) for C; Ahmad, Gillam and Tostevin (1999) for the contrast. The
    product was chosen on one half of a manual's index, see docs/text.md for what it does on the other half.

    Args:
        texts: Documents of the field, in English.
        reference: Documents of another field or of several.
        features: A vector [d] of each word, in lower case.
        most: Most terms.
        least: Least occurrences of a term.

    Returns:
        The terms, ranked; of equal scores the alphabet decides.

    Raises:
        DataError: No candidates, or other texts without a word.
        ArgumentError: A string for the texts, a text that is no string, or ``most`` below 1.

    >>> field = ["A hash join reads rows. The hash join needs memory.", "Hash joins, merge joins: rows."]
    >>> others = ["Rows of trees and rows of houses."]
    >>> [term.text for term in extract_terms(field, reference=others, most=2).terms]
    ['hash join', 'join']
    """
    texts, reference = _strings(texts), None if reference is None else _strings(reference)
    require(most >= 1, "at least 1 term", most)
    found = find_candidates(texts, least=least)
    if not found.counts:
        raise DataError(
            f"terms that occur {least} times",
            f"none in {found.texts:,} texts, {found.words:,} words",
            "give more texts",
        )
    keys = list(found.counts)
    c = c_values(found.counts, 1.0, found.apart)
    scores = np.array([c[key] for key in keys])
    ratios: list[float | None] = [None] * len(keys)
    likelihoods: list[float | None] = [None] * len(keys)
    if reference is not None:
        ratios, likelihoods = _contrast(found, keys, reference)
        scores = scores * np.maximum(0.0, np.array(ratios, dtype=np.float64))
    similarity: list[float | None] = [None] * len(keys)
    if features is not None:
        cosines = centroid_similarity(keys, scores.tolist(), features)
        scores = scores * (1 + cosines) / 2
        similarity = list(cosines.tolist())
    order = sorted(range(len(keys)), key=lambda i: (-scores[i], keys[i]))[:most]
    terms = []
    for i in order:
        key = keys[i]
        number, place = found.where[key]
        terms.append(
            Term(
                found.surface[key],
                float(scores[i]),
                found.counts[key],
                found.documents[key],
                c[key],
                ratios[i],
                likelihoods[i],
                similarity[i],
                _around(texts[number], place, len(found.surface[key])),
            )
        )
    return Terms(tuple(terms), len(keys), found.words, found.texts)


def _strings(texts: Sequence[str]) -> list[str]:
    """The texts as a list, each a string."""
    require(not isinstance(texts, str), "a sequence of texts", "one string", "put it into a list")
    found = list(texts)
    other = first_other(found, str)
    require(other is None, "strings", other, "leave it out")
    return found


def _contrast(
    found: Candidates, keys: Sequence[Key], reference: Sequence[str]
) -> tuple[list[float | None], list[float | None]]:
    """The log ratio and the likelihood ratio of each candidate against the other texts."""
    known = {word for key in keys for word in key}
    other = find_candidates(reference, least=1, known=known)
    if other.words == 0:
        raise DataError(
            "other texts with words", f"none in {other.texts:,} texts", "leave them out, or give some"
        )
    ratios: list[float | None] = []
    likelihoods: list[float | None] = []
    for key in keys:
        counts = (found.counts[key], found.words, other.counts.get(key, 0), other.words)
        ratios.append(weirdness(*counts))
        likelihoods.append(log_likelihood_ratio(*counts))
    return ratios, likelihoods


def _around(text: str, place: int, length: int) -> str:
    """The words around a place, on one line."""
    start, end = max(0, place - _AROUND), min(len(text), place + length + _AROUND)
    cut = " ".join(text[start:end].split())
    words = cut.split(" ")
    if start and len(words) > 2:
        words = ["…", *words[1:]]
    if end < len(text) and len(words) > 2:
        words = [*words[:-1], "…"]
    return " ".join(words)
