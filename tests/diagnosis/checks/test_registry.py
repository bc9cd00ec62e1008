"""Every check is run, and none hides the others."""

from fivefold.diagnosis.checks import registry
from fivefold.diagnosis.observation.record import Record


def test_an_empty_record_gives_no_finding() -> None:
    found = registry.run_checks(Record())
    assert len(found) == 0
    assert found.notes == ()


def test_a_check_that_fails_becomes_a_note(monkeypatch) -> None:
    def check_broken(record: Record) -> list:
        raise ValueError("a new shape")

    monkeypatch.setattr(registry, "CHECKS", (check_broken, *registry.CHECKS))
    found = registry.run_checks(Record())
    assert found.notes == ("check_broken could not look at this training: ValueError: a new shape",)
