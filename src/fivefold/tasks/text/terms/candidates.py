"""Candidates for terms: runs of words that may be noun phrases, found without a tagger."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from fivefold.core import require
from fivefold.tasks.text.terms.stop_words import STOP_WORDS

Key = tuple[str, ...]
"""A candidate's words in lower case, its last one in the singular, hyphens as spaces."""

LONGEST = 5
_WORD = re.compile(r"[^\W\d_][\w+]*(?:['\u2019][^\W\d_]+)?(?:-[\w+]+)*")
_BOUND = re.compile(r"[^\w\s'\u2019+-]|_|\s-+\s|--|\n\s*\n|(?<![\w-])\d\w*")
_OPEN_END = ("ly", "ed")
"""Endings of adverbs and participles: no term of several words ends in them or begins with the first."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """What was counted.

    Attributes:
        counts: How often each candidate occurs, within longer ones included.
        documents: In how many texts.
        surface: The form in which each occurs most often.
        where: The number of the first text that holds it, and the place of its first letter there.
        words: Words of all texts, those of no candidate included.
        texts: Texts.
        apart: How often a longer candidate holds the words of a shorter one where the shorter one is not
            counted, as the parts of a hyphenated word are not; by longer and shorter, where it is above 0.
    """

    counts: Mapping[Key, int]
    documents: Mapping[Key, int]
    surface: Mapping[Key, str]
    where: Mapping[Key, tuple[int, int]]
    words: int
    texts: int
    apart: Mapping[tuple[Key, Key], int]


def singular(word: str, known: Collection[str]) -> str:
    """Return a word without the sign of the English plural, where the singular is a word of the texts.

    >>> known = {"query", "index", "row", "clas"}
    >>> [singular(word, known) for word in ("queries", "indexes", "rows", "class")]
    ['query', 'index', 'row', 'class']
    """
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    tries = [word[:-1]]
    if word.endswith("ies"):
        tries = [word[:-3] + "y", word[:-1]]
    elif word.endswith(("ses", "xes", "zes", "ches", "shes")):
        tries = [word[:-1], word[:-2]]
    return next((each for each in tries if each in known), word)


def runs(text: str, stop: Collection[str]) -> list[list[tuple[str, int]]]:
    """Cut a text into runs of words between punctuation, stop words, numbers and empty lines.

    A hyphenated word is one word, and none of its parts bounds a run; a possessive 's is taken off.

    Returns:
        Words in their own case, each with the place of its first letter.

    >>> found = runs("The write-ahead log, and a hot standby server.", STOP_WORDS)
    >>> [[word for word, _ in run] for run in found]
    [['write-ahead', 'log'], ['hot', 'standby', 'server']]
    """
    found: list[list[tuple[str, int]]] = []
    for words in _between_bounds(text):
        run: list[tuple[str, int]] = []
        for match in words:
            word = match[0].removesuffix("'s").removesuffix("\u2019s")
            if word.lower().replace("\u2019", "'") in stop:
                found.append(run)
                run = []
            else:
                run.append((word, match.start()))
        found.append(run)
    return [run for run in found if run]


def _between_bounds(text: str) -> Iterator[list[re.Match[str]]]:
    """The words between one bound and the next."""
    place = 0
    ends = [(match.start(), match.end()) for match in _BOUND.finditer(text)]
    for start, end in [*ends, (len(text), len(text))]:
        yield list(_WORD.finditer(text, place, start))
        place = end


def find_candidates(
    texts: Iterable[str],
    *,
    longest: int = LONGEST,
    least: int = 2,
    stop: Collection[str] = STOP_WORDS,
    known: Collection[str] | None = None,
) -> Candidates:
    """Count all runs of up to five words that may be terms.

    A candidate holds no stop word, no punctuation and no number on its own; its words have two letters or
    more; of several words the last does not end in -ly or -ed, nor the first in -ly. Upper and lower case,
    hyphen and space, and singular and plural of the last word are the same candidate.

    Args:
        texts: Documents.
        longest: Most words of a candidate.
        least: Least occurrences.
        stop: Words that bound candidates, in lower case.
        known: Words whose plurals are folded; those of the texts where ``None``. For a second collection give
            the words of the first, so that both fold alike.

    Raises:
        ArgumentError: ``longest`` or ``least`` below 1.

    >>> found = find_candidates(["A query plan.", "Query plans; the query-plan cache"])
    >>> found.counts[("query", "plan")], found.surface[("query", "plan")]
    (3, 'query plan')
    """
    require(min(longest, least) >= 1, "longest and least of at least 1", (longest, least))
    kept = list(texts)
    cut = [runs(text, stop) for text in kept]
    if known is None:
        known = {part for each in cut for run in each for word, _ in run for part in word.lower().split("-")}
    fold = _Fold(known)
    apart: Counter[tuple[Key, Key]] = Counter()
    counts: Counter[Key] = Counter()
    documents: Counter[Key] = Counter()
    forms: dict[Key, Counter[str]] = {}
    where: dict[Key, tuple[int, int]] = {}
    for number, (text, found) in enumerate(zip(kept, cut, strict=True)):
        here: set[Key] = set()
        for run in found:
            words = [word.lower().split("-") for word, _ in run]
            for end in range(1, len(run) + 1):
                for start in range(max(0, end - longest), end):
                    key = fold.key(words[start:end], longest)
                    if key is None:
                        continue
                    counts[key] += 1
                    apart.update((key, part) for part in _apart(key, words[start:end], fold, longest))
                    here.add(key)
                    form = " ".join(text[run[start][1] : run[end - 1][1] + len(run[end - 1][0])].split())
                    forms.setdefault(key, Counter())[form] += 1
                    where.setdefault(key, (number, run[start][1]))
        documents.update(here)
    often = {key: count for key, count in counts.items() if count >= least}
    total = sum(len(found) for text in kept for found in _between_bounds(text))
    surface = {key: _best_form(key, forms[key]) for key in often}
    return Candidates(
        often,
        {key: documents[key] for key in often},
        surface,
        {key: where[key] for key in often},
        total,
        len(kept),
        {pair: count for pair, count in apart.items() if pair[0] in often and pair[1] in often},
    )


class _Fold:
    """Makes the key of words, each a list of its hyphenated parts.

    Args:
        known: Words whose plurals are folded.
    """

    def __init__(self, known: Collection[str]) -> None:
        self.known = known
        self.heads: dict[str, str] = {}

    def head(self, word: str) -> str:
        """The singular, and that of the singular where it has one, so that no key ends in a plural."""
        found = self.heads.get(word)
        if found is None:
            found = singular(word, self.known)
            found = self.heads[word] = word if found == word else self.head(found)
        return found

    def key(self, words: list[list[str]], longest: int) -> Key | None:
        """The candidate that the words are, or ``None``."""
        parts = [part for word in words for part in word]
        if len(parts) > longest or not _may_be(parts):
            return None
        return (*parts[:-1], self.head(parts[-1]))


def _apart(key: Key, words: list[list[str]], fold: _Fold, longest: int) -> set[Key]:
    """Runs of words of a candidate that are not counted where it stands here."""
    n = len(key)
    if len(words) == n and not any(part.endswith(_OPEN_END) for part in key[:-1]):
        return set()  # each run of its words was looked at for itself
    looked = range(len(words))
    counted = {fold.key(words[i : j + 1], longest) for i in looked for j in looked[i:]}
    return {key[i:j] for i in range(n) for j in range(i + 1, n + 1)} - counted - {key}


def _best_form(key: Key, forms: Counter[str]) -> str:
    """The most frequent form in the singular, where there is one; of equals the one with fewer capitals."""
    alone = [form for form in forms if form.lower().endswith(key[-1])] or list(forms)
    return min(alone, key=lambda form: (-forms[form], sum(map(str.isupper, form)), form))


def _may_be(words: list[str]) -> bool:
    if min(map(len, words)) < 2:
        return False
    return len(words) == 1 or not (words[-1].endswith(_OPEN_END) or words[0].endswith("ly"))
