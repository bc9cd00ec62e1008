"""Objectives of torch functions."""

import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.objective import Objective

START = torch.tensor([-1.2, 1.0], dtype=torch.float64)


def test_quartic():
    F = Objective.from_function(lambda w: (w**4).sum(), START)
    torch.testing.assert_close(F.gradient(START), 4 * START**3, rtol=1e-13, atol=0)
    torch.testing.assert_close(F.hessian(START).to_dense(), torch.diag(12 * START**2), rtol=1e-13, atol=0)
    assert F.hessian(START).mode == "forward-over-reverse"


def test_a_function_that_cannot_be_mapped_says_so():
    F = Objective.from_function(lambda w: (w**2).sum() if w[0].item() < 9 else w.sum(), START)
    assert F.batching == "unknown"
    points = torch.stack([START, START + 100])
    torch.testing.assert_close(F.gradient(points), torch.stack([2 * START, torch.ones_like(START)]))
    assert F.batching == "loop"


@pytest.mark.parametrize("fn", [lambda w: w, lambda w: w.detach().sum(), lambda w: torch.zeros(())])
def test_refuses(fn):
    with pytest.raises(ArgumentError, match="one real value"):
        Objective.from_function(fn, START)
