r"""Texts by the words that they hold: tf-idf and logistic regression.

.. math:: x_{ij} = \frac{(1 + \log n_{ij}) \, \mathrm{idf}_j}{|\cdot|}, \qquad
          \mathrm{idf}_j = 1 + \log \frac{1 + N}{1 + N_j}

:math:`n_{ij}`: how often term j stands in text i; :math:`N_j`: texts that hold it. Terms are words and pairs
of neighbouring words. Salton and Buckley, "Term-weighting approaches in automatic text retrieval", 1988.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from fivefold.core import ArtifactError, DataError, require
from fivefold.linalg.memory import require_memory
from fivefold.tasks.softmax_regression import Regression, fit_softmax
from fivefold.tasks.text.cut_texts import CutTexts
from fivefold.tasks.text.term_index import TermIndex, choose_terms

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
_MOST_TERMS = 100_000
FEWEST_TERMS = 1_000
"""Terms that no number of classes and no budget takes away."""
_MOST_WEIGHTS = 10_000_000
"""Terms times classes: 80 MB of weights, and L-BFGS keeps some forty times that."""
_SCORES, _VECTORS = 2, 40
"""Numbers that a regression holds at once of each text and class, and of each term and class, as measured."""


@dataclass(frozen=True, eq=False)
class BagOfWords:
    """A fitted classifier of texts.

    Attributes:
        terms: The terms it knows, in the order of the weights.
        idf: ``[J]``.
        weights: ``[J, K]``.
        bias: ``[K]``.
        penalty: Of the logistic regression, per training text.
    """

    terms: tuple[str, ...]
    idf: Floats
    weights: Floats
    bias: Floats
    penalty: float

    @cached_property
    def _index(self) -> TermIndex:
        return TermIndex(self.terms)

    def features(self, texts: Sequence[str] | CutTexts) -> sparse.csr_array:
        """Return the weighted, normalised counts ``[n, J]``."""
        cut = texts if isinstance(texts, CutTexts) else CutTexts.of(texts)
        return _weighted(self._index.counts(cut), self.idf)

    def scores(self, texts: Sequence[str] | CutTexts) -> Floats:
        """Return scores ``[n, K]`` before the softmax."""
        return np.asarray(self.features(texts) @ self.weights + self.bias)

    def leading(self, count: int = 8) -> list[list[str]]:
        """Return for every class the words that speak for it most, beside the mean of the classes.

        Only those that speak for it: there may be fewer than ``count``, or none.
        """
        centred = self.weights - self.weights.mean(1, keepdims=True)
        words = np.array([any(c.isalpha() for c in term) for term in self.terms])
        found = []
        for k in range(centred.shape[1]):
            own = np.where(words, centred[:, k], -np.inf)
            order = np.argsort(-own, kind="stable")[:count]
            found.append([self.terms[j] for j in order.tolist() if own[j] > 0])
        return found

    def state(self) -> dict[str, Any]:
        """Return the saved form: plain values and arrays."""
        return {
            "terms": list(self.terms),
            "idf": self.idf,
            "weights": self.weights,
            "bias": self.bias,
            "penalty": self.penalty,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "BagOfWords":
        """Read the saved form.

        Raises:
            ArtifactError: Arrays that do not fit each other.
        """
        terms = tuple(str(term) for term in state["terms"])
        idf, weights, bias = (np.asarray(state[k], dtype=np.float64) for k in ("idf", "weights", "bias"))
        if (
            idf.shape != (len(terms),)
            or weights.shape != (len(terms), len(bias))
            or len(set(terms)) < len(terms)
        ):
            raise ArtifactError("terms and weights that fit each other", "others", "fit anew")
        return cls(terms, idf, weights, bias, float(state["penalty"]))


@dataclass(frozen=True, eq=False)
class Design:
    """Training texts as weighted counts, for logistic regressions of any penalty.

    Attributes:
        terms: ``J`` of them.
        idf: ``[J]``.
        X: ``[n, J]``.
        labels: ``[n]`` codes.
        classes: How many classes there are.
    """

    terms: tuple[str, ...]
    idf: Floats
    X: sparse.csr_array
    labels: Codes
    classes: int

    @classmethod
    def of(cls, cut: CutTexts, labels: Codes, classes: int, most: int = _MOST_TERMS) -> "Design":
        """Choose the terms and count them.

        At most 100,000 terms are taken, those of most texts, and with many classes so many that terms times
        classes are ten million, but 1,000 in any case.

        Args:
            cut: Training texts.
            labels: Their codes ``[n]``, every class among them.
            classes: How many classes there are.
            most: Terms at most, where fewer are wanted.

        Raises:
            ArgumentError: A class without a training text.
            DataError: Texts without a word.
        """
        known = len(np.unique(labels))
        require(known == classes, f"texts of all {classes} classes", known)
        most = min(most, _MOST_TERMS, max(FEWEST_TERMS, _MOST_WEIGHTS // classes))
        terms, holding = choose_terms(cut, most)
        if not terms:
            raise DataError("training texts with words", f"none in {len(cut):,} texts", "look at the texts")
        idf = 1 + np.log((1 + len(cut)) / (1.0 + holding))
        return cls(terms, idf, _weighted(TermIndex(terms).counts(cut), idf), labels, classes)

    def fit(
        self,
        penalty: float,
        *,
        start: BagOfWords | None = None,
        stop: Callable[[], bool] | None = None,
        **options: Any,
    ) -> tuple[BagOfWords, Regression]:
        """Fit the logistic regression of a penalty per training text.

        Args:
            penalty: Positive.
            start: Of which weights to begin; terms that it does not know begin at 0.
            stop: Asked after every step whether to end.
            options: Others of :func:`~fivefold.tasks.softmax_regression.fit_softmax`.

        Raises:
            ArgumentError: More texts times classes, or terms times classes, than the free memory holds.
        """
        K, (n, J) = self.classes, self.X.shape
        require_memory(
            8 * K * (_SCORES * n + _VECTORS * J),
            f"a fit of {n:,} texts in {K:,} classes",
            "leave rare classes out, or give fewer texts",
        )
        begin = None if start is None else (self._weights_of(start), start.bias)
        options["nearer"] = start is not None and start.penalty != penalty
        found = fit_softmax(self.X, self.labels, self.classes, penalty, start=begin, stop=stop, **options)
        return BagOfWords(self.terms, self.idf, found.weights, found.bias, penalty), found

    def _weights_of(self, bag: BagOfWords) -> Floats:
        """The weights ``[J, K]`` that a bag gives to these terms, 0 where it does not know one."""
        if bag.terms == self.terms:
            return bag.weights
        places = {term: j for j, term in enumerate(bag.terms)}
        at = np.array([places.get(term, -1) for term in self.terms], dtype=np.int64)
        return np.where(at[:, None] >= 0, bag.weights[at], 0.0)


def _weighted(counts: sparse.csr_array, idf: Floats) -> sparse.csr_array:
    counts.data = (1 + np.log(counts.data)) * idf[counts.indices]
    length = np.sqrt(np.asarray(counts.multiply(counts).sum(1)).reshape(-1))
    scale = 1 / np.where(length > 0, length, 1.0)
    counts.data *= np.repeat(scale, np.diff(counts.indptr))
    return counts
