"""Backpropagation: against autograd through the fast path, and against differences."""

import itertools

import numpy as np
import pytest
import torch

from fivefold import calculus
from fivefold.concepts.backpropagation import Layers, backward, forward, loss
from fivefold.concepts.derivative import gradient

SIZES = (3, 5, 4, 2)


@pytest.fixture
def net() -> tuple[Layers, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(13)
    layers = [(generator.normal(size=(a, b)), generator.normal(size=b)) for a, b in itertools.pairwise(SIZES)]
    return layers, generator.normal(size=(6, 3)), generator.normal(size=(6, 2))


def flat(layers: Layers) -> np.ndarray:
    return np.concatenate([part.ravel() for layer in layers for part in layer])


def unflat(w: np.ndarray) -> Layers:
    layers, at = [], 0
    for a, b in itertools.pairwise(SIZES):
        layers.append((w[at : at + a * b].reshape(a, b), w[at + a * b : at + a * b + b]))
        at += a * b + b
    return layers


def test_fast_path(net: tuple[Layers, np.ndarray, np.ndarray]) -> None:
    layers, x, y = net

    def torch_loss(w: torch.Tensor) -> torch.Tensor:
        a, at = torch.tensor(x), 0
        for depth, (m, n) in enumerate(itertools.pairwise(SIZES), start=1):
            W, b = w[at : at + m * n].reshape(m, n), w[at + m * n : at + m * n + n]
            z = a @ W + b
            a, at = z if depth == len(SIZES) - 1 else torch.tanh(z), at + m * n + n
        return ((a - torch.tensor(y)) ** 2).sum() / (2 * len(x))

    value, slopes = calculus.value_and_gradient(torch_loss)(torch.tensor(flat(layers)))
    assert loss(layers, x, y) == pytest.approx(value.item(), rel=1e-13)
    np.testing.assert_allclose(flat(backward(layers, x, y)), slopes.numpy(), rtol=1e-11, atol=1e-14)


def test_against_differences(net: tuple[Layers, np.ndarray, np.ndarray]) -> None:
    layers, x, y = net
    differences = gradient(lambda w: loss(unflat(w), x, y), flat(layers))
    np.testing.assert_allclose(flat(backward(layers, x, y)), differences, rtol=1e-6, atol=1e-8)


def test_the_gradient_has_the_shape_of_the_layers(net: tuple[Layers, np.ndarray, np.ndarray]) -> None:
    layers, x, y = net
    shapes = [(dW.shape, db.shape) for dW, db in backward(layers, x, y)]
    assert shapes == [(W.shape, b.shape) for W, b in layers]
    assert [value.shape for value in forward(layers, x)] == [(6, 3), (6, 5), (6, 4), (6, 2)]


def test_rows_average(net: tuple[Layers, np.ndarray, np.ndarray]) -> None:
    layers, x, y = net
    one_by_one = np.mean([flat(backward(layers, x[[i]], y[[i]])) for i in range(6)], axis=0)
    np.testing.assert_allclose(flat(backward(layers, x, y)), one_by_one, rtol=1e-12, atol=1e-15)


def test_at_the_target_nothing_comes_back(net: tuple[Layers, np.ndarray, np.ndarray]) -> None:
    layers, x, _ = net
    assert not np.any(flat(backward(layers, x, forward(layers, x)[-1])))
