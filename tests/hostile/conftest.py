"""Runs every test of this folder that takes ``case`` once for each case of the registry; runs commands."""

import csv
import importlib.util
import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result


def _load_cases() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hostile_cases", Path(__file__).with_name("cases.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" not in metafunc.fixturenames:
        return
    stages = getattr(metafunc.function, "stages", {"read", "fit", "predict"})
    cases = [case for case in _load_cases().CASES if case.stage in stages]
    metafunc.parametrize("case", cases, ids=[case.name for case in cases])


@pytest.fixture(scope="session")
def writers() -> ModuleType:
    """The functions that write the files of the registry."""
    return _load_cases()


class Walk:
    """Commands in this process and in a folder of their own, and what they left there."""

    def __init__(self, folder: Path, write: Callable[..., Path]) -> None:
        self.folder = folder
        self._write = write

    def table(self, columns: dict[str, list[Any]], name: str = "rows.csv") -> Path:
        """Write a CSV file."""
        return self._write(self.folder / name, columns)

    def names(self) -> list[str]:
        """Everything in the folder."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*"))

    def run(self, *arguments: object) -> Result:
        """Run a command; what it says must be harmless in a terminal, and no traceback."""
        from fivefold.cli.main import app

        result = CliRunner().invoke(app, [str(a) for a in arguments], prog_name="fivefold")
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert "Traceback" not in result.stderr
        for text in (result.stdout.replace("\r\n", "\n"), result.stderr):
            assert not [c for c in text if (ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160], text
        return result

    def refused(self, code: int, words: tuple[str, ...], *arguments: object) -> str:
        """Run a command that must fail with one message, nothing on standard output, and nothing written."""
        before = self.names()
        result = self.run(*arguments)
        assert result.exit_code == code, (result.stderr, result.stdout)
        assert result.stdout == ""
        messages = [line for line in result.stderr.splitlines() if line.lower().startswith("error: ")]
        assert len(messages) == 1, result.stderr
        assert "unexpected" not in messages[0].split(";")[0]
        assert len(messages[0]) < 1500
        for word in words:
            assert word.lower() in messages[0].lower(), messages[0]
        assert self.names() == before
        return messages[0]

    def fit(self, source: Path, *options: object, target: str = "y", out: str = "model") -> "Fitted":
        """Fit within a short budget; it must succeed and leave a whole model with a harmless report."""
        before = self.names()
        result = self.run(
            "fit", source, "--target", target, "--budget", "0.1s", "--out", self.folder / out, *options
        )
        assert result.exit_code == 0, result.stderr
        new = {name.split("/")[0] for name in self.names() if name not in before}
        assert new == {out}, "something is left beside the model"
        return Fitted(self.folder / out, result)

    def predict(self, model: Path, source: Path, *options: object) -> list[dict[str, str]]:
        """Predict into a file and return its rows."""
        out = self.folder / "predictions.csv"
        result = self.run("predict", model, source, "--out", out, *options)
        assert result.exit_code == 0, result.stderr
        with out.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        out.unlink()
        return rows

    def numbers(self, model: Path, source: Path) -> np.ndarray:
        """Predict numbers; they must be finite and inside their intervals."""
        rows = self.predict(model, source)
        table = np.array([[float(row[k]) for k in ("prediction", "lower", "upper")] for row in rows])
        assert np.isfinite(table[:, 0]).all()
        assert (table[:, 1] <= table[:, 2]).all()
        return table[:, 0]

    def sane(self, model: Path, source: Path) -> int:
        """Predict whatever the model predicts, check it, and return the number of rows."""
        rows = self.predict(model, source)
        for row in rows:
            names = [name for name in row if name.startswith("probability_")]
            values = np.array([float(row[name]) for name in names or ["prediction"]])
            assert np.isfinite(values).all()
            if names:
                assert values.min() >= 0
                np.testing.assert_allclose(values.sum(), 1, rtol=1e-6)
        return len(rows)


class Fitted:
    """A model that ``fit`` left, and what was said."""

    def __init__(self, path: Path, result: Result) -> None:
        self.path = path
        self.out, self.err = result.stdout, result.stderr
        self.record = json.loads((path / "record.json").read_text(encoding="utf-8"))
        self.page = (path / "report.html").read_text(encoding="utf-8")
        self.text, tags = _text_and_tags(self.page)
        assert not tags & {"script", "img", "iframe", "object", "embed", "form", "input", "base"}, tags

    def says(self, *words: str) -> None:
        """Check that each of the words is on the terminal or in the record, without regard to case."""
        said = " ".join([self.out, self.err, json.dumps(self.record, ensure_ascii=False)]).lower()
        for word in words:
            assert word.lower() in said, (word, self.out, self.record["warnings"])


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not [name for name, _ in attrs if name.startswith("on")], attrs
        assert not [v for n, v in attrs if n in {"href", "src"} and v and not v.startswith("#")], attrs

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def _text_and_tags(page: str) -> tuple[str, set[str]]:
    reader = _Reader()
    reader.feed(page)
    return " ".join(" ".join(reader.texts).split()), reader.tags


@pytest.fixture
def walk(tmp_path: Path, writers: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Walk:
    """A folder of its own for one test."""
    for name in ("FIVEFOLD_DEBUG", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return Walk(tmp_path, writers.csv)
