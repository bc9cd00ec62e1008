"""The linear model and its Gram matrices."""

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.objective import DataObjective, Layout, Linear
from fivefold.probability import Bernoulli


def random(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("outputs", [1, 3])
def test_predictor_is_torch_linear_in_its_order(intercept, outputs):
    module = torch.nn.Linear(4, outputs, bias=intercept, dtype=torch.float64)
    w = torch.cat([p.detach().reshape(-1) for p in module.parameters()])
    X = random(7, 4)
    eta = Linear(X, intercept=intercept, outputs=outputs).predictor(w, X)
    expected = module(X).detach()
    torch.testing.assert_close(eta, expected if outputs > 1 else expected[:, 0], rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("outputs", [1, 3])
def test_pull_is_the_adjoint_of_push(outputs):
    model = Linear(4, outputs=outputs)
    X = random(7, 4)
    w, eta = random(2, model.size), random(2, 7) if outputs == 1 else random(2, 7, outputs)
    left = (model.push(w, X) * eta).sum()
    torch.testing.assert_close(left, (w * model.pull(eta, X)).sum(), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(model.from_blocks(model.to_blocks(w)), w, rtol=0, atol=0)


def test_only_the_weights_are_penalised_by_one_precision():
    assert Linear(2, outputs=2).flat.tolist() == [False] * 4 + [True] * 2
    assert Linear(2, intercept=False).flat.tolist() == [False] * 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Linear(torch.ones(3)), r"X of shape \[n, p\]"),
        (lambda: Linear(np.ones((2, 3, 4))), r"X of shape \[n, p\]"),
        (lambda: Linear(0), "at least 1 feature"),
        (lambda: Linear(3, outputs=0), "at least 1 output"),
        (lambda: Linear(3).inputs(torch.ones(2, 4)), "X with 3 columns"),
        (lambda: Layout({"a": (2,)}).unravel(torch.ones(3)), r"w of shape \[\.\.\., 2\]"),
        (lambda: Layout({"a": ()}).unravel(torch.tensor(1.0)), r"w of shape \[\.\.\., 1\]"),
    ],
)
def test_refuses(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_array_by_columns_is_not_copied(dtype):
    """Whatever the order in memory the objective is the same; other arrays are converted as ever."""
    generator = np.random.default_rng(3)
    rows = generator.normal(size=(40, 3)).astype(dtype)
    columns = np.asfortranarray(rows)
    held = Linear(3).inputs(columns)
    assert held.data_ptr() == columns.ctypes.data
    w = torch.tensor([[0.3, -0.2, 0.5, 0.1]], dtype=held.dtype)
    y = generator.integers(0, 2, 40)
    by_rows, by_columns = (DataObjective(Linear(3), Bernoulli(), (X, y)) for X in (rows, columns))
    exact = {"rtol": 1e-5 if dtype is np.float32 else 1e-13, "atol": 1e-7 if dtype is np.float32 else 1e-15}
    for one, other in zip(by_rows.value_and_gradient(w), by_columns.value_and_gradient(w), strict=True):
        torch.testing.assert_close(one, other, **exact)
    H, G = by_rows.hessian(w).to_dense(), by_columns.hessian(w).to_dense()
    torch.testing.assert_close(H, G, **exact)
    torch.testing.assert_close(by_rows.on([3, 5]).gradient(w), by_columns.on([3, 5]).gradient(w), **exact)
    frozen = columns.copy(order="F")
    frozen.flags.writeable = False
    assert Linear(3).inputs(frozen).data_ptr() != frozen.ctypes.data
    assert Linear(3).inputs(columns.astype(">f8")).dtype == torch.float64
    with pytest.raises(ArgumentError, match="finite"):
        Linear(3).inputs(np.full((2, 3), np.nan, order="F"))
