"""The files of a script that a repair may edit: itself, and the modules beside it that it imports."""

import ast
import hashlib
from collections.abc import Mapping
from pathlib import Path

from fivefold.core import DataError

MOST_FILES = 20
LARGEST = 1 << 20


def read_sources(script: Path) -> dict[str, str]:
    """Return the texts by their paths from the script's folder, the script first.

    Args:
        script: A script that was read as Python before.

    Raises:
        DataError: The script is not UTF-8, ends its lines in the old way of the Macintosh, or is too long.
    """
    home = script.resolve().parent
    found: dict[str, str] = {}
    waiting = [script.resolve()]
    while waiting and len(found) < MOST_FILES:
        path = waiting.pop(0)
        name = path.relative_to(home).as_posix()
        if name in found:
            continue
        try:
            text = _text(path)
            tree = ast.parse(text)
        except (DataError, SyntaxError, ValueError, RecursionError):
            if not found:
                raise
            continue
        found[name] = text
        waiting += [each for each in _imported(tree, home) if each.is_file()]
    return found


def _text(path: Path) -> str:
    data = path.read_bytes()
    if len(data) > LARGEST:
        raise DataError("a script of at most 1 MiB to edit", f"{len(data):,} bytes: {path.name!a}")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            "a script in UTF-8 to edit", f"other bytes: {path.name!a}", "save it as UTF-8"
        ) from error
    if text.startswith("\ufeff") or "\r" in text.replace("\r\n", "") or "\f" in text:
        raise DataError(
            "a plain text file to edit",
            f"a byte order mark, form feeds or lines that end in a carriage return alone: {path.name!a}",
            "save it with plain line ends",
        )
    return text


def _imported(tree: ast.AST, home: Path) -> list[Path]:
    """Files below a folder that a module there may import."""
    out = []
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
        for name in names:
            place = home.joinpath(*name.split("."))
            out += [place.with_suffix(".py"), place / "__init__.py"]
    return out


def digest(texts: Mapping[str, str]) -> str:
    """One digest of several texts, to tell a version that was run already."""
    return hashlib.sha256("\0".join(f"{n}\0{t}" for n, t in sorted(texts.items())).encode()).hexdigest()
