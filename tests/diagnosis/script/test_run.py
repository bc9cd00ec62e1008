"""Real scripts in real child processes. Those that never import torch start in a moment; one trains."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fivefold.core import ArgumentError, DataError
from fivefold.diagnosis.script import run as running
from fivefold.diagnosis.script.outcome import Outcome
from fivefold.diagnosis.script.run import run_script

Script = Callable[..., Outcome]

TRAINS = """
    import os
    import sys
    # What is set for torch before it is loaded must count.
    early = {"torch", "numpy", "fivefold"} & set(sys.modules)
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    from helper import width                  # lies beside the script

    print("to standard output", sys.argv[1:])
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    x = torch.randn(96, 4)
    loader = DataLoader(TensorDataset(x, x[:, :1]), batch_size=16, num_workers=1)
    for _ in range(2):
        for rows, targets in loader:
            loss = nn.functional.mse_loss(net(rows), targets)
            loss.backward()
            optimizer.step()
    digest = sum(p.double().sum().item() for p in net.parameters())
    open("facts.txt", "w").write(f"{len(early)} {digest!r} {__name__} {sys.path[0]} {__file__}")
    torch.save(net.state_dict(), "weights.pt")
    if os.fork() == 0:
        os._exit(0)
    os.wait()
    raise RuntimeError("after the training")
"""


def test_a_script_that_trains(script: Script, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "helper.py").write_text("width = 8\n")
    outcome = script(TRAINS, "--epochs", "2")
    said = capfd.readouterr()
    assert said.out == "", "results alone go there"
    assert "to standard output ['--epochs', '2']" in said.err
    trace = said.err[said.err.index("Traceback") :]
    assert trace.splitlines()[1].strip().startswith(f'File "{tmp_path}/train.py", line'), (
        "no line of ours in its traceback"
    )
    assert "runpy" not in trace
    assert "child.py" not in trace

    early, digest, name, first, file = (tmp_path / "facts.txt").read_text().split()
    assert (early, name, first) == ("0", "__main__", str(tmp_path))
    assert file == str(tmp_path / "train.py")
    assert outcome.updates == 12
    assert outcome.trainings[0]["models"] == ["net (Sequential)"]
    assert outcome.trainings[0]["optimizers"] == ["Adam"]
    assert outcome.written == [str(tmp_path / "facts.txt"), str(tmp_path / "weights.pt")]
    assert (outcome.removed, outcome.unchanged) == ([], True)
    assert (outcome.ended, outcome.code) == ("error", 1)
    assert outcome.failed
    notes = "\n".join(outcome.findings.notes)
    assert "stopped with RuntimeError: after the training at train.py" in notes
    assert "the findings are of what ran until then" in notes
    assert "started other processes" in notes
    assert "2 worker processes of data loaders" in notes

    # The same script alone ends at the same bits.
    alone = os.spawnve(os.P_WAIT, running.sys.executable, ["python", "train.py"], {**os.environ})
    assert alone == 1
    assert (tmp_path / "facts.txt").read_text().split()[1] == digest


DEEP = """
    import torch
    from torch import nn
    torch.manual_seed(0)
    net = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    x = torch.randn(64, 4)
    for _ in range(8):
        optimizer.zero_grad()
        nn.functional.mse_loss(net(x), x[:, :1]).backward()
        optimizer.step()
    digest = sum(p.double().sum().item() for p in net.parameters())
    print(torch.linalg.eigvalsh(2 * x.mT @ x / 64)[-1].item(), digest)
"""


def test_looks_in_depth(script: Script, capfd: pytest.CaptureFixture[str]) -> None:
    seen = script(DEEP, deep=True)
    sharpness, digest = (float(word) for word in capfd.readouterr().err.split()[-2:])
    deep = seen.trainings[0]["series"]["deep"]
    # The bias, whose column of ones hardly meets the others, changes the largest eigenvalue by little.
    assert deep["sharpness"][0][1] == pytest.approx(sharpness, rel=0.1)
    assert any(note.startswith("in depth, at update") for note in seen.findings.notes)
    plain = script(DEEP)
    assert float(capfd.readouterr().err.split()[-1]) == digest
    assert "deep" not in plain.trainings[0]["series"]


@pytest.mark.parametrize(
    ("code", "ended", "says"),
    [
        (
            "x = 1 / 0",
            "error",
            "stopped with ZeroDivisionError: division by zero at train.py, line 1 (x = 1 / 0); this",
        ),
        ("name = input('name? ')", "error", "asks for input (train.py, line 1)"),
        (
            "import argparse\np = argparse.ArgumentParser()\np.add_argument('data')\np.parse_args()",
            "exit",
            "exit code 2",
        ),
        ("raise SystemExit('stop')", "exit", "exit code 1 before any training"),
        ("print('done')", "finished", "it never imports torch"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "killed", "SIGKILL"),
        ("import os\nos._exit(4)", "killed", "exit code 4"),
        ("import sys\nopen(sys.argv[0], 'a').write('#')", "finished", "it changed itself"),
    ],
)
def test_scripts_that_train_nothing(script: Script, code: str, ended: str, says: str) -> None:
    outcome = script(code)
    assert outcome.ended == ended
    assert outcome.failed
    assert len(outcome.findings) == 0
    assert any(says in note for note in outcome.findings.notes), outcome.findings.notes
    json.dumps(outcome.to_record(), allow_nan=False)


def test_a_script_that_never_ends(script: Script, tmp_path: Path) -> None:
    outcome = script("import time\nopen('begun', 'w').close()\ntime.sleep(600)", budget="1s")
    assert (outcome.ended, outcome.code) == ("budget", 130)
    assert "stopped after 1 s" in outcome.findings.notes[0]
    assert outcome.written == [str(tmp_path / "begun")]


def test_one_that_does_not_listen_is_killed_with_all_it_started(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "GRACE", 0.2)
    code = """
        import os, signal, subprocess, sys, time
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        open("number", "w").write(str(other.pid))
        while True:
            time.sleep(0.01)
    """
    outcome = script(code, budget="2s")
    assert outcome.ended == "budget"
    assert outcome.code == -signal.SIGKILL
    assert gone(int((tmp_path / "number").read_text()))


def test_what_it_left_running_ends_with_it(script: Script, tmp_path: Path) -> None:
    code = """
        import subprocess, sys
        other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        open("number", "w").write(str(other.pid))
    """
    assert script(code).ended == "finished"
    assert gone(int((tmp_path / "number").read_text()))


def gone(number: int) -> bool:
    """Whether a process ends within five seconds; one that is dead and not yet collected has ended."""
    for _ in range(100):
        try:
            if Path(f"/proc/{number}/stat").read_text().split()[2] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.05)
    return False


def test_an_interruption_keeps_what_was_seen(script: Script, tmp_path: Path) -> None:
    def interrupt() -> None:
        while not (tmp_path / "begun").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    outcome = script("import time\nopen('begun', 'w').close()\ntime.sleep(600)")
    thread.join()
    assert outcome.ended == "interrupted"
    assert outcome.findings.notes[0] == "the script was interrupted; no training was seen until then"


def test_standard_input_where_it_is_asked_for(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "answer").write_text("yes\n")
    kept = os.dup(0)
    number = os.open(tmp_path / "answer", os.O_RDONLY)
    os.dup2(number, 0)
    try:
        outcome = script("open('said', 'w').write(input())", stdin=True)
    finally:
        os.dup2(kept, 0)
        os.close(kept)
        os.close(number)
    assert outcome.ended == "finished"
    assert (tmp_path / "said").read_text() == "yes"


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        run_script(tmp_path / "none.py")
    (tmp_path / "a.py").write_text("")
    with pytest.raises(ArgumentError, match="a duration"):
        run_script(tmp_path / "a.py", budget="soon")
    with pytest.raises(ArgumentError, match="arguments that are text"):
        run_script(tmp_path / "a.py", [3])  # type: ignore[list-item]
