"""Arrays as safetensors, checked before anything is allocated from them."""

import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from fivefold.artifact.layout import MAX_TENSORS_FILE
from fivefold.artifact.strict_json import decode
from fivefold.core import ArgumentError, ArtifactError

MAX_HEADER = 8 << 20
MAX_TENSORS = 10_000
MAX_DIMENSIONS = 8
MAX_LENGTH = 1 << 40
MAX_NAME = 256

_DTYPES = {
    "F64": np.float64,
    "F32": np.float32,
    "I64": np.int64,
    "I32": np.int32,
    "I16": np.int16,
    "I8": np.int8,
    "U64": np.uint64,
    "U32": np.uint32,
    "U16": np.uint16,
    "U8": np.uint8,
    "BOOL": np.bool_,
}
_RESERVED = "__metadata__"
_DAMAGED = "the artifact is damaged; take it from where it was made"


def encode_tensors(tensors: dict[str, np.ndarray]) -> bytes:
    """Write named arrays as safetensors, the same bytes for the same arrays.

    Args:
        tensors: Floats of 32 or 64 bits (finite), integers or booleans; at most 10,000 of them.

    Raises:
        ArgumentError: Another type, a value that is not finite, too many, or a name that cannot be stored.

    >>> sorted(decode_tensors(encode_tensors({"w": np.array([1.0, 2.0])})))
    ['w']
    """
    from safetensors.numpy import save

    if len(tensors) > MAX_TENSORS:
        raise ArgumentError(f"at most {MAX_TENSORS} arrays", str(len(tensors)), "join some of them")
    plain: dict[str, np.ndarray] = {}
    for name, value in tensors.items():
        if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME or name == _RESERVED:
            raise ArgumentError(f"array names of 1 to {MAX_NAME} characters", ascii(name)[:80], "rename it")
        if not isinstance(value, np.ndarray) or value.dtype.newbyteorder("=") not in _DTYPES.values():
            kind = value.dtype if isinstance(value, np.ndarray) else type(value).__name__
            raise ArgumentError(
                f"an array of floats, integers or booleans as {name!a}", str(kind), "convert it"
            )
        if value.ndim > MAX_DIMENSIONS:
            raise ArgumentError(
                f"at most {MAX_DIMENSIONS} dimensions in {name!a}", str(value.ndim), "reshape it"
            )
        if not _all_finite(value):
            raise ArgumentError(f"finite numbers in {name!a}", "NaN or infinity", "do not save this model")
        # The library writes the memory as it lies: a strided view would be stored wrongly.
        plain[name] = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<")).reshape(value.shape)
    total = sum(value.nbytes for value in plain.values())
    if total > MAX_TENSORS_FILE - MAX_HEADER - 8:
        raise ArgumentError(f"arrays of at most {MAX_TENSORS_FILE} bytes in all", str(total), "save less")
    data: bytes = save(plain)
    return data


def decode_tensors(data: bytes) -> dict[str, np.ndarray]:
    """Read safetensors from a file that is not trusted.

    Layout: 8 bytes with the length of the header, the header as JSON (name to dtype, shape and offsets), the
    data. The header is bounded and checked against the length of the file before the library sees any of it.

    Args:
        data: The bytes of the file.

    Returns:
        Arrays by name, in the order of the names.

    Raises:
        ArtifactError: Not such a file, an array that does not match its announcement, or values that are not
            finite.

    >>> decode_tensors(encode_tensors({"w": np.array([1.0, 2.0])}))["w"]
    array([1., 2.])
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    check_header(data, {name: np.dtype(kind).itemsize for name, kind in _DTYPES.items()})
    try:
        loaded: dict[str, np.ndarray] = load(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise ArtifactError("valid safetensors", ascii(str(error))[1:-1][:200], _DAMAGED) from error
    for name, value in loaded.items():
        if not _all_finite(value):
            raise ArtifactError(f"finite numbers in the array {name!a}", "NaN or infinity", _DAMAGED)
    return {name: loaded[name] for name in sorted(loaded)}


def check_header(data: bytes, sizes: Mapping[str, int], *, metadata: bool = False) -> dict[str, Any]:
    """Return the header of safetensors that are not trusted, once it agrees with the length of the file.

    Args:
        data: The bytes of the file.
        sizes: The types that may occur, as the format names them, and their sizes in bytes.
        metadata: Whether the header may hold texts by name beside the arrays; they are then among what is
            returned.

    Raises:
        ArtifactError: Not such a file, or an array that does not match its announcement.
    """
    if len(data) < 8:
        raise ArtifactError("safetensors of at least 8 bytes", f"{len(data)} bytes", _DAMAGED)
    (length,) = struct.unpack("<Q", data[:8])
    if length > MAX_HEADER:
        raise ArtifactError(
            f"a safetensors header of at most {MAX_HEADER} bytes", f"{length} bytes", _DAMAGED
        )
    if length > len(data) - 8:
        raise ArtifactError("a whole safetensors header", f"{len(data) - 8} of {length} bytes", _DAMAGED)
    header = decode(data[8 : 8 + length], "the safetensors header", MAX_HEADER)
    if not isinstance(header, dict):
        raise ArtifactError("a safetensors header with names", type(header).__name__, _DAMAGED)
    if len(header) > MAX_TENSORS:
        raise ArtifactError(f"at most {MAX_TENSORS} arrays", str(len(header)), _DAMAGED)
    room = len(data) - 8 - length
    stored = 0
    for name, entry in header.items():
        shown = ascii(name)[:80]
        if metadata and name == _RESERVED:
            if not isinstance(entry, dict) or not all(isinstance(text, str) for text in entry.values()):
                raise ArtifactError("texts by name as metadata", ascii(entry)[:80], _DAMAGED)
            continue
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            raise ArtifactError(f"dtype, shape and data_offsets for {shown}", ascii(entry)[:80], _DAMAGED)
        dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        if not isinstance(dtype, str) or dtype not in sizes:
            raise ArtifactError(f"a known type for {shown}", ascii(dtype)[:40], _DAMAGED)
        if not _are_counts(shape) or len(shape) > MAX_DIMENSIONS:
            raise ArtifactError(
                f"a shape of at most {MAX_DIMENSIONS} lengths for {shown}", ascii(shape)[:80], _DAMAGED
            )
        if not _are_counts(offsets) or len(offsets) != 2 or not offsets[0] <= offsets[1] <= room:
            raise ArtifactError(f"offsets of {shown} inside {room} bytes", ascii(offsets)[:80], _DAMAGED)
        size = math.prod(shape) * sizes[dtype]
        if size != offsets[1] - offsets[0]:
            raise ArtifactError(
                f"{size} bytes for {shown} of shape {shape}", str(offsets[1] - offsets[0]), _DAMAGED
            )
        stored += size
    if stored != room:
        raise ArtifactError(f"{stored} bytes of arrays after the header", str(room), _DAMAGED)
    return header


def _are_counts(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, int) and not isinstance(item, bool) and 0 <= item <= MAX_LENGTH for item in value
    )


def _all_finite(value: np.ndarray) -> bool:
    return value.dtype.kind != "f" or bool(np.isfinite(value).all())
