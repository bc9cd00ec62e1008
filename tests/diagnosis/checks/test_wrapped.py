"""Integers of eight bits that ran over."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from fivefold.diagnosis.checks.wrapped import as_images, check_wrapped
from fivefold.diagnosis.observation.record import Record, Rows


def record(images: np.ndarray) -> Record:
    rows = torch.tensor(images, dtype=torch.float32)
    return Record(training_rows=Rows(inputs=[rows], targets=[None], steps=[0]))


def scenes(size: int = 24) -> np.ndarray:
    """Smooth pictures, [n, size, size] in 0 to 255, many of them bright."""
    at = np.arange(size)[:, None] + np.zeros(size)
    n = np.random.default_rng(0).uniform(0.1, 0.4, (200, 2, 1, 1))
    return 127.5 + 127.5 * np.sin(n[:, 0] * at + n[:, 1] * at.T)


@pytest.mark.parametrize(("factor", "found"), [(15, False), (16, True)])
def test_drawings(factor: int, found: bool) -> None:
    digits = (load_digits().images * factor).astype(np.uint8) / 255.0
    for images in (digits, digits.reshape(-1, 64), digits[:, None]):
        seen = check_wrapped(record(images))
        assert [f.code for f in seen] == (["precision.wrapped"] if found else [])
        for told in seen:
            holes = told.picture.curves["share"][0][1]
            assert f"at least {holes:.1%} of the pixels" in told.evidence
            assert holes > told.picture.level[0]


@pytest.mark.parametrize("deviation", [15.0, 30.0])
def test_noise_that_is_clipped_and_noise_that_wraps(deviation: float) -> None:
    clean = scenes()
    noise = np.random.default_rng(1).normal(0, deviation, clean.shape)
    assert check_wrapped(record(np.clip(clean + noise, 0, 255))) == []
    wrapped = (clean + noise).astype(np.int64).astype(np.uint8)
    assert check_wrapped(record(wrapped))[0].confidence == "medium"


def test_single_pixels_that_are_struck_anywhere_are_another_matter() -> None:
    struck = scenes()
    where = np.random.default_rng(2).random(struck.shape)
    struck[where < 0.05] = 0
    struck[where > 0.95] = 255
    assert check_wrapped(record(struck)) == []


def test_tables_are_no_images() -> None:
    table = np.random.default_rng(3).normal(size=(200, 64))
    assert as_images(record(table)) is None
    assert check_wrapped(record(table)) == []
    assert as_images(Record()) is None
