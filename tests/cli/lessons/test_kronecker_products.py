"""The lesson's table is smoothed as it says, judged by sales that it has not seen."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fivefold.cli.lessons import kronecker_products
from fivefold.cli.lessons.king_county import months


def test_captions_tell_the_error_and_the_evidence_of_a_dense_computation(
    frames: Callable[[str], list[dict[str, Any]]],
) -> None:
    table = months()
    frame = frames("kronecker-products")[4]
    memory = float(frame["value"].removeprefix("τ = "))
    month = np.arange(12)
    A = np.exp(-np.abs(month[:, None] - month) / memory)
    B = 0.15 * np.exp(-np.linalg.norm(table.places[:, None] - table.places, axis=2) / 15.0)
    K = np.kron(A, B)
    total = K + 0.015 * np.eye(len(K))
    y = (table.first - table.first.mean()).T.ravel()
    smoothed = table.first.mean() + (K @ np.linalg.solve(total, y)).reshape(12, 63).T
    error = np.sqrt(np.mean((smoothed - table.second) ** 2))
    fit = -0.5 * (y @ np.linalg.solve(total, y) + np.linalg.slogdet(2 * np.pi * total)[1])
    assert f"Off the other half by {error:.4f}, against 0.1668 as measured" in frame["caption"]
    assert f"Log evidence {fit:.0f}," in frame["caption"]


def test_evidence_and_unseen_sales_agree_on_the_memory(
    frames: Callable[[str], list[dict[str, Any]]],
) -> None:
    errors, fits = [], []
    for frame in frames("kronecker-products"):
        numbers = re.match(r"Off the other half by ([\d.]+),.* Log evidence (−?\d+),", frame["caption"])
        assert numbers is not None
        errors.append(float(numbers[1]))
        fits.append(float(numbers[2].replace("−", "-")))
    assert np.all(np.diff(errors) < 0)
    assert np.all(np.diff(fits) > 0)
    assert errors[-1] < 0.1271, "below each zip code's mean, if by little"
    assert "the highest of all" in frames("kronecker-products")[-1]["caption"]


def test_the_gain_is_small_and_told(lesson: Callable[[str], dict[str, Any]]) -> None:
    text = lesson("kronecker-products")["failures"][1]["text"]
    said = re.search(r"is small: ([\d.]+)% of the error", text)
    assert said is not None
    assert float(said[1]) == pytest.approx(100 * (1 - 0.1264 / 0.1271), abs=0.1)
    # Both halves are equally noisy: the noise of one is the difference over √2, most of what is left.
    table = months()
    noise = np.sqrt(np.mean((table.first - table.second) ** 2) / 2)
    assert 0.9 < noise / 0.1264 < 1.0
    np.testing.assert_allclose(kronecker_products._NOISE, noise**2, rtol=0.1)


def test_the_blocks_are_coloured_by_their_entry(lesson: Callable[[str], dict[str, Any]]) -> None:
    (drawing, _) = lesson("kronecker-products")["geometry"]["figures"][0]["panels"]
    written = [layer["text"] for layer in drawing["layers"] if layer["kind"] == "text"]
    whole = np.kron([[1, 2], [0, 3]], [[1, 4, 0], [5, 1, 2]])
    assert written[-24:] == [str(value) for value in whole.ravel()]


def test_condition_numbers_multiply(lesson: Callable[[str], dict[str, Any]]) -> None:
    one, two, three, _ = lesson("kronecker-products")["failures"][2]["figures"][0]["panels"][0]["layers"]
    i = np.arange(4)
    K = np.exp(-((i[:, None] - i) ** 2) / 8.0)
    at = one["x"].index(4)
    assert two["y"][at] == pytest.approx(np.linalg.cond(np.kron(K, K)), rel=1e-3)
    assert three["y"][at] == pytest.approx(one["y"][at] ** 3, rel=1e-3)
