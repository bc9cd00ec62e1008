"""A lock is held by one, and let go when its holder is gone."""

import subprocess
import sys

import pytest

from fivefold.artifact import lock
from fivefold.artifact.lock import locked


def test_a_second_holder_is_told_and_the_lock_comes_free(tmp_path):
    with locked(tmp_path) as first:
        with locked(tmp_path) as second:
            assert (first, second) == (True, False)
        with locked(tmp_path) as third:
            assert third is False  # the second did not let go of the first one's
    with locked(tmp_path) as after:
        assert after is True


def test_it_is_let_go_where_its_holder_fails(tmp_path):
    with pytest.raises(ValueError, match="broken"), locked(tmp_path):
        raise ValueError("broken")
    with locked(tmp_path) as after:
        assert after is True


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    text = (
        "import pathlib, sys, time; from fivefold.artifact.lock import locked\n"
        "with locked(pathlib.Path(sys.argv[1])) as held:\n"
        "    print(held, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", text, tmp_path], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline().strip() == "True"
        with locked(tmp_path) as held:
            assert held is False
        child.kill()
    with locked(tmp_path) as held:
        assert held is True


def test_without_locks_nothing_is_known(tmp_path, monkeypatch):
    with locked(tmp_path / "nowhere") as held:
        assert held is None
    monkeypatch.setattr(lock, "fcntl", None)
    with locked(tmp_path) as held:
        assert held is None
