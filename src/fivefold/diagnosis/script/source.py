"""The script as a file: whether it can be run at all, and whether it was left as it was."""

import ast
import hashlib
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

from fivefold.core import DataError

LARGEST = 32 << 20


@dataclass(frozen=True, slots=True)
class Source:
    """A script that can be run.

    Attributes:
        path: Where it is, as it was named.
        sha256: Of its bytes.
    """

    path: str
    sha256: str


def read_source(path: str | os.PathLike[str]) -> Source:
    """Return the script, or say why it cannot be run; nothing in it is executed.

    Args:
        path: Any path.

    Raises:
        DataError: No such file, a folder, a pipe, no Python, or too large.

    >>> read_source("/none.py")
    Traceback (most recent call last):
    fivefold.core.errors.DataError: expected a Python script; got no such file: '/none.py'; check the path
    """
    name = os.fspath(path)
    place = Path(name)
    try:
        if place.is_dir():
            raise DataError("a Python script", f"a folder: {name!a}", "name the script in it")
        if not place.exists():
            raise DataError("a Python script", f"no such file: {name!a}", "check the path")
        if not place.is_file():
            # A pipe can be read once only, and the script is read again when it runs.
            raise DataError("a Python script", f"a pipe or a device: {name!a}", "save the script as a file")
        with place.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise DataError(
            "a readable script", f"{error.strerror or type(error).__name__}: {name!a}", "check the path"
        ) from error
    if len(data) > LARGEST:
        raise DataError("a Python script", f"more than {LARGEST >> 20} MiB: {name!a}", "check the path")
    if place.suffix == ".ipynb":
        raise DataError(
            "a Python script",
            f"a notebook: {name!a}",
            "save it as a script (jupyter nbconvert --to script), or call fivefold.watch in it",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(data, filename=name)
    except SyntaxError as error:
        where = f"{name!a}, line {error.lineno}" if error.lineno else f"{name!a}"
        raise DataError(
            "a script in Python", f"a syntax error in {where}: {error.msg}", "correct it"
        ) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise DataError(
            "a script in Python", f"{name!a}: {error}", "name a text file of Python code"
        ) from error
    return Source(name, hashlib.sha256(data).hexdigest())


def unchanged(source: Source) -> bool:
    """Whether the script still has the bytes it had.

    Args:
        source: As it was before the run.
    """
    try:
        return hashlib.sha256(Path(source.path).read_bytes()).hexdigest() == source.sha256
    except OSError:
        return False
