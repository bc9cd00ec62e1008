"""The names, versions and size limits of the saved form."""

import re

from fivefold.core import ArtifactError

FORMAT = "fivefold artifact"
VERSION = 1
"""Version of the saved form. A reader accepts this version and refuses a newer one."""

MANIFEST = "manifest.json"
MODEL = "model.json"
TENSORS = "tensors.safetensors"
CARD = "README.md"
REPORT = "report.html"
RECORD = "record.json"
PLAN = "plan.json"
RESERVED = frozenset({MANIFEST, MODEL, TENSORS})

MAX_MANIFEST = 1 << 20
MAX_FILE = 64 << 20
MAX_TENSORS_FILE = 4 << 30
MAX_FILES = 1_000

# File managers drop these beside anything that is looked at; they are never read.
IGNORED = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def check_file_name(name: object) -> str:
    """Return the name if it is a plain file name, else refuse it.

    A plain name is 1 to 128 letters, digits, dots, hyphens and underscores of ASCII that starts with a
    letter or digit; so it holds no path separator, no drive, no ``..`` and no control character.

    Args:
        name: Anything; only a ``str`` can pass.

    Raises:
        ArtifactError: Not a plain file name.

    >>> check_file_name("report.html")
    'report.html'
    """
    if not isinstance(name, str) or _NAME.fullmatch(name) is None or ".." in name:
        raise ArtifactError(
            "plain file names in an artifact (letters, digits, '.', '_' and '-')",
            ascii(name)[:200],
            "do not use this artifact unless you know who made it",
        )
    return name


def size_limit(name: str) -> int:
    """Largest size in bytes that a file of this name may have.

    >>> size_limit("model.json")
    67108864
    """
    return {MANIFEST: MAX_MANIFEST, TENSORS: MAX_TENSORS_FILE}.get(name, MAX_FILE)
