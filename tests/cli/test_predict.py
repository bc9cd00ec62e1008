"""The command ``predict`` around a stand-in for the model."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from typer.testing import Result

from fivefold.cli import predict as predict_module
from fivefold.core import DataError

Command = Callable[..., Result]


@dataclass
class Rows:
    numbers: np.ndarray
    notes: tuple[str, ...] = ("read as Latin-1",)

    @property
    def rows(self) -> int:
        return len(self.numbers)


class Model:
    def __init__(self, classes: tuple[str, ...] = ()) -> None:
        self.classes = classes
        self.chunks: list[int] = []

    def shift(self, table: Rows) -> list[SimpleNamespace]:
        large = (table.numbers > 100).any()
        return [SimpleNamespace(title="'n' differs from training", evidence="it is large")] if large else []

    def predict_table(self, table: Rows, level: float) -> SimpleNamespace:
        self.chunks.append(table.rows)
        if (table.numbers < 0).any():
            raise DataError("numbers of at least 0", "-1")
        notes = (*table.notes, f"{table.rows} unseen levels, as 'a\x07{len(self.chunks)}'")
        if self.classes:
            probabilities = np.column_stack([table.numbers / 10, 1 - table.numbers / 10])
            codes = probabilities.argmax(1).astype(float)
            return SimpleNamespace(
                mean=codes,
                low=None,
                high=None,
                probabilities=probabilities,
                sets=probabilities > 0.3,
                notes=notes,
            )
        high = table.numbers + level
        high[-1] = np.inf
        return SimpleNamespace(
            mean=table.numbers,
            low=table.numbers - level,
            high=high,
            probabilities=None,
            sets=None,
            notes=notes,
        )


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Model:
    model = Model()
    _install(monkeypatch, model)
    return model


def _install(monkeypatch: pytest.MonkeyPatch, model: Model) -> None:
    def read_pages(data: Any, query: str | None, rows: int) -> Iterator[Rows]:
        paths = data if isinstance(data, list) else [data]
        text = "".join(Path(path).read_text() for path in paths)
        numbers = np.array([float(line) for line in text.splitlines()])
        for at in range(0, len(numbers), rows):
            yield Rows(numbers[at : at + rows])

    for name, values in {
        "fivefold.tasks.saved": {"load": lambda directory: model},
        "fivefold.tasks.tables.model": {"Model": Model},
        "fivefold.tasks.tables.read": {"read_pages": read_pages},
    }.items():
        module = ModuleType(name)
        vars(module).update(values)
        monkeypatch.setitem(sys.modules, name, module)


def test_numbers(here: Path, model: Model, command: Command) -> None:
    (here / "new.csv").write_text("1\n2.5\n")
    result = command("predict", "m", "new.csv", "--interval", "0.5")
    assert result.exit_code == 0
    assert result.stdout == "prediction,lower,upper\n1.0,0.5,1.5\n2.5,2.0,inf\n"
    assert result.stderr.splitlines() == [
        "reading new.csv",
        "note: read as Latin-1",
        "note: 2 unseen levels, as 'a⟨U+0007⟩1'",
        "2 rows predicted",
    ]


def test_classes(here: Path, monkeypatch: pytest.MonkeyPatch, command: Command) -> None:
    _install(monkeypatch, Model(("=no|w", "yes")))
    (here / "new.csv").write_text("1\n5\n9\n")
    result = command("predict", "m", "new.csv", "--quiet")
    assert list(csv.reader(io.StringIO(result.stdout))) == [
        ["prediction", "set", "probability_=no|w", "probability_yes"],
        ["yes", "yes", "0.1", "0.9"],
        ["'=no|w", "'=no\\|w|yes", "0.5", "0.5"],
        ["'=no|w", "'=no\\|w", "0.9", "0.09999999999999998"],
    ]
    assert result.stderr == ""
    rows = [json.loads(line) for line in command("predict", "m", "new.csv", "--json").stdout.splitlines()]
    assert rows[1] == {
        "prediction": "=no|w",
        "set": ["=no|w", "yes"],
        "probabilities": {"=no|w": 0.5, "yes": 0.5},
    }


def test_json_lines_have_no_infinity(here: Path, model: Model, command: Command) -> None:
    (here / "new.csv").write_text("1\n")
    result = command("predict", "m", "new.csv", "--json")
    assert json.loads(result.stdout) == {"prediction": 1.0, "lower": 0.09999999999999998, "upper": None}


def test_a_model_without_intervals_leaves_them_empty(
    here: Path, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    class Bare(Model):
        def predict_table(self, table: Rows, level: float) -> SimpleNamespace:
            return SimpleNamespace(
                mean=table.numbers, low=None, high=None, probabilities=None, sets=None, notes=()
            )

    _install(monkeypatch, Bare())
    (here / "new.csv").write_text("1\n")
    assert command("predict", "m", "new.csv").stdout == "prediction,lower,upper\n1.0,,\n"
    assert json.loads(command("predict", "m", "new.csv", "--json").stdout)["lower"] is None


def test_columns_that_differ_from_training_are_said(here: Path, model: Model, command: Command) -> None:
    (here / "new.csv").write_text("1\n500\n")
    said = command("predict", "m", "new.csv").stderr
    assert "note: 'n' differs from training in the first 2 rows: it is large\n" in said
    assert "differs" not in command("predict", "m", "new.csv", "--quiet").stderr
    (here / "new.csv").write_text("1\n5\n")
    assert "differs" not in command("predict", "m", "new.csv").stderr


def test_rows_are_predicted_and_written_in_chunks(
    here: Path, model: Model, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict_module, "_PAGE", 4)
    (here / "new.csv").write_text("\n".join(map(str, range(10))))
    result = command("predict", "m", "new.csv", "--out", "out.csv")
    assert result.stdout == ""
    assert model.chunks == [4, 4, 2]
    assert "10 rows predicted, written to out.csv" in result.stderr
    assert [line for line in result.stderr.splitlines() if line.startswith("note")] == [
        "note: read as Latin-1",
        "note: rows 1 to 4: 4 unseen levels, as 'a⟨U+0007⟩1'",
    ]
    with (here / "out.csv").open() as stream:
        assert [row["prediction"] for row in csv.DictReader(stream)] == [f"{i}.0" for i in range(10)]


def test_an_error_halfway_leaves_the_earlier_file(
    here: Path, model: Model, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict_module, "_PAGE", 1)
    (here / "new.csv").write_text("1\n-1\n")
    (here / "out.csv").write_text("earlier")
    result = command("predict", "m", "new.csv", "--out", "out.csv")
    assert result.exit_code == 3
    assert (here / "out.csv").read_text() == "earlier"
    assert sorted(path.name for path in here.iterdir()) == ["new.csv", "out.csv", "rows.csv"]


def test_rows_that_do_not_fit_leave_nothing_on_standard_output(
    here: Path, model: Model, command: Command
) -> None:
    (here / "new.csv").write_text("-1\n")
    result = command("predict", "m", "new.csv")
    assert (result.exit_code, result.stdout) == (3, "")


def test_the_rows_are_never_replaced(here: Path, model: Model, command: Command) -> None:
    before = (here / "rows.csv").read_bytes()
    (here / "link.csv").symlink_to("rows.csv")
    for data in ("rows.csv", "r*.csv"):
        result = command("predict", "m", data, "--out", "link.csv")
        assert result.exit_code == 2
        assert "an --out that is none of the data" in result.stderr
    assert (here / "rows.csv").read_bytes() == before
    assert model.chunks == []


@pytest.mark.parametrize("level", ["0", "1", "-0.5", "90", "nan"])
def test_a_level_outside_its_range(here: Path, model: Model, command: Command, level: str) -> None:
    result = command("predict", "m", "rows.csv", "--interval", level)
    assert result.exit_code == 2
    assert "an --interval between 0 and 1" in result.stderr


def test_missing_rows(here: Path, model: Model, command: Command) -> None:
    result = command("predict", "m", "none.csv")
    assert (result.exit_code, result.stdout) == (3, "")


_ENDLESS = """
    import types
    import numpy as np
    class Rows:
        rows = 10
        notes = ()
    def read_pages(*a, **o):
        while True:
            yield Rows()
    class Model:
        classes = ()
        def shift(self, table):
            return []
        def predict_table(self, table, level):
            ones = np.ones(10)
            return types.SimpleNamespace(mean=ones, low=ones, high=ones, notes=())
    for room, name, value in (
        ("saved", "load", lambda place: Model()),
        ("tables.model", "Model", Model),
        ("tables.read", "read_pages", read_pages),
    ):
        module = types.ModuleType("fivefold.tasks." + room)
        setattr(module, name, value)
        sys.modules[module.__name__] = module
"""


def test_a_reader_that_has_enough_is_no_error(
    here: Path, process: Callable[..., "subprocess.Popen[str]"]
) -> None:
    child = process(_ENDLESS, "predict", "m", "rows.csv")
    assert child.stdout is not None
    assert child.stderr is not None
    assert child.stdout.readline() == "prediction,lower,upper\n"
    child.stdout.close()
    assert child.stderr.read() == "reading rows.csv\n"
    assert child.wait() == 141


def test_several_names_are_paths_and_not_texts(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[Any] = []

    class Texts:
        classes, things = ("a", "b"), ("text", "texts")

        def answer(self, data: Any, level: float) -> SimpleNamespace:
            asked.append(data)
            inside = np.array([[True, False]])
            return SimpleNamespace(
                names=("n",), probabilities=np.array([[0.75, 0.25]]), sets=inside, notes=(), rejected=()
            )

    model: Any = Texts()
    predict_module.predict_named(model, ["a.csv", "b.csv"], 0.9, None, False, True)
    predict_module.predict_named(model, ["a.csv"], 0.9, None, False, True)
    assert asked == [[Path("a.csv"), Path("b.csv")], "a.csv"]
    assert capsys.readouterr().out.splitlines()[1] == "n,a,a,0.75,0.25"
