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


def test_a_target_means_a_table(tmp_path):
    assert not is_pictures(tmp_path, "price")
    assert not is_pictures([tmp_path], None)
