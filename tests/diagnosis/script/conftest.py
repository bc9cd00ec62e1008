"""Scripts in files of their own, run under observation."""

import os
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from fivefold.diagnosis.script.outcome import Outcome
from fivefold.diagnosis.script.run import run_script


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Write a script to an empty folder and run it there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(p for p in sys.path if p))

    def run(code: str, *arguments: str, **options) -> Outcome:
        (tmp_path / "train.py").write_text(textwrap.dedent(code))
        return run_script("train.py", arguments, **options)

    return run
