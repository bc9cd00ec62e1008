"""Gauss-Newton and Fisher matrices of modules against dense float64 references."""

import pytest
import torch

from fivefold.calculus import ModelFisher, ModelGaussNewton, ModelHessian, PeakMemory
from fivefold.core import ArgumentError
from fivefold.probability import Categorical, Gaussian, Poisson

LOSS = torch.nn.CrossEntropyLoss()


def dense(case, model, X):
    outputs, w = case.flat_function(model, X)
    J = torch.autograd.functional.jacobian(outputs, w)  # [n, K, P]
    return J, outputs(w).detach()


def softmax_blocks(z):
    p = torch.softmax(z, -1)
    return torch.diag_embed(p) - p[:, :, None] * p[:, None, :]


def assembled(J, blocks):
    return torch.einsum("nkp,nkl,nlq->pq", J, blocks, J) / len(J)


@pytest.mark.parametrize("retain", [True, False])
def test_every_module(case, network_name, retain):
    model, X, y = case.module_case(network_name)
    J, z = dense(case, model, X)
    reference = assembled(J, softmax_blocks(z))
    G = ModelGaussNewton(model, LOSS, (X, y), retain=retain)
    case.contract(G, reference)
    assert G.symmetric
    case.contract(ModelFisher(model, Categorical(3), X, retain=retain), reference)
    eigenvalues = torch.linalg.eigvalsh(reference)
    assert float(eigenvalues.min()) > -1e-10


def test_likelihood_and_loss_agree_over_batches(case):
    model, X, y = case.module_case("convolutional")
    J, z = dense(case, model, X)
    data = list(zip(X.split(2), y.split(2), strict=True))
    for loss in (LOSS, Categorical(3)):
        for batching in ("auto", "loop", "measured"):
            G = ModelGaussNewton(model, loss, data, batching=batching)
            torch.testing.assert_close(G.to_dense(), assembled(J, softmax_blocks(z)), rtol=1e-11, atol=1e-12)
    assert ModelGaussNewton(model, Categorical(3), data).positive
    assert not ModelGaussNewton(model, LOSS, data).positive
    assert ModelGaussNewton(model, LOSS, data, convex=True).positive


def test_gauss_newton_is_the_hessian_of_a_linear_model():
    torch.manual_seed(1)
    model = torch.nn.Linear(3, 2).double()
    X, y = 2 + torch.randn(6, 3, dtype=torch.float64), torch.randn(6, 2, dtype=torch.float64)
    loss = torch.nn.MSELoss(reduction="sum")
    G = ModelGaussNewton(model, loss, (X, y), reduction="sum").to_dense()
    H = ModelHessian(model, loss, (X, y), reduction="sum").to_dense()
    torch.testing.assert_close(G, H, rtol=1e-12, atol=1e-12)
    # the block of the weights is 2 I x X'X
    torch.testing.assert_close(G[:6, :6], 2 * torch.block_diag(X.mT @ X, X.mT @ X), rtol=1e-12, atol=1e-12)


def test_empirical_fisher(case):
    model, X, y = case.module_case("residual")
    outputs, w = case.flat_function(model, X)
    rows = torch.autograd.functional.jacobian(
        lambda v: torch.nn.functional.cross_entropy(outputs(v), y, reduction="none"), w
    )
    F = ModelFisher(model, Categorical(3), [(X[:2], y[:2]), (X[2:], y[2:])], kind="empirical")
    case.contract(F, rows.mT @ rows / len(rows))
    total = ModelFisher(model, Categorical(3), (X, y), kind="empirical", reduction="sum")
    torch.testing.assert_close(total.to_dense(), rows.mT @ rows, rtol=1e-10, atol=1e-12)


def test_sampled_fisher_is_the_outer_products_of_its_draws(case):
    model, X, _ = case.module_case("dense", rows=4)
    J, z = dense(case, model, X)
    F = ModelFisher(model, Categorical(3), X, kind="sampled", samples=4000, seed=5)
    exact = assembled(J, softmax_blocks(z))
    one = F.to_dense()
    # each entry is a mean of 4000 draws: within 6 of its standard errors, bounded by the largest block
    bound = 6 * float(J.abs().amax() ** 2) * 4 / 4000**0.5
    assert float((one - exact).abs().max()) < bound
    assert float((one - exact).abs().max()) > 0
    torch.testing.assert_close(F.to_dense(), one, rtol=0, atol=1e-14)  # the same draws again
    other = ModelFisher(model, Categorical(3), X, kind="sampled", samples=4000, seed=6).to_dense()
    assert float((other - one).abs().max()) > 1e-6
    assert float(torch.linalg.eigvalsh(one).min()) > -1e-12


def test_sampled_fisher_is_unbiased(case):
    model, X, _ = case.module_case("dense", rows=3)
    J, z = dense(case, model, X)
    v = torch.ones(J.shape[-1], dtype=torch.float64)
    exact = float(v @ assembled(J, softmax_blocks(z)) @ v)
    draws = torch.tensor(
        [float(v @ (ModelFisher(model, Categorical(3), X, kind="sampled", seed=s) @ v)) for s in range(200)]
    )
    error = float(draws.std()) / 200**0.5
    assert abs(float(draws.mean()) - exact) < 4 * error


def test_own_parameters_and_one_output():
    torch.manual_seed(2)
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1)).double()
    X, _y = torch.randn(6, 2, dtype=torch.float64), torch.rand(6, dtype=torch.float64)
    theta = torch.tensor([0.4], dtype=torch.float64)
    free = ModelFisher(model, Gaussian(), X, theta=theta).to_dense()
    fixed = ModelFisher(model, Gaussian(sd=float((theta / 2).exp())), X).to_dense()
    torch.testing.assert_close(free, fixed, rtol=1e-12, atol=1e-12)
    G = ModelGaussNewton(model, Poisson(), (X, torch.arange(6.0, dtype=torch.float64))).to_dense()
    named = dict(model.named_parameters())
    J = torch.cat([
        torch.autograd.grad(model(X)[i, 0], list(named.values()))[k].reshape(1, -1)
        for i in range(6) for k in range(4)
    ], dim=1).reshape(6, -1)  # fmt: skip
    torch.testing.assert_close(G, J.mT @ (model(X).detach().exp() * J) / 6, rtol=1e-10, atol=1e-12)


def test_memory_bound_is_held():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(40, 40), torch.nn.Tanh(), torch.nn.Linear(40, 3)).double()
    X = torch.randn(200, 40, dtype=torch.float64)
    V = torch.randn(1763, 30, dtype=torch.float64)
    bound, results = 3_000_000, []
    for memory in (bound, 20 * bound):
        F = ModelFisher(model, Categorical(3), X, memory=memory, batching="auto")
        with PeakMemory() as seen:
            results.append(F @ V)
        # beside operands and results, of J and of its adjoint, and the columns that are joined to them
        assert seen.peak <= memory + 6 * V.nbytes
    torch.testing.assert_close(results[0], results[1], rtol=1e-11, atol=1e-11)


def test_a_planted_error_is_seen(case):
    model, X, y = case.module_case("dense")
    J, z = dense(case, model, X)
    wrong = assembled(J, softmax_blocks(z) * (1 + 1e-6))
    with pytest.raises(AssertionError):
        case.contract(ModelGaussNewton(model, LOSS, (X, y)), wrong)


def test_refuses(case):
    model, X, y = case.module_case("dense")
    with pytest.raises(ArgumentError, match="a likelihood, which knows"):
        ModelFisher(model, LOSS, (X, y))
    with pytest.raises(ArgumentError, match="kind as one of"):
        ModelFisher(model, Categorical(3), X, kind="monte carlo")
    with pytest.raises(ArgumentError, match="at least 1 sample"):
        ModelFisher(model, Categorical(3), X, samples=0)
