"""A file is whole or not there."""

import os

import numpy as np
import pytest

from fivefold.artifact import Bundle, save
from fivefold.core import ArgumentError
from fivefold.tasks.images.export import out_file
from fivefold.tasks.images.export.graph import PictureGraph, tidy_
from fivefold.tasks.images.export.out_file import ONNX, PAGE, check_place, is_export, write_export
from fivefold.tasks.images.export.runtime import WebRuntime
from fivefold.tasks.images.export.web_page import web_page

OURS = b"\x08\x0a\x12\x08fivefold"
"""How an exported file of ONNX begins."""


def test_it_is_written_and_replaced_where_that_is_asked_for(tmp_path):
    place = tmp_path / "a.onnx"
    assert write_export(place, OURS + b"one") == place
    with pytest.raises(ArgumentError, match=r"a free name at .*; got an earlier export; .* --overwrite"):
        write_export(place, OURS + b"two")
    assert place.read_bytes() == OURS + b"one"
    write_export(place, OURS + b"two", overwrite=True)
    assert place.read_bytes() == OURS + b"two"
    assert [path.name for path in tmp_path.iterdir()] == ["a.onnx"]


def test_what_is_no_export_is_never_replaced(tmp_path):
    for name, data in {
        "thesis.onnx": b"\x08\x0a\x12\x07pytorch",
        "empty.onnx": b"",
        "report.html": b'<meta name="generator" content="fivefold"><p class="kicker">A fit</p>',
        "page.html": b"<!doctype html>",
        "copy.html": OURS,
    }.items():
        place = tmp_path / name
        place.write_bytes(data)
        for overwrite in (False, True):
            with pytest.raises(ArgumentError, match="a free name or an earlier export"):
                check_place(place, place.suffix, overwrite=overwrite)
        assert not is_export(place)
    os.mkfifo(tmp_path / "pipe.onnx")
    with pytest.raises(ArgumentError, match="something else"):
        check_place(tmp_path / "pipe.onnx", ONNX, overwrite=True)


def test_what_is_written_is_known_again(tmp_path, by_hand, dense_network):
    graph = PictureGraph(dense_network((1, 4, 4), 2), [0.5], [0.5])
    model = by_hand(graph, (1, 4, 4), ("a", "b"))
    tidy_(model, {"classes": "[]"})
    place = tmp_path / "m.onnx"
    place.write_bytes(model.SerializeToString())
    assert is_export(place)
    runtime = WebRuntime(b"var a=1;export{a as env,a as Tensor,a as InferenceSession};", b"w")
    page = web_page(b"m", runtime, classes=["a"], shape=(1, 4, 4), title="x" * 500)
    (tmp_path / "m.HTML").write_text(page, encoding="utf-8")
    assert is_export(tmp_path / "m.HTML")


def test_links_are_followed(tmp_path):
    (tmp_path / "data.npz").write_bytes(b"pictures")
    (tmp_path / "m.onnx").symlink_to("data.npz")
    with pytest.raises(ArgumentError, match=r"ends in \.onnx; got .*data\.npz; name it data\.onnx"):
        check_place(tmp_path / "m.onnx", ONNX, overwrite=True)


@pytest.mark.parametrize(("name", "ending"), [("a.html", ONNX), ("a", ONNX), ("a.onnx", PAGE), ("a.o", PAGE)])
def test_another_ending_is_refused_with_the_right_one(tmp_path, name, ending):
    with pytest.raises(ArgumentError, match=rf"a name that ends in \{ending}.*name it a\{ending}"):
        check_place(tmp_path / name, ending)
    assert check_place(tmp_path / f"A{ending.upper()}", ending).name == f"A{ending.upper()}"


def test_a_failure_leaves_what_was_there(tmp_path, monkeypatch):
    place = tmp_path / "a.onnx"
    write_export(place, OURS)

    def full(handle):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(out_file.os, "fsync", full)
    with pytest.raises(ArgumentError, match="No space left"):
        write_export(place, b"new", overwrite=True)
    assert place.read_bytes() == OURS
    assert [path.name for path in tmp_path.iterdir()] == ["a.onnx"]


def test_places_that_are_refused(tmp_path):
    with pytest.raises(ArgumentError, match="a folder that can be written"):
        check_place(tmp_path / "none" / "a.onnx", ONNX)
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(ArgumentError, match="got a folder"):
        check_place(tmp_path / "folder.onnx", ONNX)
    saved = save(tmp_path / "model", Bundle("demo", {}, {"w": np.ones(1)}))
    for place in (saved, saved / "a.onnx", saved / "deeper" / "a.onnx"):
        with pytest.raises(ArgumentError, match="outside a saved model"):
            check_place(place, ONNX, overwrite=True)
