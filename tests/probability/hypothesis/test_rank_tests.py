"""Rank tests on published data."""

import numpy as np
import pytest

from fivefold.core import DataError
from fivefold.probability import (
    correlation_test,
    mann_whitney_test,
    one_sample_t_test,
    wilcoxon_test,
)

DARWIN = np.array(
    [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
)  # Fisher 1935, eighths of an inch


def test_darwins_maize():
    """Fisher 1935, chapter 3: t = 2.148, p = 0.0497; Wilcoxon's W = 96, exact p = 0.0413."""
    assert one_sample_t_test(DARWIN).statistic == pytest.approx(2.148, abs=5e-4)
    assert one_sample_t_test(DARWIN).p_value == pytest.approx(0.0497, abs=5e-5)
    result = wilcoxon_test(DARWIN)
    assert result.statistic == 96.0
    assert result.p_value == pytest.approx(0.0413, abs=5e-5)
    assert result.effect.value == pytest.approx((96 - 24) / 120)


def test_intervals_do_not_collapse_where_samples_are_apart():
    for result in (mann_whitney_test([1, 2, 3, 4], [5, 6, 7, 8]), wilcoxon_test([1, 2, 3, 4])):
        effect = result.effect
        assert abs(effect.value) == 1
        assert -1 <= effect.low <= effect.high <= 1
        assert effect.high - effect.low > 0.2
    perfect = correlation_test([1, 2, 3, 4, 5], [2, 4, 6, 8, 10], "kendall").effect
    assert (perfect.value, perfect.high) == pytest.approx((1.0, 1.0), abs=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mann_whitney_test([1.0, 1.0], [1.0]), DataError, "x and y together with some variation"),
        (lambda: wilcoxon_test([0.0, 0.0]), DataError, "at least one difference"),
        (lambda: wilcoxon_test([1.0, 2.0], [1.0]), DataError, "pairs"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
