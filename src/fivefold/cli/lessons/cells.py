"""A table of numbers as a picture: one square a number, written inside."""

from collections.abc import Callable, Sequence

from fivefold.cli.lessons.layers import Layer, polygon, text


def cells(
    rows: Sequence[Sequence[str]],
    corner: tuple[float, float],
    colour: Callable[[int, int], str],
    size: float = 11.5,
) -> list[Layer]:
    """Draw a table downwards from its upper left corner, each square one unit wide.

    Args:
        rows: What is written, row by row; an empty text leaves its square out.
        corner: The upper left corner on the axes.
        colour: Of the square in this row and column.
        size: Of the letters, in points.

    Returns:
        A filled outline and a text for each square.

    >>> [layer["kind"] for layer in cells([["1", ""]], (0.0, 0.0), lambda i, j: "blue")]
    ['polygon', 'text']
    """
    left, top = corner
    layers = []
    for i, row in enumerate(rows):
        for j, words in enumerate(row):
            if not words:
                continue
            x, y, shade = left + j, top - i, colour(i, j)
            edges = [x, x + 0.94, x + 0.94, x], [y, y, y - 0.94, y - 0.94]
            layers.append(polygon(*edges, shade, width=0.6, alpha=0.07 if shade == "grey" else 0.2))
            layers.append(text(x + 0.47, y - 0.47, words, align="center", size=size))
    return layers
