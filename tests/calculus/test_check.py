"""The gradient check: it finds planted errors, and says when it cannot see."""

import pytest
import torch

from fivefold.calculus import gradient_check
from fivefold.core import ArgumentError, Kind, Status

W = torch.tensor([0.7, -1.2, 2.1], dtype=torch.float64)


def cubic(w):
    return (w**3).sum() + w[0] * w[1]


def slope(w):
    out = 3 * w**2
    out[0] += w[1]
    out[1] += w[0]
    return out


@pytest.mark.parametrize("given", [None, slope])
def test_right_gradient(given):
    check = gradient_check(cubic, W, gradient=given)
    assert check.holds is True
    assert check.status is Status.CONVERGED
    assert check.error < 1e-9  # truncation h^2 f''' / 6 = 4e-11 here
    assert check.certificates[0].kind is Kind.INDICATOR
    torch.testing.assert_close(check.differences, slope(W), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("j", range(3))
@pytest.mark.parametrize("size", [1e-4, -0.5])
def test_planted_error_is_found_and_placed(j, size):
    def wrong(w):
        out = slope(w)
        out[j] *= 1 + size
        return out

    check = gradient_check(cubic, W, gradient=wrong)
    assert check.holds is False
    assert check.status is Status.DIVERGED
    assert check.worst == j
    assert check.error == pytest.approx(abs(size * slope(W)[j]) / float(slope(W).abs().max()), rel=0.5)


def test_float32_points_are_checked_in_float64():
    assert gradient_check(cubic, W.float()).holds is True


def test_rounding_hides_the_answer():
    check = gradient_check(lambda w: 1e12 + w.sum(), W)
    assert check.holds is None
    assert check.status is Status.STALLED


def test_no_verdict_where_everything_is_zero():
    assert gradient_check(lambda w: (w**2).sum(), torch.zeros(3)).holds is None


def test_some_coordinates_of_many():
    w = torch.linspace(1, 2, 50, dtype=torch.float64)
    check = gradient_check(cubic, w, coordinates=7, seed=3)
    assert check.coordinates.shape == check.gradient.shape == (7,)
    assert torch.equal(check.coordinates, gradient_check(cubic, w, coordinates=7, seed=3).coordinates)
    assert check.holds is True


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gradient_check(cubic, W, tolerance=0.0), "positive tolerance"),
        (lambda: gradient_check(cubic, W, coordinates=0), "at least 1 coordinate"),
        (lambda: gradient_check(cubic, W[None]), "w with 1 dimension"),
        (lambda: gradient_check(cubic, W, gradient=lambda w: w[:2]), r"a gradient of shape \(3,\)"),
        (lambda: gradient_check(lambda w: (w - W).sqrt().sum(), W), "finite values and gradients"),
    ],
)
def test_refuses(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
