"""The section on classes counts what it says, beside scikit-learn."""

import json

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from fivefold.tasks.class_section import class_section
from fivefold.tasks.prediction_sets import Sets


def _drawn(classes, n=3000, seed=0):
    generator = np.random.default_rng(seed)
    p = generator.dirichlet(np.ones(classes), n)
    return p, (p.cumsum(1) < generator.random((n, 1))).sum(1)


@pytest.mark.parametrize("classes", [2, 4])
def test_confusion_sets_and_calibration_of_honest_probabilities(classes):
    p, y = _drawn(classes)
    sets = Sets(np.sort(Sets.of(*_drawn(classes, seed=1), ordered=False)))
    found = class_section(p, y, sets, 0.8)
    assert found["confusion"] == confusion_matrix(y, p.argmax(1)).tolist()
    assert found["sets"]["coverage"]["value"] == pytest.approx(0.8, abs=0.03)
    assert sum(found["sets"]["sizes"].values()) == len(y)
    mean = sum(int(size) * count for size, count in found["sets"]["sizes"].items()) / len(y)
    assert found["sets"]["mean_size"] == pytest.approx(mean)
    # ten bins of 300 rows: the mean distance of honest shares from the diagonal is about 0.8 / sqrt(300) / 2
    assert found["calibration_error"] < 0.05


def test_overconfident_probabilities_are_seen():
    p, y = _drawn(4)
    sharp = p**4 / (p**4).sum(1, keepdims=True)
    assert class_section(sharp, y, Sets(np.zeros(9)), 0.8)["calibration_error"] > 0.1


def test_of_many_classes_the_most_frequent_confusions_are_kept():
    classes, n = 3000, 4000
    generator = np.random.default_rng(0)
    truth = generator.integers(0, classes, n)
    found = np.where(generator.random(n) < 0.5, truth, generator.integers(0, classes, n))
    truth[:30], found[:30] = 7, 2999
    p = np.full((n, classes), 1e-4, dtype=np.float32)
    p[np.arange(n), found] = 0.5
    section = class_section(p, truth, Sets(np.sort(generator.random(50))), 0.8)
    assert section["confusion"] == []
    assert section["confused"][0] == {"true": 7, "found": 2999, "rows": 30}
    assert len(section["confused"]) == 1000
    assert all(pair["true"] != pair["found"] for pair in section["confused"])
    assert "1,000 most frequent" in section["confusion_note"]
    assert len(json.dumps(section)) < 100_000


def test_copies_count_once_in_the_coverage():
    p, y = _drawn(3, n=200)
    sets = Sets(np.sort(Sets.of(p, y, ordered=False)))
    once = class_section(p, y, sets, 0.8)["sets"]["coverage"]
    twice = class_section(p.repeat(2, 0), y.repeat(2), sets, 0.8, np.arange(200).repeat(2))["sets"][
        "coverage"
    ]
    assert twice == pytest.approx(once)
