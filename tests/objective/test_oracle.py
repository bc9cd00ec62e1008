"""Black boxes that speak NumPy."""

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.objective import Objective

START = torch.tensor([-1.2, 1.0], dtype=torch.float64)


def oracle(w):
    a, b = w
    value = (1 - a) ** 2 + 100 * (b - a**2) ** 2
    return value, np.array([-2 * (1 - a) - 400 * a * (b - a**2), 200 * (b - a**2)])


def hessian(w):
    a, b = (float(x) for x in w)
    return torch.tensor([[2 - 400 * (b - 3 * a**2), -400 * a], [-400 * a, 200]], dtype=torch.float64)


def hessian_product(w, v):
    return hessian(w).numpy() @ v


def test_oracle_modes_and_batched_products():
    for product, mode in ((None, "central differences"), (hessian_product, "hessian product")):
        H = Objective.from_oracle(oracle, START, product).hessian(START)
        assert H.mode == mode
        X = torch.randn(2, 2, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        torch.testing.assert_close(H @ X, hessian(START) @ X, rtol=1e-7, atol=1e-5)
        torch.testing.assert_close(H.H @ X, hessian(START) @ X, rtol=1e-7, atol=1e-5)
        assert bool((H @ torch.zeros(2) == 0).all())


def test_oracle_may_write_into_its_argument():
    def rude(w):
        out = oracle(w)
        w[:] = 0
        return out

    F = Objective.from_oracle(rude, START)
    assert float(F.value(START)) == float(F.value(START)) > 20


def test_infinite_values_pass_through():
    F = Objective.from_oracle(lambda w: (np.inf if w[0] > 5 else 1.0, np.zeros(2)), START)
    assert F.value(torch.tensor([[9.0, 0.0], [0.0, 0.0]])).tolist() == [float("inf"), 1.0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Objective.from_oracle(lambda w: 3.0, START), "a pair"),
        (lambda: Objective.from_oracle(lambda w: (w, w), START), "one number as the oracle's value"),
        (lambda: Objective.from_oracle(lambda w: (1.0, w[:1]), START), r"a gradient of shape \(2,\)"),
        (
            lambda: Objective.from_oracle(oracle, START, lambda w, v: v[:1]).hessian(START).to_dense(),
            r"a Hessian product of shape \(2,\)",
        ),
    ],
)
def test_refuses(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()
