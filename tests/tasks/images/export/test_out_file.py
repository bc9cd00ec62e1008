"""A file is whole or not there."""

import os

import numpy as np
import pytest

from fivefold.artifact import Bundle, save
from fivefold.core import ArgumentError
from fivefold.tasks.images.export import out_file
from fivefold.tasks.images.export.out_file import check_place, write_export


def test_it_is_written_and_replaced(tmp_path):
    place = tmp_path / "a.onnx"
    assert write_export(place, b"one") == place
    write_export(place, b"two")
    assert place.read_bytes() == b"two"
    assert [path.name for path in tmp_path.iterdir()] == ["a.onnx"]


def test_a_failure_leaves_what_was_there(tmp_path, monkeypatch):
    place = tmp_path / "a.onnx"
    write_export(place, b"old")

    def full(handle):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(out_file.os, "fsync", full)
    with pytest.raises(ArgumentError, match="No space left"):
        write_export(place, b"new")
    assert place.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.onnx"]


def test_places_that_are_refused(tmp_path):
    with pytest.raises(ArgumentError, match="a folder that can be written"):
        check_place(tmp_path / "none" / "a")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ArgumentError, match="something else"):
        check_place(tmp_path / "folder")
    saved = save(tmp_path / "model", Bundle("demo", {}, {"w": np.ones(1)}))
    with pytest.raises(ArgumentError, match="outside a saved model"):
        check_place(saved / "a.onnx")
