"""The Gaussian prior against torch.distributions."""

import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.probability import GaussianPrior

W = torch.tensor([[0.3, -2.0, 5.0], [1.0, 1.0, -1.0]], dtype=torch.float64)
TAU = torch.tensor([0.5, 4.0, 2.0], dtype=torch.float64)
MEAN = torch.tensor([1.0, -1.0, 0.0], dtype=torch.float64)


def test_value_is_the_normal_density():
    expected = -torch.distributions.Normal(MEAN, TAU**-0.5).log_prob(W).sum(-1)
    torch.testing.assert_close(GaussianPrior(TAU, MEAN).value(W), expected, rtol=1e-14, atol=0)


def test_scalar_is_the_constant_vector():
    scalar, vector = GaussianPrior(2.5, 0.5), GaussianPrior([2.5] * 3, [0.5] * 3)
    for method in ("value", "gradient", "curvature"):
        torch.testing.assert_close(getattr(scalar, method)(W), getattr(vector, method)(W), rtol=0, atol=0)


def test_derivatives():
    prior = GaussianPrior(TAU, MEAN)
    w = W[0].clone().requires_grad_()
    (slope,) = torch.autograd.grad(prior.value(w), w)
    torch.testing.assert_close(prior.gradient(W)[0], slope, rtol=1e-14, atol=0)
    second = torch.autograd.functional.hessian(prior.value, W[0])
    torch.testing.assert_close(torch.diag(prior.curvature(W[0])), second, rtol=1e-14, atol=0)


def test_zero_precision_is_flat_and_adds_nothing():
    some = GaussianPrior(torch.tensor([0.5, 0.0, 2.0], dtype=torch.float64), MEAN)
    rest = GaussianPrior(TAU[[0, 2]], MEAN[[0, 2]])
    torch.testing.assert_close(some.value(W), rest.value(W[:, [0, 2]]), rtol=1e-14, atol=0)
    assert GaussianPrior(0.0).value(W).tolist() == [0.0, 0.0]
    assert bool((some.gradient(W)[:, 1] == 0).all())


def test_over_leaves_flat_parameters_alone_only_for_a_single_precision():
    flat = torch.tensor([False, True])
    assert GaussianPrior(3.0).over(2, flat=flat).precision.tolist() == [3.0, 0.0]
    assert GaussianPrior([3.0, 4.0]).over(2, flat=flat).precision.tolist() == [3.0, 4.0]


def test_python_numbers_are_not_rounded_to_float32():
    assert float(GaussianPrior(0.1).value(torch.zeros(1, dtype=torch.float64))) == pytest.approx(
        0.5 * (torch.log(torch.tensor(2 * torch.pi / 0.1, dtype=torch.float64))).item(), rel=1e-15
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GaussianPrior(-1.0), "precision of at least 0"),
        (lambda: GaussianPrior(float("nan")), "finite numbers in the precision"),
        (lambda: GaussianPrior(1.0, float("inf")), "finite numbers in the prior mean"),
        (lambda: GaussianPrior("much"), "the precision as a number"),
        (lambda: GaussianPrior([[1.0]]), r"a number or \[P\]"),
        (lambda: GaussianPrior([1.0, 2.0], [1.0]), "one length"),
        (lambda: GaussianPrior([1.0, 2.0]).value(torch.ones(3)), r"w of shape \[..., 2\]"),
        (lambda: GaussianPrior([1.0, 2.0]).over(3), "a prior over 3 parameters"),
    ],
)
def test_refuses(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


def test_repr_names_its_numbers():
    assert repr(GaussianPrior(2.0)) == "GaussianPrior(precision=2.0, mean=0.0)"
