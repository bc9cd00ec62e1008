"""Gradients over points and batches."""

import pytest
import torch

from fivefold.calculus import gradient, value_and_gradient
from fivefold.core import ArgumentError


def test_gradient_of_a_quadratic(case):
    quadratic = lambda w: 0.5 * w @ case.A @ w  # noqa: E731
    torch.testing.assert_close(gradient(quadratic)(case.w), case.A @ case.w, rtol=1e-14, atol=1e-14)


def test_gradient_over_a_batch_is_the_loop(case):
    points = torch.randn(4, 2, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    both = value_and_gradient(case.smooth)
    assert both.batching == "unknown"
    value, slope = both(points)
    assert both.batching == "vmap"
    assert value.shape == (4, 2)
    for i in range(4):
        for j in range(2):
            one, direction = both(points[i, j])
            torch.testing.assert_close(value[i, j], one, rtol=1e-13, atol=1e-13)
            torch.testing.assert_close(slope[i, j], direction, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(both.value(points), value, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", ["branching", "opaque"])
def test_what_cannot_be_mapped_is_looped_over_and_says_so(case, name):
    fn = getattr(case, name)
    points = torch.stack([case.w, 2 * case.w])
    both = value_and_gradient(fn)
    value, slope = both(points)
    assert both.batching == "loop"
    expected = 3 * points**2
    expected[:, 0] += points[:, 1]
    expected[:, 1] += points[:, 0]
    torch.testing.assert_close(slope, expected, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(both.value(points), value, rtol=1e-14, atol=0)
    torch.testing.assert_close(value_and_gradient(fn).value(points), value, rtol=1e-14, atol=0)


def test_gradient_under_no_grad(case):
    with torch.no_grad():
        torch.testing.assert_close(gradient(torch.sum)(case.w), torch.ones_like(case.w), rtol=0, atol=0)


@pytest.mark.parametrize("fn", [lambda w: w, lambda w: w.detach().sum(), lambda w: torch.ones(())])
def test_gradient_refuses(case, fn):
    with pytest.raises(ArgumentError, match="one real value that depends on w"):
        gradient(fn)(case.w)


def test_the_functions_own_error_passes(case):
    def broken(w):
        raise RuntimeError("my own error")

    with pytest.raises(RuntimeError, match="my own error"):
        gradient(broken)(torch.stack([case.w, case.w]))
