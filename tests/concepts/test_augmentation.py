"""Augmentation: torch's flips and shifts, mixup as interpolation, and averaging over a group."""

import numpy as np
import pytest
import torch

from fivefold import linalg
from fivefold.concepts.augmentation import averaged, flip, mixup, shift


def pictures() -> np.ndarray:
    return np.random.default_rng(0).normal(3.0, 1.0, size=(6, 5, 7))


def upright(x: np.ndarray) -> np.ndarray:
    return x


def half_turn(x: np.ndarray) -> np.ndarray:
    return flip(flip(x), -2)


def upside_down(x: np.ndarray) -> np.ndarray:
    return flip(x, -2)


GROUP = [upright, flip, upside_down, half_turn]


@pytest.mark.parametrize(("down", "right"), [(0, 0), (1, 0), (0, -2), (2, 3), (-1, 4), (-5, 7)])
def test_fast_path(down: int, right: int) -> None:
    x = pictures()
    t = torch.from_numpy(x)
    # Negative padding cuts off: this is a shift.
    moved = torch.nn.functional.pad(t, (right, -right, down, -down))
    np.testing.assert_array_equal(shift(x, down, right), moved.numpy())
    np.testing.assert_array_equal(flip(x), torch.flip(t, [-1]).numpy())
    np.testing.assert_array_equal(flip(x, -2), torch.flip(t, [-2]).numpy())
    generator = np.random.default_rng(1)
    partner, share = generator.permutation(6), generator.beta(0.4, 0.4, size=6)
    rows, labels = x.reshape(6, -1), np.eye(3)[generator.integers(3, size=6)]
    mixed = mixup(rows, labels, partner, share)
    for found, whole in zip(mixed, (rows, labels), strict=True):
        w, one, other = (torch.from_numpy(each) for each in (share[:, None], whole, whole[partner]))
        # λ a + (1 − λ) b against b + λ (a − b): a rounding or two apart
        np.testing.assert_allclose(found, torch.lerp(other, one, w).numpy(), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(mixed[1].sum(axis=1), 1.0, rtol=1e-14)


def test_a_shift_keeps_what_stays_inside() -> None:
    x = pictures()
    np.testing.assert_array_equal(shift(x, 1, 2)[:, 1:, 2:], x[:, :-1, :-2])
    assert np.all(shift(x, 1, 2)[:, 0] == 0.0)
    assert np.all(shift(x, 1, 2)[:, :, :2] == 0.0)


def test_flips_undo_themselves() -> None:
    x = pictures()
    for change in GROUP:
        np.testing.assert_array_equal(change(change(x)), x)


def test_an_average_over_a_group_does_not_see_the_changes() -> None:
    x = pictures()
    weights = np.random.default_rng(2).normal(size=(5, 7))

    def f(x: np.ndarray) -> np.ndarray:
        return np.tanh(np.sum(weights * x, axis=(1, 2)) - 1.0)

    level = averaged(f, x, GROUP)
    assert np.ptp([f(change(x)) for change in GROUP], axis=0).min() > 1e-3
    for change in GROUP:
        np.testing.assert_allclose(averaged(f, change(x), GROUP), level, rtol=1e-12)
    y = np.linspace(-1.0, 1.0, 6)
    risk = np.mean([(f(change(x)) - y) ** 2 for change in GROUP])
    assert np.mean((level - y) ** 2) < risk


def test_squares_over_copies_are_the_mean_copy_and_a_penalty() -> None:
    x, y = pictures()[:, :2, :3], np.linspace(-1.0, 4.0, 6)
    copies = np.array([change(x).reshape(6, -1) for change in GROUP])
    mean = copies.mean(axis=0)
    apart = (copies - mean).reshape(-1, 6)
    C = apart.T @ apart / (4 * 6)
    w = np.random.default_rng(3).normal(size=6)
    risk = np.mean((np.tile(y, 4) - copies.reshape(-1, 6) @ w) ** 2)
    assert risk == pytest.approx(np.mean((y - mean @ w) ** 2) + w @ C @ w, rel=1e-12)


def test_least_squares_on_all_copies_is_a_function_of_the_mean_copy() -> None:
    x, y = pictures()[:, :2, :2], np.linspace(-1.0, 4.0, 6)
    copies = np.concatenate([change(x).reshape(6, -1) for change in GROUP])
    w = linalg.lstsq(copies, np.tile(y, 4)).x.reshape(2, 2)
    for change in GROUP:
        np.testing.assert_allclose(change(w), w, rtol=1e-9)
    by_mean = np.sum(x.mean(axis=(1, 2)) * y) / np.sum(x.mean(axis=(1, 2)) ** 2)
    np.testing.assert_allclose(w, by_mean / 4.0, rtol=1e-9)  # four pixels, one mean
