"""The commands with nothing replaced: a table, its model, its predictions, its report."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fivefold.artifact import load as load_bundle
from fivefold.tasks.tables.model import load


def fivefold(*arguments: str, folder: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "fivefold", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "FIVEFOLD_DEBUG": ""},
    )
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table and two models of it: ``numbers`` of a number, ``classes`` of a class."""
    folder = tmp_path_factory.mktemp("walk")
    draw = np.random.default_rng(3)
    x, kind = draw.normal(size=240), draw.choice(["a", "b", "=c"], 240)
    y = 3 * x + 2 * (kind == "a") + draw.normal(size=240)
    with (folder / "rows.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["x", "kind", "y", "sign"])
        writer.writerows(
            [f"{a:.6f}", b, f"{c:.6f}", "-up" if c > 0 else "=down"]
            for a, b, c in zip(x, kind, y, strict=True)
        )
    for name, target, other in (("numbers", "y", "sign"), ("classes", "sign", "y")):
        options = ("--drop", other, "--budget", "2s", "--out", name)
        done = fivefold("fit", "rows.csv", "--target", target, *options, folder=folder)
        assert done.stdout.rstrip().endswith(f"report:  {name}/report.html")
        assert done.stderr.splitlines()[0] == "reading rows.csv"
    return folder


def test_numbers_are_those_of_the_library(place: Path) -> None:
    done = fivefold("predict", "numbers", "rows.csv", "--interval", "0.8", "--quiet", folder=place)
    rows = np.array(list(csv.reader(io.StringIO(done.stdout)))[1:], dtype=float)
    found = load(place / "numbers").predict_table(place / "rows.csv", 0.8)
    assert found.low is not None
    assert found.high is not None
    # Texts with the fewest digits that read back the same: equality, not nearness.
    np.testing.assert_array_equal(rows, np.column_stack([found.mean, found.low, found.high]))
    assert done.stderr == ""


def test_classes_are_those_of_the_library(place: Path) -> None:
    done = fivefold("predict", "classes", "rows.csv", "--json", folder=place)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    model = load(place / "classes")
    assert [row["prediction"] for row in rows] == model.predict(place / "rows.csv").tolist()
    assert [tuple(row["set"]) for row in rows] == model.predict_set(place / "rows.csv")
    probabilities = [[row["probabilities"][name] for name in model.classes] for row in rows]
    np.testing.assert_array_equal(probabilities, model.predict_proba(place / "rows.csv"))


def test_labels_from_the_data_are_no_formulas_in_a_spreadsheet(place: Path) -> None:
    fivefold("predict", "classes", "rows.csv", "--out", "out.csv", folder=place)
    rows = list(csv.reader((place / "out.csv").read_text().splitlines()))
    assert {row[0] for row in rows[1:]} == {"'-up", "'=down"}
    for row in rows:
        for cell in row:
            assert not cell.startswith(("=", "+", "@", "-up"))


def test_predicting_needs_neither_torch_nor_scikit_learn(place: Path) -> None:
    probe = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "sklearn", "scipy", "matplotlib", "jinja2"}:
            raise AssertionError(name)
sys.meta_path.insert(0, Refuse())
sys.argv = ["fivefold", "predict", sys.argv[1], "rows.csv", "--quiet"]
from fivefold.cli.main import run
run()
"""
    for name in ("numbers", "classes"):
        done = subprocess.run(
            [sys.executable, "-c", probe, name],
            cwd=place,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == 241


def test_the_report_can_be_had_again(place: Path) -> None:
    before = load_bundle(place / "numbers").files["report.html"]
    done = fivefold("report", "numbers", folder=place)
    assert done.stdout.rstrip().endswith("report:  numbers/report.html")
    assert load_bundle(place / "numbers").files["report.html"] == before
    assert json.loads(fivefold("report", "numbers", "--json", folder=place).stdout)["version"] == 1


def test_a_tampered_model_is_refused(place: Path, tmp_path: Path) -> None:
    for path in (place / "numbers").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    data = (tmp_path / "tensors.safetensors").read_bytes()
    (tmp_path / "tensors.safetensors").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    done = fivefold("predict", str(tmp_path), "rows.csv", folder=place, code=4)
    assert done.stdout == ""
    assert "the contents of tensors.safetensors" in done.stderr


def test_a_model_of_another_kind_is_refused(place: Path) -> None:
    from fivefold.artifact import Bundle, save

    save(place / "other", Bundle("some.image", {}))
    assert "some.image" in fivefold("predict", "other", "rows.csv", folder=place, code=4).stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("fit", "rows.csv", "--target", "none"), 3),
        (("fit", "rows.csv", "--target", "y", "--types", "x=colour"), 2),
        (("fit", "rows.csv", "--target", "y", "--metric", "beauty"), 2),
        (("fit", "empty.csv", "--target", "y"), 3),
        (("predict", "numbers", "empty.csv"), 3),
        (("predict", "numbers", "short.csv"), 3),
        (("predict", "rows.csv", "rows.csv"), 4),
        (("report", "."), 4),
    ],
)
def test_what_goes_wrong_is_one_line_and_writes_nothing(
    place: Path, arguments: tuple[str, ...], code: int
) -> None:
    (place / "empty.csv").write_text("")
    (place / "short.csv").write_text("kind\na\n")
    before = sorted(path.name for path in place.iterdir())
    done = subprocess.run(
        [sys.executable, "-m", "fivefold", *arguments],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "FIVEFOLD_DEBUG": ""},
    )
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert sum(line.startswith("error: ") for line in done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in place.iterdir()) == before
