"""One text file: bounded, decoded, in one Unicode form, without control characters."""

import gzip
import re
import stat
import unicodedata
import zlib
from dataclasses import dataclass
from pathlib import Path

from fivefold.core import DataError, require
from fivefold.tasks.tables.csvtext import encoding_of, open_bytes

_SEPARATORS = re.compile("[\x0b\x0c\x1c-\x1f\x85]")
"""Controls between words: tabs down, form feeds, separators of records, ends of lines."""
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x9f\ufeff\ufffe\uffff]")


@dataclass(frozen=True)
class Limits:
    """Upper bounds, checked before memory is taken.

    Args:
        bytes: Of one file, unpacked.
        total: Of all files together, unpacked and in UTF-8.
        files: Of a folder.
        characters: Of one document.

    Raises:
        ArgumentError: A limit below 1.

    >>> Limits(files=10).characters
    1000000
    """

    bytes: int = 200_000_000
    total: int = 1_000_000_000
    files: int = 500_000
    characters: int = 1_000_000

    def __post_init__(self) -> None:
        least = min(self.bytes, self.total, self.files, self.characters)
        require(least >= 1, "limits of at least 1", least)


def clean(text: str) -> tuple[str, int]:
    r"""Return a text in NFC with line feeds alone, and how many control characters were taken out.

    Tabs and line feeds stay; other controls that separate words, such as a form feed, become a space. Joiners
    and marks of direction stay: scripts need them.

    >>> clean("cafe\u0301\r\nau\x07 lait\x0cchaud")
    ('caf\xe9\nau lait chaud', 2)
    """
    text, apart = _SEPARATORS.subn(" ", text.replace("\r\n", "\n").replace("\r", "\n"))
    text, out = _CONTROLS.subn("", text)
    return unicodedata.normalize("NFC", text), apart + out  # last: a control may stand before an accent


def too_long(text: str, limits: Limits) -> str:
    """Return why a document is too long, or nothing.

    >>> too_long("12345", Limits(characters=4)), too_long("1234", Limits(characters=4))
    ('it has 5 characters, more than 4', '')
    """
    if len(text) <= limits.characters:
        return ""
    return f"it has {len(text):,} characters, more than {limits.characters:,}"


def read_text(path: Path, limits: Limits) -> tuple[str, str | None]:
    r"""Read a text file, plain or gzip: UTF-8, UTF-16 or UTF-32 by its mark, else Windows-1252 or Latin-1.

    Args:
        path: A regular file.
        limits: Bounds.

    Returns:
        The text as decoded, and a note where it is not UTF-8.

    Raises:
        DataError: A special file, one that cannot be read, is binary, damaged, or larger than the limit.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     _ = (Path(place) / "a.txt").write_text("one\ntwo\n", encoding="utf-8")
    ...     read_text(Path(place) / "a.txt", Limits())
    ('one\ntwo\n', None)
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError("a text file", f"{path.name!r}, a device, pipe or folder", "save it to a file")
        with open_bytes(path) as file:
            data = file.read(limits.bytes + 1)
        if len(data) > limits.bytes:
            raise DataError(
                f"at most {limits.bytes:,} bytes in a file",
                f"more in {path.name!r}",
                "split it, or raise the limit",
            )
        encoding, _, note = encoding_of(path)
        return data.decode(encoding), note
    except PermissionError as error:
        raise DataError(
            "a readable file", f"no permission to read {path.name!r}", "change its mode"
        ) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError("a whole gzip file", f"{path.name!r}: {error}", "copy it again") from error
    except OSError as error:
        raise DataError(f"a readable file {path.name!r}", str(error)) from error
    except UnicodeError as error:
        raise DataError(f"text in {encoding}", f"{path.name!r}: {error}", "save the file as UTF-8") from error
