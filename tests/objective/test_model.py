"""A model of one's own, without a module."""

import torch

from fivefold.calculus import gradient_check
from fivefold.linalg.arrays import to_tensor
from fivefold.objective import DataObjective, Layout, Model
from fivefold.objective.model import no_parameters_flat
from fivefold.probability import Gaussian, GaussianPrior


class Decay(Model):
    """y = a exp(-b x): two parameters, the amplitude flat."""

    def __init__(self):
        layout = Layout({"a": (), "b": ()})
        flat = no_parameters_flat(2)
        flat[0] = True
        super().__init__(torch.tensor([1.0, 0.5]), layout, flat)

    def inputs(self, X):
        return to_tensor(X, "X", dims=(1,))

    def predictor(self, w, X):
        return w[0] * torch.exp(-w[1] * X)


def test_model_of_ones_own():
    x = torch.linspace(0, 3, 20, dtype=torch.float64)
    F = DataObjective(Decay(), Gaussian(sd=0.1), (x, 2 * torch.exp(-x)), GaussianPrior(3.0))
    assert F.dtype == torch.float64
    assert F.prior.precision.tolist() == [0.0, 3.0]
    w = torch.tensor([2.0, 1.0], dtype=torch.float64)
    assert gradient_check(F.value, w + 0.1, gradient=F.gradient).holds is True
    J = torch.stack([torch.exp(-x), -2 * x * torch.exp(-x)], dim=1)
    torch.testing.assert_close(F.jacobian(w).to_dense(), J, rtol=1e-12, atol=1e-12)
    # The residuals vanish at the truth, where Gauss-Newton, Fisher and Hessian are one matrix.
    expected = J.mT @ J / (20 * 0.01) + torch.diag(torch.tensor([0.0, 3.0 / 20], dtype=torch.float64))
    for method in (F.hessian, F.gauss_newton, F.fisher):
        torch.testing.assert_close(method(w).to_dense(), expected, rtol=1e-10, atol=1e-10)


def test_one_output_column_is_squeezed_only_for_one_output():
    eta = torch.ones(4, 1)
    assert Decay().squeeze(eta, 1).shape == (4,)
    assert Decay().squeeze(eta, 2).shape == (4, 1)
    assert Decay().squeeze(eta[:, 0], 1).shape == (4,)


def test_start_keeps_its_dtype_over_integer_inputs():
    assert Decay().at(torch.ones(3, dtype=torch.int64)).dtype == torch.float32
    assert Decay().at(torch.ones(3, dtype=torch.float64)).dtype == torch.float64
