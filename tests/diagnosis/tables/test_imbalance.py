"""Rare classes are named; even ones raise no alarm."""

import numpy as np

from fivefold.diagnosis.tables.imbalance import check_imbalance


def table(counts):
    labels = [name for name, n in counts.items() for _ in range(n)]
    return {"y": labels, "x": np.arange(len(labels)) * 0.3}


def test_even_classes_and_numbers_raise_none(see):
    assert not check_imbalance(see(table({"a": 40, "b": 60})))
    assert not check_imbalance(see({"y": np.arange(40) * 0.5, "x": np.arange(40) ** 2}))


def test_a_class_of_few_rows(see):
    found = check_imbalance(see(table({"a": 300, "b": 60, "c": 4})))
    assert [f.code for f in found] == ["imbalance.rare"]
    assert "'c' 4" in found[0].evidence


def test_a_small_share(see):
    found = check_imbalance(see(table({"yes": 30, "no": 970})))
    assert [f.code for f in found] == ["imbalance.share"]
    assert "'yes' has 3.0%" in found[0].title or "'true' has 3.0%" in found[0].title
    assert "97.0%" in found[0].evidence
