"""The words of which pictures are made: plain, short numbers."""

import json

import numpy as np

from fivefold.cli.lessons import layers


def test_numbers_keep_five_digits_at_any_size() -> None:
    values = np.array([0.0, 123456.0, -1.0 / 3.0, 1.23456789e-20, 9.87654321e30])
    np.testing.assert_allclose(layers.numbers(values), values, rtol=5e-5)
    assert layers.numbers(values)[2] == -0.33333
    assert layers.numbers(np.eye(2)) == [[1.0, 0.0], [0.0, 1.0]]


def test_every_layer_is_plain() -> None:
    x = np.linspace(0.0, 1.0, 3)
    made = [
        layers.line(x, x, "blue", width=1.0),
        layers.path(np.stack([x, x]), "blue"),
        layers.points(x, x, "blue"),
        layers.arrow(x[:2], (0.0, 1.0), "blue"),
        layers.contour(x, x, np.outer(x, x), [0.5]),
        layers.bars(x, x, "blue"),
        layers.band(x, x, x, "blue"),
        layers.polygon(x, x, "blue"),
        layers.shape(np.stack([x, x]), "blue"),
        layers.text(0.5, 0.5, "words"),
        layers.picture(np.eye(2)),
    ]
    frame = layers.frame("a", "caption", "alternative", layers.panel("title", made, xlim=(0, 1)))
    assert json.loads(json.dumps(frame))["panels"][0]["layers"][0]["x"] == [0.0, 0.5, 1.0]
    assert {layer["kind"] for layer in made} == {
        *("line", "points", "arrow", "contour", "bars", "band", "polygon", "text", "picture")
    }


def test_powers() -> None:
    assert layers.powers(-12, 0, 6) == [(1e-12, "10⁻¹²"), (1e-6, "10⁻⁶"), (1.0, "1")]
