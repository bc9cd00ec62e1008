"""Candidates for terms: runs of words that may be noun phrases, found without a tagger."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
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
    """

    counts: Mapping[Key, int]
    documents: Mapping[Key, int]
    surface: Mapping[Key, str]
    where: Mapping[Key, tuple[int, int]]
    words: int
    texts: int


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
    place = 0
    ends = [(match.start(), match.end()) for match in _BOUND.finditer(text)]
    for start, end in [*ends, (len(text), len(text))]:
        run: list[tuple[str, int]] = []
        for match in _WORD.finditer(text, place, start):
            word = match[0].removesuffix("'s").removesuffix("\u2019s")
            if word.lower().replace("\u2019", "'") in stop:
                found.append(run)
                run = []
            else:
                run.append((word, match.start()))
        found.append(run)
        place = end
    return [run for run in found if run]


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
    heads: dict[str, str] = {}
    counts: Counter[Key] = Counter()
    documents: Counter[Key] = Counter()
    forms: dict[Key, Counter[str]] = {}
    where: dict[Key, tuple[int, int]] = {}
    for number, (text, found) in enumerate(zip(kept, cut, strict=True)):
        here: set[Key] = set()
        for run in found:
            words = [word.lower().split("-") for word, _ in run]
            for end in range(1, len(run) + 1):
                last = words[end - 1][-1]
                head = heads.setdefault(last, singular(last, known))
                for start in range(max(0, end - longest), end):
                    parts = [part for word in words[start:end] for part in word]
                    if len(parts) > longest or not _may_be(parts):
                        continue
                    key = (*parts[:-1], head)
                    counts[key] += 1
                    here.add(key)
                    form = " ".join(text[run[start][1] : run[end - 1][1] + len(run[end - 1][0])].split())
                    forms.setdefault(key, Counter())[form] += 1
                    where.setdefault(key, (number, run[start][1]))
        documents.update(here)
    often = {key: count for key, count in counts.items() if count >= least}
    total = sum(len(_WORD.findall(text)) for text in kept)
    surface = {key: _best_form(key, forms[key]) for key in often}
    return Candidates(
        often,
        {key: documents[key] for key in often},
        surface,
        {key: where[key] for key in often},
        total,
        len(kept),
    )


def _best_form(key: Key, forms: Counter[str]) -> str:
    """The most frequent form in the singular, where there is one; of equals the one with fewer capitals."""
    alone = [form for form in forms if form.lower().endswith(key[-1])] or list(forms)
    return min(alone, key=lambda form: (-forms[form], sum(map(str.isupper, form)), form))


def _may_be(words: list[str]) -> bool:
    if min(map(len, words)) < 2:
        return False
    return len(words) == 1 or not (words[-1].endswith(_OPEN_END) or words[0].endswith("ly"))
