"""A table of numbers: a square and a text each, downwards, and nothing for what is empty."""

from fivefold.cli.lessons.cells import cells


def test_squares_lie_below_each_other_and_hold_their_text() -> None:
    made = cells([["1", "2"], ["", "−3"]], (4.0, 2.0), lambda i, j: "blue" if i == j else "grey")
    words = {layer["text"]: (layer["x"], layer["y"]) for layer in made if layer["kind"] == "text"}
    assert words == {"1": (4.47, 1.53), "2": (5.47, 1.53), "−3": (5.47, 0.53)}
    squares = [layer for layer in made if layer["kind"] == "polygon"]
    assert [square["colour"] for square in squares] == ["blue", "grey", "blue"]
    for square, (x, y) in zip(squares, words.values(), strict=True):
        assert min(square["x"]) < x < max(square["x"])
        assert min(square["y"]) < y < max(square["y"])
