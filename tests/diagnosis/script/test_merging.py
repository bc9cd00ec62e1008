"""Findings of one training as they are; of several with the training they are about."""

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.findings import Findings
from fivefold.diagnosis.script.merging import merged


def finding(code: str) -> Finding:
    return Finding(code, f"title {code}", "measured", "high", "c", "f")


def test_one_training_is_left_as_it_is() -> None:
    given = Findings([finding("a"), finding("b")], ["note"])
    assert merged([("net", given)]) == (list(given), ["note"])


def test_none() -> None:
    assert merged([]) == ([], [])


def test_several_say_which() -> None:
    found, notes = merged(
        [
            ("net", Findings([finding("a")], ["n"])),
            ("head", Findings([finding("b")])),
            ("x", Findings([finding("a")])),
        ]
    )
    assert [f.evidence for f in found] == [
        "training 1 (net): measured (the same in training 3 (x))",
        "training 2 (head): measured",
    ]
    assert notes == ["training 1 (net): n"]
