"""The lesson's tables are those of elimination, and its failures fail."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

A = np.array([[2.0, 1.0, -1.0, 1.0], [4.0, 4.0, 0.0, 1.0], [-2.0, 3.0, 2.0, 0.0], [2.0, -1.0, 1.0, 3.0]])


def table(panel: dict[str, Any], columns: int) -> np.ndarray:
    found = np.zeros((4, columns))
    for layer in panel["layers"]:
        if layer["kind"] == "text":
            number = float(Fraction(layer["text"].replace("−", "-")))
            found[int(-layer["y"]), int(layer["x"])] = number
    return found


def test_every_step_multiplies_back_to_the_equations(frames: Callable[[str], list[dict[str, Any]]]) -> None:
    b = None
    for frame in frames("linear-systems"):
        U, L = table(frame["panels"][0], 5), table(frame["panels"][1], 4)
        np.testing.assert_allclose((L @ U)[:, :4], A, atol=1e-12)
        b = U[:, 4] if b is None else b
        np.testing.assert_allclose(L @ U[:, 4], b, atol=1e-12)
    np.testing.assert_array_equal(np.tril(U[:, :4], -1), 0.0)
    last = [layer["text"] for layer in frames("linear-systems")[-1]["panels"][2]["layers"]]
    x = [float(Fraction(words.split("= ")[1].replace("−", "-"))) for words in last]
    np.testing.assert_allclose(A @ x, b, atol=1e-12)


def test_exchanges_save_the_tiny_pivot(lesson: Callable[[str], dict[str, Any]]) -> None:
    careless, careful = lesson("linear-systems")["failures"][0]["figures"][0]["panels"][0]["layers"]
    assert careless["y"][-1] > 1e-3
    assert max(careful["y"]) < 1e-14


def test_the_inverse_leaves_more(lesson: Callable[[str], dict[str, Any]]) -> None:
    detour, direct = lesson("linear-systems")["failures"][2]["figures"][0]["panels"][0]["layers"]
    assert max(direct["y"]) < 1e-14
    assert detour["y"][-1] > 1e-9
