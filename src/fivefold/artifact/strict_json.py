"""JSON that is bounded in size, depth and count, without duplicate keys and without NaN."""

import json
import math
import re
from typing import Any

from fivefold.core import ArgumentError, ArtifactError

MAX_DEPTH = 64
MAX_VALUES = 4_000_000

# A string always matches, an open one to the end, and nothing is tried twice: the scan is linear.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)


def encode(value: Any, what: str, limit: int) -> bytes:
    r"""Write a value as JSON that :func:`decode` accepts.

    Args:
        value: Dictionaries with text keys, lists, tuples, text, finite numbers, booleans, ``None``.
        what: What it is, for the message.
        limit: Largest size in bytes.

    Raises:
        ArgumentError: Something JSON cannot say, or too much of it.

    >>> encode({"a": [1, None]}, "config", 100)
    b'{\n "a": [\n  1,\n  null\n ]\n}\n'
    """
    _check(value, what, MAX_DEPTH)
    # ASCII, so that a lone surrogate from a hostile cell survives instead of breaking the encoding.
    data = json.dumps(value, allow_nan=False, indent=1).encode("ascii") + b"\n"
    try:
        decode(data, what, limit)
    except ArtifactError as error:
        raise ArgumentError(error.expected, error.got, "save less") from error
    return data


def _check(value: Any, where: str, depth: int) -> None:
    """Say where a value sits that would not come back as it went."""
    fix = "convert it before saving"
    if depth < 0:
        raise ArgumentError(f"at most {MAX_DEPTH} levels of nesting", f"more at {where}", "flatten it")
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ArgumentError(f"text keys in {where}", ascii(key)[:80], fix)
            _check(item, f"{where}[{ascii(key)[:80]}]", depth - 1)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check(item, f"{where}[{index}]", depth - 1)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ArgumentError(f"a finite number at {where}", str(value), "use None for what is unknown")
    elif not (value is None or isinstance(value, str | int)):
        raise ArgumentError(f"text, a number, a list or a dictionary at {where}", type(value).__name__, fix)


def decode(data: bytes, what: str, limit: int) -> Any:
    """Read JSON from a file that is not trusted.

    Refused: more than ``limit`` bytes, ``MAX_DEPTH`` levels or ``MAX_VALUES`` values; bytes that are not
    UTF-8; a key twice in one object; NaN, infinities and numbers that overflow to them.

    Args:
        data: The bytes of the file.
        what: What it is, for the message.
        limit: Largest size in bytes.

    Raises:
        ArtifactError: Not such JSON.

    >>> decode(b'{"a": [1, 2.5]}', "config", 100)
    {'a': [1, 2.5]}
    >>> decode(b'{"a": 1, "a": 2}', "config", 100)
    Traceback (most recent call last):
    fivefold.core.errors.ArtifactError: expected valid JSON in config; got the key 'a' twice; ...
    """
    fix = "the file is damaged; take it from where it was made"
    if len(data) > limit:
        raise ArtifactError(f"at most {limit} bytes in {what}", str(len(data)), fix)
    if data.count(b",") + data.count(b"[") + data.count(b"{") > MAX_VALUES:
        raise ArtifactError(f"at most {MAX_VALUES} values in {what}", "more", fix)
    # Depth first, over the bytes: the parser recurses, and a bound that depends on the interpreter is none.
    depth = 0
    for token in _TOKEN.finditer(data):
        mark = token.group()
        if mark in (b"[", b"{"):
            depth += 1
            if depth > MAX_DEPTH:
                raise ArtifactError(f"at most {MAX_DEPTH} levels of nesting in {what}", "more", fix)
        elif mark in (b"]", b"}"):
            depth -= 1
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"valid JSON in {what}", ascii(str(error))[1:-1][:200], fix) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key '{key[:80]}' twice")
            seen.add(key)
    return result


def _refuse_constant(text: str) -> float:
    raise ValueError(f"the number {text}")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:40]}, which is not finite")
    return number
