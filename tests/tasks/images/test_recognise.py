"""Pictures are told from tables without reading them."""

import numpy as np
import pytest
from PIL import Image

from fivefold.tasks.images.recognise import is_pictures


def test_folders_and_arrays_of_pictures_are_pictures(tmp_path):
    (tmp_path / "cats").mkdir()
    Image.new("L", (9, 9)).save(tmp_path / "cats" / "a.png")
    assert is_pictures(tmp_path, None)
    assert is_pictures(str(tmp_path), None)
    np.savez(tmp_path / "a.npz", images=np.zeros((2, 9, 9), np.uint8), labels=np.arange(2))
    assert is_pictures(tmp_path / "a.npz", None)


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "none", "a.parquet", "x" * 5000])
def test_tables_and_nothing_are_none(tmp_path, name):
    if len(name) < 100 and name != "none":
        (tmp_path / name).write_text("a,b\n1,2\n")
    assert not is_pictures(tmp_path / name, None)


def test_with_a_target_only_a_list_of_pictures_is_pictures(tmp_path):
    assert not is_pictures(tmp_path, "price")
    assert not is_pictures([tmp_path], None)
    listed = "path,label,split\na/1.png,cat,train\na/2.png,dog,test\n"
    (tmp_path / "list.csv").write_text(listed)
    assert is_pictures(tmp_path / "list.csv", "label")
    assert not is_pictures(tmp_path / "list.csv", None)
    assert not is_pictures(tmp_path / "list.csv", "price")
    (tmp_path / "more.csv").write_text("path,label,price\na/1.png,cat,3\na/2.png,dog,4\n")
    assert not is_pictures(tmp_path / "more.csv", "label")
    (tmp_path / "plain.csv").write_text("x,label\n1,cat\n2,dog\n")
    assert not is_pictures(tmp_path / "plain.csv", "label")
    (tmp_path / "broken.csv").write_bytes(b"")
    assert not is_pictures(tmp_path / "broken.csv", "label")
