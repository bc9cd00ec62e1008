"""What JSON can say of a record."""

import json

import numpy as np

from fivefold.tasks.plain_values import plain


def test_values_that_are_not_finite_become_nothing():
    found = plain({1: np.array([1.0, np.nan]), "a": (np.float64("inf"), np.int64(2), np.bool_(True))})
    assert found == {"1": [1.0, None], "a": [None, 2, True]}
    assert json.loads(json.dumps(found, allow_nan=False)) == found
