"""The child: what it tells, and what it leaves as Python does it."""

import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fivefold.diagnosis.script import child as running
from fivefold.diagnosis.script.child import After, Child
from fivefold.diagnosis.script.outcome import Outcome


def test_a_call_right_after_an_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "planted_module.py").write_text("value = 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    seen: list[int] = []
    finder = After("planted_module", lambda: seen.append(sys.modules["planted_module"].value))
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    module = importlib.import_module("planted_module")
    assert seen == [3]
    assert finder not in sys.meta_path
    assert type(module.__spec__.loader).__name__ == "SourceFileLoader"
    assert module.__loader__ is module.__spec__.loader
    del sys.modules["planted_module"]


def test_messages_end_where_nobody_listens() -> None:
    reading, writing = os.pipe()
    child = Child(writing, float("inf"), "")
    child.send("one", value="é")
    assert json.loads(os.read(reading, 1000)) == {"kind": "one", "value": "é"}
    os.close(reading)
    child.send("two")
    child.send("three")
    assert child._pipe == -1
    os.close(writing)


@pytest.mark.parametrize(("word", "deep"), [("1", True), ("0", False)])
def test_the_words_of_its_command_line(monkeypatch: pytest.MonkeyPatch, word: str, deep: bool) -> None:
    told: list[object] = []

    class Recorded(Child):
        def run(self, script: str, arguments: list[str]) -> int:
            told.extend((self._deep, script, arguments))
            return 7

    monkeypatch.setattr(running, "Child", Recorded)
    reading, writing = os.pipe()
    assert running.main([str(writing), "inf", "/root", word, "train.py", "--lr", "1"]) == 7
    assert told == [deep, "train.py", ["--lr", "1"]]
    assert not os.get_inheritable(writing)
    os.close(reading)
    os.close(writing)


def test_who_only_asks_for_a_module_does_not_load_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "asked_for_module.py").write_text("value = 4\n")
    monkeypatch.syspath_prepend(tmp_path)
    seen: list[int] = []
    finder = After("asked_for_module", lambda: seen.append(sys.modules["asked_for_module"].value))
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    assert importlib.util.find_spec("asked_for_module") is not None
    assert seen == []
    importlib.import_module("asked_for_module")
    assert seen == [4]
    assert finder not in sys.meta_path
    del sys.modules["asked_for_module"]


def test_nothing_is_written_to_a_file_that_took_the_number_of_the_pipe(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    child = Child(writing, float("inf"), "")
    with (tmp_path / "theirs").open("wb") as theirs:
        os.dup2(theirs.fileno(), writing)
        child.send("one")
    os.close(writing)
    assert (tmp_path / "theirs").read_bytes() == b""
    assert os.read(reading, 10) == b""
    os.close(reading)


def test_the_script_is_the_main_module(script: Callable[..., Outcome], tmp_path: Path) -> None:
    code = """
        import sys, __main__
        value = 3
        names = (__name__, __package__, __spec__, sys.argv[0], type(__builtins__).__name__)
        open("facts", "w").write(repr((names, __main__.value, __main__.__file__)))
        import atexit
        atexit.register(lambda: open("late", "w").write(str(sys.modules["__main__"].value)))
    """
    assert script(code).ended == "finished"
    names = ("__main__", None, None, "train.py", "module")
    assert (tmp_path / "facts").read_text() == repr((names, 3, str(tmp_path / "train.py")))
    assert (tmp_path / "late").read_text() == "3", "also when Python ends"
    assert not (tmp_path / "__pycache__").exists()


@pytest.mark.parametrize(
    ("hook", "code"), [("sys.exit(9)", 9), ("raise KeyError('in the hook')", 1), ("print('told')", 1)]
)
def test_a_hook_of_the_script_for_errors(
    script: Callable[..., Outcome], capfd: pytest.CaptureFixture[str], hook: str, code: int
) -> None:
    outcome = script(f"""
        import sys
        def tell(kind, error, trace):
            {hook}
        sys.excepthook = tell
        raise ValueError("planted")
    """)
    assert (outcome.ended, outcome.code) == ("error", code)
    assert "ValueError: planted" in outcome.findings.notes[0]
    said = capfd.readouterr().err
    assert ("Error in sys.excepthook" in said) is ("KeyError" in hook)


def test_an_error_that_cannot_be_told(script: Callable[..., Outcome]) -> None:
    outcome = script("""
        class Mute(Exception):
            def __str__(self):
                raise RuntimeError("no words")
        raise Mute
    """)
    assert outcome.ended == "error"
    assert "stopped with Mute" in outcome.findings.notes[0]


def test_a_script_that_puts_another_program_in_its_place(script: Callable[..., Outcome]) -> None:
    outcome = script("""
        import os, sys
        os.execv(sys.executable, [sys.executable, "-c", "raise SystemExit(4)"])
    """)
    assert (outcome.ended, outcome.code) == ("exit", 4)
    assert any("replaced itself by another program" in note for note in outcome.findings.notes)


def test_what_trains_in_another_thread_is_seen_to_its_end(script: Callable[..., Outcome]) -> None:
    outcome = script("""
        import threading, time
        import torch
        def work():
            net = torch.nn.Linear(3, 1)
            optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
            for i in range(6):
                time.sleep(0.05)
                optimizer.zero_grad()
                net(torch.ones(4, 3)).pow(2).mean().backward()
                optimizer.step()
        begun = threading.Thread(target=work)
        begun.start()
    """)
    assert outcome.ended == "finished"
    assert outcome.updates == 6
