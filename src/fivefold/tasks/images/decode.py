"""One picture from its bytes: checked before it is decoded, turned upright, in grey or in three channels."""

import io
import stat
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fivefold.artifact.plain_file import read_plain_file
from fivefold.core import ArtifactError
from fivefold.tasks.folders import plain_name
from fivefold.tasks.images.limits import Limits

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
"""What is decoded, by content and not by name. GIF, WebP, PNG and TIFF of several frames: the first."""

_STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"BM", b"GIF8", b"II*\x00", b"MM\x00*")
_TURNS = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE"} | {
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
_ORIENTATION = 0x0112
_DEEP = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
_LARGE = 12_000_000
"""Pixels from which on pictures are decoded one at a time."""
_SHARPNESS = 2
"""A JPEG is decoded at 1/2, 1/4 or 1/8 of its size where that is at least twice what is wanted."""


class UnreadableError(Exception):
    """Why a file is no picture for us, as the end of the sentence "it is left out: ..."."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """A picture and what was done to it.

    Args:
        image: In Pillow's mode ``L`` or ``RGB``, upright.
        height: As stored and turned, in pixels; ``image`` may be smaller.
        width: Likewise.
        done: What a user should know: among ``turned``, ``alpha``, ``deep``, ``cmyk`` and ``frames``.
    """

    image: "Image"
    height: int
    width: int
    done: frozenset[str]


def read_bytes(path: Path, limits: Limits) -> bytes:
    """The bytes of a regular file; links must have been resolved, pipes and devices are never opened.

    Raises:
        UnreadableError: A link, a special file, an empty one, one that is too large or may not be read.
    """
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableError("it is a link, a folder, a pipe or a device, not a file")
        if status.st_size > limits.bytes:
            raise UnreadableError(f"it has {status.st_size:,} bytes, more than {limits.bytes:,}")
        data = read_plain_file(path, limits.bytes)
    except PermissionError as error:
        raise UnreadableError("there is no permission to read it") from error
    except FileNotFoundError as error:
        raise UnreadableError("there is no such file") from error
    except (OSError, ArtifactError) as error:
        raise UnreadableError("it cannot be read") from error
    if not data:
        raise UnreadableError("it is empty")
    return data


def begins_like_a_picture(path: Path) -> bool:
    """Whether a regular file begins like one of :data:`FORMATS`; ``False`` where it cannot be read."""
    try:
        start = read_start(path, 16)
    except OSError:
        return False
    netpbm = start[:1] == b"P" and start[1:2] in b"123456" and start[2:3].isspace()
    return netpbm or (start.startswith(_STARTS) and (start[:4] != b"RIFF" or start[8:12] == b"WEBP"))


def read_start(path: Path, size: int) -> bytes:
    """The first bytes of a regular file; nothing of a pipe or a device, which are not opened.

    Raises:
        OSError: It cannot be opened or read.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        return b""
    with path.open("rb") as file:
        return file.read(size)


def decode(
    data: bytes,
    limits: Limits,
    least: tuple[int, int] | None = None,
    one_large: AbstractContextManager[object] | None = None,
) -> Decoded:
    """Decode a picture; the format is found from its bytes, the size is checked before any pixel is decoded.

    Transparent pixels are laid over white. Grey of more than 8 bits is stretched so that the picture's least
    value becomes 0 and its greatest 255, for the depth that a camera used of its 16 bits is not stored.

    A warning of Pillow is ignored by the caller where that is wanted (:func:`fivefold.tasks.images.files`
    does so): filters of warnings are shared by all threads.

    Args:
        data: The file.
        limits: Bounds.
        least: Height and width that the result has at least; a JPEG is then decoded at a fraction of its size
            where it stays at twice these. ``None`` for all pixels.
        one_large: A lock that is held while a large picture is decoded, where several threads decode.

    Raises:
        UnreadableError: Not one of :data:`FORMATS`, damaged, truncated or too large.

    >>> import io
    >>> from PIL import Image
    >>> file = io.BytesIO()
    >>> Image.new("RGB", (4, 3)).save(file, "PNG")
    >>> found = decode(file.getvalue(), Limits())
    >>> found.image.mode, found.height, found.width
    ('RGB', 3, 4)
    """
    from PIL import Image, UnidentifiedImageError

    try:
        _check_webp(data, limits)
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
            if width * height > limits.pixels:
                raise UnreadableError(_too_large(width, height, limits))
            done = {"frames"} if getattr(image, "n_frames", 1) > 1 and image.format != "MPO" else set()
            if least is not None and image.format in {"JPEG", "MPO"}:
                # the shorter of both, for the picture may be turned
                image.draft(None, (_SHARPNESS * max(least), _SHARPNESS * max(least)))
            large = one_large is not None and image.size[0] * image.size[1] >= _LARGE
            with one_large if large and one_large is not None else nullcontext():
                if image.format == "TIFF" and _turn(image) is not None:
                    done.add("turned")  # by Pillow itself, while it is loaded
                image.load()
                turn = _turn(image)
                upright = image if turn is None else image.transpose(Image.Transpose[turn])
                if upright is not image:
                    done.add("turned")
                    if (upright.size[0] < upright.size[1]) != (image.size[0] < image.size[1]):
                        width, height = height, width
                return Decoded(_plain(upright, done), height, width, frozenset(done))
    except UnreadableError:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableError(f"it is none of {', '.join(FORMATS)}, or its beginning is damaged") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableError(f"it has more than {limits.pixels:,} pixels") from error
    except MemoryError as error:
        raise UnreadableError("there is not enough memory to decode it") from error
    except Exception as error:  # a decoder that meets damage raises whatever it runs into
        cut = "truncated" in str(error).lower() or isinstance(error, EOFError)
        raise UnreadableError("it is truncated" if cut else "it is damaged") from error


def as_array(image: "Image", height: int, width: int, *, colour: bool) -> NDArray[np.uint8]:
    """Cut the largest centred part of the box's shape out and resize it: [C, height, width].

    Args:
        image: In mode ``L`` or ``RGB``.
        height: Of the box.
        width: Of the box.
        colour: Three channels, else one.

    >>> from PIL import Image
    >>> as_array(Image.new("L", (40, 20), 7), 10, 10, colour=True).shape
    (3, 10, 10)
    """
    from PIL import Image

    w, h = image.size
    if (h, w) != (height, width):
        scale = min(w / width, h / height)
        cut_w, cut_h = scale * width, scale * height
        left, top = (w - cut_w) / 2, (h - cut_h) / 2
        box = (max(0.0, left), max(0.0, top), min(w, left + cut_w), min(h, top + cut_h))
        image = image.resize((width, height), Image.Resampling.BILINEAR, box=box, reducing_gap=3.0)
    pixels = np.asarray(image)
    if pixels.ndim == 2:
        return np.broadcast_to(pixels, (3, height, width)) if colour else pixels[None]
    return pixels.transpose(2, 0, 1) if colour else luminance(pixels)[None]


def luminance(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey of colours [..., 3]: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), rounded as Pillow does.

    >>> luminance(np.array([[255, 255, 255], [255, 0, 0]], dtype=np.uint8)).tolist()
    [255, 76]
    """
    red, green, blue = (pixels[..., i].astype(np.uint32) for i in range(3))
    return ((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16).astype(np.uint8)


def has_colour(pixels: NDArray[np.uint8]) -> bool:
    """Whether channels [..., 3] differ by more than 8 of 255 anywhere: less is rounding of a grey JPEG.

    >>> has_colour(np.array([[10, 14, 12]], np.uint8)), has_colour(np.array([[10, 90, 12]], np.uint8))
    (False, True)
    """
    return bool((pixels.max(-1).astype(np.int16) - pixels.min(-1)).max(initial=0) > 8)


def _too_large(width: int, height: int, limits: Limits) -> str:
    return f"it has {height:,} x {width:,} pixels, more than {limits.pixels:,}"


def _check_webp(data: bytes, limits: Limits) -> None:
    """Read a WebP's size from its bytes, for its decoder takes memory for all pixels when it is opened."""
    if data[:4] != b"RIFF" or len(data) < 30:
        return
    width, height = 0, 0
    if data[12:16] == b"VP8X":
        width, height = (1 + int.from_bytes(data[i : i + 3], "little") for i in (24, 27))
    elif data[12:16] == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif data[12:16] == b"VP8 ":
        width, height = (int.from_bytes(data[i : i + 2], "little") & 0x3FFF for i in (26, 28))
    if width * height > limits.pixels:
        raise UnreadableError(_too_large(width, height, limits))


def _turn(image: "Image") -> str | None:
    """How a picture is to be turned, as EXIF says; damaged EXIF is ignored."""
    try:
        asked = image.getexif().get(_ORIENTATION)
    except Exception:  # EXIF is foreign bytes: whatever its reader runs into, the picture is there
        return None
    return _TURNS.get(asked) if isinstance(asked, int) else None


def _plain(image: "Image", done: set[str]) -> "Image":
    """Mode L or RGB, whatever the mode was; says in ``done`` what was done."""
    from PIL import Image

    if image.mode in _DEEP:
        return _stretched(image, done)
    if image.mode == "P" or "transparency" in image.info or image.mode in {"La", "PA", "RGBa"}:
        grey = image.mode in {"L", "La", "1"}
        alpha = "transparency" in image.info or image.mode != "P"
        image = image.convert(("LA" if grey else "RGBA") if alpha else "RGB")
    if image.mode in {"LA", "RGBA"}:
        mode = "L" if image.mode == "LA" else "RGB"
        mask = image.getchannel("A")
        if mask.getextrema()[0] == 255:
            return image.convert(mode)
        done.add("alpha")
        white = Image.new(mode, image.size, "white")
        white.paste(image.convert(mode), mask=mask)
        return white
    if image.mode in {"L", "RGB"}:
        return image
    if image.mode == "CMYK":
        done.add("cmyk")
    if image.mode not in {"1", "CMYK", "YCbCr", "LAB", "HSV", "RGBX"}:
        raise UnreadableError(f"its pixels are of the kind {plain_name(image.mode)!r}, which is not read")
    return image.convert("L" if image.mode == "1" else "RGB")


def _stretched(image: "Image", done: set[str]) -> "Image":
    from PIL import Image

    values = np.asarray(image).astype(np.float32)
    if not np.isfinite(values).all():
        raise UnreadableError("some of its pixels are not finite numbers")
    low, high = float(values.min()), float(values.max())
    done.add("deep")
    scaled = (values - low) * (255 / (high - low)) if high > low else np.zeros_like(values)
    return Image.fromarray(np.rint(scaled).astype(np.uint8))
