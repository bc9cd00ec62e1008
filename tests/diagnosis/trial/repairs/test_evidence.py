"""Numbers that findings give."""

from fivefold.diagnosis.trial.repairs.evidence import measured


def test_what_is_given_by_name_counts_before_sentences(found) -> None:
    each = found(evidence="counts 1e3 steps and made 30 of them", repair={"taken": 7, "name": "x"})
    assert measured(each, "taken", "made ") == 7.0
    assert measured(each, "other", "made ", "counts ") == 30.0
    assert measured(each, "other", "counts ") == 1000.0
    assert measured(each, "name", "nowhere ") is None
