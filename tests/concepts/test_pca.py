"""Principal components: against the fast path, the widest direction, and what is lost."""

import numpy as np
import pytest

from fivefold import linalg
from fivefold.concepts.pca import pca, reconstruct, scores, variance_along


@pytest.fixture
def cloud() -> np.ndarray:
    generator = np.random.default_rng(11)
    mixing = generator.normal(size=(5, 5))
    return generator.normal(size=(80, 5)) @ mixing + np.array([10.0, -5.0, 0.0, 3.0, 100.0])


def test_fast_path(cloud: np.ndarray) -> None:
    mean, directions, variances = pca(cloud, 3)
    fast = linalg.pca(cloud, 3)
    np.testing.assert_allclose(mean, fast.mean, rtol=1e-13)
    np.testing.assert_allclose(variances, fast.explained_variance, rtol=1e-11)
    np.testing.assert_allclose(np.abs(np.sum(directions * fast.components, axis=1)), 1.0, atol=1e-10)


def test_no_direction_is_wider(cloud: np.ndarray) -> None:
    _, directions, variances = pca(cloud, 5)
    for direction, variance in zip(directions, variances, strict=True):
        assert variance_along(cloud, 7.0 * direction) == pytest.approx(variance, rel=1e-11)
    for direction in np.random.default_rng(0).normal(size=(200, 5)):
        assert variance_along(cloud, direction) <= variances[0]
    assert variances.sum() == pytest.approx(np.var(cloud, axis=0, ddof=1).sum(), rel=1e-12)


def test_what_is_lost_is_the_variance_not_kept(cloud: np.ndarray) -> None:
    _, _, variances = pca(cloud, 5)
    for k in (1, 2, 5):
        mean, directions, _ = pca(cloud, k)
        rest = cloud - reconstruct(scores(cloud, mean, directions), mean, directions)
        assert np.sum(rest**2) / (len(cloud) - 1) == pytest.approx(variances[k:].sum(), rel=1e-10, abs=1e-10)


def test_moving_the_cloud_moves_the_mean_alone(cloud: np.ndarray) -> None:
    mean, directions, variances = pca(cloud, 2)
    moved_mean, moved_directions, moved_variances = pca(cloud + 7.0, 2)
    np.testing.assert_allclose(moved_mean, mean + 7.0, rtol=1e-12)
    np.testing.assert_allclose(moved_variances, variances, rtol=1e-11)
    np.testing.assert_allclose(np.abs(np.sum(moved_directions * directions, axis=1)), 1.0, atol=1e-11)


def test_scores_are_uncorrelated(cloud: np.ndarray) -> None:
    mean, directions, variances = pca(cloud, 4)
    covariance = np.cov(scores(cloud, mean, directions), rowvar=False)
    np.testing.assert_allclose(covariance, np.diag(variances), atol=1e-11 * variances[0])
