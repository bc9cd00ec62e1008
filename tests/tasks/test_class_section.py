"""The section on classes counts what it says, beside scikit-learn."""

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
