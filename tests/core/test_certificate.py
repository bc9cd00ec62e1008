"""A certificate says yes, no or unknown, and prints what it rests on."""

import json

from fivefold.core import Certificate, Kind


def test_the_three_verdicts():
    verdicts = [Certificate("c", Kind.PROOF, holds).verdict for holds in (True, False, None)]
    assert verdicts == ["yes", "no", "unknown"]


def test_the_text_carries_kind_value_and_bound():
    text = str(Certificate("x <= 1", Kind.STATISTICAL, False, bound=1.0, value=2.5))
    assert text == "[no, statistical] x <= 1 (value 2.5, bound 1)"


def test_the_record_is_plain_json():
    record = Certificate("c", Kind.INDICATOR, None, assumptions=("a", "b"), method="m").to_record()
    assert json.loads(json.dumps(record)) == {
        "claim": "c",
        "kind": "indicator",
        "holds": "unknown",
        "bound": None,
        "value": None,
        "assumptions": ["a", "b"],
        "method": "m",
    }
