"""Jacobians and tangent kernels of modules against dense float64 references."""

import pytest
import torch

from fivefold.calculus import ModelJacobian, ModelKernel
from fivefold.core import ArgumentError


def dense(case, model, X):
    outputs, w = case.flat_function(model, X)
    return torch.autograd.functional.jacobian(outputs, w).reshape(-1, len(w))


@pytest.mark.parametrize("retain", [True, False])
def test_every_module(case, network_name, retain):
    model, X, y = case.module_case(network_name)
    J = dense(case, model, X)
    case.contract(ModelJacobian(model, (X, y), retain=retain), J)
    K = ModelKernel(model, X, retain=retain)
    case.contract(K, J @ J.mT)
    assert K.positive


@pytest.mark.parametrize("batching", ["auto", "loop", "measured"])
def test_batches_in_order(case, batching):
    model, X, _ = case.module_case("convolutional")
    J = dense(case, model, X)
    made = ModelJacobian(model, [X[:1], X[1:4], X[4:]], batching=batching)
    case.contract(made, J)
    case.contract(ModelKernel(model, [X[:1], X[1:4], X[4:]], batching=batching), J @ J.mT)


def test_more_outputs_than_parameters():
    model = torch.nn.Linear(1, 1).double()
    X = torch.linspace(1, 2, 7, dtype=torch.float64)[:, None]
    J = torch.cat([X, torch.ones_like(X)], dim=1)
    torch.testing.assert_close(ModelJacobian(model, X).to_dense(), J)
    K, G = ModelKernel(model, X).to_dense(), J.mT @ J
    torch.testing.assert_close(
        torch.linalg.eigvalsh(K)[-2:], torch.linalg.eigvalsh(G), rtol=1e-12, atol=1e-12
    )


def test_measured_choice_is_kept_and_gives_the_same(case):
    model, X, _ = case.module_case("dense")
    J = dense(case, model, X)
    made = ModelJacobian(model, X, batching="measured")
    assert made.ways == ()
    V = torch.randn(J.shape[1], 20, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(made @ V, J @ V, rtol=1e-11, atol=1e-11)
    way = made.ways
    torch.testing.assert_close(made @ V, J @ V, rtol=1e-11, atol=1e-11)
    assert made.ways == way
    assert way[0].split(", ")[1] in ("vmap", "loop")


def test_refuses_outputs_that_are_not_rows():
    with pytest.raises(ArgumentError, match="one row of outputs for each of the 4 inputs"):
        ModelJacobian(lambda p, x: (p["a"] * x).sum(), torch.ones(4, 1), parameters={"a": torch.ones(1)})
