"""The line of code that a finding is about, with a few lines around it."""

import io
import os
import stat
import tokenize
from pathlib import Path

from fivefold.diagnosis.finding import Place

AROUND = 3
LONGEST_LINE = 200
LARGEST = 4 << 20


def excerpt(place: Place, around: int = AROUND) -> dict[str, object] | None:
    """Return a line of Python source in its context, or ``None`` where it cannot be read.

    Nothing in the file is executed. Only regular files named ``*.py`` of at most 4 MiB are opened.

    Args:
        place: A file, from the working folder, and a line.
        around: Lines before and after it, at least 0.

    Returns:
        ``first``, the number of the first line; ``line``, that of the place; ``lines``, the texts, each cut
        at 200 characters.

    >>> excerpt(Place("/nonexistent.py", 3)) is None
    True
    """
    path = Path(place.path)
    try:
        status = path.stat()
        if path.suffix != ".py" or not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
            return None
        data = path.read_bytes()[:LARGEST]
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        lines = data.decode(encoding, "replace").splitlines()
    except (OSError, SyntaxError, ValueError, LookupError):
        return None
    if not 1 <= place.line <= len(lines):
        return None
    first = max(1, place.line - around)
    shown = [line.expandtabs(4) for line in lines[first - 1 : place.line + around]]
    cut = [line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + "…" for line in shown]
    return {"first": first, "line": place.line, "lines": cut}


def near(path: str) -> str:
    """Return a path from the working folder where it lies below it, so that a page does not tell more.

    >>> near(os.path.join(os.getcwd(), "train.py")), near("/elsewhere/train.py")
    ('train.py', '/elsewhere/train.py')
    """
    here = os.getcwd() + os.sep  # noqa: PTH109
    return path.removeprefix(here)
