"""Messages on standard error, and what the terminal can do."""

import os
import sys
from typing import TextIO

from fivefold.report.text import clean


def say(message: object, stream: TextIO | None = None) -> None:
    """Write one line to standard error, harmless whatever names and cells it quotes; a closed one is no
    matter.

    Args:
        message: The text; control characters and escapes become visible.
        stream: Where to; standard error by default.
    """
    target = sys.stderr if stream is None else stream
    try:
        print(clean(message, 2000), file=target, flush=True)
    except UnicodeEncodeError:
        print(clean(message, 2000).encode("ascii", "replace").decode(), file=target, flush=True)
    except (OSError, ValueError):
        return


def is_interactive(stream: TextIO | None = None) -> bool:
    """Whether a person looks at the stream: a terminal that can move its cursor.

    >>> import io
    >>> is_interactive(io.StringIO())
    False
    """
    target = sys.stderr if stream is None else stream
    return target.isatty() and os.environ.get("TERM", "") != "dumb"


def may_colour(stream: TextIO | None = None) -> bool:
    """Whether to colour: on a terminal, unless ``NO_COLOR`` is set to anything but nothing (no-color.org).

    >>> import io
    >>> may_colour(io.StringIO())
    False
    """
    return is_interactive(stream) and not os.environ.get("NO_COLOR")


def out(text: str) -> None:
    """Write a result to standard output, with the characters replaced that its encoding lacks.

    Raises:
        BrokenPipeError: Nobody reads on.

    >>> out("RMSE 5")
    RMSE 5
    """
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding), flush=True)
