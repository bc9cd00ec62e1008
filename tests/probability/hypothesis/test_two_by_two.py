"""Exact tests of two-by-two tables on published data."""

import math

import pytest
import scipy.stats

from fivefold.core import DataError
from fivefold.probability import (
    fisher_exact_test,
    mcnemar_test,
)


def test_lady_tasting_tea():
    """Fisher 1935, chapter 2: p = 17 / 70 one-sided; R's fisher.test gives 6.408309 (0.2117 to 621.9)."""
    assert fisher_exact_test([[3, 1], [1, 3]], "greater").p_value == pytest.approx(17 / 70)
    effect = fisher_exact_test([[3, 1], [1, 3]]).effect
    assert (effect.value, effect.low) == pytest.approx((6.408309, 0.2117329), rel=1e-4)
    assert effect.high == pytest.approx(621.9, rel=0.01)  # R stops its root search early
    tail = scipy.stats.nchypergeom_fisher.cdf(3, 8, 4, 4, effect.high)
    assert tail == pytest.approx(0.025, rel=1e-5)


def test_agresti_approval():
    """Agresti 2002, table 10.1: 794, 150, 86, 570; b / c = 86 / 150."""
    result = mcnemar_test([[794, 86], [150, 570]])
    assert result.p_value == pytest.approx(float(scipy.stats.binomtest(86, 236).pvalue))
    interval = scipy.stats.binomtest(86, 236).proportion_ci()
    assert result.effect.low == pytest.approx(interval.low / (1 - interval.low))
    assert math.isinf(mcnemar_test([[5, 4], [0, 5]]).effect.high)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fisher_exact_test([[1, 2, 3], [4, 5, 6]]), DataError, "2 rows and 2 columns"),
        (lambda: fisher_exact_test([[0, 0], [1, 2]]), DataError, "the odds ratio is unknown"),
        (lambda: mcnemar_test([[3, 0], [0, 4]]), DataError, "nothing to test"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
