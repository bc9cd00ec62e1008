"""Names of text files: their stem and their ending."""

from pathlib import PurePath

ENDINGS = (".txt", ".text", ".md", ".rst")
"""Endings of text files, in lower case; ``.gz`` may stand after them."""


def stem_and_ending(name: str) -> tuple[str, str]:
    """Return a file's name without its ending, and the ending in lower case; ``.gz`` counts for neither.

    A number (``.1234``) is no ending.

    >>> stem_and_ending("News.TXT.GZ"), stem_and_ending("17.1234"), stem_and_ending("a.b.png")
    (('News', '.txt'), ('17.1234', ''), ('a.b', '.png'))
    """
    bare = name[:-3] if name.lower().endswith(".gz") else name
    ending = PurePath(bare).suffix
    if not ending or ending[1:].isdigit():
        return bare, ""
    return bare[: -len(ending)], ending.lower()


def has_text_ending(name: str) -> bool:
    """Whether a name ends as those of text files do.

    >>> has_text_ending("a.TXT"), has_text_ending("a.md.gz"), has_text_ending("README")
    (True, True, False)
    """
    return stem_and_ending(name)[1] in ENDINGS
