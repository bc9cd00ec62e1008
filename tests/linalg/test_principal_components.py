import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError, Status
from fivefold.linalg import DataMatrix, Dense, Identity, pca

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
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
