"""Tables that list pictures: columns found by name or content; no path leaves the table's folder."""

import numpy as np
import pytest
from PIL import Image

from fivefold.core import DataError
from fivefold.tasks.images.limits import Limits
from fivefold.tasks.images.path_table import path_column, read_path_table
from fivefold.tasks.tables.read import from_frame


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "p").mkdir()
    for i in range(6):
        Image.new("L", (5, 5), 40 * i).save(tmp_path / "p" / f"{i}.png")
    return tmp_path


def _read(folder, text: str, target: str | None = None, labelled: bool = True, name: str = "t.csv"):
    path = folder / name
    path.write_text(text)
    return read_path_table(path, target, Limits(), labelled=labelled)


def test_columns_are_found_and_paths_are_relative_to_the_table(folder):
    rows = "".join(f"{i},p/{i}.png,{'ab'[i % 2]}\n" for i in range(6))
    images = _read(folder, "id,photo,label\n" + rows)
    assert images.names == tuple(f"p/{i}.png" for i in range(6))
    assert [images.classes[i] for i in images.labels] == list("ababab")
    assert "'photo', labels in 'label'" in images.notes[0]
    assert images.load(None, 5, 5, colour=False)[:, 0, 0, 0].tolist() == [40 * i for i in range(6)]


def test_the_named_target_holds_and_whole_numbers_lose_their_point(folder):
    rows = "".join(f"p/{i}.png,x,{i % 3 + 8}\n" for i in range(6))
    images = _read(folder, "path,label,kind\n" + rows, target="kind")
    assert images.classes == ("8", "9", "10")
    with pytest.raises(DataError, match=r"'knd'.*did you mean 'kind'"):
        _read(folder, "path,label,kind\n" + rows, target="knd")


def test_the_column_whose_name_says_so_comes_first():
    table = from_frame({"thumb": ["a.jpg"], "File": ["b.jpg"], "x": [1.0], "when": ["today"]})
    assert path_column(table) == "File"
    assert path_column(from_frame({"x": [1.0], "file": ["table.csv"]})) is None


def test_splits_are_respected(folder):
    rows = "".join(f"p/{i}.png,{'ab'[i % 2]},{('Train', 'test', 'val')[i // 2]}\n" for i in range(6))
    images = _read(folder, "path,label,split\n" + rows)
    assert images.given.tolist() == [0, 0, 1, 1, 0, 0]
    without = _read(folder, "path,label,split\n" + rows.replace("test", "val"))
    assert without.given.tolist() == [0, 0, 1, 1, 1, 1]
    alone = _read(folder, "path,label,split\n" + rows.replace("test", "train").replace("val", "train"))
    assert alone.given.tolist() == [-1] * 6


def test_paths_that_leave_the_folder_are_refused_and_named(folder):
    secret = folder.parent / "secret.png"
    Image.new("L", (5, 5)).save(secret)
    (folder / "link.png").symlink_to(secret)
    names = [
        str(secret),
        "../secret.png",
        "p/../../secret.png",
        "C:\\x.png",
        "link.png",
        "p\\1.png",
        "none.png",
        "",
    ]
    rows = "".join(f"{name},{'ab'[i % 2]}\n" for i, name in enumerate(["p/0.png", *names]))
    images = _read(folder, "path,label\n" + rows)
    assert images.names == ("p/0.png", "p\\1.png")
    reasons = [each.reason for each in images.rejected]
    outside = "its path leaves the table's folder, below which the pictures must lie"
    assert reasons[:3] == [outside] * 3
    assert reasons[3].startswith("its path is one of another system")
    assert reasons[4] == "it is a link that leaves the table's folder"
    assert reasons[-2:] == ["there is no such file", "it names no file"]
    secret.unlink()


def test_absolute_paths_below_the_folder_are_read(folder):
    rows = "".join(f"{folder / 'p' / f'{i}.png'},{'ab'[i % 2]}\n" for i in range(4))
    images = _read(folder, "path,label\n" + rows)
    assert len(images) == 4
    assert images.rejected == ()


def test_rows_without_a_label_are_left_out_where_labels_are_wanted(folder):
    text = "path,label\np/0.png,a\np/1.png,\np/2.png,b\n"
    images = _read(folder, text)
    assert images.names == ("p/0.png", "p/2.png")
    assert images.rejected[0].reason == "it has no label"
    assert len(_read(folder, text, labelled=False)) == 3
    assert _read(folder, text, labelled=False).classes == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n", "column of paths"),
        ("path,x,z\np/0.png,1,2\np/1.png,1,2\n", "name it with --target"),
        ("path,label\np/0.png,0.5\np/1.png,1\n", "fractions"),
        ("path,label\np/8.png,a\np/9.png,b\n", "there is no such file"),
    ],
)
def test_other_tables_are_refused(text, words, folder):
    with pytest.raises(DataError, match=words):
        _read(folder, text)


def test_a_frame_has_the_paths_of_its_owner(folder, monkeypatch):
    """Relative to the working folder, or absolute: who makes it may name any file."""
    monkeypatch.chdir(folder / "p")
    (folder / "elsewhere").mkdir()
    Image.new("L", (5, 5), 90).save(folder / "elsewhere" / "x.png")
    paths = ["0.png", "../elsewhere/x.png", str(folder / "p" / "2.png"), "gone.png", None]
    images = read_path_table({"path": paths, "label": list("abaab")}, None, Limits(), labelled=True)
    assert images.load(None, 5, 5, colour=False)[:, 0, 0, 0].tolist() == [0, 90, 80]
    assert [images.classes[i] for i in images.labels] == list("aba")
    assert [each.name for each in images.rejected] == ["gone.png", "row 5"]
    assert images.source == "memory"
    with pytest.raises(DataError, match="a column of paths to pictures; got the columns 'n' in 'memory'"):
        read_path_table({"n": [1.0]}, None, Limits(), labelled=False)


def test_more_rows_than_the_limit_are_refused(folder):
    (folder / "t.csv").write_text("path,label\np/0.png,a\np/1.png,b\n")
    with pytest.raises(DataError, match="at most 1 pictures"):
        read_path_table(folder / "t.csv", None, Limits(files=1), labelled=True)


def test_parquet_and_booleans(folder):
    import pandas as pd

    frame = pd.DataFrame({"file": [f"p/{i}.png" for i in range(4)], "good": [True, False, True, False]})
    frame.to_parquet(folder / "t.parquet")
    images = read_path_table(folder / "t.parquet", "good", Limits(), labelled=True)
    assert images.classes == ("False", "True")
    assert np.array_equal(images.labels, [1, 0, 1, 0])
    frame.assign(good=pd.Timestamp("2020-01-01")).to_parquet(folder / "t.parquet")
    with pytest.raises(DataError, match="which holds dates"):
        read_path_table(folder / "t.parquet", "good", Limits(), labelled=True)
