"""Every mode becomes grey or three channels; what is damaged or too large is refused with its reason."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from fivefold.tasks.images.decode import (
    UnreadableError,
    as_array,
    begins_like_a_picture,
    decode,
    has_colour,
    luminance,
    plain_name,
    read_bytes,
)
from fivefold.tasks.images.limits import Limits


def _file(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def huge_png(side: int) -> bytes:
    """A PNG whose header announces a large picture, with hardly any data."""
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF", "PPM", "WEBP"])
def test_lossless_formats_give_the_pixels_that_were_saved(kind):
    grey = _noise(7, 5)
    options = {"lossless": True} if kind == "WEBP" else {}
    found = decode(_file(Image.fromarray(grey), kind, **options), Limits())
    assert (found.height, found.width) == (7, 5)
    assert np.array_equal(as_array(found.image, 7, 5, colour=True), np.stack([grey] * 3))


def test_jpeg_is_close_and_its_draft_is_the_same_picture():
    smooth = np.add.outer(np.arange(320), np.arange(320) // 2)[..., None] // np.array([2, 3, 4])
    data = _file(Image.fromarray(smooth.astype(np.uint8)), "JPEG", quality=95)
    whole, small = decode(data, Limits()), decode(data, Limits(), (20, 20))
    assert whole.image.size == (320, 320)
    assert small.image.size == (40, 40)
    assert (small.height, small.width) == (320, 320)
    difference = as_array(whole.image, 20, 20, colour=True).astype(int) - as_array(
        small.image, 20, 20, colour=True
    )
    assert np.abs(difference).max() <= 4  # the two filters differ by less than two of 255, JPEG by as much


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_exif_says(orientation, kind):
    upright = _noise(6, 4)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright),
        7: upright[::-1, ::-1].T,
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = decode(_file(Image.fromarray(np.ascontiguousarray(stored)), kind, exif=exif), Limits())
    assert np.array_equal(np.asarray(found.image), upright)
    assert (found.height, found.width) == (6, 4)
    assert ("turned" in found.done) == (orientation != 1)


@pytest.mark.filterwarnings("ignore")  # the decoder's, which the reader ignores too
def test_damaged_exif_is_ignored():
    data = _file(Image.fromarray(_noise(4, 4)), "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff")
    assert decode(data, Limits()).done == frozenset()


def test_transparency_lies_over_white():
    rgba = np.zeros((2, 2, 4), np.uint8)
    rgba[0, 0] = (10, 20, 30, 255)
    rgba[0, 1] = (0, 0, 0, 128)
    found = decode(_file(Image.fromarray(rgba)), Limits())
    pixels = np.asarray(found.image)
    assert found.done == {"alpha"}
    assert pixels[0, 0].tolist() == [10, 20, 30]
    assert pixels[1, 1].tolist() == [255, 255, 255]
    assert abs(int(pixels[0, 1, 0]) - 127) <= 1
    opaque = decode(_file(Image.fromarray(np.full((2, 2, 4), 255, np.uint8))), Limits())
    assert opaque.done == frozenset()
    grey = decode(_file(Image.merge("LA", [Image.new("L", (2, 2), 9), Image.new("L", (2, 2), 0)])), Limits())
    assert grey.image.mode == "L"
    assert np.asarray(grey.image).tolist() == [[255, 255], [255, 255]]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_a_transparent_colour_of_a_png_is_seen(mode):
    image = Image.new("RGB", (2, 1), (255, 0, 0)).convert(mode)
    key = (255, 0, 0) if mode == "RGB" else image.getpixel((0, 0))
    found = decode(_file(image, "PNG", transparency=key), Limits())
    assert "alpha" in found.done
    assert np.asarray(found.image).min() == 255


def test_palettes_become_colours_and_one_bit_becomes_black_and_white():
    image = Image.fromarray(np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8))
    found = decode(_file(image.convert("P", palette=Image.Palette.ADAPTIVE)), Limits())
    assert np.array_equal(np.asarray(found.image), np.asarray(image))
    bits = decode(_file(Image.fromarray(np.array([[0, 255]], np.uint8)).convert("1")), Limits())
    assert np.asarray(bits.image).tolist() == [[0, 255]]


@pytest.mark.parametrize(("kind", "dtype"), [("PNG", np.uint16), ("TIFF", np.uint16), ("TIFF", np.float32)])
def test_deep_grey_is_stretched_over_its_own_range(kind, dtype):
    values = np.array([[1000, 2000], [3000, 4000]], dtype)
    found = decode(_file(Image.fromarray(values), kind), Limits())
    assert np.asarray(found.image).tolist() == [[0, 85], [170, 255]]
    assert found.done == {"deep"}
    flat = decode(_file(Image.fromarray(np.full((2, 2), 7, dtype)), kind), Limits())
    assert np.asarray(flat.image).max() == 0


def test_numbers_that_are_not_finite_are_refused():
    values = np.array([[1, np.nan]], np.float32)
    with pytest.raises(UnreadableError, match="not finite"):
        decode(_file(Image.fromarray(values), "TIFF"), Limits())


def test_print_colours_and_frames_are_said():
    assert "cmyk" in decode(_file(Image.new("CMYK", (4, 4), (0, 255, 0, 0)), "JPEG"), Limits()).done
    first, second = Image.new("L", (3, 3), 10), Image.new("L", (3, 3), 200)
    found = decode(_file(first, "GIF", save_all=True, append_images=[second]), Limits())
    assert "frames" in found.done
    assert np.asarray(found.image.convert("L"))[0, 0] == 10


@pytest.mark.parametrize("side", [8000, 50_000, 2**31 - 1])
def test_a_huge_picture_is_refused_by_its_header(side):
    with pytest.raises(UnreadableError, match=r"pixels, more|more than"):
        decode(huge_png(side), Limits())


@pytest.mark.parametrize(("lossless", "mode"), [(True, "RGB"), (False, "RGB"), (False, "RGBA")])
def test_a_huge_webp_is_refused_before_it_is_opened(lossless, mode, monkeypatch):
    """Its decoder would take the memory at once. The three kinds store their size in three ways."""
    data = _file(Image.new(mode, (301, 200), "red"), "WEBP", lossless=lossless)
    monkeypatch.setattr(Image, "open", None)
    with pytest.raises(UnreadableError, match="200 x 301 pixels, more than 60,000"):
        decode(data, Limits(pixels=60_000))


def test_a_huge_picture_takes_no_memory():
    import tracemalloc

    data = huge_png(50_000)
    tracemalloc.start()
    with pytest.raises(UnreadableError):
        decode(data, Limits())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000  # its pixels would take 7.5 GB


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM"])
def test_truncated_files_are_refused_at_every_length(kind):
    data = _file(Image.fromarray(_noise(40, 40, 3)), kind)
    for length in range(1, len(data) * 3 // 4, len(data) // 23):
        with pytest.raises(UnreadableError):
            decode(data[:length], Limits())


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM"])
@pytest.mark.filterwarnings("ignore")  # the decoder's, which the reader ignores too
def test_flipped_bytes_give_a_picture_or_a_reason_and_nothing_else(kind):
    data = _file(Image.fromarray(_noise(16, 16, 3)), kind)
    rng = np.random.default_rng(1)
    refused = 0
    for _ in range(150):
        damaged = bytearray(data)
        for place in rng.integers(min(len(data), 200), size=3):
            damaged[place] = rng.integers(256)
        try:
            mode = decode(bytes(damaged), Limits(pixels=100_000)).image.mode
        except UnreadableError:
            refused += 1
        else:
            assert mode in {"L", "RGB"}
    assert refused > 5


@pytest.mark.parametrize(
    "data", [b"x", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"%!PS-Adobe", b"\x00" * 100]
)
def test_other_formats_are_refused(data):
    with pytest.raises(UnreadableError, match="none of PNG"):
        decode(data, Limits())


def test_the_centre_is_kept_and_shapes_are_not_distorted():
    wide = np.zeros((10, 30), np.uint8)
    wide[:, 10:20] = 200
    assert as_array(Image.fromarray(wide), 10, 10, colour=False).min() == 200
    assert as_array(Image.fromarray(wide.T.copy()), 20, 20, colour=False)[0, 5:-5, 5:-5].min() == 200
    disc = np.hypot(*np.mgrid[-20:20, -40:40]) < 15
    small = as_array(Image.fromarray(disc.astype(np.uint8) * 255), 20, 20, colour=False)[0] > 127
    assert small.any(0).sum() == small.any(1).sum() == 15


def test_shrinking_averages():
    """A checkerboard becomes grey: without antialiasing it would become black or white."""
    board = (np.add.outer(np.arange(64), np.arange(64)) % 2 * 255).astype(np.uint8)
    small = as_array(Image.fromarray(board), 8, 8, colour=False)
    assert np.abs(small.astype(int) - 127).max() <= 2


def test_grey_of_colours_is_the_one_of_the_standard():
    colours = _noise(50, 3)
    exact = colours @ np.array([0.299, 0.587, 0.114])
    assert np.abs(luminance(colours) - exact).max() <= 0.51
    pillow = np.asarray(Image.fromarray(colours[None]).convert("L"))[0]
    assert np.array_equal(luminance(colours), pillow)


def test_grey_saved_in_three_channels_has_no_colour():
    grey = np.repeat(_noise(32, 32, 1), 3, 2)
    saved = np.asarray(Image.open(io.BytesIO(_file(Image.fromarray(grey), "JPEG", quality=60))))
    assert not has_colour(saved)
    assert has_colour(_noise(4, 4, 3))


def test_only_regular_files_are_read(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert read_bytes(tmp_path / "a", Limits()) == b"abc"
    with pytest.raises(UnreadableError, match="3 bytes, more than 2"):
        read_bytes(tmp_path / "a", Limits(bytes=2))
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    os.mkfifo(tmp_path / "pipe")
    for name, words in (
        ("empty", "empty"),
        ("link", "link"),
        ("pipe", "pipe"),
        (".", "folder"),
        ("no", "no such"),
    ):
        with pytest.raises(UnreadableError, match=words):
            read_bytes(tmp_path / name, Limits())
    assert not begins_like_a_picture(tmp_path / "pipe")
    assert not begins_like_a_picture(tmp_path / "no")


def test_no_permission_is_said(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"abc")

    def refuse(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(UnreadableError, match="permission"):
        read_bytes(tmp_path / "a", Limits())


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM"])
def test_a_picture_is_known_by_its_first_bytes(kind, tmp_path):
    (tmp_path / "x").write_bytes(_file(Image.new("RGB", (3, 3)), kind))
    assert begins_like_a_picture(tmp_path / "x")
    (tmp_path / "y").write_bytes(b"RIFF0000WAVE")
    assert not begins_like_a_picture(tmp_path / "y")


def test_names_are_harmless_in_a_terminal():
    assert plain_name("é/猫.jpg") == "é/猫.jpg"
    assert plain_name("a\n\x1b[2J\u202eb") == "a??[2J?b"
    assert plain_name(os.fsdecode(b"\xff.png")) == "\ufffd.png"
