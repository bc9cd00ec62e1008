"""Pieces in common."""

import numpy as np
import torch

from fivefold.diagnosis.checks.overlaps import nearly_equal, repeats, shared, windows
from fivefold.diagnosis.observation.record import Rows


def cut(series: np.ndarray, starts: np.ndarray) -> np.ndarray:
    return np.stack([series[s : s + 24] for s in starts])[:, :, None]


def test_windows_of_one_series() -> None:
    series = np.random.default_rng(0).normal(size=1000)
    train = cut(series, np.arange(0, 600, 7))
    assert shared(cut(series, np.arange(3, 600, 7)), train)[0] == 1.0
    share, of = shared(cut(series, np.arange(700, 970, 7)), train)
    assert (share, of) == (0.0, 39)
    assert shared(train[:, :6], train[:, :6]) == (0.0, 0)  # too short to tell


def test_letters_need_longer_pieces() -> None:
    generator = np.random.default_rng(0)
    text = np.concatenate([generator.permutation(40)[:12] for _ in range(400)])
    sentences = [generator.permutation(12) + 100 for _ in range(3)]
    phrases = np.concatenate([sentences[i] for i in generator.integers(3, size=400)])
    assert shared(cut(text, np.arange(4000, 4600, 11)), cut(text, np.arange(0, 3900, 11)))[0] == 0.0
    # Twelve letters that come again and again are one phrase; twenty of them are two, of nine orders.
    assert shared(cut(phrases, np.arange(1, 500, 25)), cut(phrases, np.arange(0, 60, 25)))[0] < 1.0


def test_pictures_by_their_rows() -> None:
    photo = torch.rand(60, 60)
    patches = [photo[i : i + 32, j : j + 32] for i in (0, 9) for j in (0, 5, 11)]
    rows = Rows([torch.stack(patches)[:, None]], [None], [0])
    assert windows(rows).shape == (6 * 32, 32, 1)
    other = Rows([photo[None, None, 20:52, 17:49]], [None], [0])
    assert shared(windows(other), windows(rows))[0] > 0.5
    assert windows(Rows([torch.rand(4)], [None], [0])).size == 0


def test_copies_with_a_little_noise() -> None:
    generator = np.random.default_rng(0)
    own, others = generator.normal(size=(200, 6)), generator.normal(size=(800, 6))
    assert nearly_equal(own, others) < 0.01
    assert nearly_equal(others[:200] + 0.001 * own, others) > 0.9
    assert nearly_equal(own[:, :2], others[:, :2]) == 0.0  # in few dimensions all are near
    assert repeats(np.array([[1.0], [1.0], [2.0], [3.0]])) == 0.25
