import numpy as np
import torch

from fivefold.linalg.centred_spectrum import by_gram, by_stacked_qr, by_svd
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
