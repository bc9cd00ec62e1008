"""How much a candidate belongs to the field: its frequency here against other texts, and its neighbours."""

from collections.abc import Mapping, Sequence
from math import log

import numpy as np
from numpy.typing import NDArray

from fivefold.core import require
from fivefold.tasks.text.terms.candidates import Key

Floats = NDArray[np.float64]


def log_likelihood_ratio(here: int, words: int, there: int, reference: int) -> float:
    r"""Return by how much two frequencies differ: -2 log of the likelihood ratio, negative where rarer here.

    .. math:: G^2 = 2 \sum_{i,j} k_{ij} \log \frac{k_{ij}\, n}{r_i\, c_j}

    over the table k of the word and all others in both texts, with row sums r, column sums c and the total n.
    It is asymptotically chi-squared with 1 degree of freedom where both frequencies are the same.

    Source: Dunning, "Accurate methods for the statistics of surprise and coincidence" (1993).

    Args:
        here: Occurrences in the texts of the field, 0 to ``words``.
        words: Words of the field.
        there: Occurrences in the other texts, 0 to ``reference``.
        reference: Words of the other texts.

    Raises:
        ArgumentError: Counts out of their ranges.

    >>> round(log_likelihood_ratio(110, 2552, 111, 29225), 2)
    270.72
    """
    fits = 0 <= here <= words and 0 <= there <= reference and min(words, reference) >= 1
    require(fits, "occurrences from 0 to the words, and at least 1 word", (here, words, there, reference))
    table = ((here, words - here), (there, reference - there))
    n = words + reference
    columns = (here + there, n - here - there)
    total = 0.0
    for row, size in zip(table, (words, reference), strict=True):
        for k, column in zip(row, columns, strict=True):
            if k:
                total += k * log(k * n / (size * column))
    return 2 * max(total, 0.0) * (1.0 if here * reference >= there * words else -1.0)


def weirdness(here: int, words: int, there: int, reference: int) -> float:
    """Return the logarithm of the ratio of the two relative frequencies, half an occurrence added to each.

    Source: Ahmad, Gillam and Tostevin, "Weirdness indexing" (1999), for the ratio.

    >>> weirdness(20, 1000, 20, 1000), weirdness(20, 1000, 0, 1000) > 3
    (0.0, True)
    """
    return log((here + 0.5) / (words + 1.0)) - log((there + 0.5) / (reference + 1.0))


def centroid_similarity(
    keys: Sequence[Key], scores: Sequence[float], features: Mapping[str, Floats], seeds: int = 100
) -> Floats:
    r"""Return how close each candidate's vector is to those of the best ones: the cosine, in [-1, 1].

    A candidate's vector is the mean of its words' vectors, each of length one after the mean of all features
    is taken off; the centroid is the mean of the vectors of the candidates with the highest scores. A
    candidate of which no word has a vector gets the mean of the others.

    Args:
        keys: Candidates.
        scores: Their scores without the vectors.
        features: A vector [d] of each word, in lower case.
        seeds: How many of the best make the centroid.

    Returns:
        [len(keys)].

    Raises:
        ArgumentError: No features, vectors of different lengths, or seeds below 1.

    >>> features = {"a": np.array([1.0, 0.5]), "b": np.array([1.0, -0.5]), "c": np.array([-2.0, 0.0])}
    >>> centroid_similarity([("a",), ("b",), ("c",)], [3.0, 2.0, 1.0], features, seeds=1).round(1).tolist()
    [1.0, 0.6, -0.9]
    """
    require(seeds >= 1, "at least 1 seed", seeds)
    shapes = {np.shape(vector) for vector in features.values()}
    shaped = len(shapes) == 1 and len(next(iter(shapes))) == 1
    require(shaped, "features of one length [d]", sorted(shapes)[:3])
    mean = np.mean(np.stack(list(features.values())), axis=0)

    def unit(vector: Floats) -> Floats:
        length = float(np.linalg.norm(vector))
        return np.asarray(vector / length if length > 0 else vector, dtype=np.float64)

    vectors = np.zeros((len(keys), len(mean)))
    for row, key in enumerate(keys):
        known = [unit(features[word] - mean) for word in key if word in features]
        if known:
            vectors[row] = unit(np.mean(known, axis=0))
    best = np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")[:seeds]
    similarity = np.asarray(vectors @ unit(vectors[best].mean(0)))
    has = np.any(vectors != 0, axis=1)
    if has.any():
        similarity[~has] = similarity[has].mean()
    return similarity
