"""Transfer: the pull towards the source by least squares and by torch, frozen features, expected errors."""

import numpy as np
import pytest
import torch

from fivefold import linalg
from fivefold.concepts.transfer import expected_error, fine_tune, frozen, shared_features


def task() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Few rows, more columns than rows, and a source away from the origin."""
    generator = np.random.default_rng(0)
    return (
        generator.normal(0.5, 1.0, size=(5, 7)),
        generator.normal(2.0, 1.0, size=5),
        generator.normal(size=7),
    )


@pytest.mark.parametrize("strength", [0.01, 1.0, 100.0])
def test_fast_path(strength: float) -> None:
    X, y, start = task()
    root = np.sqrt(strength)
    fast = linalg.lstsq(np.vstack([X, root * np.eye(7)]), np.concatenate([y, root * start])).x
    # The normal equations square the condition, at most 1e4 here.
    np.testing.assert_allclose(fine_tune(X, y, start, strength), fast, rtol=1e-9, atol=1e-11)
    w = torch.tensor(start, requires_grad=True)
    loss = (torch.from_numpy(y) - torch.from_numpy(X) @ w).square().sum()
    optimizer = torch.optim.LBFGS(
        [w], max_iter=500, tolerance_grad=1e-11, tolerance_change=0.0, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = (torch.from_numpy(y) - torch.from_numpy(X) @ w).square().sum()
        loss = loss + strength * (w - torch.from_numpy(start)).square().sum()
        loss.backward()
        return loss

    before = float(loss.detach())
    optimizer.step(closure)
    assert float(closure().detach()) < before
    np.testing.assert_allclose(fine_tune(X, y, start, strength), w.detach().numpy(), rtol=1e-6, atol=1e-7)


def test_the_ends_of_the_pull() -> None:
    X, y, start = task()
    np.testing.assert_allclose(fine_tune(X, y, start, 1e12), start, rtol=1e-9, atol=1e-9)
    nearest = start + np.linalg.pinv(X) @ (
        y - X @ start
    )  # of all that fit the rows, the nearest to the source
    np.testing.assert_allclose(fine_tune(X, y, start, 1e-9), nearest, rtol=1e-5, atol=1e-6)


def test_frozen_features_are_least_squares_of_the_head() -> None:
    X, y, _ = task()
    B = shared_features(np.random.default_rng(1).normal(size=(7, 9)), 3)
    np.testing.assert_allclose(B.T @ B, np.eye(3), atol=1e-13)
    np.testing.assert_allclose(frozen(X, y, B), B @ linalg.lstsq(X @ B, y).x, rtol=1e-9, atol=1e-12)


def test_shared_features_find_what_the_tasks_have_in_common() -> None:
    generator = np.random.default_rng(2)
    truth = np.linalg.qr(generator.normal(size=(20, 3)))[0]
    tasks = truth @ generator.normal(size=(3, 40)) + 0.01 * generator.normal(size=(20, 40))
    B = shared_features(tasks, 3)
    assert np.linalg.norm(truth - B @ (B.T @ truth)) < 0.05


@pytest.mark.parametrize("strength", [0.1, 3.0])
@pytest.mark.parametrize("distance", [0.0, 2.0])
def test_the_expected_error_over_the_noise(strength: float, distance: float) -> None:
    generator = np.random.default_rng(3)
    X, w = generator.normal(size=(9, 4)), np.array([1.0, -2.0, 0.5, 3.0])
    start = w + distance * np.array([0.6, 0.0, -0.8, 0.0])
    errors = []
    for _ in range(4000):
        y = X @ w + 0.7 * generator.normal(size=9)
        errors.append(np.sum((fine_tune(X, y, start, strength) - w) ** 2))
    expected = expected_error(X, start - w, strength, 0.49)
    assert np.mean(errors) == pytest.approx(expected, abs=4 * np.std(errors) / np.sqrt(4000))


def test_a_source_further_off_than_zero_harms() -> None:
    generator = np.random.default_rng(4)
    target = np.zeros(6)
    target[0] = 1.0
    gains = []
    for cosine in (0.0, 0.5, 0.9):
        source = cosine * target + np.sqrt(1 - cosine**2) * np.eye(6)[1]
        pairs = []
        for _ in range(400):
            X = generator.normal(size=(4, 6))
            pairs.append([expected_error(X, gap, 1.0, 0.1) for gap in (source - target, -target)])
        tuned, scratch = np.mean(pairs, axis=0)
        gains.append(scratch - tuned)
    assert gains[0] < -0.1
    # As long as the target and at 60 degrees, the source is as far away as zero is.
    assert gains[1] == pytest.approx(0.0, abs=0.05)
    assert gains[2] > 0.1
