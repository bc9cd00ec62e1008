"""Weighted Gram matrices against einsum."""

import pytest
import torch

from fivefold.objective.gram import MANY, NARROW, weighted_gram


def random(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("batch", [(), (1,), (5,), (2, 3), (MANY,), (4, MANY)])
@pytest.mark.parametrize("p", [1, 6, NARROW + 1])
def test_weighted_gram(batch, p):
    X, d = random(40, p), random(*batch, 40)
    expected = torch.einsum("ij,...i,ik->...jk", X, d, X)
    gram = weighted_gram(X, d)
    torch.testing.assert_close(gram, expected, rtol=1e-12, atol=1e-12)
    assert torch.equal(gram, gram.mT)


@pytest.mark.parametrize("sets", [3, MANY])
@pytest.mark.parametrize("chunk", [1, 80, 100])
@pytest.mark.parametrize("order", ["rows", "columns"])
@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize("threads", [1, 4])
def test_blocks_of_rows(monkeypatch, sets, chunk, order, positive, threads):
    """1, 2 or 13 rows at a time, with a remainder; by the symmetric product where no weight is negative."""
    X, d = random(41, 6), random(sets, 41)
    X, d = X if order == "rows" else X.mT.contiguous().mT, d.abs() if positive else d
    monkeypatch.setattr("fivefold.objective.gram.CHUNK", chunk)
    monkeypatch.setattr("fivefold.objective.gram.SMALL", 0)
    monkeypatch.setattr("torch.get_num_threads", lambda: threads)
    torch.testing.assert_close(
        weighted_gram(X, d), torch.einsum("ij,bi,ik->bjk", X, d, X), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("threads", [1, 3])
def test_large_sums_with_derivatives_and_infinite_weights(threads, recwarn):
    X = torch.randn(2000, 40, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    d = torch.rand(2000, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    exact = X.T @ (d[:, None] * X)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        torch.testing.assert_close(weighted_gram(X, d), exact, rtol=1e-12, atol=1e-10)
        kept = weighted_gram(X, d.clone().requires_grad_())
        torch.testing.assert_close(kept.detach(), exact, rtol=1e-12, atol=1e-10)
        infinite = d.clone()
        infinite[5] = torch.inf
        assert not bool(weighted_gram(X, infinite).isfinite().all())
    finally:
        torch.set_num_threads(before)
    assert not recwarn.list
