r"""Texts by the words that they hold: tf-idf and logistic regression.

.. math:: x_{ij} = \frac{(1 + \log n_{ij}) \, \mathrm{idf}_j}{|\cdot|}, \qquad
          \mathrm{idf}_j = 1 + \log \frac{1 + N}{1 + N_j}

:math:`n_{ij}`: how often term j stands in text i; :math:`N_j`: texts that hold it. Terms are words and pairs
of neighbouring words. Salton and Buckley, "Term-weighting approaches in automatic text retrieval", 1988.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from fivefold.core import ArtifactError, DataError, require
from fivefold.tasks.temperature import tempered_losses
from fivefold.tasks.text.tokens import split_words

Floats = npt.NDArray[np.float64]
_MOST_TERMS, _FEWEST_TERMS = 100_000, 1_000
_MOST_WEIGHTS = 10_000_000
"""Terms times classes: 80 MB of weights, and L-BFGS keeps some twenty times that."""
_PENALTIES = (3e-6, 1e-5, 3e-5, 1e-4, 3e-4)
"""Penalties on squared weights, per training text."""
_SEPARATOR = " "


def terms_of(text: str) -> Iterator[str]:
    """Return the words of a text in lower case, then its pairs of neighbouring words.

    >>> list(terms_of("Cats purr."))
    ['cats', 'purr', '.', 'cats purr', 'purr .']
    """
    words = split_words(text.lower())
    yield from words
    for first, second in pairwise(words):
        yield first + _SEPARATOR + second


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

    def features(self, texts: Sequence[str]) -> sparse.csr_array:
        """Return the weighted, normalised counts ``[n, J]``."""
        return _weighted(_counts(texts, {term: j for j, term in enumerate(self.terms)}), self.idf)

    def scores(self, texts: Sequence[str]) -> Floats:
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


def fit_bag_of_words(
    texts: Sequence[str],
    labels: npt.NDArray[np.int64],
    held: tuple[Sequence[str], npt.NDArray[np.int64]] | None,
    classes: int,
    penalty: float | None = None,
) -> BagOfWords:
    """Fit logistic regression to the terms that at least two texts hold, or one where no two share a term.

    At most 100,000 terms are taken, those of most texts, and with many classes so many that terms times
    classes are ten million, but 1,000 in any case. The penalty is the one with the smallest log loss on
    held-out texts, each at its own temperature.

    Args:
        texts: Training texts.
        labels: Their codes ``[n]``, every class among them.
        held: Held-out texts and their codes, which choose the penalty; ``None`` where it is given.
        classes: How many classes there are.
        penalty: Per training text, positive, where it is known.

    Raises:
        ArgumentError: A class without a training text; not exactly one of ``held`` and ``penalty``.
        DataError: Texts without a word.
    """
    from sklearn.linear_model import LogisticRegression

    require(
        len(set(labels.tolist())) == classes, f"texts of all {classes} classes", len(set(labels.tolist()))
    )
    require((held is None) != (penalty is None), "held-out texts or a penalty", (held, penalty))
    holding: Counter[str] = Counter()
    for text in texts:
        holding.update(set(terms_of(text)))
    least = 2 if len(texts) > 50 and max(holding.values(), default=0) > 1 else 1
    often = sorted((t for t, n in holding.items() if n >= least), key=lambda t: (-holding[t], t))
    if not often:
        raise DataError("training texts with words", f"none in {len(texts):,} texts", "look at the texts")
    terms = tuple(sorted(often[: min(_MOST_TERMS, max(_FEWEST_TERMS, _MOST_WEIGHTS // classes))]))
    idf = 1 + np.log((1 + len(texts)) / (1 + np.array([holding[t] for t in terms], dtype=np.float64)))
    index = {term: j for j, term in enumerate(terms)}
    X = _weighted(_counts(texts, index), idf)

    def fitted(penalty: float) -> BagOfWords:
        model = LogisticRegression(C=1 / (penalty * len(texts)), max_iter=200, tol=1e-3)
        _fit_quietly(model, X, labels)
        return BagOfWords(terms, idf, *_of_all_classes(model.coef_.T, model.intercept_), penalty)

    if held is None:
        assert penalty is not None
        return fitted(penalty)
    H, truth = _weighted(_counts(held[0], index), idf), held[1]

    def loss(bag: BagOfWords) -> float:
        return float(tempered_losses(np.asarray(H @ bag.weights + bag.bias), truth).mean())

    return min(map(fitted, _PENALTIES), key=loss)


def _fit_quietly(model: Any, X: sparse.csr_array, labels: npt.NDArray[np.int64]) -> None:
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # near its optimum the held-out loss is the same
        model.fit(X, labels)


def _of_all_classes(weights: Floats, bias: Floats) -> tuple[Floats, Floats]:
    """Scores of both classes, where there are two and the regression has one column."""
    if weights.shape[1] > 1:
        return weights, bias
    return np.column_stack([np.zeros(len(weights)), weights[:, 0]]), np.array([0.0, float(bias[0])])


def _counts(texts: Sequence[str], index: dict[str, int]) -> sparse.csr_array:
    """How often each known term stands in each text, ``[n, J]``."""
    columns: list[int] = []
    values: list[float] = []
    ends = [0]
    for text in texts:
        found = Counter(j for term in terms_of(text) if (j := index.get(term)) is not None)
        for j in sorted(found):
            columns.append(j)
            values.append(float(found[j]))
        ends.append(len(columns))
    return sparse.csr_array(
        (np.array(values), np.array(columns, dtype=np.int64), ends), shape=(len(texts), len(index))
    )


def _weighted(counts: sparse.csr_array, idf: Floats) -> sparse.csr_array:
    found = counts.copy()
    found.data = (1 + np.log(found.data)) * idf[found.indices]
    length = np.sqrt(np.asarray(found.multiply(found).sum(1)).reshape(-1))
    scale = 1 / np.where(length > 0, length, 1.0)
    found.data *= np.repeat(scale, np.diff(found.indptr))
    return found
