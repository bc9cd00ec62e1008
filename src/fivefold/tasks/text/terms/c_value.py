"""The C-value: how much a run of words is a term, by its length, its frequency and the terms around it."""

from collections.abc import Mapping
from math import log2

from fivefold.tasks.text.terms.candidates import Key


def c_values(
    counts: Mapping[Key, int], extra: float = 0.0, apart: Mapping[tuple[Key, Key], int] | None = None
) -> dict[Key, float]:
    r"""Score candidates by frequency, less what longer terms explain.

    .. math:: C(a) = \log_2(|a| + e) \Big(f(a) - \frac{t(a)}{P(a)}\Big)

    with \|a\| words, frequency f, P the number of longer candidates that contain a, and t how often a
    occurs within them; the second term is 0 where P is. Longest first, each candidate b hands to each run of
    words in it its f(b) - t(b), so that no occurrence is counted twice; of it only the share in which that
    run was counted, which is below 1 for parts of hyphenated words.

    Source: Frantzi, Ananiadou and Mima, "Automatic recognition of multi-word terms: the C-value/NC-value
    method" (2000). Where we differ: e, as 1 gives single words a score (log2 1 is 0), and there is no
    threshold on the C-values of the longer ones.

    Args:
        counts: f of each candidate, occurrences within longer ones included.
        extra: e, at least 0.
        apart: How often a longer candidate holds a shorter one that is not counted there, by both; see
            :class:`~fivefold.tasks.text.terms.candidates.Candidates`.

    Returns:
        The C-value of each candidate; at most log2(\|a\| + e) f(a).

    >>> c_values({("soft", "contact", "lens"): 5, ("contact", "lens"): 8})
    {('soft', 'contact', 'lens'): 7.92..., ('contact', 'lens'): 3.0}
    """
    apart = apart or {}
    nested = dict.fromkeys(counts, 0.0)
    longer = dict.fromkeys(counts, 0)
    scores = {}
    for key in sorted(counts, key=lambda key: (-len(key), key)):
        n = len(key)
        free = counts[key] - nested[key] / longer[key] if longer[key] else float(counts[key])
        scores[key] = log2(n + extra) * free
        within = {key[i:j] for i in range(n) for j in range(i + 1, n + 1)} - {key}
        for part in within:
            share = 1.0 - apart.get((key, part), 0) / counts[key]
            if part in counts and share > 0:
                longer[part] += 1
                nested[part] += share * (counts[key] - nested[key])
    return {key: scores[key] for key in counts}
