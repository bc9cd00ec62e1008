"""A run in a copy: what it writes, prints and draws."""

import random
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from fivefold.diagnosis.script.session import Session
from fivefold.diagnosis.trial.measuring import Measured, measure

SCRIPT = """
import os, sys, random
from pathlib import Path
import helper
Path("result.txt").write_text("new")
Path(__file__).with_name("log.txt").write_text("new")
print("seed", os.environ["FIVEFOLD_SEED"], "width", helper.width)
print("test accuracy: 0.5", sys.argv[1])
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script that writes over a file of the user's."""
    (tmp_path / "train.py").write_text("raise SystemExit(9)\n")
    (tmp_path / "helper.py").write_text("width = 8\n")
    (tmp_path / "result.txt").write_text("old")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_users_files_stay_and_the_changed_texts_run(project: Path) -> None:
    before = {p.name: p.read_bytes() for p in project.iterdir()}
    texts = {"train.py": SCRIPT, "helper.py": "width = 16\n"}
    seen = measure(project / "train.py", texts, ["--x"], folder=project, seed=3, written=["result.txt"])
    assert {p.name: p.read_bytes() for p in project.iterdir()} == before
    assert seen.outcome.ended == "finished"
    assert seen.printed["test accuracy"].last == 0.5
    assert (seen.printed["seed"].last, seen.printed["width"].last) == (3.0, 16.0)
    assert seen.said == "test accuracy: 0.5 --x"
    assert seen.failed == "it made no update"
    assert not seen.curves


def test_a_crash_and_a_run_without_end_are_told(project: Path) -> None:
    crash = measure(project / "train.py", {"train.py": "import os\n1 / 0\n"}, [], folder=project)
    assert crash.failed == "it stopped with ZeroDivisionError: division by zero at line 2"
    endless = measure(
        project / "train.py", {"train.py": "while True: pass\n"}, [], folder=project, budget=1.0
    )
    assert endless.failed == "it did not end in its time"
    left = measure(project / "train.py", {"train.py": "raise SystemExit(4)\n"}, [], folder=project)
    assert left.failed == "it ended with exit code 4"


def test_another_thread_stops_it(project: Path) -> None:
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    seen = measure(project / "train.py", {"train.py": "while True: pass\n"}, [], folder=project, stop=stop)
    assert seen.outcome.ended == "killed"
    assert seen.seconds < 60


def test_curves_are_those_of_the_longest_training(monkeypatch: pytest.MonkeyPatch) -> None:
    from fivefold.diagnosis.trial import measuring

    short = {"updates": 1, "series": {"loss": [[0, 9.0]]}}
    long = {
        "updates": 5,
        "series": {"loss": [[0, 1.0], [4, float("nan")], "x"], "held_out": [[4, 0.5]], "right": None},
    }
    assert measuring._curves([short, long, {}]) == {
        "training loss": ((0.0, 1.0),),
        "held-out loss": ((4.0, 0.5),),
    }
    assert measuring._curves([]) == {}
    assert isinstance(Measured.__doc__, str)


def test_what_a_script_does_not_seed_is_seeded_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    states = random.getstate(), np.random.get_state()

    def drawn(seed: str) -> tuple[float, float, float]:
        monkeypatch.setenv("FIVEFOLD_SEED", seed)
        session = Session(lambda kind, **values: None)
        session.begin()
        session.leave()
        return random.random(), np.random.rand(), torch.rand(1).item()

    try:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            first, again, other = drawn("1"), drawn("1"), drawn("2")
            unseeded = drawn("")
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
    assert first == again
    assert all(a != b for a, b in zip(first, other, strict=True))
    assert unseeded != other
