"""The general path over modules that are not linear."""

import pytest
import torch

from fivefold.calculus import gradient_check
from fivefold.objective import DataObjective
from fivefold.probability import Bernoulli, Categorical, Gaussian, GaussianPrior

N = 12


def inputs(*shape):
    return torch.randn(N, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def labels(K):
    return torch.arange(N) % K


def net(outputs):
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, outputs)).double()


@pytest.mark.parametrize(("likelihood", "outputs"), [(Gaussian(), 1), (Bernoulli(), 1), (Categorical(3), 3)])
def test_derivatives_of_a_network(likelihood, outputs):
    y = labels(3) if outputs == 3 else labels(2)
    F = DataObjective(net(outputs), likelihood, (inputs(3), y), GaussianPrior(0.5))
    w = F.initial + 0.1
    assert gradient_check(F.value, w, gradient=F.gradient).holds is True
    dense = torch.autograd.functional.hessian(F._path._value_at, w)
    H = F.hessian(w)
    assert (H.mode, H.batching) == ("forward-over-reverse", "vmap")
    torch.testing.assert_close(H.to_dense(), dense, rtol=1e-10, atol=1e-10)
    # Gauss-Newton is J' C J with the likelihood's own curvature, densely.
    J = torch.autograd.functional.jacobian(F._path._outputs_at, w)
    q = likelihood.parameters
    rows = (N, outputs) if outputs > 1 else (N,)

    def loss(z):
        cut = len(z) - q
        return likelihood.negative_log_density(z[:cut].reshape(rows), F._path.rows.y, z[cut:]).sum() / N

    C = torch.autograd.functional.hessian(loss, F._path._outputs_at(w))
    ridge = torch.diag(F.prior.curvature(w) / N)
    torch.testing.assert_close(F.gauss_newton(w).to_dense(), J.mT @ C @ J + ridge, rtol=1e-9, atol=1e-10)
    assert float(torch.linalg.eigvalsh(F.fisher(w).to_dense()).min()) > -1e-10


def test_recurrent_net_takes_the_ways_that_work():
    class Recurrent(torch.nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.cell = torch.nn.LSTM(1, 2, batch_first=True, dtype=torch.float64)
            self.head = torch.nn.Linear(2, 1, dtype=torch.float64)

        def forward(self, x):
            return self.head(self.cell(x[..., None])[0][:, -1])

    F = DataObjective(Recurrent(), Gaussian(sd=1.0), (inputs(3), inputs()))
    w = F.initial
    dense = torch.autograd.functional.hessian(F._path._value_at, w)
    torch.testing.assert_close(F.hessian(w).to_dense(), dense, rtol=1e-9, atol=1e-10)
    assert F.hessian(w).mode in ("forward-over-reverse", "reverse-over-reverse")
    slope = F.gradient(torch.stack([w, 1.1 * w]))
    torch.testing.assert_close(slope[1], F.gradient(1.1 * w), rtol=1e-10, atol=1e-12)
    assert F.batching in ("vmap", "loop")
    assert float(torch.linalg.eigvalsh(F.gauss_newton(w).to_dense()).min()) > -1e-10


def test_a_module_that_cannot_be_mapped_is_looped_over():
    class Branching(torch.nn.Linear):
        def forward(self, x):
            return super().forward(x) if self.weight.sum().item() < 100 else x[:, :1]

    F = DataObjective(Branching(3, 1).double(), Bernoulli(), (inputs(3), labels(2)))
    w = torch.stack([F.initial, F.initial + 1])
    torch.testing.assert_close(F.predictor(w)[1], F.predictor(w[1]), rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(F.gradient(w)[1], F.gradient(w[1]), rtol=1e-13, atol=1e-13)
    assert F.batching == "loop"
