"""Sharpness and stability: our measure of the edge, and torch's optimizers on either side of it."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

import fivefold as ff
from fivefold.concepts.sharpness import adam_edge, edge, hessian_product, sharpness
from fivefold.optimize import stability_edge, stability_limit

X = np.random.default_rng(0).normal(size=(30, 5)) * np.array([1.0, 2.0, 0.5, 1.5, 0.2])
Y = np.random.default_rng(1).normal(size=30)


def slope(w: np.ndarray) -> np.ndarray:
    return 2.0 * X.T @ (X @ w - Y) / 30


def test_fast_path() -> None:
    net = torch.nn.Linear(5, 1, bias=False, dtype=torch.float64)
    sgd = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.6)
    batch = torch.tensor(X), torch.tensor(Y)[:, None]
    limit = stability_limit(net, torch.nn.functional.mse_loss, batch, sgd)
    assert limit is not None
    value = sharpness(slope, net.weight.detach().numpy()[0])
    assert value == pytest.approx(np.linalg.eigvalsh(2.0 * X.T @ X / 30)[-1], rel=1e-6)
    assert limit.curvature == pytest.approx(value, rel=1e-6)
    assert limit.rate == pytest.approx(edge(0.6) / value, rel=1e-6)


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9])
def test_the_edges_are_those_that_we_use(beta: float) -> None:
    w = [torch.zeros(1, requires_grad=True)]
    assert stability_edge(torch.optim.SGD(w, momentum=beta)) == pytest.approx(edge(beta))
    if beta:
        nesterov = torch.optim.SGD(w, momentum=beta, nesterov=True)
        assert stability_edge(nesterov) == pytest.approx(edge(beta, nesterov=True))
    assert stability_edge(torch.optim.Adam(w, betas=(beta, 0.99))) == pytest.approx(adam_edge(beta))


@pytest.mark.parametrize(
    ("make", "most"),
    [
        (lambda w, lr: torch.optim.SGD(w, lr=lr), edge()),
        (lambda w, lr: torch.optim.SGD(w, lr=lr, momentum=0.8), edge(0.8)),
        (lambda w, lr: torch.optim.SGD(w, lr=lr, momentum=0.8, nesterov=True), edge(0.8, nesterov=True)),
    ],
)
def test_torch_rests_below_the_edge_and_flies_above(
    make: Callable[[list[torch.Tensor], float], torch.optim.Optimizer], most: float
) -> None:
    for share, rests in ((0.97, True), (1.03, False)):
        w = torch.tensor([1.0, 1.0], dtype=torch.float64, requires_grad=True)
        optimizer = make([w], share * most / 7.0)
        for _ in range(900):
            optimizer.zero_grad()
            (0.5 * (torch.tensor([7.0, 1.0]) * w**2).sum()).backward()
            optimizer.step()
        assert (float(w.detach().abs().max()) < 1e-3) == rests


def test_adam_with_its_second_moments_held() -> None:
    for share, rests in ((0.97, True), (1.03, False)):
        rate, w, m = share * adam_edge(0.9) / 7.0, 1.0, 0.0
        for _ in range(3000):
            m = 0.9 * m + 0.1 * 7.0 * w
            w -= rate * m
        assert (abs(w) < 1e-3) == rests


def test_products_are_those_of_the_hessian_room() -> None:
    def value(w: torch.Tensor) -> torch.Tensor:
        return (w[0] * w[1] * w[2] - 1.0) ** 2 + (w**4).sum()

    w, v = np.array([0.7, -1.1, 0.4]), np.array([1.0, -2.0, 0.5])
    point = torch.tensor(w)

    def gradient(at: np.ndarray) -> np.ndarray:
        return torch.func.grad(value)(torch.tensor(at)).numpy()

    H = ff.calculus.HessianOperator(value, point)
    found = hessian_product(gradient, w, v)
    np.testing.assert_allclose(found, H.apply(torch.tensor(v)).numpy(), rtol=1e-7, atol=1e-8)


def test_where_all_is_flat() -> None:
    assert sharpness(lambda w: np.zeros(2), np.ones(2)) == 0.0
