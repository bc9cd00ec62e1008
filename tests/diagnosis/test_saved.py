"""What a saved model says of itself; every value in its record counts as hostile."""

import json
from pathlib import Path
from typing import Any

import pytest

from fivefold.artifact import Bundle, save
from fivefold.core import ArtifactError
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.saved import saved_findings

LEAK = Finding("leak.copy", "a copy of the target", "1.0000", "high", "cause", "--drop a")
MINOR = Finding("imbalance.rare", "few", "3 rows", "low", "cause", "more rows")


def saved(place: Path, record: Any) -> Path:
    files = {"record.json": json.dumps(record).encode()}
    return save(place / "model", Bundle("fivefold.table", {"number": 1.0}, {}, files))


def test_findings_and_certificates(tmp_path: Path) -> None:
    record = {
        "table": {"findings": [MINOR.to_record(), LEAK.to_record()]},
        "certificates": [
            {"claim": "coverage is 90%", "holds": "no"},
            {"claim": "converged", "holds": "yes"},
            {},
        ],
    }
    found = saved_findings(saved(tmp_path, record))
    assert list(found) == [LEAK, MINOR]
    assert found.notes == (
        "certificate: coverage is 90%: does not hold",
        "certificate: converged: holds",
        "certificate: None: unknown",
    )


@pytest.mark.parametrize(
    "record",
    [[], {}, {"table": 3}, {"table": {"findings": 3}}, {"table": {"findings": [3, {"confidence": "sure"}]}}],
)
def test_a_record_of_another_form_says_nothing(tmp_path: Path, record: Any) -> None:
    found = saved_findings(saved(tmp_path, record))
    assert list(found) == []
    assert found.notes == ("the record of the fit holds no certificates",)


def test_no_artifact(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError):
        saved_findings(tmp_path)
