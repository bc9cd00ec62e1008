"""What a result answers without further products."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.theory import curvature


def test_effective_dimension_against_the_dense_matrix(case: Callable[[str], Any]) -> None:
    one = case("dense")
    exact = torch.linalg.eigvalsh(one.H).clamp_min(0)
    found = curvature(one.module, one.loss, (one.X, one.y), k=10, probes=8)
    assert found.sharpness == float(found.eigenvalues[0])
    products = found.products
    for a in (0.01, 0.1, 1.0):
        expected = float((exact / (exact + a)).sum())
        estimate = found.effective_dimension(a)
        assert abs(estimate.value - expected) <= 4 * estimate.standard_error + estimate.bias
        assert estimate.standard_error < 0.3 * expected
    assert found.products == products


def test_bad_arguments(case: Callable[[str], Any]) -> None:
    one = case("dense")
    found = curvature(one.module, one.loss, (one.X, one.y), k=1, density=False, with_trace=False)
    with pytest.raises(ArgumentError, match="positive curvature of the penalty"):
        found.effective_dimension(0.0)
    assert found.trace is None
    assert found.density is None
    assert found.eigenvectors is None
