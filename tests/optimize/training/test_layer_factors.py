"""Kronecker factors against the exact Fisher matrix, per-row derivatives and unfolded sums."""

import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError
from fivefold.optimize.training.layer_factors import LayerFactors, kfac_layers


def data(n=6, d=3):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_on_a_linear_gaussian_model_the_block_is_the_exact_fisher_matrix():
    """Gaussian loss (1/m)|f - y|^2: Fisher = E[a a'] kron (2/m) I, exactly, where draws are averaged."""
    net = nn.Linear(3, 2).double()
    factors = LayerFactors(net, [net], loss="squared", seed=1)
    X = data()
    ones = torch.cat([X, torch.ones(6, 1, dtype=X.dtype)], 1)
    total = torch.zeros(2, 2, dtype=X.dtype)
    for _ in range(4000):
        net(X)
        A, G = factors.collect(net)
        total += G / 4000
    torch.testing.assert_close(A, ones.T @ ones / 6, rtol=1e-12, atol=1e-12)
    # 24000 draws of unit variance: a standard error of sqrt(2/24000) = 0.009
    torch.testing.assert_close(total, torch.eye(2, dtype=X.dtype), rtol=0, atol=0.05)
    # the exact Fisher matrix of the rows from the Jacobians of the outputs with m = 2, by (output, input)
    J = torch.einsum("oc,ni->ncoi", torch.eye(2, dtype=X.dtype), ones).reshape(6, 2, 8)
    exact = torch.einsum("nca,ncb->ab", J, J) / 6
    torch.testing.assert_close(torch.kron(torch.eye(2, dtype=X.dtype), A), exact, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("loss", ["cross-entropy", "logistic"])
def test_drawn_slopes_have_the_covariance_of_the_model(loss):
    net = nn.Linear(3, 3, bias=False).double()
    factors = LayerFactors(net, [net], loss=loss, seed=2)
    x = data(1)
    net(x)
    factors.collect(net)
    total = torch.zeros(3, 3, dtype=x.dtype)
    for _ in range(300):
        net(x.expand(100, 3))
        total += factors.collect(net)[1] / 300
    f = net(x)[0].detach()
    if loss == "logistic":
        p = f.sigmoid()
        exact = torch.diag(p * (1 - p)) / 3
    else:
        p = f.softmax(0)
        exact = torch.diag(p) - torch.outer(p, p)
    torch.testing.assert_close(total, exact, rtol=0, atol=0.01)


def test_without_a_loss_the_slopes_are_those_of_the_given_targets():
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(inplace=True), nn.Linear(4, 1)).double()
    factors = LayerFactors(net, kfac_layers(net))
    X, y = data(), torch.arange(6.0, dtype=torch.float64)[:, None]
    (net(X) - y).square().mean().backward()
    A, G = factors.collect(net[2])
    hidden = net[:2](X).detach()
    hidden = torch.cat([hidden, torch.ones(6, 1, dtype=X.dtype)], 1)
    residual = 2 * (net(X) - y).detach()
    torch.testing.assert_close(A, hidden.T @ hidden / 6)
    torch.testing.assert_close(G, residual.T @ residual / 6)
    # a layer before an activation in place has the slopes of its own outputs
    slopes = residual * net[2].weight.detach() * (net[0](X) > 0)
    torch.testing.assert_close(factors.collect(net[0])[1], slopes.T @ slopes / 6)


@pytest.mark.parametrize("settings", [{"padding": 1}, {"stride": 2}, {"dilation": 2, "padding": 2}])
def test_convolution_sums_over_places(settings):
    net = nn.Conv2d(2, 3, 3, **settings).double()
    factors = LayerFactors(net, [net])
    X = torch.randn(4, 2, 6, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    net(X).square().sum((1, 2, 3)).mean().backward()
    A, G = factors.collect(net)
    output = net(X).detach()
    slopes = 2 * output
    places = output.shape[2] * output.shape[3]
    # the exact derivative by the weights, from the same patches: sum over places of g a'
    patches = nn.functional.unfold(X, 3, net.dilation, net.padding, net.stride)
    gradient = torch.einsum("ncl,nkl->ck", slopes.flatten(2), patches) / 4
    torch.testing.assert_close(gradient.reshape(net.weight.shape), net.weight.grad)
    padded = torch.cat([patches, torch.ones_like(patches[:, :1])], 1)
    torch.testing.assert_close(A, torch.einsum("nkl,njl->kj", padded, padded) / 4)
    torch.testing.assert_close(
        G, torch.einsum("ncl,ndl->cd", slopes.flatten(2), slopes.flatten(2)) / (4 * places)
    )


def test_nothing_is_recorded_in_evaluation_mode_or_after_removal():
    net = nn.Linear(2, 1)
    factors = LayerFactors(net, [net], loss="squared")
    net.eval()
    net(torch.ones(3, 2))
    assert factors.collect(net) is None
    net.train()
    with torch.no_grad():
        net(torch.ones(3, 2))
    assert factors.collect(net) is None
    factors.remove()
    net(torch.ones(3, 2)).sum().backward()
    assert factors.collect(net) is None
    assert not net._forward_hooks


def test_the_callers_backward_pass_is_untouched():
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    X = data().float()
    net(X).square().mean().backward()
    plain = [p.grad.clone() for p in net.parameters()]
    net.zero_grad()
    factors = LayerFactors(net, kfac_layers(net), loss="cross-entropy")
    before = torch.get_rng_state()
    net(X).square().mean().backward()
    assert all(torch.equal(p.grad, g) for p, g in zip(net.parameters(), plain, strict=True))
    assert torch.equal(torch.get_rng_state(), before)
    factors.remove()


def test_which_layers_suit():
    frozen = nn.Linear(2, 2).requires_grad_(False)
    others = [nn.Conv2d(2, 2, 3, padding="same"), nn.Conv2d(2, 2, 3, padding_mode="circular"), nn.GRU(2, 2)]
    assert kfac_layers(nn.ModuleList([frozen, *others])) == []


def test_an_unknown_loss_is_refused():
    with pytest.raises(ArgumentError, match="a loss among"):
        LayerFactors(nn.Linear(1, 1), [], loss="hinge")
