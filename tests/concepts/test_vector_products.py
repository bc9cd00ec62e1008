"""Dot, outer, norms: against torch, and by their identities away from the origin."""

import numpy as np
import pytest
import torch

from fivefold.concepts.vector_products import cosine, dot, norm, outer, project

ROUNDING = 1e-13  # a few dozen additions of numbers of size one, in float64


@pytest.fixture
def vectors() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(3)
    return generator.normal(2.0, 3.0, 40), generator.normal(-1.0, 2.0, 40)


def test_fast_path(vectors: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = vectors
    a, b = torch.tensor(x), torch.tensor(y)
    assert dot(x, y) == pytest.approx(torch.linalg.vecdot(a, b).item(), rel=ROUNDING)
    np.testing.assert_array_equal(outer(x, y), torch.outer(a, b).numpy())
    for p in (1.0, 1.5, 2.0, 7.0, np.inf):
        assert norm(x, p) == pytest.approx(torch.linalg.vector_norm(a, p).item(), rel=ROUNDING)
    assert cosine(x, y) == pytest.approx(torch.cosine_similarity(a, b, dim=0).item(), rel=1e-12)


def test_dot_is_linear_and_symmetric(vectors: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = vectors
    assert dot(x, y) == dot(y, x)
    assert dot(2.5 * x - y, y) == pytest.approx(2.5 * dot(x, y) - dot(y, y), rel=1e-12)


def test_an_outer_product_acts_by_a_dot_product(vectors: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = vectors
    z = np.linspace(-1.0, 2.0, 40)
    np.testing.assert_allclose(outer(x, y) @ z, dot(y, z) * x, rtol=1e-12)
    assert np.linalg.matrix_rank(outer(x, y)) == 1


def test_norms_obey_their_inequalities(vectors: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = vectors
    assert norm(x, np.inf) < norm(x, 3.0) < norm(x) < norm(x, 1.0)
    assert abs(dot(x, y)) <= norm(x) * norm(y)
    for p in (1.0, 2.0, np.inf):
        assert norm(x + y, p) <= norm(x, p) + norm(y, p)
        assert norm(-3.0 * x, p) == pytest.approx(3.0 * norm(x, p), rel=ROUNDING)


def test_a_projection_leaves_a_rest_at_right_angles(vectors: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = vectors
    shadow = project(x, y)
    assert abs(dot(x - shadow, y)) < 1e-11 * norm(x) * norm(y)
    np.testing.assert_allclose(project(shadow, y), shadow, rtol=1e-12)


def test_extremes() -> None:
    assert norm(np.zeros(3)) == 0.0
    assert norm(np.array([])) == 0.0
    assert norm(np.array([3e200, 4e200])) == pytest.approx(5e200)
    assert norm(np.array([3e-200, 4e-200])) == pytest.approx(5e-200)


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        dot(np.ones(3), np.ones(2))
