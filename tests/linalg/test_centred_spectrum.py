import numpy as np
import torch

from fivefold.core import Kind
from fivefold.linalg.centred_spectrum import by_gram, by_probed_products, by_stacked_qr, by_svd
from fivefold.linalg.row_batches import RowBatches

RNG = np.random.default_rng(13)
X = RNG.standard_normal((400, 6)) * 2.0 ** -np.arange(6) + 100


def all_three(X, k):
    rows = torch.from_numpy(X)
    source = [rows[:30], rows[30:]]
    yield by_gram(RowBatches(source, paired=False), lambda m, n: k)
    yield by_stacked_qr(RowBatches(source, paired=False), lambda m, n: k)
    yield by_svd(rows, k, 0)


def test_three_ways_one_answer():
    values, vectors = np.linalg.eigh(np.cov(X.T))
    for found in all_three(X, 3):
        assert np.allclose(found.variance, values[::-1][:3], rtol=1e-12)
        assert (np.abs(found.variance.numpy() - values[::-1][:3]) <= found.error.numpy() + 1e-13).all()
        assert np.allclose(np.abs(found.V.T.numpy() @ vectors[:, ::-1][:, :3]), np.eye(3), atol=1e-10)
        assert np.isclose(found.total, values.sum(), rtol=1e-12)
        assert found.rows == 400
        assert found.gap > found.gap_limit
        assert found.accurate


def test_products_say_where_they_do_not_resolve_a_variance():
    thin = RNG.standard_normal((400, 2)) * [1.0, 1e-7]
    gram, qr, svd = all_three(thin, 2)
    assert not gram.accurate
    exact = np.linalg.svd(thin - thin.mean(0), compute_uv=False) ** 2 / 399
    for found in (gram, qr, svd):
        assert (np.abs(found.variance.numpy() - exact) <= found.error.numpy() * (1 + 1e-6)).all()
    assert gram.error[1] > exact[1] > qr.error[1]


WIDE = RNG.standard_normal((60_000, 70)) * 2.0 ** -np.linspace(0, 3, 70) + 0.05


def test_products_in_float32_beside_those_in_float64():
    rows = torch.from_numpy(WIDE.astype(np.float32))
    exact = by_gram(RowBatches([rows.double()], paired=False), lambda m, n: 6)
    for seed in range(10):
        found = by_probed_products(rows, 6, seed)
        error = (found.variance - exact.variance).abs()
        assert bool((error <= found.error).all())
        assert float(error.max()) < 1e-7 * float(exact.variance[0])  # a rounding of float32, once
        assert float(found.error.max()) <= 1e-4 * float(found.variance[-1])
        torch.testing.assert_close(found.mean, exact.mean, rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(found.V, exact.V, rtol=0, atol=1e-5)
        assert abs(found.total / exact.total - 1) < 1e-7
        assert found.gap > found.gap_limit
        assert abs(found.gap - exact.gap) < 1e-6
        assert [c.kind for c in found.certificates] == [Kind.STATISTICAL, Kind.PROOF, Kind.PROOF]
        assert [c.verdict for c in found.certificates] == ["yes"] * 3


def test_products_in_float32_are_not_taken_where_they_do_not_suit():
    rows = torch.from_numpy(WIDE.astype(np.float32))
    assert by_probed_products(rows.double(), 6, 0) is None
    assert by_probed_products(rows[:, :60].contiguous(), 6, 0) is None  # few columns
    assert by_probed_products(rows.mT.contiguous().mT, 6, 0) is None  # laid out by columns
    assert by_probed_products(rows + 100, 6, 0) is None
    thin = rows.clone()
    thin[:, 3:] *= 1e-4
    assert by_probed_products(thin, 6, 0) is None  # a variance of 1e-8 beside one of 1
    tied = torch.cat([torch.eye(70), -torch.eye(70)]).repeat(30, 1)
    assert by_probed_products(tied, 6, 0) is None  # no gap that the bound could show
