"""NPZ files under the field's names; objects, other shapes and false announcements are refused."""

import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from fivefold.core import DataError
from fivefold.tasks.images.limits import Limits
from fivefold.tasks.images.npz import as_labels, as_pictures, npz_parts, npz_role

X = np.random.default_rng(0).integers(256, size=(6, 4, 5), dtype=np.uint8)
X[0, 0, 0] = 255
Y = np.array([0, 1, 0, 1, 0, 1])
BYTES = {"integers": 255.0}


def _parts(path, labelled: bool = True, limits: Limits | None = None):
    notes: list[str] = []
    return npz_parts(path, limits or Limits(), notes, labelled=labelled)[0], notes


@pytest.mark.parametrize(
    ("names", "given"),
    [
        (("x_train", "y_train", "x_test", "y_test"), [0, 1]),
        (("train_images", "train_labels", "test_images", "test_labels"), [0, 1]),
        (("X_train", "Y_train", "X_val", "Y_val"), [0, 1]),
        (("images", "labels"), [-1]),
        (("X", "y"), [-1]),
        (("data", "target"), [-1]),
        (("x_train", "y_train"), [-1]),
        (
            ("train_images", "train_labels", "val_images", "val_labels", "test_images", "test_labels"),
            [0, 1, 0],
        ),
    ],
)
def test_the_names_of_the_field_are_read(names, given, tmp_path):
    arrays = {name: Y if npz_role(name)[0] == "labels" else X for name in names}
    np.savez_compressed(tmp_path / "a.npz", **arrays, weights=np.zeros(3))
    parts, notes = _parts(tmp_path / "a.npz")
    assert [part.given for part in parts] == given
    assert all(
        np.array_equal(part.pictures, X) and part.labels.tolist() == Y.astype(str).tolist() for part in parts
    )
    assert any("validation" in note for note in notes) == any("val" in name for name in names)
    assert all(part.labels is None for part in _parts(tmp_path / "a.npz", labelled=False)[0])


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"images": X}, "labels of 'images'"),
        ({"y": Y}, "arrays named"),
        ({"a": X, "b": Y}, "arrays named"),
        ({"x": X, "images": X, "y": Y}, "one array for each role"),
        ({"x": X, "x_train": X, "y": Y, "y_train": Y}, "arrays named"),
        ({"x": X, "y": Y[:-1]}, "6 labels"),
        ({"x": X, "y": np.eye(6)[None]}, "one label for each"),
        ({"x": X, "y": np.eye(6) / 2}, "labels.argmax"),
        ({"x": X, "y": np.eye(6) + np.eye(6)[::-1]}, "of several"),
        ({"x": X, "y": np.tri(6, 6, -1)}, "of no class"),
        ({"x": X, "y": np.eye(6) * np.nan}, "labels.argmax"),
        ({"x": X, "y": Y + 0.5}, "whole numbers"),
        ({"x": X, "y": (Y + 1) * 1e30}, "numbers beyond 2"),
        ({"x": X, "y": np.array(["a", "b", " ", "a", "b", "a"])}, "empty texts in 'y'"),
        ({"x": np.zeros((28, 28, 3)), "y": np.zeros(28)}, "that of one picture"),
        ({"x": X.reshape(6, 20), "y": Y}, "height, width"),
        ({"x": np.stack([X] * 5, -1), "y": Y}, "height, width"),
        ({"x": X[:0], "y": Y[:0]}, "something in it"),
        ({"x": X.astype(float) - 9, "y": Y}, "0 to 255"),
        ({"x": X * np.nan, "y": Y}, "finite"),
        ({"x": X.astype("U3"), "y": Y}, "numbers as pictures"),
        ({"x": X.astype(complex), "y": Y}, "integers, fractions or texts"),
        ({"x": X.astype(object), "y": Y}, "objects are not read"),
        ({"x": X, "y": Y.astype(object)}, "objects are not read"),
    ],
)
def test_other_arrays_are_refused(arrays, words, tmp_path):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=words):
        _parts(tmp_path / "a.npz")


def _header(shape: tuple[int, ...], dtype: str = "|u1") -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"shape": shape, "fortran_order": False, "descr": dtype})
    return out.getvalue()


def _zipped(path, members: dict[str, bytes], packing: int = zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize(
    ("members", "packing", "words"),
    [
        ({"x.npy": _header((2_000_000, 1000, 1000)) + b"x"}, 8, "at most"),
        ({"x.npy": _header((2_000_000, 32, 32)) + b"x"}, 8, "cannot hold"),
        ({"x.npy": _header((1, 4, 4)) + bytes(30_000_000)}, 8, "cannot hold"),
        ({"x.npy": _header((-1, 4, 4))}, 8, "something in it"),
        ({"x.npy": _header((1, 4, 4)) + bytes(16)}, zipfile.ZIP_BZIP2, "stored or deflated"),
        ({"x.npy": b"no array"}, 8, "array format"),
        ({"x.npy": b"\x93NUMPY\x01\x00\x10\x00__import__('os')"}, 8, "array format"),
        ({"x.npy": b"\x93NUMPY\x01\x00"}, 8, "array format"),
        ({"readme.txt": b"hello"}, 8, "arrays in an NPZ"),
        ({f"{i}.txt": b"" for i in range(1001)} | {"x.npy": b""}, 8, "arrays in an NPZ"),
    ],
)
def test_what_a_file_announces_is_checked_first(members, packing, words, tmp_path):
    path = _zipped(tmp_path / "a.npz", members, packing)
    tracemalloc.start()
    with pytest.raises(DataError, match=words):
        _parts(path, labelled=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000


def test_a_directory_that_lies_is_found_out(tmp_path):
    """The archive's own list announces as much as the array's header; the packed bytes cannot hold it."""
    head = _header((2_000_000, 32, 32))
    path = _zipped(tmp_path / "a.npz", {"x.npy": head + bytes(1000)})
    data = bytearray(path.read_bytes())
    true = (len(head) + 1000).to_bytes(4, "little")
    place = data.rindex(true)
    data[place : place + 4] = (len(head) + 2_000_000 * 1024).to_bytes(4, "little")
    path.write_bytes(data)
    tracemalloc.start()
    with pytest.raises(DataError, match="cannot hold"):
        _parts(path, labelled=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000


def test_damaged_archives_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    whole = (tmp_path / "a.npz").read_bytes()
    broken = bytearray(whole)
    broken[200] ^= 255  # within the pictures: the checksum tells
    for data in (whole[:-40], b"no archive", bytes(broken)):
        (tmp_path / "a.npz").write_bytes(data)
        with pytest.raises(DataError, match="whole NPZ"):
            _parts(tmp_path / "a.npz")
    with pytest.raises(DataError, match="readable file"):
        _parts(tmp_path / "none.npz")


def test_channels_are_put_last_and_transparency_over_white():
    notes: list[str] = []
    colours = np.stack([X, X, X], 1)
    assert np.array_equal(as_pictures(colours, "'x'", notes, BYTES), np.stack([X, X, X], -1))
    assert "come first" in notes[0]
    assert np.array_equal(as_pictures(X[..., None], "'x'", [], BYTES), X)
    clear = np.stack([X, X, X, np.zeros_like(X)], -1)
    assert (as_pictures(clear, "'x'", notes, BYTES) == 255).all()
    assert "white" in notes[-1]
    opaque = np.stack([X, X, X, np.full_like(X, 255)], -1)
    assert np.array_equal(as_pictures(opaque, "'x'", [], BYTES), np.stack([X, X, X], -1))


def test_labels_may_be_whole_floats_texts_or_booleans():
    assert as_labels(np.array([1.0, 10.0]), "'y'", []).tolist() == ["1", "10"]
    assert as_labels(np.array([["a"], ["b"]]), "'y'", []).tolist() == ["a", "b"]
    assert as_labels(np.array([True]), "'y'", []).tolist() == ["True"]
    assert as_labels(np.array(["b\x1b[31m", " a", "a\n"]), "'y'", []).tolist() == ["b?[31m", "a", "a"]
    for bad, said in ((np.inf, "not finite"), (np.nan, "not finite"), (0.5, "fractions")):
        with pytest.raises(DataError, match=said):
            as_labels(np.array([1.0, bad]), "'y'", [])


def test_rows_with_a_single_one_are_classes():
    notes: list[str] = []
    for kind in (bool, np.uint8, np.float32):
        assert as_labels(np.eye(12, dtype=kind)[[10, 2, 0]], "'y'", notes).tolist() == ["10", "2", "0"]
    assert notes == ["A label in 'y' is a row with a single one: its place, from 0, is the class."] * 3


@pytest.mark.parametrize(
    ("factor", "kind", "words"),
    [
        (1 / 255, np.float64, "on a scale to 1."),
        (1.0, np.float64, ""),
        (1.0, np.int64, ""),
        (
            16,
            np.uint16,
            "up to 4,080 in 'x_train' in 'a.npz' and 'x_test' in 'a.npz' are on a scale to 4,095",
        ),
        (257, np.uint16, "(16 bits)"),
    ],
    ids=["0..1", "floats", "integers", "12 bits", "16 bits"],
)
def test_one_scale_for_all_arrays_of_a_file_and_of_a_fit(factor, kind, words, tmp_path):
    """Dark test pictures, none of which reaches the greatest value of the training pictures."""
    dark = (X > 200).astype(np.uint8)
    scaled, dim = (X * np.float64(factor)).astype(kind), (dark * np.float64(factor)).astype(kind)
    np.savez(tmp_path / "a.npz", x_train=scaled, y_train=Y, x_test=dim, y_test=Y)
    np.savez(tmp_path / "new.npz", images=dim)
    notes: list[str] = []
    (train, test), whites = npz_parts(tmp_path / "a.npz", Limits(), notes, labelled=True)
    assert np.abs(train.pictures.astype(int) - X).max() <= (factor == 16)
    assert np.array_equal(test.pictures, dark)
    assert (len(notes) == 1 and words in notes[0]) if words else not notes
    (new,), again = npz_parts(tmp_path / "new.npz", Limits(), [], labelled=False, whites=whites)
    assert np.array_equal(new.pictures, dark)
    assert again == whites


def test_the_limit_is_for_all_arrays_together(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=X, y_train=Y, x_test=X, y_test=Y)
    whole = 2 * (X.nbytes + Y.nbytes)
    assert len(_parts(tmp_path / "a.npz", limits=Limits(array=whole))[0]) == 2
    for least in (whole - 1, X.nbytes + Y.nbytes):
        with pytest.raises(DataError, match="bytes of arrays"):
            _parts(tmp_path / "a.npz", limits=Limits(array=least))


def test_many_small_pictures_are_refused_by_their_number(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=X, y_train=Y)
    assert len(_parts(tmp_path / "a.npz", limits=Limits(files=len(X)))[0]) == 1
    with pytest.raises(DataError, match=f"at most {len(X) - 1} pictures; got {len(X)} in 'x_train'"):
        _parts(tmp_path / "a.npz", limits=Limits(files=len(X) - 1))
