"""Products of float64 vectors with float32 rows: those of the converted rows, without converting them."""

import pytest
import torch

from fivefold.calculus import PeakMemory
from fivefold.objective import Linear
from fivefold.objective.gram import MANY, weighted_gram
from fivefold.objective.mixed import BLOCK, pieces, times_columns, times_rows


def rows(n=5000, p=20):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(n, p, generator=generator) + 50.0


def vectors(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


@pytest.mark.parametrize("lead", [(), (3,), (2, 3)])
def test_products_are_those_of_float64_rows(lead):
    X = rows()
    n, p = X.shape
    assert n * p > 2 * BLOCK, "several blocks"
    w, g = vectors(*lead, p), vectors(*lead, n)
    # Both sides are sums of p or n float64 products: they differ by their order alone.
    scale = 50.0 * n * 2.0**-52
    torch.testing.assert_close(times_rows(w, X), w @ X.double().mT, rtol=0, atol=50.0 * p * 2.0**-52)
    torch.testing.assert_close(times_columns(g, X), g @ X.double(), rtol=0, atol=scale)


@pytest.mark.parametrize("sets", [1, MANY])
@pytest.mark.parametrize("p", [3, 80])
def test_gram_matrices_of_float32_rows_are_those_of_float64_rows(sets, p):
    X = rows(3000, p)
    d = vectors(sets, 3000).abs()
    torch.testing.assert_close(weighted_gram(X, d), weighted_gram(X.double(), d), rtol=1e-14, atol=0)


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("intercept", [True, False])
def test_designs(outputs, intercept):
    X = rows(400, 4)
    model = Linear(X, outputs=outputs, intercept=intercept)
    w = vectors(2, model.size)
    eta = model.push(w, X)
    assert eta.dtype == torch.float64
    torch.testing.assert_close(eta, model.push(w, X.double()), rtol=1e-13, atol=1e-12)
    torch.testing.assert_close(model.pull(eta, X), model.pull(eta, X.double()), rtol=1e-12, atol=1e-9)


def test_no_copy_of_the_rows_is_made():
    X = rows(40_000, 20)
    w, g = vectors(20), vectors(40_000)
    with PeakMemory() as memory:
        times_columns(g, X)
    assert memory.peak < 3 * 8 * BLOCK
    with PeakMemory() as memory:
        times_rows(w, X)
    assert memory.peak < 3 * 8 * BLOCK + 2 * g.nbytes


def test_rows_in_the_dtype_asked_for_are_not_cut():
    X = rows()
    assert next(pieces(X, torch.float32)) is X
