"""Every check is run, and none hides the others."""

from fivefold.diagnosis.checks import registry
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.findings import Findings
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


def finding(code: str, confidence: str) -> Finding:
    return Finding(code, "t", "e", confidence, "c", "f")


def test_what_another_finding_explains_comes_after_it() -> None:
    ordered, unrelated = finding("data.ordered", "high"), finding("labels.unrelated", "high")
    told = Findings(registry.causes_first([ordered, unrelated]))
    assert [(f.code, f.confidence) for f in told] == [
        ("labels.unrelated", "high"),
        ("data.ordered", "medium"),
    ]
    # A cause that is not sure explains nothing.
    told = Findings(registry.causes_first([ordered, finding("labels.unrelated", "medium")]))
    assert [(f.code, f.confidence) for f in told] == [
        ("data.ordered", "high"),
        ("labels.unrelated", "medium"),
    ]
    # Of batches in order no sample was kept, which a comparison with evaluations would need.
    told = Findings(registry.causes_first([finding("data.leak", "high"), ordered]))
    assert [(f.code, f.confidence) for f in told] == [("data.ordered", "high"), ("data.leak", "medium")]
