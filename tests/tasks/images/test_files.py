"""Pictures in files: the same bits for any number of threads, failures named, notes on what was done."""

import io
import os
import warnings
from contextlib import AbstractContextManager

import numpy as np
import pytest
from PIL import Image

from fivefold.core import DataError
from fivefold.tasks.images.files import Entry, from_files, in_order, listed
from fivefold.tasks.images.limits import Limits
from fivefold.tasks.rejected import Rejected


def _entries(folder, n: int = 40, kind: str = "jpg", side: int = 90) -> list[Entry]:
    rng = np.random.default_rng(0)
    out = []
    for i in range(n):
        pixels = rng.integers(256, size=(side + i, side, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.{kind}")
        out.append(Entry(f"{i}.{kind}", folder / f"{i}.{kind}", "ab"[i % 2]))
    return out


def test_any_number_of_threads_gives_the_same_bits(tmp_path):
    images = from_files("f", _entries(tmp_path), (), (), Limits())
    rows = np.random.default_rng(1).permutation(40)
    one, three, eight = (images.load(rows, 20, 30, colour=True, threads=k) for k in (1, 3, 8))
    assert np.array_equal(one, three)
    assert np.array_equal(one, eight)
    assert np.array_equal(one[3], images.load(rows[3:4], 20, 30, colour=True)[0])


def test_results_come_in_order_and_the_first_error_comes_through():
    assert in_order(lambda i: i * i, range(100), 4) == [i * i for i in range(100)]
    done: list[int] = []

    def work(i: int) -> None:
        done.append(i)
        if i == 40:
            raise ValueError("forty")

    with pytest.raises(ValueError, match="forty"):
        in_order(work, range(20_000), 2)
    assert len(done) < 20_000, "what waits is not begun after an error"


def test_warnings_of_the_decoder_are_ignored_and_filters_restored():
    before = list(warnings.filters)
    in_order(lambda i: warnings.warn("damaged", UserWarning, stacklevel=1), range(64), 2)
    assert warnings.filters == before


def test_what_fails_is_named_and_keeps_its_place(tmp_path):
    entries = _entries(tmp_path, 4, "png")
    (tmp_path / "1.png").write_bytes((tmp_path / "1.png").read_bytes()[:2000])
    (tmp_path / "notes").write_text("no picture")
    entries.insert(3, Entry("notes", tmp_path / "notes"))
    entries.append(Entry("gone.png", tmp_path / "gone.png"))
    entries.append(Entry("link.png", tmp_path / "0.png", refused="it leads elsewhere"))
    images = from_files("f", entries, (Rejected("before.png", "it is loose"),), ("first",), Limits())
    assert images.names == ("0.png", "2.png", "3.png")
    assert [images.asked[place] for place in images.places] == list(images.names)
    assert len(images.asked) == 7
    reasons = {each.name: each.reason for each in images.rejected}
    assert set(reasons) == {"before.png", "1.png", "notes", "gone.png", "link.png"}
    assert reasons["1.png"] == "it is truncated"
    assert reasons["notes"] == "it is no picture"
    assert reasons["gone.png"] == "there is no such file"
    assert images.notes[0] == "first"
    assert len(images.notes) == 1
    assert [images.classes[i] for i in images.labels] == ["a", "a", "b"]


def test_no_picture_at_all_is_an_error_that_says_why(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    with pytest.raises(DataError, match=r"a\.png \(it is"):
        from_files("f", [Entry("a.png", tmp_path / "a.png")], (), (), Limits())
    with pytest.raises(DataError, match="name a folder of pictures"):
        from_files("f", [], (), (), Limits())


def test_a_file_that_changes_later_is_an_error_with_its_name(tmp_path):
    images = from_files("f", _entries(tmp_path, 3, "png"), (), (), Limits())
    (tmp_path / "1.png").unlink()
    with pytest.raises(DataError, match=r"'1\.png' as it was"):
        images.load(None, 5, 5, colour=False)
    with pytest.raises(DataError, match="no such file"):
        images.digests()


def test_notes_say_what_was_done_to_how_many(tmp_path):
    rng = np.random.default_rng(0)

    def noise(*shape: int) -> Image.Image:
        return Image.fromarray(rng.integers(256, size=shape, dtype=np.uint8))

    exif = Image.Exif()
    exif[0x0112] = 6
    noise(20, 30).save(tmp_path / "turned.png", exif=exif)
    noise(20, 30, 4).save(tmp_path / "alpha1.png")
    noise(20, 30, 4).save(tmp_path / "alpha2.png")
    Image.fromarray(rng.integers(60_000, size=(20, 30), dtype=np.uint16)).save(tmp_path / "deep.png")
    noise(20, 100).save(tmp_path / "wide.png")
    paths = sorted(tmp_path.iterdir())
    images = from_files("f", [Entry(path.name, path) for path in paths], (), (), Limits())
    text = " ".join(images.notes)
    assert "1 picture was turned upright" in text
    assert "2 pictures had transparent" in text
    assert "1 picture had grey of more than 8 bits" in text
    assert "1 picture is far longer or wider" in text
    assert images.sizes[images.names.index("turned.png")].tolist() == [30, 20]
    assert images.colour


def test_one_colour_among_many_grey_is_noted(tmp_path):
    entries = []
    for i in range(30):
        pixels = np.full((8, 8, 3), 10 * (i % 20), np.uint8)
        if i == 7:
            pixels[2, 2] = (250, 0, 0)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
        entries.append(Entry(f"{i}", tmp_path / f"{i}.png"))
    images = from_files("f", entries, (), (), Limits())
    assert images.colour
    assert any("Only 1 of 30" in note for note in images.notes)
    assert not images.take(np.arange(3)).classes
    without = from_files("f", entries[:7], (), (), Limits())
    assert not without.colour


def test_the_list_is_short():
    text = listed([Rejected(f"{i}.png", "it is empty") for i in range(9)])
    assert text.startswith("9 files were left out: 0.png (it is empty)")
    assert text.endswith("4 more")


class _Turns(AbstractContextManager[object]):
    """Counts how often somebody waits for a turn."""

    def __init__(self) -> None:
        self.taken = 0

    def __enter__(self) -> None:
        self.taken += 1

    def __exit__(self, *_: object) -> None:
        return None


def test_large_files_and_large_pictures_wait_for_their_turn(tmp_path, monkeypatch):
    from fivefold.tasks.images import decode, files

    entry = _entries(tmp_path, 1, "png", side=20)[0]
    turns = _Turns()
    for pixels, size, taken in ((1000, 10**9, 0), (400, 10**9, 1), (1000, 100, 1), (400, 100, 2)):
        monkeypatch.setattr(decode, "_LARGE", pixels)
        monkeypatch.setattr(files, "_LARGE", size)
        turns.taken = 0
        files._careful(entry.path, Limits(), None, turns)
        assert turns.taken == taken


def test_a_byte_stream_of_another_format_under_a_pictures_name_is_read(tmp_path):
    out = io.BytesIO()
    Image.new("L", (9, 9), 5).save(out, "PNG")
    (tmp_path / "a.jpg").write_bytes(out.getvalue())
    (tmp_path / "b").write_bytes(out.getvalue())
    entries = [Entry(name, tmp_path / name) for name in ("a.jpg", "b")]
    assert len(from_files("f", entries, (), (), Limits())) == 2


def test_a_file_that_is_replaced_later_is_an_error_with_its_name(tmp_path):
    images = from_files("f", _entries(tmp_path, 3, "png"), (), (), Limits())
    before = (tmp_path / "1.png").stat()
    Image.fromarray(np.zeros((91, 90, 3), np.uint8)).save(tmp_path / "1.png")
    os.utime(tmp_path / "1.png", ns=(before.st_atime_ns, before.st_mtime_ns))  # the size tells
    with pytest.raises(
        DataError, match=r"'1\.png' as it was when the pictures were read; got .*changed since"
    ):
        images.load(None, 5, 5, colour=False)
    os.utime(tmp_path / "2.png", ns=(1, 1))  # the time tells
    with pytest.raises(DataError, match=r"'2\.png' as it was"):
        images.digests(np.array([2]))
    assert images.load(np.array([0]), 5, 5, colour=False).shape == (1, 1, 5, 5)
