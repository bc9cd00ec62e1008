import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError, DataError, Kind, Status
from fivefold.linalg import DataMatrix, Dense, Identity, pca, probed_products

RNG = np.random.default_rng(8)
X = RNG.standard_normal((50, 5)) * [5, 3, 2, 1, 0.5] @ np.linalg.qr(RNG.standard_normal((5, 5)))[0] + 40


@pytest.mark.parametrize("make", [lambda x: x, lambda x: DataMatrix([x[:7], x[7:30], x[30:]]), Dense])
def test_against_the_covariance_matrix(make):
    p = pca(make(X), 3)
    values, vectors = np.linalg.eigh(np.cov(X.T))
    assert np.allclose(p.explained_variance, values[::-1][:3], rtol=1e-11)
    assert np.allclose(p.explained_ratio, values[::-1][:3] / values.sum(), rtol=1e-11)
    assert p.total_variance == pytest.approx(values.sum(), rel=1e-11)
    overlap = np.abs(np.asarray(p.components) @ vectors[:, ::-1][:, :3])
    assert np.allclose(overlap, np.eye(3), atol=1e-10)
    assert np.allclose(p.mean, X.mean(0), rtol=1e-14)
    assert p.status is Status.CONVERGED
    assert [c.verdict for c in p.certificates] == ["yes"] * 4


def test_means_far_from_zero_cost_no_digits():
    # Steps of 2^-20 around 2^30 are exact, so that only the centring could lose digits.
    fine = np.round(X * 2**10) / 2**20
    near, far = pca(fine), pca(fine + 2.0**30)
    assert np.allclose(far.explained_variance, near.explained_variance, rtol=1e-9)
    naive = (fine + 2.0**30).T @ (fine + 2.0**30) / 49 - 50 / 49 * np.outer(*[(fine + 2.0**30).mean(0)] * 2)
    wrong = np.linalg.eigvalsh(naive)[::-1]
    assert not np.allclose(wrong, near.explained_variance, rtol=1e-2)  # the test can tell the difference
    parts = pca(DataMatrix([fine[:9] + 2.0**30, fine[9:] + 2.0**30]))
    assert np.allclose(parts.explained_variance, near.explained_variance, rtol=1e-9)


def test_transform_and_inverse():
    p = pca(X)
    scores = p.transform(X)
    assert isinstance(scores, np.ndarray)
    assert np.allclose(scores.mean(0), 0, atol=1e-12)
    assert np.allclose(np.cov(scores.T), np.diag(p.explained_variance), atol=1e-11)
    assert np.allclose(p.inverse(scores), X, rtol=1e-13)
    assert p.transform(X[0]).shape == (5,)
    two = pca(X, 2)
    lost = ((two.inverse(two.transform(X)) - X) ** 2).sum() / 49
    assert lost == pytest.approx(float(p.explained_variance[2:].sum()), rel=1e-10)


def test_translation_scale_and_rotation():
    base = pca(X, 2)
    moved = pca(3.0 * X - 1000.0, 2)
    assert np.allclose(moved.components, base.components, atol=1e-9)
    assert np.allclose(moved.explained_variance, 9 * base.explained_variance, rtol=1e-10)


def test_ties_leave_the_space_undetermined():
    square = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    assert pca(square, 1).certificates[3].holds is False
    assert pca(square, 2).certificates[3].holds is True


def test_constant_data_are_ill_posed():
    p = pca(np.full((4, 3), 7.1))
    assert p.status is Status.ILL_POSED
    assert "do not vary" in p.message
    assert p.explained_ratio.tolist() == [0, 0, 0]


def test_more_columns_than_rows_and_dtype():
    p = pca(torch.from_numpy(X.T.astype(np.float32)), 3)
    assert p.components.shape == (3, 50)
    assert p.components.dtype == torch.float32
    assert p.transform(torch.ones(2, 50)).dtype == torch.float32
    assert pca(X.T).explained_variance[-1] < 1e-20  # centring takes one dimension


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pca(X[:1]), "at least 2 rows"),
        (lambda: pca(X, 6), "k between 1 and 5"),
        (lambda: pca(X[0]), "dimension"),
        (lambda: pca(np.full((3, 2), np.nan)), "finite"),
        (lambda: pca(Identity(3)), "array or a DataMatrix"),
        (lambda: pca(Dense(torch.ones(2, 2, 2))), "data"),
        (lambda: pca(X).transform(X[:, :3]), "rows of width 5"),
        (lambda: pca(X, 2).inverse(X), "rows of width 2"),
        (lambda: pca(X).transform(X * np.inf), "finite"),
        (lambda: pca(X, 2).inverse(np.full((3, 2), np.nan)), "finite"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()


BIG = (RNG.standard_normal((30_000, 8)) * 2.0 ** -np.arange(8) + 40).astype(np.float32)


def exact_variances(X, k):
    V = X.astype(np.longdouble)
    V = V - V.mean(0)
    return np.linalg.eigvalsh((V.T @ V / (len(X) - 1)).astype(float))[::-1][:k]


@pytest.mark.parametrize("method", ["gram", "qr"])
def test_batches_from_a_function(method):
    def read():
        return (BIG[i : i + 7000] for i in range(0, 30_000, 7000))

    p = pca(read, 5, method=method)
    exact = exact_variances(BIG, 5)
    error = np.abs(p.explained_variance - exact)
    assert (error <= p.variance_error).all()
    assert error.max() < 1e-7 * exact[0]
    assert p.method == {"gram": "gram", "qr": "tsqr"}[method]
    assert p.rows == 30_000
    assert p.components.dtype == np.float32
    assert np.allclose(p.standard_error, p.explained_variance * (2 / 29_999) ** 0.5, rtol=1e-6)
    assert np.allclose(p.components @ pca(BIG.astype(float), 5).components.T, np.eye(5), atol=1e-5)
    assert p.status is Status.CONVERGED
    assert [c.verdict for c in p.certificates] == ["yes"] * 4


def test_float32_far_from_zero_in_memory_beside_the_truth():
    # scikit-learn's covariance solver loses four digits here: it subtracts what the means made.
    from sklearn.decomposition import PCA as Peer

    far = np.tile(BIG, (20, 1)) + np.float32(1000)
    p = pca(far, 4)
    exact = exact_variances(far, 4)
    ours = np.abs(p.explained_variance / exact - 1).max()
    theirs = np.abs(Peer(4, svd_solver="covariance_eigh").fit(far).explained_variance_ / exact - 1).max()
    assert p.method == "gram"
    assert ours < 2e-7
    assert theirs > 10 * ours
    # The means are kept to more than float32 holds.
    scores = p.transform(far[:50])
    X64 = far.astype(float)
    truth = (X64[:50] - X64.mean(0)) @ p.components.T.astype(float)
    assert np.abs(scores - truth).max() < 1e-6 * np.abs(truth).max()
    assert np.abs(pca(far).inverse(pca(far).transform(far[:50])) - far[:50]).max() <= np.spacing(
        np.float32(1040)
    )


def test_small_variances_take_a_second_pass_and_an_iterator_cannot():
    Q = np.linalg.qr(RNG.standard_normal((4, 4)))[0]
    thin = RNG.standard_normal((5000, 4)) * [1.0, 1e-3, 1e-5, 1e-6] @ Q + 3
    exact = np.linalg.svd(thin - thin.mean(0), compute_uv=False) ** 2 / 4999
    p = pca(lambda: [thin[:1000], thin[1000:]])
    assert p.method == "tsqr"
    assert np.allclose(p.explained_variance, exact, rtol=1e-7)
    assert (np.abs(p.explained_variance - exact) <= p.variance_error).all()
    assert pca(iter([thin]), 1).method == "gram"
    assert pca(iter([thin]), method="qr").method == "tsqr"
    with pytest.raises(ArgumentError, match="read again"):
        pca(iter([thin]))
    with pytest.raises(ArgumentError, match="products in float64 resolve"):
        pca(lambda: [thin], method="gram")
    with pytest.raises(ArgumentError, match="method among"):
        pca(thin, method="magic")
    assert pca(thin, method="qr").method == "svd"


@pytest.mark.parametrize(
    ("batches", "error", "message"),
    [
        (lambda: [], DataError, "at least one batch"),
        (lambda: [X, X[:, :2]], DataError, "5 columns"),
        (lambda: [X, np.full((2, 5), np.nan)], ArgumentError, "finite"),
        (lambda: [X[0]], ArgumentError, "dimension"),
        (lambda: [X[:1]], ArgumentError, "at least 2 rows"),
        (iter([]), DataError, "at least one batch"),
    ],
)
def test_bad_batches(batches, error, message):
    with pytest.raises(error, match=message):
        pca(batches)


LONG = (RNG.standard_normal((70_000, 64)) * 2.0 ** -np.linspace(0, 4, 64) + 0.01).astype(np.float32)


def test_many_float32_rows_near_zero_take_products_in_float32():
    p, exact = pca(LONG, 6), np.linalg.eigvalsh(np.cov(LONG.astype(float).T))[::-1]
    assert p.certificates[0].kind is Kind.STATISTICAL
    assert np.abs(p.explained_variance / exact[:6] - 1).max() < 1e-7
    assert (np.abs(p.explained_variance - exact[:6]) <= p.variance_error).all()
    assert (p.variance_error < 1.1e-4 * p.explained_variance).all()
    assert p.total_variance == pytest.approx(exact.sum(), rel=1e-7)
    assert p.method == "gram"
    assert p.status is Status.CONVERGED
    assert [c.verdict for c in p.certificates] == ["yes"] * 4


@pytest.mark.parametrize("make", [lambda x: x + np.float32(1000), lambda x: [x[:9000], x[9000:]]])
def test_means_far_from_zero_and_batches_keep_float64(make):
    X = make(LONG)
    whole = np.concatenate(X) if isinstance(X, list) else X
    p = pca(DataMatrix(X) if isinstance(X, list) else X, 6)
    exact = np.linalg.eigvalsh(np.cov(whole.astype(float).T))[::-1][:6]
    assert p.certificates[0].kind is Kind.PROOF
    assert np.abs(np.asarray(p.explained_variance) / exact - 1).max() < 1e-7


def test_an_error_planted_in_float32_products_does_not_reach_the_answer(monkeypatch):
    honest = probed_products.self_product

    def wrong(block):
        out = honest(block)
        out[0, 0] *= 1.01
        return out

    exact = np.linalg.eigvalsh(np.cov(LONG.astype(float).T))[::-1][:6]
    monkeypatch.setattr(probed_products, "self_product", wrong)
    p = pca(LONG, 6)
    assert p.certificates[0].kind is Kind.PROOF
    assert np.abs(p.explained_variance / exact - 1).max() < 1e-7
    # and the same error would have shown: nothing but the probes stands in its way
    monkeypatch.setattr(probed_products, "_error", lambda *rest: 0.0)
    assert np.abs(pca(LONG, 6).explained_variance / exact - 1).max() > 1e-3


def test_nan_in_many_float32_rows_is_named():
    bad = LONG.copy()
    bad[60_000, 5] = np.nan
    with pytest.raises(ArgumentError, match="finite"):
        pca(bad, 6)
