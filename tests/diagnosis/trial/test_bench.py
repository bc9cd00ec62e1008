"""How versions of a fix are run beside each other, with runs that only pretend."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from fivefold.core import DataError
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.trial import bench as room
from fivefold.diagnosis.trial.bench import Bench
from fivefold.diagnosis.trial.code import Unsure
from fivefold.diagnosis.trial.measuring import Measured

TEXT = "import torch\nLR = 0.5\nopt = torch.optim.SGD(p, lr=LR)\n"


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    """A bench of a script of three lines; the pool ends with the test."""
    with ThreadPoolExecutor(2) as pool:
        yield Bench(
            tmp_path / "train.py", (), {"train.py": TEXT}, (), pool, float("inf"), 99.0, False, 0, print
        )


@pytest.fixture
def pretend(
    monkeypatch: pytest.MonkeyPatch, ran: Callable[..., Measured]
) -> Callable[..., list[float | None]]:
    """Let runs end at once in what their rate leads to; returns the budgets they were given."""

    def install(results: Mapping[str, Any]) -> list[float | None]:
        budgets: list[float | None] = []

        def measure(
            script: Path, texts: Mapping[str, str], *args: Any, budget: float | None, **rest: Any
        ) -> Measured:
            budgets.append(budget)
            rate = texts["train.py"].splitlines()[1].removeprefix("LR = ")
            found = results[rate]
            if isinstance(found, Exception):
                raise found
            return found if isinstance(found, Measured) else ran(f"test loss {found}")

        monkeypatch.setattr(room, "measure", measure)
        return budgets

    return install


def high(found: Callable[..., Finding]) -> Finding:
    return found("rate.too-high", figures={"rate": 0.5, "to": 0.01})


def test_the_best_version_is_kept(bench: Bench, pretend: Any, found: Any) -> None:
    budgets = pretend({"0.5": 2.0, "0.01": 1.0, "0.05": 0.5, "0.005": 1.5})
    versions = bench.versions(high(found), bench.texts)
    assert len(versions) == 3
    trial, accepted = bench.attempt(high(found), versions, bench.start(bench.texts))
    assert (trial.status, trial.before, trial.after, trial.tried) == ("better", 2.0, 0.5, 3)
    assert "+LR = 0.05\n" in trial.diff
    assert not trial.higher_is_better
    assert accepted is not None
    assert accepted[0]["train.py"] == TEXT.replace("0.5", "0.05")
    assert budgets == [99.0] * 4


def test_no_version_helps(bench: Bench, pretend: Any, found: Any) -> None:
    pretend({"0.5": 1.0, "0.01": 1.0, "0.05": 1.01, "0.005": 3.0})
    trial, accepted = bench.attempt(
        high(found), bench.versions(high(found), bench.texts), bench.start(bench.texts)
    )
    assert accepted is None
    assert (trial.status, trial.diff, trial.after) == ("no better", "", 1.0)


def test_runs_that_fail_are_told(bench: Bench, pretend: Any, found: Any, ran: Any) -> None:
    broken = ran(ended="error", error={"type": "ValueError", "message": "no", "line": 3})
    pretend({"0.5": 1.0, "0.01": broken, "0.05": broken, "0.005": DataError("x")})
    versions = bench.versions(high(found), bench.texts)
    trial, accepted = bench.attempt(high(found), versions, bench.start(bench.texts))
    assert accepted is None
    assert trial.status == "failed"
    assert trial.change.endswith("it stopped with ValueError: no at line 3")
    pretend({"0.5": 1.0, "0.01": DataError("space"), "0.05": broken, "0.005": broken})
    assert bench.attempt(high(found), versions, bench.start(bench.texts))[0].change.endswith("expected space")


def test_a_script_that_does_not_run_in_a_copy(bench: Bench, pretend: Any, found: Any, ran: Any) -> None:
    versions = bench.versions(high(found), bench.texts)
    lost = ran(ended="error", updates=0, error={"type": "FileNotFoundError", "message": "rows.csv"})
    pretend({"0.5": lost, "0.01": 1.0, "0.05": 1.0, "0.005": 1.0})
    trial, accepted = bench.attempt(high(found), versions, bench.start(bench.texts))
    assert accepted is None
    assert trial.change.startswith(
        "the unchanged script does not run in a copy of its folder: it stopped with File"
    )
    pretend({"0.5": OSError("disk full"), "0.01": 1.0, "0.05": 1.0, "0.005": 1.0})
    assert "disk full" in bench.attempt(high(found), versions, bench.start(bench.texts))[0].change


def test_scripts_without_an_end_are_compared_as_far_as_they_come(
    bench: Bench, pretend: Any, found: Any, ran: Any
) -> None:
    def stopped(loss: float) -> Measured:
        return ran(f"test loss {loss}", ended="budget")

    pretend({"0.5": stopped(2.0), "0.01": stopped(1.0), "0.05": stopped(0.5), "0.005": stopped(1.5)})
    versions = bench.versions(high(found), bench.texts)
    assert bench.attempt(high(found), versions, bench.start(bench.texts))[0].status == "failed"
    bench.endless = True
    assert bench.attempt(high(found), versions, bench.start(bench.texts))[0].after == 0.5


def test_findings_without_a_repair(bench: Bench, found: Any) -> None:
    with pytest.raises(Unsure, match="which examples belong where"):
        bench.versions(found("data.leak"), bench.texts)
    with pytest.raises(Unsure, match="no edit of a line"):
        bench.versions(found("new.code"), bench.texts)


def test_the_deadline(bench: Bench) -> None:
    assert not bench.time_is_over
    bench.deadline = time.monotonic()
    assert bench.time_is_over


def test_a_fix_whose_effect_no_number_tells(bench: Bench, pretend: Any, found: Any, ran: Any) -> None:
    pretend({rate: ran("value 3") for rate in ("0.5", "0.01", "0.05", "0.005")})
    trial, _ = bench.attempt(high(found), bench.versions(high(found), bench.texts), bench.start(bench.texts))
    assert trial.status == "no better"
    assert trial.change.endswith("; no number tells its effect")
