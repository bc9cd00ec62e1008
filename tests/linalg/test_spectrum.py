import math

import numpy as np
import pytest

from fivefold.core import ArgumentError
from fivefold.linalg import condition, effective_rank


def test_flat_spectrum_counts_its_directions():
    r = effective_rank(np.full(7, 3.0))
    assert r.stable == pytest.approx(7, rel=1e-14)
    assert r.entropy == pytest.approx(7, rel=1e-14)
    assert r.numerical == 7


def test_closed_form_and_invariance_to_scale_and_order():
    s = np.array([4.0, 2.0, 1.0])
    p = s / 7
    for values in (s, s[::-1] * 1e200, s * 1e-200):
        r = effective_rank(values)
        assert r.stable == pytest.approx(21 / 16, rel=1e-14)
        assert r.entropy == pytest.approx(math.exp(-(p * np.log(p)).sum()), rel=1e-14)
        assert condition(values) == pytest.approx(4.0, rel=1e-14)


def test_rounding_noise_is_not_a_direction():
    assert effective_rank([1.0, 1.0, 1e-17]).numerical == 2
    assert condition([1.0, 0.0]) == math.inf
    zero = effective_rank([0.0, 0.0])
    assert (zero.stable, zero.entropy, zero.numerical) == (0.0, 0.0, 0)


@pytest.mark.parametrize(
    ("s", "message"), [([], "nonempty"), ([-1.0], "not negative"), ([math.nan], "finite")]
)
def test_bad_input(s, message):
    with pytest.raises(ArgumentError, match=message):
        condition(s)
    with pytest.raises(ArgumentError, match=message):
        effective_rank(s)
