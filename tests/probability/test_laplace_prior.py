"""The Laplace prior against torch.distributions, and its proximal step against a grid."""

import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.probability import LaplacePrior

W = torch.tensor([[0.3, -2.0, 5.0], [1.0, 1.0, -1.0]], dtype=torch.float64)
RATE = torch.tensor([0.5, 4.0, 2.0], dtype=torch.float64)
CENTRE = torch.tensor([1.0, -1.0, 0.0], dtype=torch.float64)


def test_value_is_the_laplace_density():
    expected = -torch.distributions.Laplace(CENTRE, 1 / RATE).log_prob(W).sum(-1)
    torch.testing.assert_close(LaplacePrior(RATE, CENTRE).value(W), expected, rtol=1e-14, atol=0)


def test_subgradient_is_the_derivative_where_there_is_one():
    prior, h = LaplacePrior(RATE, CENTRE), 1e-6
    smooth = prior.smooth(W)
    assert smooth.tolist() == [[True, True, True], [False, True, True]]
    for j in range(3):
        step = torch.zeros(3, dtype=torch.float64)
        step[j] = h
        central = (prior.value(W + step) - prior.value(W - step)) / (2 * h)
        rows = smooth[:, j]
        torch.testing.assert_close(prior.subgradient(W)[rows, j], central[rows], rtol=1e-8, atol=1e-8)


def test_subgradient_inequality_holds_at_the_kink():
    prior = LaplacePrior(RATE, CENTRE)
    g = prior.subgradient(CENTRE)
    assert g.tolist() == [0.0, 0.0, 0.0]
    for w in W:
        assert float(prior.value(w)) >= float(prior.value(CENTRE) + g @ (w - CENTRE))


@pytest.mark.parametrize("step", [0.1, 0.9, 3.0])
def test_prox_is_the_minimum_over_a_grid(step):
    prior = LaplacePrior(1.3, 0.4)
    x = torch.linspace(-8, 8, 160_001, dtype=torch.float64)
    for w in (-3.0, 0.2, 0.4, 0.5, 6.0):
        values = 1.3 * (x - 0.4).abs() + (x - w).square() / (2 * step)
        found = prior.prox(torch.tensor([w], dtype=torch.float64), step)
        assert float(found) == pytest.approx(float(x[values.argmin()]), abs=1.1e-4)


def test_least_slope_is_zero_exactly_at_the_lasso():
    """For 1/2 |w - b|^2 the minimum is prox(b); away from it, or with another rate, it is not 0."""
    prior, b = LaplacePrior(1.0), torch.tensor([3.0, 0.5, -2.0], dtype=torch.float64)
    w = prior.prox(b, 1.0)
    assert w.tolist() == [2.0, 0.0, -1.0]
    assert prior.least_slope(w, w - b).tolist() == [0.0, 0.0, 0.0]
    assert LaplacePrior(0.2).least_slope(w, w - b).tolist() == pytest.approx([-0.8, -0.3, 0.8])


def test_flat_directions_add_nothing():
    some = LaplacePrior([0.5, 0.0, 2.0], CENTRE)
    rest = LaplacePrior(RATE[[0, 2]], CENTRE[[0, 2]])
    torch.testing.assert_close(some.value(W), rest.value(W[:, [0, 2]]), rtol=1e-14, atol=0)
    assert bool(some.smooth(CENTRE)[1])
    assert torch.equal(some.prox(W, 1.0)[:, 1], W[:, 1])


def test_samples_have_the_moments():
    w = LaplacePrior(2.0, 0.5).sample(200_000, torch.Generator().manual_seed(0))
    assert float(w.mean()) == pytest.approx(0.5, abs=4 * 0.5**0.5 / 200_000**0.5)
    assert float(w.var()) == pytest.approx(0.5, rel=0.02)
    assert float((w - 0.5).abs().mean()) == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LaplacePrior(-1.0), "a rate of at least 0"),
        (lambda: LaplacePrior(float("nan")), "finite numbers in the rate"),
        (lambda: LaplacePrior(1.0, float("inf")), "finite numbers in the prior's centre"),
        (lambda: LaplacePrior("strong"), "the rate as a number"),
        (lambda: LaplacePrior([1.0, 2.0], [0.0]), "one length"),
        (lambda: LaplacePrior([1.0, 2.0]).value(torch.ones(3)), r"w of shape \[..., 2\]"),
        (lambda: LaplacePrior(1.0).prox(torch.ones(3), 0.0), "a positive step"),
        (lambda: LaplacePrior(0.0).sample(2, torch.Generator()), "a positive rate everywhere"),
    ],
)
def test_refuses(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()


def test_repr_names_its_numbers():
    assert repr(LaplacePrior(2.0)) == "LaplacePrior(rate=2.0, centre=0.0)"
