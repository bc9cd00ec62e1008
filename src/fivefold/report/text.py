"""Texts from a record made harmless and short enough to show: every value in a record counts as hostile."""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence

NAME = 48
"""Longest name that is shown whole, in columns of a terminal."""

SENTENCE = 700
"""Longest sentence that is shown whole."""

_MARKS = 3  # combining marks kept after one letter; more of them would cover the lines above and below
_SPACES = "\t\n\r\v\f\x85\u2028\u2029"


def clean(value: object, limit: int = SENTENCE) -> str:
    r"""Make a text safe to show: hidden characters become visible, spaces single, the length bounded.

    Controls, direction overrides, zero-width and unassigned characters and lone surrogates become their
    code point in angle brackets, so that a hostile name is seen rather than obeyed. This does not escape
    markup: the template and the picture writer do.

    Args:
        value: Anything; what holds no words (``None``, lists, mappings, numbers that are not finite) becomes
            the empty text.
        limit: Longest result, in columns of a terminal (a Chinese letter has two), at least 2.

    Returns:
        One line without hidden characters.

    >>> clean("  a\tb  ")
    'a b'
    >>> clean("price\u202egnp.exe\x00")
    'price⟨U+202E⟩gnp.exe⟨U+0000⟩'
    >>> clean("x" * 10_000, 8), clean("地价地价地价", 8), clean(None)
    ('xxxxxxx…', '地价地…', '')
    """
    raw = "" if _wordless(value) else str(value)[: 8 * limit + 64]
    shown: list[str] = []
    marks = 0
    for character in raw:
        category = unicodedata.category(character)
        if character in _SPACES or category == "Zs":
            shown.append(" ")
        elif category in {"Mn", "Me"}:
            marks += 1
            if marks <= _MARKS:
                shown.append(character)
            continue
        elif category[0] == "C":
            shown.append(f"⟨U+{ord(character):04X}⟩")
        else:
            shown.append(character)
        marks = 0
    return shorten(" ".join("".join(shown).split()), limit)


def columns(text: str) -> int:
    r"""Count the columns of a terminal that a text takes.

    >>> columns("price"), columns("地价"), columns("e\u0301")
    (5, 4, 1)
    """
    return sum(_columns(character) for character in text)


def shorten(text: str, limit: int) -> str:
    """Cut a text to at most ``limit`` columns; an ellipsis stands for what was cut.

    >>> shorten("a long name", 6), shorten("short", 6)
    ('a lon…', 'short')
    """
    if columns(text) <= limit:
        return text
    taken = 0
    for position, character in enumerate(text):
        taken += _columns(character)
        if taken > limit - 1:
            return text[:position].rstrip() + "…"
    return text


def told_apart(texts: Sequence[str], limit: int) -> list[str]:
    """Cut texts to at most ``limit`` columns; those that would read the same keep their ends instead.

    >>> told_apart(["resnet20, moved", "resnet20, mirrored", "vgg"], 9)
    ['…0, moved', '…mirrored', 'vgg']
    """
    cut = [shorten(text, limit) for text in texts]
    alike = {
        short
        for short in cut
        if len({text for text, other in zip(texts, cut, strict=True) if other == short}) > 1
    }
    return [
        shorten(text[::-1], limit)[::-1] if short in alike else short
        for text, short in zip(texts, cut, strict=True)
    ]


def pad(text: str, width: int, right: bool = False) -> str:
    """Shorten or fill a text to exactly ``width`` columns; ``right`` sets it flush right.

    >>> pad("ab", 4) + "|", pad("ab", 4, right=True), pad("abcdef", 4)
    ('ab  |', '  ab', 'abc…')
    """
    text = shorten(text, width)
    room = " " * (width - columns(text))
    return room + text if right else text + room


def _wordless(value: object) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    return value is None or isinstance(value, list | tuple | set | Mapping)


def _columns(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def code(text: str, limit: int = 20_000) -> str:
    r"""Make a text of several lines safe to show with its indentation, cut after ``limit`` characters.

    >>> code("{\n  'a': '\x00'\n}")
    "{\n  'a': '⟨U+0000⟩'\n}"
    """
    # Runs of spaces are kept, within a line too: in a diff the indentation follows its mark.
    lines = [
        "".join(part if part.isspace() else clean(part, 2_000) for part in re.split("( +)", line[:2_000]))
        for line in text[:limit].split("\n")
    ]
    cut = len(text) - limit
    return "\n".join(lines) + (f"\n… and {cut:,} more characters" if cut > 0 else "")
