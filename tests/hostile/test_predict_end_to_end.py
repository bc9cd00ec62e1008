"""What ``fivefold predict`` and ``report`` make of bad rows, bad places, and tampered models."""

import csv
import errno
import gzip
import json
import os
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from fivefold.artifact import Bundle, load, save

LABELS = ['<script>alert("x")</script>', "=cmd|' /C calc'!A0", "\x1b[31m|red\\"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, writers: ModuleType) -> dict[str, Path]:
    """A model of a number, one of classes with hostile labels, and one of hostile column names."""
    from fivefold.tasks.tables.fit import fit

    folder = tmp_path_factory.mktemp("models")
    base = writers.columns()
    label = [LABELS[0] if v > 1 else LABELS[1] if v > -1 else LABELS[2] for v in base["y"]]
    tables = {
        "numbers": base,
        "classes": {**base, "y": label},
        "names": {
            "=1+1": base["a"],
            "<b>b</b>": base["b"],
            "../../town\x1b[2J": base["town"],
            "y": base["y"],
        },
    }
    paths = {}
    for name, table in tables.items():
        source = writers.csv(folder / f"{name}.csv", table)
        paths[name] = fit(str(source), "y", budget="0.3s").save(folder / name)
    return paths


@pytest.fixture
def numbers(models: dict[str, Path]) -> Path:
    """The model of a number."""
    return models["numbers"]


@pytest.fixture
def rows(writers: ModuleType) -> dict[str, list[Any]]:
    """Thirty new rows, with the target."""
    return dict(writers.columns(30, seed=1))


@pytest.fixture
def copy(numbers: Path, tmp_path: Path) -> Path:
    """A copy of the model of a number, to be spoilt."""
    return Path(shutil.copytree(numbers, tmp_path / "copy"))


def refused(
    walk: Any, code: int, words: tuple[str, ...], model: Path, source: object, *options: object
) -> str:
    """Predict to standard output and to a file; both must fail alike and leave nothing."""
    walk.refused(code, words, "predict", model, source, *options)
    return str(walk.refused(code, words, "predict", model, source, "--out", walk.folder / "p.csv", *options))


# --- the registry -------------------------------------------------------------------------------------------


def test_every_table_of_the_registry(case, walk, numbers):
    source = case.new(walk.folder)
    if case.error is not None:
        refused(walk, 3, case.words, numbers, source)
        return
    result = walk.run("predict", numbers, source)
    assert result.exit_code == 0
    for word in case.words:
        assert word.lower() in result.stderr.lower(), result.stderr
    assert np.abs(walk.numbers(numbers, source)).max() < 20


test_every_table_of_the_registry.stages = {"predict"}


# --- rows ---------------------------------------------------------------------------------------------------


def test_columns_are_found_by_name_whatever_their_order(walk, numbers, rows):
    straight = walk.numbers(numbers, walk.table(rows))
    turned = walk.numbers(numbers, walk.table({name: rows[name] for name in ("town", "y", "b", "a")}))
    without = walk.numbers(numbers, walk.table({name: rows[name] for name in ("a", "b", "town")}))
    np.testing.assert_array_equal(straight, turned)
    np.testing.assert_array_equal(straight, without)


def test_another_way_of_writing_gives_the_same_predictions(walk, numbers, rows, writers):
    straight = walk.numbers(numbers, source := walk.table(rows))
    (walk.folder / "rows.csv.gz").write_bytes(gzip.compress(source.read_bytes()))
    others = [
        writers.csv(walk.folder / "semicolons.csv", rows, delimiter=";"),
        writers.csv(walk.folder / "wide.txt", rows, delimiter="\t", encoding="utf-16"),
        walk.folder / "rows.csv.gz",
    ]
    for other in others:
        np.testing.assert_array_equal(walk.numbers(numbers, other), straight)


@pytest.mark.parametrize(
    "name",
    [
        "unknown_delimiter",
        "truncated_parquet",
        "truncated_gzip",
        "empty_file",
        "blank_file",
        "header_only",
        "ragged_row",
        "open_quote",
        "nul_bytes",
        "spreadsheet",
        "broken_json",
        "directory",
    ],
)
def test_a_file_that_cannot_be_read(walk, numbers, writers, name):
    refused(walk, 3, (), numbers, getattr(writers, name)(walk.folder))


def test_every_missing_column_is_named(walk, numbers, rows):
    message = refused(walk, 3, ("columns of the training table",), numbers, walk.table({"y": rows["y"]}))
    assert all(repr(name) in message for name in ("a", "b", "town"))


def test_a_name_in_other_letters_is_another_column(walk, numbers, rows):
    refused(
        walk, 3, ("'a'", "'A'"), numbers, walk.table({"A": rows["a"], **{k: rows[k] for k in ("b", "town")}})
    )


def test_a_row_without_any_value_is_predicted_from_what_is_known(walk, numbers, rows):
    for name in ("a", "b", "town"):
        rows[name][4] = None
    found = walk.numbers(numbers, walk.table(rows))
    assert -5 < found[4] < 8


def test_one_row(walk, numbers, rows):
    found = walk.numbers(numbers, walk.table({name: values[:1] for name, values in rows.items()}))
    assert len(found) == 1


@pytest.mark.parametrize("value", [1e6, -1e30, 1e99, 1e101, 1.7e308, "inf", "-inf", "NaN", "1e999"])
def test_no_value_makes_a_prediction_run_away(walk, numbers, rows, value):
    rows["a"][0] = value
    found = walk.numbers(numbers, walk.table(rows))
    assert abs(found[0]) < 60, "the basis is held at the edge of the training data"
    np.testing.assert_array_equal(
        found[1:], walk.numbers(numbers, walk.table({**rows, "a": [0, *rows["a"][1:]]}))[1:]
    )


def test_cells_of_any_length_and_kind_in_a_category(walk, numbers, rows):
    rows["town"][:5] = ["x" * 1_000_000, "\x1b]0;title\x07", "=1+1", "\u202eevil", "../../etc/passwd"]
    result = walk.run("predict", numbers, source := walk.table(rows))
    assert result.exit_code == 0
    assert "5 levels unseen" in result.stderr
    assert len(result.stderr) < 3000
    walk.numbers(numbers, source)


# --- hostile labels and names -------------------------------------------------------------------------------


def test_labels_are_harmless_in_a_spreadsheet_and_a_terminal(walk, models, rows):
    source = walk.table(rows)
    out = walk.folder / "p.csv"
    assert walk.run("predict", models["classes"], source, "--out", out).exit_code == 0
    with out.open(newline="", encoding="utf-8") as stream:
        table = list(csv.reader(stream))
    assert len(table) == 31
    for row in table:
        for cell in row:
            assert not cell.startswith(("=", "+", "@", "\t", "\r")), cell
    assert {row[0].removeprefix("'") for row in table[1:]} <= set(LABELS)
    report = walk.run("report", models["classes"])
    assert report.exit_code == 0
    assert "<script>alert" not in (models["classes"] / "report.html").read_text()


def test_labels_come_back_whole_as_json(walk, models, rows):
    out = walk.folder / "p.json"
    assert walk.run("predict", models["classes"], walk.table(rows), "--out", out, "--json").exit_code == 0
    found = [json.loads(line) for line in out.read_text().splitlines()]
    for row in found:
        assert set(row["probabilities"]) == set(LABELS)
        np.testing.assert_allclose(sum(row["probabilities"].values()), 1, rtol=1e-9)
        assert set(row["set"]) <= set(LABELS)


def test_hostile_names_of_columns(walk, models, rows):
    source = walk.table({"=1+1": rows["a"], "<b>b</b>": rows["b"], "../../town\x1b[2J": rows["town"]})
    assert np.abs(walk.numbers(models["names"], source)).max() < 20
    message = refused(walk, 3, ("<b>b</b>",), models["names"], walk.table({"=1+1": rows["a"]}))
    assert "\x1b" not in message
    card = (models["names"] / "README.md").read_text()
    assert "\x1b" not in card
    assert "<b>" not in card.replace(r"\<b\>", "")


# --- places -------------------------------------------------------------------------------------------------


def test_predictions_never_replace_the_rows_they_are_made_from(walk, numbers, rows, monkeypatch):
    monkeypatch.chdir(walk.folder)
    source = walk.table(rows)
    data = source.read_bytes()
    (walk.folder / "link.csv").symlink_to(source)
    os.link(source, walk.folder / "hard.csv")
    for out in ("rows.csv", "./rows.csv", source, "link.csv", "hard.csv"):
        walk.refused(2, ("none of the data",), "predict", numbers, "rows.csv", "--out", out)
        walk.refused(2, ("none of the data",), "predict", numbers, "ro*.csv", "--out", out)
        assert source.read_bytes() == data


@pytest.mark.parametrize("command", ["predict", "report"])
@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("copy/new.csv", "outside a saved model"),
        ("copy/manifest.json", "outside a saved model"),
        ("copy/report.html", "outside a saved model"),
        ("copy", "Is a directory"),
        (".", "Is a directory"),
        ("none/p.csv", "No such file or directory"),
        ("rows.csv/p.csv", "Not a directory"),
        ("p" * 300, "File name too long"),
        ("/dev/full", "No space left on device"),
        ("loop", "symbolic links"),
    ],
)
def test_a_file_that_cannot_be_written(walk, copy, rows, monkeypatch, command, out, words):
    monkeypatch.chdir(walk.folder)
    walk.table(rows)
    (walk.folder / "loop").symlink_to("loop")
    arguments = [copy, "rows.csv"] if command == "predict" else [copy]
    walk.refused(2, (words,), command, *arguments, "--out", out)
    load(copy)


def test_a_full_disk_keeps_the_predictions_of_yesterday(walk, numbers, rows, monkeypatch):
    def full(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    source = walk.table(rows)
    out = walk.folder / "p.csv"
    out.write_text("yesterday")
    for name in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, full)
            walk.refused(2, ("No space left on device",), "predict", numbers, source, "--out", out)
        assert out.read_text() == "yesterday"


@pytest.mark.parametrize("level", ["0", "1", "-0.5", "nan", "inf", "much", ""])
def test_a_level_that_is_none(walk, numbers, rows, level):
    refused(walk, 2, ("--interval",), numbers, walk.table(rows), "--interval", level)


# --- a model that was tampered with -------------------------------------------------------------------------


def both_refuse(walk: Any, model: Path, source: Path, *words: str) -> None:
    """Neither predict nor report takes the model, and report does not repair it."""
    before = {path.name: path.read_bytes() for path in model.iterdir() if path.is_file()}
    refused(walk, 4, words, model, source)
    walk.refused(4, words, "report", model)
    walk.refused(4, words, "report", model, "--out", walk.folder / "page.html")
    assert {path.name: path.read_bytes() for path in model.iterdir() if path.is_file()} == before


FILES = [
    "manifest.json",
    "model.json",
    "tensors.safetensors",
    "record.json",
    "plan.json",
    "report.html",
    "README.md",
]


@pytest.mark.parametrize("name", FILES)
def test_a_changed_byte_in_any_file(walk, copy, rows, name):
    source, path = walk.table(rows), copy / name
    assert sorted(FILES) == sorted(file.name for file in copy.iterdir())
    whole = path.read_bytes()
    places = [0, len(whole) // 2, len(whole) - 2]
    for data in [*(whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1 :] for i in places), whole[:-3], b""]:
        path.write_bytes(data)
        both_refuse(walk, copy, source)
    path.unlink()
    both_refuse(walk, copy, source, name)


def test_a_file_more_and_a_link_in_place_of_a_file(walk, copy, rows):
    source = walk.table(rows)
    (copy / "more.txt").write_text("x")
    both_refuse(walk, copy, source, "more.txt")
    (copy / "more.txt").unlink()
    (copy / "plan.json").rename(walk.folder / "plan.json")
    (copy / "plan.json").symlink_to(walk.folder / "plan.json")
    both_refuse(walk, copy, source, "plan.json")


def _entry(manifest: dict[str, Any], name: str, **change: Any) -> None:
    manifest["files"][name] = {**manifest["files"].get("plan.json", {}), **change}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m.update(format_version=2, fivefold_version="9.9"), ("version 2", "fivefold>=9.9")),
        (lambda m: m.update(format_version=10**30, fivefold_version="1; rm -rf /"), ("--upgrade fivefold",)),
        (lambda m: m.update(format_version=-1), ("at least 1",)),
        (lambda m: m.update(format_version="1"), ("at least 1",)),
        (lambda m: m.update(format="another"), ("fivefold artifact",)),
        (lambda m: m.update(more=1), ("keys",)),
        (lambda m: m.update(files=[]), ("keys",)),
        (lambda m: _entry(m, "../../etc/passwd"), ("plain file names",)),
        (lambda m: _entry(m, "/etc/passwd"), ("plain file names",)),
        (lambda m: _entry(m, "a/b"), ("plain file names",)),
        (lambda m: _entry(m, "..\\evil"), ("plain file names",)),
        (lambda m: _entry(m, "\x1b[2J"), ("plain file names",)),
        (lambda m: _entry(m, "plan.json", size=10**30), ("a size",)),
        (lambda m: _entry(m, "plan.json", size=-1), ("a size",)),
        (lambda m: _entry(m, "plan.json", size=1.5), ("a size",)),
        (lambda m: _entry(m, "plan.json", sha256="0" * 64), ("contents of plan.json",)),
        (lambda m: _entry(m, "plan.json", sha256=None), ("SHA-256",)),
        (lambda m: m["files"].update({f"f{i}": {} for i in range(2000)}), ("at most",)),
        (lambda m: m["files"].pop("model.json"), ("model.json",)),
    ],
)
def test_a_forged_manifest(walk, copy, rows, change, words):
    manifest = json.loads((copy / "manifest.json").read_text())
    change(manifest)
    (copy / "manifest.json").write_text(json.dumps(manifest))
    both_refuse(walk, copy, walk.table(rows), *words)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"format": 1e999}',
        '{"format": NaN}',
        '{"format": ' + "9" * 100_000 + "}",
        '{"a": 1, "a": 2}',
        "null",
        "\x00",
        " " * 2_000_000,
    ],
    ids=["deep", "too big", "no number", "endless", "twice", "null", "NUL", "too long"],
)
def test_a_manifest_that_is_no_json_of_ours(walk, copy, rows, text):
    (copy / "manifest.json").write_text(text)
    both_refuse(walk, copy, walk.table(rows))


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c["schema"].update(version=2),
        lambda c: c["schema"].update(columns=None),
        lambda c: c["schema"]["columns"][0].update(kind="os.system"),
        lambda c: c["target"].update(family="__import__"),
        lambda c: c["predictor"].update(kind="os.system"),
        lambda c: c.pop("predictor"),
        lambda c: c.update(schema=None),
    ],
)
def test_a_model_with_true_hashes_and_a_forged_description(walk, numbers, rows, change):
    bundle = load(numbers)
    change(bundle.config)
    forged = save(walk.folder / "forged", bundle)
    refused(walk, 4, (), forged, walk.table(rows))


def test_a_model_of_another_kind_and_one_that_is_none(walk, rows):
    source = walk.table(rows)
    refused(walk, 4, ("some.image",), save(walk.folder / "other", Bundle("some.image", {})), source)
    refused(walk, 4, ("nothing of that name",), walk.folder / "none", source)
    refused(walk, 4, ("a file",), source, source)
    (walk.folder / "empty").mkdir()
    refused(walk, 4, ("manifest.json",), walk.folder / "empty", source)
