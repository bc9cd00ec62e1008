"""Replays as files: safetensors whose metadata say what they are. Reading trusts nothing in the file.

The tensors are those of the operation (``given.0``, ``given.1`` ...), the gradients that reached it
(``gradient.0`` ...), the inputs of the model (``input.NAME``) and its parameters and buffers
(``weight.NAME``), so that ``safetensors.torch.load_file`` reads them all.
"""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fivefold.artifact.layout import MAX_FILE
from fivefold.artifact.plain_file import read_plain_file
from fivefold.artifact.strict_json import decode, encode
from fivefold.artifact.tensors import check_header
from fivefold.core import ArgumentError, ArtifactError
from fivefold.diagnosis.finding import Finding, Place
from fivefold.diagnosis.findings import Findings
from fivefold.diagnosis.pure_operations import check_size, find_operation
from fivefold.diagnosis.replayed_operation import MOST_BYTES, Replay

SUFFIX = ".replay.safetensors"
FORMAT = "fivefold replay"
VERSION = 1
MOST_FILE = MAX_FILE
MOST_TEXT = 4 << 20
_SIZES = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1
}  # fmt: skip
_TYPES = {
    str(kind).removeprefix("torch."): kind
    for kind in (
        torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16,
        torch.int8, torch.uint8, torch.bool,
    )
}  # fmt: skip
_LAYOUTS = {
    str(kind).removeprefix("torch."): kind
    for kind in (torch.contiguous_format, torch.preserve_format, torch.channels_last, torch.channels_last_3d)
}
_TEXTS = ("operation", "function", "module", "path", "torch", "note")
_NUMBERS = ("line", "batch", "row")
_DAMAGED = "the replay is damaged; take it from where it was made"


def save(replay: Replay, path: str | os.PathLike[str]) -> Path:
    """Write a replay as a file.

    Args:
        replay: What to write.
        path: The file; one that is there is replaced.

    Returns:
        The file.

    Raises:
        ArgumentError: It holds what the format cannot store.
        ArtifactError: The file cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     file = save(Replay("log.default", (torch.zeros(2),)), Path(place) / f"a{SUFFIX}")
    ...     read(file).run().again
    True
    """
    data = to_bytes(replay)
    target = Path(path)
    try:
        target.write_bytes(data)
    except OSError as error:
        shown = ascii(str(target))[1:-1]
        raise ArtifactError(
            f"to write {shown}", error.strerror or type(error).__name__, "check its folder"
        ) from error
    return target


def to_bytes(replay: Replay) -> bytes:
    """Return the contents of the file.

    Args:
        replay: What to write.

    Raises:
        ArgumentError: It holds what the format cannot store, or more than fits.
    """
    from safetensors.torch import save as write

    held: dict[str, Tensor] = {}

    def keep(name: str, tensor: Tensor) -> str:
        if str(tensor.dtype).removeprefix("torch.") not in _TYPES or tensor.layout is not torch.strided:
            raise ArgumentError(
                f"dense tensors of real numbers in a replay, as {name}", str(tensor.dtype), ""
            )
        held[name] = tensor.detach().to("cpu", copy=True).contiguous()
        return name

    given = iter(range(1 << 20))
    plain = {
        "format": FORMAT,
        "version": VERSION,
        "arguments": [_to_plain(v, lambda t: keep(f"given.{next(given)}", t)) for v in replay.arguments],
        "options": {
            n: _to_plain(v, lambda t: keep(f"given.{next(given)}", t)) for n, v in replay.options.items()
        },
        "gradient": [None if g is None else keep(f"gradient.{i}", g) for i, g in enumerate(replay.gradient)],
        "inputs": {name: keep(f"input.{name}", t) for name, t in replay.inputs.items()},
        "weights": {name: keep(f"weight.{name}", t) for name, t in replay.weights.items()},
        **{name: str(getattr(replay, name))[:2000] for name in _TEXTS},
        **{name: int(getattr(replay, name)) for name in _NUMBERS},
    }
    text = encode(plain, "the replay", MOST_TEXT).decode("ascii")
    data: bytes = write(held, {"fivefold": text})
    if len(data) > MOST_FILE:
        raise ArgumentError(f"a replay of at most {MOST_FILE} bytes", str(len(data)), "keep less in it")
    return data


def read(path: str | os.PathLike[str]) -> Replay:
    """Read a replay from a file that is not trusted; nothing in it is executed or looked up as code.

    The operation is one of a closed list (:data:`~fivefold.diagnosis.pure_operations.PURE`), and what it
    would give is bounded before it is ever run.

    Args:
        path: The file.

    Raises:
        ArtifactError: There is none, it is no replay, or anything in it does not match.

    >>> read("/nonexistent.replay.safetensors")
    Traceback (most recent call last):
    fivefold.core.errors.ArtifactError: expected a replay at /nonexistent.replay.safetensors; got ...
    """
    file = Path(path)
    shown = ascii(str(file))[1:-1]
    try:
        data = read_plain_file(file, MOST_FILE)
    except OSError as error:
        said = error.strerror or type(error).__name__
        raise ArtifactError(f"a replay at {shown}", said, "check the path") from error
    return from_bytes(data)


def is_replay(path: str | os.PathLike[str]) -> bool:
    """Whether a file is named as replays are.

    >>> is_replay("a.replay.safetensors"), is_replay("train.py")
    (True, False)
    """
    return os.fspath(path).endswith(SUFFIX)


def replayed_findings(path: str | os.PathLike[str]) -> Findings:
    """Make the operation of a file again, and say what comes of it.

    Args:
        path: The file.

    Returns:
        One finding where it again gives numbers that are not finite, none where it does not; the notes are
        the lines of :class:`~fivefold.diagnosis.replayed_operation.Replay` as text.

    Raises:
        ArtifactError: As for :func:`read`.
    """
    replay = read(path)
    notes = str(replay).splitlines()
    found = replay.run()
    if not found.again:
        return Findings([], notes)
    known = replay.function or replay.operation
    return Findings(
        [
            Finding(
                "nonfinite.operation",
                f"{'the derivative of ' if replay.gradient else ''}{known}"
                + (f" in {replay.module}" if replay.module else "")
                + " gives numbers that are not finite",
                f"made again from the file: {found.value} at {list(found.where)}, {found.share:.2%} of the "
                f"result (update {replay.batch} of the training)",
                "high",
                "the operation has no finite result at what it is given",
                "look at the lowest and highest of what it is given, in the table",
                place=Place(replay.path, replay.line) if replay.path else None,
            )
        ],
        notes,
    )


def from_bytes(data: bytes) -> Replay:
    """Return the replay that :func:`to_bytes` wrote.

    Args:
        data: The contents of a file that is not trusted.

    Raises:
        ArtifactError: It is no replay, or anything in it does not match.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    header = check_header(data, _SIZES, metadata=True)
    metadata = header.get("__metadata__", {})
    if "fivefold" not in metadata:
        raise ArtifactError("a replay that fivefold wrote", "safetensors without its description", _DAMAGED)
    plain = decode(metadata["fivefold"].encode("utf-8", "surrogatepass"), "the replay", MOST_TEXT)
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        raise ArtifactError("the description of a replay", "another one", _DAMAGED)
    if plain.get("version") != VERSION:
        raise ArtifactError(
            f"a replay of version {VERSION}",
            ascii(plain.get("version"))[:40],
            "install the fivefold that wrote it",
        )
    try:
        held = load(data)
    except (SafetensorError, ValueError, KeyError, RuntimeError, TypeError) as error:
        raise ArtifactError("valid safetensors", ascii(str(error))[1:-1][:200], _DAMAGED) from error
    take = _Taker(held)
    texts = {name: _text(plain, name) for name in _TEXTS}
    numbers = {name: _number(plain, name) for name in _NUMBERS}
    operation = find_operation(texts["operation"])
    arguments = tuple(_from_plain(v, take) for v in _listed(plain, "arguments"))
    options = {name: _from_plain(v, take) for name, v in _named(plain, "options").items()}
    gradient = tuple(None if g is None else take(g) for g in _listed(plain, "gradient"))
    inputs = {name: take(v) for name, v in _named(plain, "inputs").items()}
    weights = {name: take(v) for name, v in _named(plain, "weights").items()}
    check_size(operation, arguments, options, 16 * MOST_BYTES)
    return Replay(
        arguments=arguments,
        options=options,
        gradient=gradient,
        inputs=inputs,
        weights=weights,
        **texts,  # type: ignore[arg-type]
        **numbers,  # type: ignore[arg-type]
    )


class _Taker:
    """Gives tensors by name."""

    def __init__(self, held: dict[str, Tensor]) -> None:
        self._held = held

    def __call__(self, name: object) -> Tensor:
        if not isinstance(name, str) or name not in self._held:
            raise ArtifactError("the name of a tensor in the replay", ascii(name)[:80], _DAMAGED)
        return self._held[name]


def _to_plain(value: Any, keep: Callable[[Tensor], str]) -> Any:
    """An argument as JSON: numbers, texts and ``None`` as they are, all else under one key that names it."""
    if isinstance(value, Tensor):
        return {"tensor": keep(value)}
    if isinstance(value, list | tuple):
        return {"list": [_to_plain(each, keep) for each in value]}
    if isinstance(value, float) and not math.isfinite(value):
        return {"number": str(value)}
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str) and len(value) <= 32 and value.replace("_", "").isalnum():
        return {"text": value}
    name = str(value).removeprefix("torch.")
    if isinstance(value, torch.dtype) and name in _TYPES:
        return {"type": name}
    if isinstance(value, torch.memory_format) and name in _LAYOUTS:
        return {"memory": name}
    if isinstance(value, torch.layout) and value is torch.strided:
        return {"layout": "strided"}
    if isinstance(value, torch.device):
        return {"device": "cpu"}
    raise ArgumentError("numbers, tensors and lists of them in a replay", type(value).__name__, "")


def _from_plain(value: Any, take: Callable[[object], Tensor]) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict) and len(value) == 1:
        ((kind, held),) = value.items()
        if kind == "tensor":
            return take(held)
        if kind == "list" and isinstance(held, list):
            return [_from_plain(each, take) for each in held]
        if kind == "number" and held in ("inf", "-inf", "nan"):
            return float(held)
        if kind == "text" and isinstance(held, str) and len(held) <= 32:
            return held
        if kind == "type" and isinstance(held, str) and held in _TYPES:
            return _TYPES[held]
        if kind == "memory" and isinstance(held, str) and held in _LAYOUTS:
            return _LAYOUTS[held]
        if kind == "layout" and held == "strided":
            return torch.strided
        if kind == "device" and held == "cpu":
            return torch.device("cpu")
    raise ArtifactError(
        "a number, a tensor or a list as an argument of the replay", ascii(value)[:80], _DAMAGED
    )


def _text(plain: dict[str, Any], name: str) -> str:
    value = plain.get(name)
    if not isinstance(value, str) or len(value) > 2000:
        raise ArtifactError(f"{name} as a short text in the replay", ascii(value)[:80], _DAMAGED)
    return value


def _number(plain: dict[str, Any], name: str) -> int:
    value = plain.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not -1 <= value < 1 << 62:
        raise ArtifactError(f"{name} as a whole number in the replay", ascii(value)[:80], _DAMAGED)
    return value


def _listed(plain: dict[str, Any], name: str) -> list[Any]:
    value = plain.get(name)
    if not isinstance(value, list) or len(value) > 100:
        raise ArtifactError(f"{name} as a short list in the replay", ascii(value)[:80], _DAMAGED)
    return value


def _named(plain: dict[str, Any], name: str) -> dict[str, Any]:
    value = plain.get(name)
    if not isinstance(value, dict):
        raise ArtifactError(f"{name} by name in the replay", ascii(value)[:80], _DAMAGED)
    return value
