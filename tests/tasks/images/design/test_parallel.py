"""Processes: one alone needs nothing; two under torchrun come to the result of one (slow)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fivefold.core import ArgumentError
from fivefold.tasks.images.design.parallel import Team, team

_SCRIPT = """
import json, os, sys
import numpy as np
from fivefold.core import Budget
from fivefold.tasks.images.design import TrialSettings, design
rng = np.random.default_rng(0)
labels = np.arange(80) % 2
pictures = (rng.integers(0, 80, (80, 1, 8, 8)) + 150 * labels[:, None, None, None]).astype(np.uint8)
found = design(pictures, labels, budget=Budget(steps=8), population=4, stop_share=0.0,
    settings=TrialSettings(updates=4, batch_size=16), seed=3)
rank = os.environ.get("RANK", "alone")
with open(f"{sys.argv[1]}/{rank}.json", "w") as file:
    json.dump([[t.key, t.accuracy, t.inherited] for t in found.history], file)
"""


def test_one_process_alone_needs_no_group():
    with team() as alone:
        assert alone == Team(0, 1)
        assert alone.gather([1]) == [[1]]
        assert alone.from_first("a") == "a"


def test_half_of_the_variables_of_torchrun_are_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    for name in ("RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ArgumentError, match="no RANK, MASTER_ADDR, MASTER_PORT"), team():
        pass


def test_a_rank_must_be_below_the_size():
    with pytest.raises(ArgumentError, match="rank below"):
        Team(2, 2)


@pytest.mark.slow
def test_two_processes_come_to_the_result_of_one(tmp_path):
    source = str(Path(__file__).resolve().parents[4] / "src")
    environment = {**os.environ, "PYTHONPATH": source, "OMP_NUM_THREADS": "1"}
    for name in ("WORLD_SIZE", "RANK"):
        environment.pop(name, None)
    script = tmp_path / "script.py"
    script.write_text(_SCRIPT)
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for command in ([sys.executable], run):
        done = subprocess.run(
            [*command, str(script), str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
        assert done.returncode == 0, done.stderr[-3000:]
    found = [json.loads((tmp_path / f"{name}.json").read_text()) for name in ("alone", "0", "1")]
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 8
    assert any(share > 0 for _, _, share in found[0])
