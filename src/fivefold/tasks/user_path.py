"""A path as a user writes it: with ``~`` for a home folder."""

from pathlib import Path


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
