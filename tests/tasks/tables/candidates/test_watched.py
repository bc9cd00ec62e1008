"""What watching a network's training tells somebody who has a table."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fivefold.core import DataError
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.findings import Findings
from fivefold.tasks.tables.candidates import network as network_room
from fivefold.tasks.tables.candidates.network import NetworkCandidate
from fivefold.tasks.tables.candidates.problem import Problem
from fivefold.tasks.tables.candidates.recipe import summarised
from fivefold.tasks.tables.candidates.watched import NOTES, TOLD, findings_of, told
from fivefold.tasks.tables.frames import from_frame
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.target import Target

NETWORK = NetworkCandidate(members=2, widths=(16,), epochs=1)


def problem(classes: bool, watch: bool) -> Problem:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 3))
    table = from_frame({f"x{i}": x[:, i] for i in range(3)})
    schema = Schema.guess(table, None, {})
    y = (x[:, 0] > 0).astype(float) if classes else x[:, 0] - x[:, 1]
    family = Target("y", "bernoulli", classes=("no", "yes")) if classes else Target("y", "gaussian")
    return Problem(table, schema, family, y, notes={NOTES: True} if watch else {})


@pytest.mark.parametrize("classes", [False, True])
def test_watching_changes_no_bit(classes: bool) -> None:
    """The members' weights are equal to the last bit, and what was seen is told."""
    alone, seen = (NETWORK.fit(problem(classes, watch)) for watch in (False, True))
    for name, values in alone.predictor.arrays.items():
        assert np.array_equal(values, seen.predictor.arrays[name]), name
    assert "watch" not in alone.details["training"]
    watch = seen.details["training"]["watch"]
    assert watch["updates"] == seen.details["training"]["steps"]
    assert 2 <= watch["full"] <= watch["updates"]
    assert "Nothing was found" in watch["sentence"]
    assert summarised([seen.details["training"]])["sentence"].endswith(watch["sentence"])


def test_where_watching_fails_the_fit_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = NETWORK.fit(problem(False, False))

    class Failing:
        def __enter__(self) -> Any:
            raise RuntimeError("no hooks here")

        def __exit__(self, *given: object) -> None:
            return None

    monkeypatch.setattr(network_room, "watching", Failing)
    seen = NETWORK.fit(problem(False, True))
    assert all(np.array_equal(v, seen.predictor.arrays[n]) for n, v in alone.predictor.arrays.items())
    assert "RuntimeError: no hooks here" in seen.details["training"]["watch"]["sentence"]


def test_our_own_errors_are_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def __enter__(self) -> Any:
            raise DataError("rows")

        def __exit__(self, *given: object) -> None:
            return None

    monkeypatch.setattr(network_room, "watching", Refusing)
    with pytest.raises(DataError):
        NETWORK.fit(problem(False, True))


def finding(code: str, confidence: str = "high") -> Finding:
    return Finding(code, "t", "measured", confidence, "c", "weight_decay=0")  # type: ignore[arg-type]


def test_findings_in_the_words_of_a_table() -> None:
    """No advice that only the author of a training script could follow."""
    given = Findings(
        [finding("nonfinite.operation"), finding("nonfinite.gradient"), finding("rate.too-high")]
    )
    found = told(given, 100, 9, "dense network")
    assert [f["code"] for f in found["findings"]] == ["training.not-finite", "training.overshoots"]
    assert found["findings"][0]["evidence"] == "measured"
    assert "dense network" in found["findings"][0]["title"]
    assert "9 of 100 updates" in found["sentence"]
    for _, _, cause, fix in TOLD.values():
        text = (cause + fix).lower()
        assert not any(
            word in text for word in ("learning rate", "optimizer", "epochs", "layer", "script", "lr=")
        )


def test_what_cannot_be_changed_is_left_out() -> None:
    given = Findings(
        [finding("regularisation.decay"), finding("labels.noise", "low"), finding("fit.unfinished")]
    )
    assert told(given, 100, 9, "dense network")["findings"] == []


def test_each_is_said_once() -> None:
    one = told(Findings([finding("labels.noise")]), 10, 2, "dense network")
    assert findings_of([{"watch": one}, {"watch": one}, {}]) == one["findings"]
    assert replace(NETWORK).name == "dense network"
