"""The command ``report``."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from fivefold.artifact import Bundle, load, save
from fivefold.cli.report import stored_record
from fivefold.core import ArtifactError
from fivefold.diagnosis.dossier import dossier
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.findings import Findings
from fivefold.diagnosis.script.outcome import Outcome

from .conftest import RECORD, FakeFit, FakeModel

Command = Callable[..., Result]


def test_it_prints_the_summary_and_rebuilds_the_page(here: Path, fake_fit: FakeFit, command: Command) -> None:
    FakeModel(3.0).save("m")
    for _ in range(2):
        result = command("report", "m")
        assert result.exit_code == 0
        assert result.stdout == "summary of y from rows\n\nreport:  m/report.html\n"
    back = load("m")
    assert back.files["report.html"] == b"<p>new page of y from rows</p>"
    assert back.config == {"number": 3.0}


def test_a_page_that_is_as_it_should_be_is_not_written_again(
    here: Path, fake_fit: FakeFit, command: Command
) -> None:
    FakeModel().save("m")
    command("report", "m")
    before = (here / "m").stat().st_ino
    command("report", "m")
    assert (here / "m").stat().st_ino == before


def test_elsewhere_it_leaves_the_model_as_it_is(here: Path, fake_fit: FakeFit, command: Command) -> None:
    FakeModel().save("m")
    result = command("report", "m", "--out", "page.html")
    assert "report:  page.html" in result.stdout
    assert (here / "page.html").read_text() == "<p>new page of y from rows</p>"
    assert load("m").files["report.html"] == b"<p>old page</p>"


def test_json_is_the_record(here: Path, fake_fit: FakeFit, command: Command) -> None:
    FakeModel().save("m")
    assert json.loads(command("report", "m", "--json").stdout) == RECORD
    assert json.loads(command("report", "m", "--json", "--out", "page.html").stdout) == RECORD
    assert (here / "page.html").exists()


def test_no_model_there(here: Path, command: Command) -> None:
    result = command("report", "m")
    assert result.exit_code == 4
    assert "expected a saved model at m; got nothing of that name" in result.stderr


def test_a_model_without_a_record(here: Path, command: Command) -> None:
    save("m", Bundle("fivefold.table", {}))
    result = command("report", "m")
    assert result.exit_code == 4
    assert "got a model saved without one; fit the model again" in result.stderr


def test_a_record_that_is_none() -> None:
    with pytest.raises(ArtifactError, match=r"a record in record\.json; got list"):
        stored_record({"record.json": b"[]"})
    with pytest.raises(ArtifactError, match="valid JSON"):
        stored_record({"record.json": b"{"})


def test_a_diagnosis_is_drawn_again(here: Path, command: Command) -> None:
    found = Findings([Finding("rate.too-high", "too fast", "e", "high", "c", "f")], ["a note"])
    outcome = Outcome("t.py", found, "finished", updates=9)
    record = dossier(found, found.notes, outcome=outcome)
    place = Findings(found, found.notes, record).save("t.diagnosis")
    page = (place / "report.html").read_bytes()
    bundle = load(place)
    bundle.files["report.html"] = b"<p>an older page</p>"
    save(place, bundle, overwrite=True)
    result = command("report", "t.diagnosis")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("1. too fast")
    assert result.stdout.endswith("\n\nreport:  t.diagnosis/report.html\n")
    assert (place / "report.html").read_bytes() == page
    assert json.loads(command("report", "t.diagnosis", "--json").stdout) == record
    alone = found.save("alone")
    assert command("report", "alone", "--out", "page.html").exit_code == 0
    assert (here / "page.html").read_bytes() == (alone / "report.html").read_bytes()


def test_a_damaged_diagnosis(here: Path, command: Command) -> None:
    save("d", Bundle("diagnosis", {}, {}, {"diagnosis.json": b"[]"}))
    result = command("report", "d")
    assert result.exit_code == 4
    assert "diagnose the script again" in result.stderr
