"""One reader for every source; what cannot be learnt from is refused, what is thin is noted."""

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fivefold.core import ArgumentError, DataError
from fivefold.tasks.images.limits import Limits
from fivefold.tasks.images.read import looks_like_images, read_images


def save(path: Path, grey: int = 100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (6, 4), grey).save(path)
    return path


def _classes(folder: Path, **counts: int) -> Path:
    for name, count in counts.items():
        for i in range(count):
            save(folder / name / f"{i}.png", 10 * i)
    return folder


def _idx(path: Path, array: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def _mnist(folder: Path) -> Path:
    for stem, n in (("train", 8), ("t10k", 4)):
        _idx(folder / f"{stem}-images-idx3-ubyte.gz", np.full((n, 4, 4), n, np.uint8))
        _idx(folder / f"{stem}-labels-idx1-ubyte.gz", np.arange(n, dtype=np.uint8) % 2)
    return folder


def test_the_sources_give_the_same_kind_of_answer(tmp_path):
    folder = _classes(tmp_path / "f", a=5, b=5)
    rows = "".join(f"{kind}/{i}.png,{kind}\n" for kind in "ab" for i in range(5))
    (folder / "t.csv").write_text("path,label\n" + rows)
    array = np.stack([np.full((4, 6), 10 * (i % 5), np.uint8) for i in range(10)])
    np.savez(tmp_path / "x.npz", images=array, labels=np.repeat(["a", "b"], 5))
    for source in (folder, folder / "t.csv", tmp_path / "x.npz"):
        images = read_images(source)
        assert images.describe() == "10 pictures, 4 high and 6 wide, grey, 2 classes"
        assert images.classes == ("a", "b")
        assert np.array_equal(images.labels, np.repeat([0, 1], 5))
        assert np.array_equal(images.load(None, 4, 6, colour=False)[:, 0], array)
        assert images.source == str(source)


def test_a_folder_of_idx_files_is_read_also_one_level_down(tmp_path):
    _mnist(tmp_path / "set" / "raw")
    for source in (tmp_path / "set" / "raw", tmp_path / "set", str(tmp_path)):
        images = read_images(source)
        assert images.describe() == "8 training and 4 test pictures, 4 x 4, grey, 2 classes"
        assert images.names[8] == "t10k-images-idx3-ubyte 0"
    one = read_images(tmp_path / "set" / "raw" / "t10k-images-idx3-ubyte.gz")
    assert len(one) == 4
    assert one.classes == ("0", "1")


def test_links_to_idx_files_elsewhere_are_not_followed(tmp_path):
    far = _mnist(tmp_path / "far")
    near = _mnist(tmp_path / "near")
    (near / "train-labels-idx1-ubyte.gz").unlink()
    (near / "train-labels-idx1-ubyte.gz").symlink_to(far / "train-labels-idx1-ubyte.gz")
    with pytest.raises(DataError, match="labels of"):
        read_images(near)


def test_without_labels_files_lists_patterns_and_folders_are_read(tmp_path):
    folder = _classes(tmp_path / "f", a=2, b=1)
    (folder / "a" / "0.png").write_bytes(b"broken")
    path = folder / "a" / "1.png"
    assert read_images(path, labelled=False).names == (path.as_posix(),)
    listed = read_images([path, folder / "a" / "0.png", folder / "b" / "0.png"], labelled=False)
    assert listed.places.tolist() == [0, 2]
    assert [each.name for each in listed.rejected] == [(folder / "a" / "0.png").as_posix()]
    assert len(read_images(str(folder / "*" / "*.png"), labelled=False)) == 2
    whole = read_images([folder, path], labelled=False)
    assert whole.names[-1] == path.as_posix()
    assert whole.asked[0] == (folder / "a" / "0.png").as_posix()
    assert read_images(_mnist(tmp_path / "m"), labelled=False).classes == ()


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"a": 5}, "two classes; got only 'a'"),
        ({"a": 1}, "two classes"),
        ({"a": 1, "b": 1}, "at least 2 training pictures"),
    ],
)
def test_what_no_classifier_can_be_learnt_from_is_refused(counts, words, tmp_path):
    with pytest.raises(DataError, match=words):
        read_images(_classes(tmp_path, **counts))


def test_few_pictures_of_a_class_are_noted(tmp_path):
    images = read_images(_classes(tmp_path, a=6, b=2, c=1))
    assert images.notes[-1].endswith("can hardly be learnt: 'b' (2), 'c' (1).")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("nowhere", "existing file"),
        ("https://example.org/a.png", "local file"),
        ("a\x00b", "path"),
        ("pipe", "regular file"),
    ],
)
def test_sources_that_are_not_there_are_refused(source, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    for labelled in (True, False):
        with pytest.raises(DataError, match=words):
            read_images(source, labelled=labelled)


def test_arguments_that_do_not_fit_are_refused(tmp_path):
    picture = save(tmp_path / "a.png")
    with pytest.raises(ArgumentError, match=r"classes.*1 files"):
        read_images(picture)
    with pytest.raises(
        ArgumentError, match=r"'label' for a folder; leave it out: its folders are the classes"
    ):
        read_images(tmp_path, target="label")
    (tmp_path / "empty").mkdir()
    for nothing in ("empty", "nowhere"):
        with pytest.raises(DataError):
            read_images(tmp_path / nothing, target="label")
    for other in (None, 3, [np.zeros((8, 8))]):
        with pytest.raises(ArgumentError, match="a folder, a file, a list of paths, or an array of pictures"):
            read_images(other, labelled=False)
    with pytest.raises(ArgumentError, match=r"got ndarray in a list; put pictures of memory into one array"):
        read_images([np.zeros((8, 8)), np.zeros((8, 8))], labels=["a", "b"])
    with pytest.raises(DataError, match=r"a\.png \(there is no such file\)"):
        read_images({"path": ["a.png"]}, labelled=False)
    with pytest.raises(DataError, match="empty list"):
        read_images([], labelled=False)
    with pytest.raises(DataError, match="at most 1 files"):
        read_images([picture, picture], labelled=False, limits=Limits(files=1))


def test_a_zip_archive_that_is_no_npz_is_refused(tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.png", b"x")
    with pytest.raises(DataError, match="arrays in an NPZ"):
        read_images(tmp_path / "a.zip")


def test_what_looks_like_pictures(tmp_path):
    assert looks_like_images(_classes(tmp_path / "f", a=1))
    assert looks_like_images(_mnist(tmp_path / "m"))
    assert looks_like_images(tmp_path / "m" / "train-images-idx3-ubyte.gz")
    assert looks_like_images(save(tmp_path / "x.PNG"))
    np.savez(tmp_path / "n.npz", x=np.zeros(3))
    assert looks_like_images(tmp_path / "n.npz")
    (tmp_path / "empty").mkdir()
    assert looks_like_images(tmp_path / "empty")
    (tmp_path / "texts").mkdir()
    for name in ("t.csv", "a.txt", "noend"):
        (tmp_path / "texts" / name).write_text("path,label\n1.png,2\n")
        assert not looks_like_images(tmp_path / "texts" / name)
    assert not looks_like_images(tmp_path / "texts")
    (tmp_path / "texts" / ".hidden.png").write_bytes(b"x")
    assert not looks_like_images(tmp_path / "texts")
    os.mkfifo(tmp_path / "texts" / "pipe")
    assert not looks_like_images(tmp_path / "texts")
    (tmp_path / "texts" / "bare").write_bytes((tmp_path / "x.PNG").read_bytes())
    assert looks_like_images(tmp_path / "texts")
    assert not looks_like_images(tmp_path / "nowhere")
    assert not looks_like_images("a\x00b")
