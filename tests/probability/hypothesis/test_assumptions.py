"""Assumptions come out false where they are."""

import numpy as np

from fivefold.probability import (
    chi_squared_test,
    mann_whitney_test,
    one_sample_t_test,
    t_test,
    wilcoxon_test,
)

G = np.random.default_rng(4)

A, B = G.normal(size=23), G.normal(0.7, 1.8, size=31)


def test_assumptions_come_out_false():
    heavy = np.random.default_rng(0).standard_cauchy(60)
    assert any("normal" in each.claim for each in one_sample_t_test(heavy).doubtful)
    assert any("one variance" in each.claim for each in t_test(A, 40 * A).doubtful)
    assert any("large enough" in each.claim for each in chi_squared_test([[1, 2], [2, 1]]).doubtful)
    assert any("no ties" in each.claim for each in mann_whitney_test([1, 1, 2], [2, 3, 3]).doubtful)
    assert any("difference is 0" in each.claim for each in wilcoxon_test([0, 1, 2, 3]).doubtful)
    assert "doubtful" in str(one_sample_t_test(heavy))
    assert not one_sample_t_test(A).doubtful
    assert t_test([1.0, 1.0], [2.0, 3.0]).certificates[0].holds is None
