"""Pictures and labels in one NPZ file, under the names that the field gives them. Nothing is unpickled."""

import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from fivefold.core import DataError
from fivefold.tasks.folders import ROLES, plain_name
from fivefold.tasks.images.limits import MOST_PACKED, Limits
from fivefold.tasks.images.packed import Part

_PICTURES = {"x", "image", "images", "img", "imgs", "data", "pictures", "pixels"}
_LABELS = {"y", "label", "labels", "target", "targets", "class", "classes"}
_NAMES = "x_train, y_train, x_test, y_test; or images, labels; or train_images, train_labels, ..."
_MOST_MEMBERS = 1000
_CHUNK = 1 << 24
"""Bytes of an array that are converted at once."""
_ABOVE_ONE = 1.01
"""Up to here fractions are of 0..1: what resizing or rounding left above 1 is cut to it."""
_DEEPEST = 65_535


def npz_parts(path: Path, limits: Limits, notes: list[str], *, labelled: bool) -> list[Part]:
    """Read an NPZ file: ``x_train, y_train, x_test, y_test``, ``images, labels``, ``X, y``, MedMNIST's names.

    Validation arrays are the test pictures where no test arrays are there; otherwise they join the training.
    The scale of the numbers is decided over all arrays of pictures, so that dark test pictures stay dark.

    Args:
        path: The file.
        limits: Bounds, checked against each array's header before memory is taken.
        notes: What was decided is added here.
        labelled: Labels are wanted.

    Raises:
        DataError: No NPZ file, damaged, with objects, other names, shapes, types, lengths, or too large.
    """
    name = plain_name(path.name)
    try:
        with zipfile.ZipFile(path) as archive:
            return _parts(archive, name, limits, notes, labelled=labelled)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(
            "a whole NPZ file", f"{name!r}, which ends early or is damaged", "save it again with numpy.savez"
        ) from error
    except OSError as error:
        raise DataError(f"a readable file {name!r}", "one that cannot be read", "look at its mode") from error


def npz_role(key: str) -> tuple[str, int] | None:
    """What an array's name says: pictures or labels, and 0 training, 1 test, 2 validation, -1 neither.

    >>> npz_role("x_train"), npz_role("val_labels"), npz_role("X"), npz_role("weights")
    (('pictures', 0), ('labels', 2), ('pictures', -1), None)
    """
    words = [word for word in re.split(r"[_\-. ]+", key.lower()) if word]
    splits = [word for word in words if word in ROLES]
    rest = [word for word in words if word not in ROLES]
    if len(rest) != 1 or len(splits) > 1 or rest[0] not in _PICTURES | _LABELS:
        return None
    return "pictures" if rest[0] in _PICTURES else "labels", ROLES[splits[0]] if splits else -1


def _parts(
    archive: zipfile.ZipFile, name: str, limits: Limits, notes: list[str], *, labelled: bool
) -> list[Part]:
    members = archive.infolist()
    keys = [info.filename.removesuffix(".npy") for info in members if info.filename.endswith(".npy")]
    if not keys or len(members) > _MOST_MEMBERS:
        raise DataError("arrays in an NPZ file", f"{len(keys)} arrays of {len(members)} files in {name!r}")
    found: dict[tuple[str, int], str] = {}
    for key in keys:
        role = npz_role(key)
        if role is not None and role in found:
            raise DataError("one array for each role", f"{found[role]!r} and {plain_name(key)!r} in {name!r}")
        if role is not None:
            found[role] = key
    splits = sorted(split for role, split in found if role == "pictures")
    if not splits or (len(splits) > 1 and -1 in splits):
        shown = ", ".join(repr(plain_name(key)[:60]) for key in sorted(keys)[:10])
        raise DataError(f"arrays named {_NAMES}", f"{shown} in {name!r}", "rename them")
    given = {split: split for split in splits} | ({2: 0 if 1 in splits else 1} if 2 in splits else {})
    if 2 in splits:
        notes.append(f"The validation pictures are taken as {('training', 'test')[given[2]]} pictures.")
    if set(given.values()) == {0} or set(given.values()) == {1}:
        given = dict.fromkeys(given, -1)
    left, parts = limits.array, []
    raw: dict[int, NDArray[Any]] = {}
    for split in splits:
        raw[split] = _array(archive, found["pictures", split], name, left, limits.files)
        left -= raw[split].nbytes
    for split in splits:
        key = found["pictures", split]
        pictures = as_pictures(raw[split], f"{key!r} in {name!r}", notes, list(raw.values()))
        labels = None
        if labelled:
            if ("labels", split) not in found:
                raise DataError(
                    f"labels of {key!r} in {name!r}", "no such array", f"arrays are named {_NAMES}"
                )
            other = found["labels", split]
            codes = _array(archive, other, name, left, limits.files)
            left -= codes.nbytes
            texts = as_labels(codes, f"{other!r} in {name!r}")
            if len(texts) != len(pictures):
                raise DataError(
                    f"{len(pictures):,} labels, one for each picture of {key!r}",
                    f"{len(texts):,} in {other!r}",
                )
            labels = texts
        parts.append(
            Part(name if len(splits) == 1 else f"{name} {plain_name(key)}", pictures, labels, given[split])
        )
    return parts


def _array(archive: zipfile.ZipFile, key: str, name: str, limit: int, most: int) -> NDArray[Any]:
    """One array of the file, after its header has been checked."""
    info = archive.getinfo(f"{key}.npy")
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} or info.flag_bits & 1:
        raise DataError("arrays stored or deflated", f"{plain_name(key)!r} in {name!r} packed otherwise")
    where = f"{plain_name(key)!r} in {name!r}"
    with archive.open(info) as stream:
        shape, dtype = _header(stream, where)
        count = 1
        for d in shape:
            count *= d
        total = count * dtype.itemsize
        if dtype.hasobject or dtype.kind not in "buifU":
            raise DataError(
                "arrays of integers, fractions or texts",
                f"{dtype} in {where}",
                "objects are not read: save plain arrays"
                if dtype.hasobject
                else "save it with another type: .astype(str), or the real part",
            )
        if total > limit:
            raise DataError(
                f"at most {limit:,} bytes of arrays", f"{total:,} announced by {where}", "split it"
            )
        if min(shape, default=0) < 1:
            raise DataError("an array with something in it", f"the shape {shape} of {where}")
        if not total <= info.file_size <= total + 65_536 or total > MOST_PACKED * info.compress_size:
            raise DataError(
                f"{total:,} bytes, as {where} announces", "an array that cannot hold them", "save it again"
            )
        if shape[0] > most:
            raise DataError(f"at most {most:,} pictures", f"{shape[0]:,} in {where}", "raise the limit")
    with archive.open(info) as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


def _header(stream: IO[bytes], where: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    try:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        else:
            shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
    except ValueError as error:
        raise DataError(
            "NumPy's array format", f"another one as {where}", "save it with numpy.savez"
        ) from error
    return shape, dtype


def as_pictures(
    array: NDArray[Any], where: str, notes: list[str], beside: Sequence[NDArray[Any]] = ()
) -> NDArray[np.uint8]:
    """Pictures [N, H, W] or [N, H, W, 3] as bytes, from [N, H, W], [N, H, W, 1, 3 or 4] or [N, 1 or 3, H, W].

    Numbers may be bytes, integers from 0 to 255, true or false, fractions within 0..1 (taken times 255; up to
    1.01 they are 1) or integers of 16 bits (times 255 / 65,535). Other floats up to 255 are rounded.

    Args:
        array: As stored.
        where: Its name in words.
        notes: What was decided is added here.
        beside: Other arrays of the file; integers, and floats, of all of them have one scale.

    Raises:
        DataError: Another shape, another range or numbers that are not finite.

    >>> notes = []
    >>> as_pictures(np.full((2, 3, 5, 5), 0.5), "'x'", notes).shape, notes
    ((2, 5, 5, 3), ["The channels of 'x' come first: they were put last.", "'x' holds fractions: times 255."])
    """
    if array.ndim == 4 and array.shape[3] not in {1, 3, 4} and array.shape[1] in {1, 3}:
        notes.append(f"The channels of {where} come first: they were put last.")
        array = np.moveaxis(array, 1, 3)
    if array.ndim not in {3, 4} or (array.ndim == 4 and array.shape[3] not in {1, 3, 4}):
        raise DataError(
            "pictures [N, height, width] or [N, height, width, 1, 3 or 4]",
            f"the shape {array.shape} of {where}",
            "reshape them",
        )
    pictures = _bytes_of(array, where, notes, beside)
    if pictures.ndim == 4 and pictures.shape[3] == 1:
        return pictures[..., 0]
    if pictures.ndim == 4 and pictures.shape[3] == 4:
        alpha = pictures[..., 3:].astype(np.uint16)
        if (alpha < 255).any():
            notes.append(f"Transparent pixels of {where} were laid over white.")
            return ((pictures[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
        return np.ascontiguousarray(pictures[..., :3])
    return pictures


def _bytes_of(
    array: NDArray[Any], where: str, notes: list[str], beside: Sequence[NDArray[Any]]
) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    if array.dtype.kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind not in "iuf":
        raise DataError("numbers as pictures", f"{array.dtype} in {where}", "save them as bytes")
    if not np.isfinite([array.min(), array.max()]).all():
        raise DataError("finite numbers as pictures", f"NaN or infinity in {where}", "save them as bytes")
    low, high = _range([array, *(each for each in beside if _alike(each, array))])
    fractions = array.dtype.kind == "f"
    if low >= 0 and high <= _ABOVE_ONE and fractions:
        notes.append(f"{where} holds fractions: times 255.")
        return _scaled(array, 255.0)
    if low >= 0 and high <= 255:
        if fractions and any((part != np.rint(part)).any() for _, part in _chunks(array)):
            notes.append(f"{where} holds fractions from {low:g} to {high:g}: rounded.")
        return _scaled(array, 1.0)
    if low >= 0 and not fractions and high <= _DEEPEST:
        notes.append(f"{where} holds numbers of 16 bits: times 255 / {_DEEPEST:,}.")
        return _scaled(array, 255 / _DEEPEST)
    raise DataError(
        "pictures from 0 to 255, or from 0 to 1", f"{low:g} to {high:g} in {where}", "save them as bytes"
    )


def _alike(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether two arrays hold floats, or integers of more than a byte."""
    return (
        one.dtype != np.uint8
        and (one.dtype.kind == "f") == (other.dtype.kind == "f")
        and one.dtype.kind in "iuf"
    )


def _range(arrays: Sequence[NDArray[Any]]) -> tuple[float, float]:
    """The least and the greatest number; arrays with others than finite ones are refused in their turn."""
    ends = [(float(each.min()), float(each.max())) for each in arrays]
    finite = [pair for pair in ends if np.isfinite(pair).all()]
    return min(low for low, _ in finite), max(high for _, high in finite)


def _chunks(array: NDArray[Any]) -> Iterator[tuple[slice, NDArray[Any]]]:
    step = max(1, _CHUNK // max(1, array[:1].nbytes))
    for start in range(0, len(array), step):
        yield slice(start, start + step), array[start : start + step]


def _scaled(array: NDArray[Any], factor: float) -> NDArray[np.uint8]:
    """Numbers of at least 0 times a factor, rounded, at most 255; a chunk at a time."""
    out = np.empty(array.shape, dtype=np.uint8)
    for place, part in _chunks(array):
        out[place] = np.rint(np.minimum(part * factor, 255))
    return out


def as_labels(array: NDArray[Any], where: str) -> NDArray[np.str_]:
    """One text for each picture, from integers, whole floats, booleans or texts of shape [N] or [N, 1].

    Raises:
        DataError: Several labels a picture, or numbers that are not whole.

    >>> as_labels(np.array([[3], [0]], dtype=np.uint8), "'y'").tolist()
    ['3', '0']
    """
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(
            "one label for each picture", f"the shape {array.shape} of {where}", "keep one column"
        )
    if array.dtype.kind == "f":
        if not (np.isfinite(array).all() and (array == np.rint(array)).all()):
            got = "fractions" if np.isfinite(array).all() else "numbers that are not finite"
            raise DataError("whole numbers or texts as labels", f"{got} in {where}", "leave those rows out")
        array = array.astype(np.int64)
    return array.astype(np.str_)
