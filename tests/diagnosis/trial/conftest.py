"""Texts that are repaired for a finding, and runs that were measured."""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from fivefold.diagnosis.finding import Finding, Picture, Place
from fivefold.diagnosis.findings import Findings
from fivefold.diagnosis.script.outcome import Outcome
from fivefold.diagnosis.trial.code import Code, Unsure, apply
from fivefold.diagnosis.trial.measuring import Curve, Measured
from fivefold.diagnosis.trial.printed import printed_numbers
from fivefold.diagnosis.trial.repairs.registry import REPAIRS


def finding(code: str = "a.b", line: int = 0, **values: Any) -> Finding:
    """A finding with the place and the numbers that a repair reads."""
    place = Place("train.py", line) if line else None
    texts = {"evidence": "e", "cause": "c", "fix": "f", "confidence": "high", **values}
    return Finding(code, "a title", place=place, **texts)


@pytest.fixture
def found() -> Callable[..., Finding]:
    """Make a finding."""
    return finding


@pytest.fixture
def repair() -> Callable[..., list[str]]:
    """Texts of all versions of the repair of a code, or the reason why there is none; Python all of them."""

    def versions(
        code: str, text: str, *, given: Sequence[str] = (), line: int = 0, **values: Any
    ) -> list[str]:
        text = textwrap.dedent(text).lstrip("\n")
        try:
            repairs = REPAIRS[code](Code(text, given=given), finding(code, line, **values))
        except Unsure as unsure:
            return [f"unsure: {unsure}"]
        out = [apply(text, r.edits) for r in repairs]
        for each in out:
            Code(each)
        return out

    return versions


@pytest.fixture
def changed(repair: Callable[..., list[str]]) -> Callable[..., list[list[str]]]:
    """Lines that each version takes out (``-``) and puts in (``+``), without their white space."""

    def lines(code: str, text: str, **values: Any) -> list[list[str]]:
        before = textwrap.dedent(text).lstrip("\n").splitlines()
        out = []
        for version in repair(code, text, **values):
            if version.startswith("unsure: "):
                return [[version]]
            after = version.splitlines()
            gone = [f"- {line.strip()}" for line in before if line not in after]
            new = [f"+ {line.strip()}" for line in after if line not in before]
            out.append(gone + new)
        return out

    return lines


@pytest.fixture
def ran() -> Callable[..., Measured]:
    """A run that was measured."""

    def make(
        output: str = "",
        *,
        curves: Mapping[str, Curve] | None = None,
        ended: str = "finished",
        updates: int = 10,
        findings: Sequence[Finding] = (),
        error: dict[str, Any] | None = None,
        seconds: float = 1.0,
    ) -> Measured:
        code = 1 if ended == "error" else 0
        outcome = Outcome(
            "train.py", Findings(findings), ended=ended, code=code, updates=updates, error=error
        )
        return Measured(outcome, printed_numbers(output), curves or {}, seconds)

    return make


@pytest.fixture
def picture() -> Callable[..., Picture]:
    """A picture of curves by name."""

    def make(**curves: Sequence[tuple[float, float]]) -> Picture:
        return Picture("t", "x", "y", {name.replace("_", " "): tuple(c) for name, c in curves.items()})

    return make
