"""A stand-in for the fit, a real saved model of its own, and a way to run a command in its own process."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from fivefold.artifact import Bundle, save
from fivefold.cli.main import app

RECORD = {"version": 1, "title": "y from rows", "headline": "Good.", "data": {"target": "y", "rows": 3}}


class FakeModel:
    """Saves a true artifact and predicts the row's number."""

    classes: tuple[str, ...] = ()

    def __init__(self, number: float = 1.0) -> None:
        self.number = number
        self.record = dict(RECORD)

    def save(self, directory: str | Path, overwrite: bool = False) -> Path:
        files = {"record.json": json.dumps(self.record).encode(), "report.html": b"<p>old page</p>"}
        return save(
            directory, Bundle("fivefold.table", {"number": self.number}, {}, files), overwrite=overwrite
        )


class FakeFit:
    """Remembers how it was called."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, dict[str, Any]]] = []
        self.before: Callable[[], None] = lambda: None

    def __call__(self, data: Any, **options: Any) -> FakeModel:
        self.calls.append((data, options))
        options["progress"]("typed", {"rows": 3, "columns": 2})
        options["progress"]("surprise", {"b\x1b[31m": "\x07"})
        self.before()
        return FakeModel(float(len(self.calls)))


@pytest.fixture
def fake_fit(monkeypatch: pytest.MonkeyPatch) -> FakeFit:
    fake = FakeFit()
    for name, values in {
        "fivefold.tasks.fit": {"fit": fake},
        "fivefold.report.page": {
            "render": lambda record: f"<p>new page of {record['title']}</p>",
            "render_text": lambda record: f"summary of {record['title']}\n",
        },
    }.items():
        module = ModuleType(name)
        vars(module).update(values)
        monkeypatch.setitem(sys.modules, name, module)
    return fake


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory but for one table."""
    monkeypatch.chdir(tmp_path)
    for name in ("FIVEFOLD_DEBUG", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "rows.csv").write_text("x,y\n1,2\n2,4\n3,6\n")
    return tmp_path


@pytest.fixture
def command() -> Callable[..., Result]:
    runner = CliRunner()

    def run(*arguments: str) -> Result:
        return runner.invoke(app, list(arguments), prog_name="fivefold")

    return run


@pytest.fixture
def process() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start ``fivefold`` in its own process, after some Python that prepares it."""
    started: list[subprocess.Popen[str]] = []

    def start(prepare: str, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        code = (
            f"import sys\nsys.argv = ['fivefold', *{arguments!r}]\n{textwrap.dedent(prepare)}\n"
            "from fivefold.cli.main import run\nrun()\n"
        )
        child = subprocess.Popen(
            [sys.executable, "-c", code],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            **options,
        )
        started.append(child)
        return child

    yield start
    for child in started:
        if child.poll() is None:
            child.kill()
        child.communicate()
