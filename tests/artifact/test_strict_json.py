"""Bounded JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivefold.artifact.strict_json import MAX_DEPTH, decode, encode
from fivefold.core import ArgumentError, ArtifactError

_plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(_plain)
def test_what_is_encoded_is_decoded(value: object) -> None:
    assert decode(encode(value, "test", 1 << 20), "test", 1 << 20) == value


@given(st.text() | st.binary().map(repr))
def test_brackets_in_text_are_not_depth(text: str) -> None:
    value = [text + "[" * 200, {text + "{" * 200: '"' + "\\" * 7}]
    assert decode(json.dumps(value).encode(), "test", 1 << 20) == value


def test_depth_at_the_bound_and_above() -> None:
    def nested(depth: int) -> bytes:
        return b"[" * depth + b"]" * depth

    decode(nested(MAX_DEPTH), "test", 1000)
    with pytest.raises(ArtifactError, match="levels of nesting"):
        decode(nested(MAX_DEPTH + 1), "test", 1000)


def test_size_at_the_bound_and_above() -> None:
    assert decode(b"[1]", "test", 3) == [1]
    with pytest.raises(ArtifactError, match="at most 2 bytes in test; got 3"):
        decode(b"[1]", "test", 2)
    with pytest.raises(ArgumentError, match="at most 3 bytes"):
        encode([1, 2], "test", 3)


@pytest.mark.parametrize("piece", [b'"\\', b'\\"', b'"', b'""', b"\\", b'"a'])
def test_the_scan_for_depth_is_linear(piece: bytes) -> None:
    """A quadratic scan of four megabytes of such pieces would not end within the patience of anyone."""
    with pytest.raises(ArtifactError, match="valid JSON"):
        decode(b'"' + piece * (4_000_000 // len(piece)), "test", 1 << 26)
