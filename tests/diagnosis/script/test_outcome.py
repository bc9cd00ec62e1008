"""How a script ended, in one clear sentence each."""

import json
from typing import Any

import pytest

from fivefold.diagnosis.script.outcome import Outcome, ending_notes
from fivefold.diagnosis.trial.trial import Trial

TRAINED = {"trainings": [{"models": ["net (Linear)"]}], "updates": 5}
ERROR = {"type": "ValueError", "message": "bad", "file": "t.py", "line": 3, "text": "f(x)"}
ASKS = {
    "type": "EOFError",
    "message": "EOF when reading a line",
    "file": "t.py",
    "line": 4,
    "text": 'input("x")',
}


def notes(end: dict[str, Any] | None = None, budget: float | None = None, **values: Any) -> list[str]:
    full = {"how": "finished", "code": 0, "torch": True}
    return ending_notes(Outcome("t.py", **values), full if end is None else full | end, budget)


@pytest.mark.parametrize(
    ("end", "values", "says"),
    [
        (
            {},
            {"ended": "error", "error": ERROR, **TRAINED},
            "stopped with ValueError: bad at t.py, line 3 (f(x)); the f",
        ),
        ({}, {"ended": "error", "error": ERROR}, "no training loop was seen"),
        ({}, {"ended": "error", "error": ASKS}, "asks for input (t.py, line 4)"),
        ({}, {"ended": "exit", "code": 2}, "exit code 2 before any training: if it needs arguments"),
        ({}, {"ended": "exit", "code": 1, **TRAINED}, "left with exit code 1"),
        ({}, {"ended": "budget", **TRAINED}, "stopped after 12 s (--budget); the findings are of what ran"),
        ({}, {"ended": "interrupted"}, "interrupted; no training was seen until then"),
        ({}, {"ended": "killed", "code": -11}, "(SIGSEGV)"),
        ({}, {"ended": "killed", "code": -9}, "(SIGKILL, as when memory runs out)"),
        ({}, {"ended": "killed", "code": -99}, "(signal 99)"),
        ({}, {"ended": "killed", "code": 3}, "(exit code 3)"),
        ({"torch": False}, {"ended": "finished"}, "it never imports torch"),
        ({"torch": False, "loaded": ["jax"]}, {"ended": "finished"}, "it uses jax, which is not watched"),
        ({}, {"ended": "finished"}, "no model was called with gradients on"),
        ({}, {"ended": "finished", "trainings": TRAINED["trainings"]}, "no optimizer of torch made a step"),
        ({"forks": 1}, {"ended": "finished", **TRAINED}, "started other processes"),
        ({"workers": 4}, {"ended": "finished", **TRAINED}, "4 worker processes of data loaders"),
        ({}, {"ended": "finished", "unchanged": False, **TRAINED}, "not the one it was"),
        ({"notes": ["own"]}, {"ended": "finished", **TRAINED}, "own"),
    ],
)
def test_sentences(end: dict[str, Any], values: dict[str, Any], says: str) -> None:
    found = notes(end, 12.0, **values)
    assert len(found) == 1
    assert says in found[0]


def test_nothing_to_say() -> None:
    assert notes(ended="finished", **TRAINED) == []


def test_several_trainings_are_named() -> None:
    (said,) = notes(ended="finished", updates=3, trainings=[{"models": ["a", "b"]}, {"models": ["c"]}])
    assert said == "2 trainings were watched, each for itself: a/b, c"


def test_what_failed() -> None:
    assert Outcome("t.py", ended="error", updates=3).failed
    assert Outcome("t.py", ended="finished").failed
    assert not Outcome("t.py", ended="budget", updates=3).failed


def test_the_record_is_plain() -> None:
    seen = {"models": ["a"], "series": {"loss": [[0, 1.0]]}}
    tried = Trial("a.b", "t", "no better", "lr becomes 0.1")
    outcome = Outcome("t.py", trainings=[seen], trials=(tried,))
    record = json.loads(json.dumps(outcome.to_record(), allow_nan=False))
    assert list(record) == ["findings", "notes", "files", "script", "trials"]
    assert record["script"]["trainings"] == [{"models": ["a"]}], "pictures' series have a place of their own"
    assert record["trials"][0]["status"] == "no better"
