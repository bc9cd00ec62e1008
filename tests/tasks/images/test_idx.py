"""IDX files of the true form are read; what announces something else is refused before memory is taken."""

import gzip
import struct
import tracemalloc

import numpy as np
import pytest

from fivefold.core import DataError
from fivefold.tasks.images.idx import idx_parts, idx_role, read_idx
from fivefold.tasks.images.limits import Limits


def idx(array: np.ndarray, kind: int = 8) -> bytes:
    return bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def _noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)


def _mnist(folder, packed: bool = False, n: int = 4):
    for stem in ("train", "t10k"):
        for role, array in (
            ("images-idx3", _noise(n, 5, 6)),
            ("labels-idx1", np.arange(n, dtype=np.uint8) % 2),
        ):
            data = idx(array)
            name = f"{stem}-{role}-ubyte" + (".gz" if packed else "")
            (folder / name).write_bytes(gzip.compress(data) if packed else data)
    return sorted(folder.iterdir())


@pytest.mark.parametrize("packed", [False, True])
def test_what_was_written_is_read(packed, tmp_path):
    parts = idx_parts(_mnist(tmp_path, packed), Limits(), labelled=True)
    assert [part.given for part in parts] == [1, 0] or [part.given for part in parts] == [0, 1]
    for part in parts:
        assert np.array_equal(part.pictures, _noise(4, 5, 6))
        assert part.labels.tolist() == ["0", "1", "0", "1"]
        assert part.name.endswith("images-idx3-ubyte")
    assert all(
        part.labels is None for part in idx_parts(sorted(tmp_path.iterdir()), Limits(), labelled=False)
    )


def test_the_plain_file_is_read_where_both_are_there(tmp_path):
    _mnist(tmp_path)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"no gzip")
    assert len(idx_parts(sorted(tmp_path.iterdir()), Limits(), labelled=True)) == 2


def test_roles_are_read_from_names():
    assert idx_role("emnist-letters-train-images-idx3-ubyte.gz") == ("emnist-letters-train", "images")
    assert idx_role("train-images.idx3-ubyte") == ("train", "images")
    assert idx_role("images.png") is None


GOOD = idx(_noise(3, 4, 4))
BAD = {
    "empty": (b"", "begins with 00 00 08"),
    "another magic": (b"\x00\x01" + GOOD[2:], "begins with 00 00 08"),
    "floats": (idx(np.zeros((2, 2, 2), np.float32), 0x0D), "unsigned bytes"),
    "header cut": (GOOD[:9], "ends in its header"),
    "short": (GOOD[:-1], "48 bytes"),
    "long": (GOOD + b"x", "48 bytes"),
    "nothing in it": (idx(_noise(0, 4, 4)), "something in it"),
    "announces 64 GB": (struct.pack(">BBBB3I", 0, 0, 8, 3, 4_000_000, 128, 128) + b"x", "at most"),
    "announces 2 GB": (struct.pack(">BBBB3I", 0, 0, 8, 3, 2_000_000, 32, 32) + b"x", "cannot hold"),
    "overflows": (struct.pack(">BBBB4I", 0, 0, 8, 4, *[2**32 - 1] * 4) + b"x", "at most"),
    "gzip cut": (gzip.compress(GOOD)[:-12], "ends early"),
    "gzip damaged": (gzip.compress(GOOD)[:-6] + b"abcdef", "ends early"),
    "gzip of text": (gzip.compress(b"hello world"), "begins with"),
    "gzip announces too much": (
        gzip.compress(struct.pack(">BBBB3I", 0, 0, 8, 3, 2_000_000, 32, 32) + bytes(1000)),
        "cannot hold",
    ),
    "gzip bomb": (gzip.compress(struct.pack(">BBBB3I", 0, 0, 8, 3, 10, 10, 10) + bytes(30_000_000)), "more"),
}


@pytest.mark.parametrize("name", BAD)
def test_other_files_are_refused_without_much_memory(name, tmp_path):
    data, words = BAD[name]
    (tmp_path / "train-images-idx3-ubyte").write_bytes(data)
    tracemalloc.start()
    with pytest.raises(DataError, match=words):
        read_idx(tmp_path / "train-images-idx3-ubyte", Limits())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(DataError, match=r"readable file 'none-idx3'"):
        read_idx(tmp_path / "none-idx3", Limits())


def test_sets_that_do_not_fit_together_are_refused(tmp_path):
    paths = _mnist(tmp_path)
    images, labels = tmp_path / "train-images-idx3-ubyte", tmp_path / "train-labels-idx1-ubyte"
    with pytest.raises(DataError, match=r"labels of .*add train-labels-idx1-ubyte"):
        idx_parts([images], Limits(), labelled=True)
    with pytest.raises(DataError, match="labels alone"):
        idx_parts([labels], Limits(), labelled=True)
    labels.write_bytes(idx(np.zeros(3, np.uint8)))
    with pytest.raises(DataError, match="4 labels"):
        idx_parts(paths, Limits(), labelled=True)
    (tmp_path / "letters-train-images-idx3-ubyte").write_bytes(images.read_bytes())
    with pytest.raises(DataError, match="one set for training"):
        idx_parts(sorted(tmp_path.iterdir()), Limits(), labelled=False)
    images.write_bytes(idx(_noise(4, 5)))
    with pytest.raises(DataError, match="3 dimensions"):
        idx_parts([images], Limits(), labelled=False)


def test_the_limit_is_for_all_files_together(tmp_path):
    paths = _mnist(tmp_path)  # twice 4 x 5 x 6 bytes and 4 labels
    assert len(idx_parts(paths, Limits(array=248), labelled=True)) == 2
    for least in (247, 124):
        with pytest.raises(DataError, match="at most"):
            idx_parts(paths, Limits(array=least), labelled=True)


def test_many_small_pictures_are_refused_by_their_number(tmp_path):
    paths = _mnist(tmp_path)
    assert len(idx_parts(paths, Limits(files=4), labelled=True)) == 2
    with pytest.raises(DataError, match=r"at most 3 pictures; got .* which announces 4"):
        idx_parts(paths, Limits(files=3), labelled=True)
