"""A source as a user names it: a path, with ``~`` for a home folder, or what is in memory."""

from pathlib import Path


def source_name(source: object) -> str:
    """Return a source in words: a path as given, the ``source`` that a set or table names, or ``"memory"``.

    >>> source_name("a.csv"), source_name({"x": [1]})
    ('a.csv', 'memory')
    """
    if isinstance(source, str | Path):
        return str(source)
    own = getattr(source, "source", None)  # of a data frame a column, if anything
    return own if isinstance(own, str) else "memory"


def user_path(text: str | Path) -> Path:
    """Return the path with the home folder for ``~``; as it stands where nobody has that name.

    >>> user_path("a/b.csv") == Path("a/b.csv"), user_path("~no body/b.csv") == Path("~no body/b.csv")
    (True, True)
    """
    path = Path(text)
    try:
        return path.expanduser()
    except RuntimeError:  # no such user, or no home
        return path
