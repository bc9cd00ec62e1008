"""What ``fivefold fit`` makes of each item of bad input: exit code, message, and what is left behind."""

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from fivefold.artifact import load

ROWS = 120
DAYS = [f"2024-{1 + i // 28:02d}-{1 + i % 28:02d}" for i in range(ROWS)]


@pytest.fixture
def base(writers: ModuleType) -> dict[str, list[Any]]:
    """Two numbers, a category and a target of 120 rows, with nothing wrong."""
    return dict(writers.columns())


def fit_arguments(source: object, walk: Any, *options: object, target: str = "y") -> list[object]:
    return ["fit", source, "--target", target, "--budget", "0.1s", "--out", walk.folder / "model", *options]


# --- the registry -------------------------------------------------------------------------------------------


def test_every_file_of_the_registry_is_refused_whole_or_fitted_well(case, walk):
    source = case.write(walk.folder)
    if case.error is not None:
        walk.refused(3, case.words, *fit_arguments(source, walk, target=case.target))
        return
    fitted = walk.fit(source, target=case.target)
    fitted.says(*case.words)
    assert walk.sane(fitted.path, source) >= 40
    score = fitted.record["test"]["scores"][0]["metrics"][fitted.record["test"]["metrics"][0]]["value"]
    assert np.isfinite(score)


test_every_file_of_the_registry_is_refused_whole_or_fitted_well.stages = {"read", "fit"}


# --- the target ---------------------------------------------------------------------------------------------


def test_rows_without_a_target_are_dropped_counted_and_said(walk, base):
    base["y"][:17] = [None] * 17
    fitted = walk.fit(walk.table(base))
    sentence = "17 of 120 rows have no y and were left out."
    assert sentence in fitted.record["data"]["dropped"]
    assert fitted.record["data"]["rows"] == 103
    assert sentence in fitted.out
    assert sentence in fitted.text


@pytest.mark.parametrize("word", ["NaN", "n/a"])
def test_words_that_say_there_is_no_value_are_no_class(walk, base, word):
    base["y"] = [word if i % 8 == 0 else "won" if v > 0 else "lost" for i, v in enumerate(base["y"])]
    fitted = walk.fit(walk.table(base))
    assert fitted.record["data"]["classes"] == ["lost", "won"]
    fitted.says("15 of 120 rows have no y")


def test_dashes_in_a_target_of_numbers_are_dropped_and_said(walk, base):
    base["y"] = ["-" if i % 10 == 0 else v for i, v in enumerate(base["y"])]
    fitted = walk.fit(walk.table(base))
    assert fitted.record["data"]["rows"] == 108
    fitted.says("12 ")


def test_a_target_with_a_decimal_comma_is_a_number(walk, base):
    plain = walk.fit(walk.table(base), out="plain")
    base["y"] = [str(v).replace(".", ",") for v in base["y"]]
    comma = walk.fit(walk.table(base, "comma.csv"), out="comma")
    assert comma.record["data"]["task"] == "regression"
    assert comma.record["test"]["scores"] == plain.record["test"]["scores"]


@pytest.mark.parametrize(("first", "second"), [("yes", "no"), ("TRUE", "FALSE"), ("1", "0")])
def test_a_boolean_target_keeps_its_own_words(walk, base, first, second):
    base["y"] = [first if v > 0 else second for v in base["y"]]
    fitted = walk.fit(source := walk.table(base))
    assert sorted(fitted.record["data"]["classes"]) == sorted([first, second])
    rows = walk.predict(fitted.path, source)
    assert np.mean([row["prediction"] == truth for row, truth in zip(rows, base["y"], strict=True)]) > 0.85


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([f"2024-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(ROWS)], ("'y'", "date", "--types y=")),
        ([1e300 * (i + 1) / ROWS for i in range(ROWS)], ("'y'", "1e+100", "rescale")),
        ([1e200, *range(ROWS - 1)], ("'y'", "1e+100", "row 1")),
        ([1e-300 * i for i in range(ROWS)], ("'y'", "1e-100", "rescale")),
        ([*["1"] * (ROWS - 1), None], ("'y'", "two values", "always")),
    ],
    ids=["dates", "huge", "one huge", "tiny", "constant but a gap"],
)
def test_a_target_that_cannot_be_modelled_is_refused(walk, base, values, words):
    walk.refused(3, words, *fit_arguments(walk.table({**base, "y": values}), walk))


def test_a_target_far_from_zero_loses_no_digits(walk, base):
    near = walk.fit(source := walk.table(base), out="near")
    far = walk.fit(moved := walk.table({**base, "y": [v + 1e9 for v in base["y"]]}, "far.csv"), out="far")
    truth = np.array(base["y"])
    for fitted, path, origin in ((near, source, 0.0), (far, moved, 1e9)):
        error = walk.numbers(fitted.path, path) - origin - truth
        assert np.sqrt(np.mean(error**2)) < 0.5


# --- leaks and repeats --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("same", lambda y: y),
        ("rank", lambda y: np.argsort(np.argsort(y)).tolist()),
        ("backwards", lambda y: [-(v**3) for v in y]),
    ],
)
def test_a_copy_of_the_target_is_an_alarm_by_its_name(walk, base, name, make):
    fitted = walk.fit(walk.table({**base, name: make(base["y"])}))
    alarms = [line for line in fitted.out.splitlines() if line.startswith("!")]
    assert any(f"'{name}'" in line and "copy of the target" in line for line in alarms), fitted.out
    assert f"'{name}'" in fitted.text
    assert fitted.record["warnings"][0].startswith(f"'{name}'")


def test_no_alarm_without_a_leak(walk, base):
    fitted = walk.fit(walk.table(base))
    assert fitted.record["table"]["leaks"] == []
    assert not [line for line in fitted.out.splitlines() if line.startswith("!")]


def test_a_class_told_by_another_column_is_an_alarm(walk, base):
    base["y"] = ["yes" if v > 0 else "no" for v in base["y"]]
    fitted = walk.fit(walk.table({**base, "outcome": [{"yes": "won", "no": "lost"}[v] for v in base["y"]]}))
    assert "'outcome'" in fitted.record["warnings"][0]
    assert "'outcome'" in fitted.out


def test_rows_that_repeat_across_the_split_are_said(walk, base):
    half = {name: values[: ROWS // 2] * 2 for name, values in base.items()}
    fitted = walk.fit(walk.table(half))
    fitted.says("repeat")
    assert "repeat" in fitted.record["table"]["duplicates"]


# --- columns ------------------------------------------------------------------------------------------------


def test_a_column_that_is_missing_in_almost_every_row(walk, base):
    sparse = {"sparse": [1.5 * i if i in {3, 70} else None for i in range(ROWS)]}
    word = {"word": ["u" if i == 5 else None for i in range(ROWS)]}
    fitted = walk.fit(source := walk.table({**base, **sparse, **word}))
    assert np.sqrt(np.mean((walk.numbers(fitted.path, source) - np.array(base["y"])) ** 2)) < 0.6


@pytest.mark.parametrize("scale", [1e99, 1e-310])
def test_a_column_in_a_strange_unit(walk, base, scale):
    fitted = walk.fit(source := walk.table({**base, "a": [v * scale / 10 for v in base["a"]]}))
    assert np.sqrt(np.mean((walk.numbers(fitted.path, source) - np.array(base["y"])) ** 2)) < 0.8


@pytest.mark.parametrize("value", [1e101, -1e300, 1.7e308])
def test_a_number_too_large_to_square_is_refused_by_name(walk, base, value):
    base["b"][4] = value
    walk.refused(3, ("'b'", "row 5", "1e+100", "--drop b"), *fit_arguments(walk.table(base), walk))


@pytest.mark.parametrize(
    "table",
    [
        {"y": list(range(50))},
        {"a": [1] * 50, "b": ["x"] * 50, "y": list(range(50))},
        {"a": [None] * 50, "b": [None] * 50, "y": list(range(50))},
        {"key": [f"k{i:03d}" for i in range(50)], "y": [i % 7 for i in range(50)]},
    ],
    ids=["only the target", "constants", "nothing but gaps", "only a key"],
)
def test_nothing_to_predict_from(walk, table):
    walk.refused(3, ("at least one column",), *fit_arguments(walk.table(table), walk))


def test_names_in_every_script_and_of_every_length(walk, base):
    names = {"größe 📏": base["a"], "العمود": base["b"], "名前": base["town"], "n" * 5000: base["b"]}
    fitted = walk.fit(source := walk.table({**names, "préço €": base["y"]}), target="préço €")
    assert "größe 📏" in fitted.text
    assert len(fitted.page) < 3_000_000
    walk.numbers(fitted.path, source)


def test_a_name_that_turns_the_text_around_is_shown_as_it_is(walk, base):
    fitted = walk.fit(walk.table({**base, "a\u202eb": base["b"]}))
    for text in (fitted.out, fitted.err, fitted.page):
        assert "\u202e" not in text


def test_the_name_price_twice_and_no_name_at_all(walk, base):
    table = {"price": base["a"], "price2": base["b"], "": base["town"], "y": base["y"]}
    path = walk.table(table)
    path.write_text(path.read_text().replace("price2", "price", 1))
    fitted = walk.fit(path)
    fitted.says("'price_1'", "has no name")
    assert [c["name"] for c in fitted.record["table"]["columns"]][1:3] == ["price", "price_1"]
    walk.refused(
        3, ("'prise'", "did you mean 'price'"), *fit_arguments(path, walk, "--drop", "prise"), "--overwrite"
    )


def test_long_cells_do_not_fill_the_report(walk, base):
    fitted = walk.fit(walk.table({**base, "story": ["x" * 20_000 + str(i % 5) for i in range(ROWS)]}))
    assert len(fitted.page) < 3_000_000
    assert len(fitted.out) < 20_000


@pytest.mark.parametrize("rows", [10, 13])
def test_a_handful_of_rows_gives_a_modest_model(walk, base, rows):
    fitted = walk.fit(source := walk.table({name: values[:rows] for name, values in base.items()}))
    assert np.abs(walk.numbers(fitted.path, source)).max() < 100


def test_nine_rows_are_too_few(walk, base):
    few = walk.table({name: values[:9] for name, values in base.items()})
    walk.refused(3, ("at least 10 rows", "got 9"), *fit_arguments(few, walk))


# --- roles --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("extra", "options", "code", "words"),
    [
        ({"w": [-1, *[1] * 119]}, ["--weight", "w"], 3, ("positive", "'w'", "got 1")),
        ({"w": [0, *[1] * 119]}, ["--weight", "w"], 3, ("positive", "'w'")),
        ({"w": [None, *[1] * 119]}, ["--weight", "w"], 3, ("positive", "'w'")),
        ({"w": ["x", "z"] * 60}, ["--weight", "w"], 3, ("positive numbers", "'w'")),
        ({"w": [1e308] * 120}, ["--weight", "w"], 3, ("'w'", "1e+100")),
        ({"w": [1e-20, *[1] * 119]}, ["--weight", "w"], 3, ("'w'", "largest", "smallest")),
        ({"g": ["a"] * 120}, ["--group", "g"], 3, ("at least 3 groups", "got 1")),
        ({"g": ["a", "b"] * 60}, ["--group", "g"], 3, ("at least 3 groups", "'g'", "got 2")),
        ({"t": ["2024-01-01"] * 120}, ["--time", "t"], 3, ("times that differ",)),
        ({"t": [None, *DAYS[1:]]}, ["--time", "t"], 3, ("known time", "'t'", "1 missing")),
        ({}, ["--time", "town"], 3, ("dates or numbers", "'town'")),
        ({"e": [1.0, 2.0] * 60}, ["--exposure", "e"], 3, ("counts in 'y'",)),
        ({"e": [1, 2] * 60, "y": ["a", "b"] * 60}, ["--exposure", "e"], 3, ("counts in 'y'", "category")),
        ({"e": [0, 2] * 60, "y": [1, 2, 3] * 40}, ["--exposure", "e"], 3, ("positive", "'e'")),
        ({}, ["--drop", "y"], 2, ("'y' named twice",)),
        ({}, ["--group", "y"], 2, ("'y' named twice",)),
        ({}, ["--drop", "nix"], 3, ("a column named 'nix'",)),
        ({}, ["--drop", "a,b,town"], 3, ("at least one column",)),
        ({}, ["--types", "a=colour"], 2, ("'colour'", "'a'")),
        ({}, ["--types", "nope=number"], 2, ("'nope'",)),
        ({}, ["--types", "town=number"], 3, ("'town'", "120 of 120")),
        ({}, ["--types", "y=boolean"], 3, ("two values", "'y'")),
        ({}, ["--types", "y=identifier"], 3, ("'y'", "a number or a class")),
        ({}, ["--metric", "logloss"], 2, ("a metric of", "'logloss'")),
        ({}, ["--query", "select * from nowhere"], 3, ("a query that runs",)),
        ({}, ["--query", "select 1; drop table data"], 2, ("one SELECT",)),
        ({}, ["--query", "copy data to 'evil.csv'"], 2, ("one SELECT",)),
        ({}, ["--query", "select * from read_csv('/etc/passwd')"], 3, ("the table data alone",)),
        ({}, ["--query", "select a, y from data limit 0"], 3, ("rows",)),
        ({}, ["--replay", "nowhere"], 4, ("a saved model at nowhere",)),
        ({}, ["--seed", "x"], 2, ("--seed",)),
        ({}, ["--budget", "0"], 2, ("positive",)),
        ({}, ["--budget", "-1"], 2, ("a duration", "'-1'")),
        ({}, ["--budget", "abc"], 2, ("a duration", "'abc'")),
        ({}, ["--budget", "inf"], 2, ("a duration",)),
        ({}, ["--budget", ""], 2, ("a duration",)),
    ],
)
def test_options_that_do_not_fit_the_table(walk, base, extra, options, code, words):
    walk.refused(code, words, *fit_arguments(walk.table({**base, **extra}), walk, *options))


def test_a_group_is_no_feature_and_no_unknown_column(walk, base):
    fitted = walk.fit(source := walk.table({**base, "g": [f"g{i % 7}" for i in range(ROWS)]}), "--group", "g")
    fitted.says("g names the groups that stay together")
    assert not [w for w in fitted.record["warnings"] if "passed over" in w]
    walk.numbers(fitted.path, source)


def test_every_row_a_group_of_its_own(walk, base):
    walk.fit(walk.table({**base, "g": [f"g{i}" for i in range(ROWS)]}), "--group", "g")


def test_deviance_and_logarithms_of_a_negative_target_are_left_out_and_said(walk, base):
    for metric, name in (("deviance", "Poisson deviance"), ("rmsle", "RMSLE")):
        fitted = walk.fit(walk.table(base), "--metric", metric, out=metric)
        assert fitted.record["test"]["metrics"][0] == "RMSE"
        fitted.says(f"{name} is left out: y is negative in some test rows.")


def test_trees_that_differ_by_rounding_alone_do_not_win(walk, writers):
    fitted = walk.fit(writers.more_columns_than_rows(walk.folder))
    assert "Boosted trees win" not in fitted.out or fitted.record["test"]["paired"]["difference"] != 0


# --- places -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("rows.csv", ("choose another name", "nothing was changed")),
        (".", ("choose another name",)),
        ("", ("choose another name",)),
        ("rows.csv/model", ("Not a directory",)),
        ("m" * 300, ("File name too long",)),
        ("m" * 245, ("File name too long",)),
        ("old/model", ("outside a saved model",)),
        ("old/deep/er", ("outside a saved model",)),
    ],
    ids=[
        "the input",
        "here",
        "nothing",
        "below a file",
        "too long",
        "too long for a while",
        "inside",
        "deep",
    ],
)
def test_a_place_for_the_model_that_cannot_be(walk, base, monkeypatch, out, words):
    monkeypatch.chdir(walk.folder)
    source = walk.table(base)
    data = source.read_bytes()
    old = walk.fit(source, out="old")
    for extra in ([], ["--overwrite"]):
        message = walk.refused(4, words, "fit", "rows.csv", "--target", "y", "--out", out, *extra)
        assert "fix" not in message
    assert source.read_bytes() == data
    load(old.path)


def test_a_place_is_checked_before_the_data_are_read(walk, base, monkeypatch):
    walk.table(base)
    monkeypatch.setattr(os, "access", lambda path, mode, **options: False)
    result = walk.run(*fit_arguments(walk.folder / "rows.csv", walk))
    assert result.exit_code == 4
    assert "Permission denied" in result.stderr
    assert "reading" not in result.stderr


def test_a_place_whose_parents_are_missing_is_made(walk, base):
    walk.fit(walk.table(base), out="model")
    result = walk.run(*fit_arguments(walk.folder / "rows.csv", walk, "--out", walk.folder / "x" / "y" / "z"))
    assert result.exit_code == 0
    load(walk.folder / "x" / "y" / "z")


@pytest.mark.parametrize("source", ["/dev/null", ".", "*.nothing", "-", "s3://bucket/rows.csv", "n" * 300])
def test_a_source_that_is_no_file(walk, monkeypatch, source):
    monkeypatch.chdir(walk.folder)
    walk.refused(3, (), *fit_arguments(source, walk))


# --- a full disk --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, 6])
def test_a_full_disk_at_any_file_leaves_nothing(walk, base, monkeypatch, step):
    source, calls, write = walk.table(base), [], os.write

    def full(handle: int, data: Any) -> int:
        calls.append(handle)
        if len(calls) >= step:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(handle, data)

    monkeypatch.setattr(os, "write", full)
    walk.refused(4, ("No space left on device", "untouched"), *fit_arguments(source, walk))
    assert len(calls) == step


def test_a_disk_that_the_kernel_says_is_full_keeps_the_old_model(walk, base):
    """A tiny file system where we may mount one, else a limit on the size of files."""
    source, place = walk.table(base), walk.folder / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(place)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        arguments = fit_arguments(source, walk, "--out", place / "model")
        assert walk.run(*arguments).exit_code == 0
        before = {path.name: path.read_bytes() for path in (place / "model").iterdir()}
        if mounted:
            (place / "ballast").write_bytes(bytes(700_000 - sum(map(len, before.values())) - 40_000))
        else:
            resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, limits[1]))
        result = walk.run(*arguments, "--overwrite")
        assert result.exit_code == 4, result.stderr
        assert "No space left on device" in result.stderr or "File too large" in result.stderr
        assert {path.name for path in place.iterdir()} - {"ballast"} == {"model"}
        assert {path.name: path.read_bytes() for path in (place / "model").iterdir()} == before
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        if mounted:
            subprocess.run(["umount", str(place)], check=True)


# --- processes of their own ---------------------------------------------------------------------------------


def process(folder: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "FIVEFOLD_DEBUG": ""}
    options = {"stdout": subprocess.PIPE, **options}
    return subprocess.run(
        [sys.executable, "-m", "fivefold", *arguments],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env=environment,
        **options,
    )


@pytest.mark.parametrize(
    ("name", "target", "words"),
    [("rows.csv", "prize", "did you mean"), ("one.csv", "y", "10 rows")],
)
def test_a_real_process_says_one_line_and_leaves_nothing(walk, base, name, target, words):
    walk.table({**base, "price": base["a"]})
    walk.table({key: values[:1] for key, values in base.items()}, "one.csv")
    before = walk.names()
    done = process(walk.folder, "fit", name, "--target", target)
    assert done.returncode == 3
    assert done.stdout == ""
    assert [line for line in done.stderr.splitlines() if line.startswith("error: ")] == [
        done.stderr.splitlines()[-1]
    ]
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert walk.names() == before


def test_a_full_standard_output_is_said_and_the_model_is_kept(walk, base):
    walk.table(base)
    with Path("/dev/full").open("w") as full:
        arguments = ("fit", "rows.csv", "--target", "y", "--budget", "0.3s", "--out", "model")
        done = process(walk.folder, *arguments, stdout=full)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    load(walk.folder / "model")
