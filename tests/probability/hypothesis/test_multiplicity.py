"""Correction for many tests against SciPy, a published example, and by simulation."""

import math

import numpy as np
import pytest
import scipy.stats

from fivefold.core import ArgumentError, DataError
from fivefold.probability import (
    correct_p_values,
)


def test_corrections_are_scipys_and_holms():
    p = np.random.default_rng(0).random(12) ** 3
    for ours, theirs in (("benjamini-hochberg", "bh"), ("benjamini-yekutieli", "by")):
        expected = scipy.stats.false_discovery_control(p, method=theirs)
        np.testing.assert_allclose(correct_p_values(p, ours).adjusted, expected, rtol=1e-12)
    # Benjamini & Hochberg 1995, section 3.2: 15 hypotheses, of which Holm rejects 3 and theirs 4.
    published = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.324,
        0.4262,
        0.5719,
    ]
    published += [0.6528, 0.759, 1.0]
    assert correct_p_values(published, "holm").rejected.sum() == 3
    found = correct_p_values(published, "benjamini-hochberg")
    assert found.rejected.sum() == 4
    assert found.certificate.holds is None
    assert correct_p_values(published, "benjamini-yekutieli").certificate.holds is True


def test_corrections_bound_their_errors():
    """20 tests, 12 of true hypotheses: Holm's rate of any error, and the false share, stay at 5%."""
    generator, wrong, share = np.random.default_rng(0), 0, 0.0
    for _ in range(400):
        p = scipy.stats.norm.sf(generator.normal(size=20) + np.repeat([0.0, 3.0], [12, 8]))
        wrong += correct_p_values(p).rejected[:12].any()
        found = correct_p_values(p, "benjamini-hochberg").rejected
        share += found[:12].sum() / max(found.sum(), 1)
    assert wrong / 400 <= 0.05 + 3 * math.sqrt(0.0475 / 400)
    assert share / 400 <= 0.05


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: correct_p_values([0.5, 1.5]), DataError, "p values between 0 and 1"),
        (lambda: correct_p_values([]), DataError, "at least 1 values"),
        (lambda: correct_p_values([0.5], "bonferroni"), ArgumentError, "a method among"),
        (lambda: correct_p_values([0.5], level=0.0), ArgumentError, "a level between 0 and 1"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
