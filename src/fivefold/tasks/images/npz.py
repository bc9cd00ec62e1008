"""Pictures and labels in one NPZ file, under the names that the field gives them. Nothing is unpickled."""

import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from fivefold.core import DataError
from fivefold.tasks.folders import ROLES, plain_name
from fivefold.tasks.images.limits import MOST_PACKED, Limits
from fivefold.tasks.images.packed import Part
from fivefold.tasks.images.scale import as_bytes, whites_of
from fivefold.tasks.tables.figures import LARGEST_WHOLE

_PICTURES = {"x", "image", "images", "img", "imgs", "data", "pictures", "pixels"}
_LABELS = {"y", "label", "labels", "target", "targets", "class", "classes"}
_NAMES = "x_train, y_train, x_test, y_test; or images, labels; or train_images, train_labels, ..."
_MOST_MEMBERS = 1000


def npz_parts(
    path: Path,
    limits: Limits,
    notes: list[str],
    *,
    labelled: bool,
    whites: Mapping[str, float] | None = None,
) -> tuple[list[Part], dict[str, float]]:
    """Read an NPZ file: ``x_train, y_train, x_test, y_test``, ``images, labels``, ``X, y``, MedMNIST's names.

    Validation arrays are the test pictures where no test arrays are there; otherwise they join the training.
    The scale of the numbers is decided over all arrays of pictures, so that dark test pictures stay dark.

    Args:
        path: The file.
        limits: Bounds, checked against each array's header before memory is taken.
        notes: What was decided is added here.
        labelled: Labels are wanted.
        whites: White of the pictures of a fit, as :func:`~fivefold.tasks.images.scale.whites_of` takes it.

    Returns:
        The parts, and the numbers that were taken as white.

    Raises:
        DataError: No NPZ file, damaged, with objects, other names, shapes, types, lengths, numbers above
            white, or too large.
    """
    name = plain_name(path.name)
    try:
        with zipfile.ZipFile(path) as archive:
            return _parts(archive, name, limits, notes, whites, labelled=labelled)
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
    archive: zipfile.ZipFile,
    name: str,
    limits: Limits,
    notes: list[str],
    known: Mapping[str, float] | None,
    *,
    labelled: bool,
) -> tuple[list[Part], dict[str, float]]:
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
    named = {split: f"{found['pictures', split]!r} in {name!r}" for split in splits}
    whites = whites_of({named[split]: raw[split] for split in splits}, notes, known)
    for split in splits:
        key = found["pictures", split]
        pictures = as_pictures(raw[split], named[split], notes, whites)
        labels = None
        if labelled:
            if ("labels", split) not in found:
                raise DataError(
                    f"labels of {key!r} in {name!r}", "no such array", f"arrays are named {_NAMES}"
                )
            other = found["labels", split]
            codes = _array(archive, other, name, left, limits.files)
            left -= codes.nbytes
            texts = as_labels(codes, f"{other!r} in {name!r}", notes)
            if len(texts) != len(pictures):
                raise DataError(
                    f"{len(pictures):,} labels, one for each picture of {key!r}",
                    f"{len(texts):,} in {other!r}",
                )
            labels = texts
        parts.append(
            Part(name if len(splits) == 1 else f"{name} {plain_name(key)}", pictures, labels, given[split])
        )
    return parts, whites


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
    array: NDArray[Any], where: str, notes: list[str], whites: Mapping[str, float]
) -> NDArray[np.uint8]:
    """Pictures [N, H, W] or [N, H, W, 3] as bytes, from [N, H, W], [N, H, W, 1, 3 or 4] or [N, 1 or 3, H, W].

    Args:
        array: As stored.
        where: Its name in words.
        notes: What was decided is added here.
        whites: Which number is white, by kind: of :func:`~fivefold.tasks.images.scale.whites_of`.

    Raises:
        DataError: Another shape, that of one picture [H, W, 1, 3 or 4] among them, or no numbers.

    >>> notes = []
    >>> as_pictures(np.full((2, 3, 5, 5), 0.5), "'x'", notes, {"floats": 1.0}).shape, notes
    ((2, 5, 5, 3), ["The channels of 'x' come first: they were put last."])
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
    if array.ndim == 3 and array.shape[2] in {1, 3, 4} and array.shape[1] > array.shape[2]:
        raise DataError(
            "pictures [N, height, width] or [N, height, width, 1, 3 or 4]",
            f"the shape {array.shape} of {where}, which is that of one picture",
            "put it into an array of one: picture[None]",
        )
    pictures = as_bytes(array, where, notes, whites)
    if pictures.ndim == 4 and pictures.shape[3] == 1:
        return pictures[..., 0]
    if pictures.ndim == 4 and pictures.shape[3] == 4:
        alpha = pictures[..., 3:].astype(np.uint16)
        if (alpha < 255).any():
            notes.append(f"Transparent pixels of {where} were laid over white.")
            return ((pictures[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
        return np.ascontiguousarray(pictures[..., :3])
    return pictures


def as_labels(array: NDArray[Any], where: str, notes: list[str]) -> NDArray[np.str_]:
    """One text for each picture, from integers, whole floats, booleans or texts of shape [N] or [N, 1].

    Rows of zeros with a single one (one-hot), of shape [N, K], K >= 2, become the place of the one, from 0.
    Texts lose the space around them, and control characters become ``?``, as in names of folders.

    Args:
        array: As stored.
        where: Its name in words.
        notes: What was decided is added here.

    Raises:
        DataError: Several labels a picture, empty ones, or numbers that are not whole or beyond 2^53.

    >>> as_labels(np.array([[3], [0]], dtype=np.uint8), "'y'", []).tolist()
    ['3', '0']
    >>> as_labels(np.eye(3), "'y'", []).tolist()
    ['0', '1', '2']
    """
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 2 and array.dtype.kind in "buif":
        if not (((array == 0) | (array == 1)).all() and ((array != 0).sum(1) == 1).all()):
            raise DataError(
                "one label for each picture, as a number, a text or a row of zeros with a single one",
                f"other rows of {array.shape[1]} numbers in {where}",
                "of scores keep the place of the greatest: labels.argmax(1); leave out pictures of no class "
                "and of several",
            )
        notes.append(f"A label in {where} is a row with a single one: its place, from 0, is the class.")
        array = array.argmax(1)
    if array.ndim != 1:
        raise DataError(
            "one label for each picture", f"the shape {array.shape} of {where}", "give an array [N]"
        )
    if array.dtype.kind == "f":
        finite = np.isfinite(array).all()
        if not (finite and (array == np.rint(array)).all() and (np.abs(array) <= LARGEST_WHOLE).all()):
            got = "fractions or numbers beyond 2^53" if finite else "numbers that are not finite"
            raise DataError("whole numbers or texts as labels", f"{got} in {where}", "leave those rows out")
        array = array.astype(np.int64)
    if array.dtype.kind != "U":
        return array.astype(np.str_)
    found, codes = np.unique(array, return_inverse=True)
    texts = [plain_name(text.strip()) for text in found.tolist()]
    if "" in texts:
        raise DataError("a label for each picture", f"empty texts in {where}", "leave those pictures out")
    return np.array(texts, dtype=np.str_)[codes]
