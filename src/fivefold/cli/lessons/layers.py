"""Words for the plain records of which a lesson's pictures are made."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Layer = dict[str, Any]
Figure = dict[str, Any]


def numbers(values: ArrayLike) -> Any:
    """Round to five significant digits, which no picture needs more of, and return plain lists.

    >>> numbers(np.array([1.0 / 3.0, 123456.0]))
    [0.33333, 123460.0]
    """
    array = np.asarray(values, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        magnitude = np.where(array == 0.0, 0.0, np.floor(np.log10(np.abs(array))))
    scale = 10.0 ** (4.0 - magnitude)
    rounded = np.round(array * scale) / scale
    return (
        [float(f"{value:.5g}") for value in rounded] if array.ndim == 1 else [numbers(row) for row in array]
    )


def powers(low: int, high: int, stride: int = 1) -> list[tuple[float, str]]:
    """Return the ticks 10^low, …, 10^high of a logarithmic axis, as pairs (place, text).

    >>> powers(-3, 0, 3)
    [(0.001, '10⁻³'), (1.0, '1')]
    """
    raised = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    exponents = range(low, high + 1, stride)
    return [(float(f"1e{k}"), "1" if k == 0 else "10" + str(k).translate(raised)) for k in exponents]


def line(x: ArrayLike, y: ArrayLike, colour: str, **options: Any) -> Layer:
    """Join points; options: ``width``, ``dashed``, ``marker``, ``label``."""
    return {"kind": "line", "x": numbers(x), "y": numbers(y), "colour": colour, **options}


def path(xy: NDArray[np.float64], colour: str, **options: Any) -> Layer:
    """Join points given as two rows, [2, n]; the options of :func:`line`."""
    return line(xy[0], xy[1], colour, **options)


def shape(xy: NDArray[np.float64], colour: str, **options: Any) -> Layer:
    """Draw a filled outline given as two rows, [2, n]; the options of :func:`polygon`."""
    return polygon(xy[0], xy[1], colour, **options)


def points(x: ArrayLike, y: ArrayLike, colour: str, **options: Any) -> Layer:
    """Mark points; options: ``size``, ``marker``, ``label``."""
    return {"kind": "points", "x": numbers(x), "y": numbers(y), "colour": colour, **options}


def arrow(start: ArrayLike, to: ArrayLike, colour: str, **options: Any) -> Layer:
    """Draw an arrow; options: ``width``, ``dashed``, ``gap`` (left free at both ends, in points)."""
    return {"kind": "arrow", "start": numbers(start), "to": numbers(to), "colour": colour, **options}


def contour(x: ArrayLike, y: ArrayLike, z: ArrayLike, levels: ArrayLike) -> Layer:
    """Draw lines of equal height."""
    return {"kind": "contour", "x": numbers(x), "y": numbers(y), "z": numbers(z), "levels": numbers(levels)}


def bars(x: ArrayLike, height: ArrayLike, colour: str, **options: Any) -> Layer:
    """Draw bars; options: ``width``, ``bottom``, ``label``."""
    return {"kind": "bars", "x": numbers(x), "height": numbers(height), "colour": colour, **options}


def band(x: ArrayLike, low: ArrayLike, high: ArrayLike, colour: str, **options: Any) -> Layer:
    """Fill between two curves; option: ``alpha``."""
    return {
        "kind": "band",
        "x": numbers(x),
        "low": numbers(low),
        "high": numbers(high),
        "colour": colour,
        **options,
    }


def polygon(x: ArrayLike, y: ArrayLike, colour: str, **options: Any) -> Layer:
    """Draw a filled outline; options: ``alpha``, ``width``, ``label``."""
    return {"kind": "polygon", "x": numbers(x), "y": numbers(y), "colour": colour, **options}


def text(x: float, y: float, words: str, colour: str = "ink", **options: Any) -> Layer:
    """Write words; options: ``align``, ``vertical``, ``size``, ``box``."""
    return {"kind": "text", "x": float(x), "y": float(y), "text": words, "colour": colour, **options}


def picture(z: ArrayLike, low: float = 0.0, high: float = 1.0) -> Layer:
    """Show a matrix as shades from ``low``, black, to ``high``, white."""
    return {"kind": "picture", "z": numbers(z), "low": low, "high": high}


def panel(title: str, layers: Sequence[Layer], **options: Any) -> dict[str, Any]:
    """Put layers on axes; the options are those of :func:`fivefold.report.lesson_figure.panel_svg`."""
    return {"title": title, "layers": list(layers), **_plain(options)}


def figure(alt: str, caption: str, *panels: dict[str, Any]) -> Figure:
    """Put panels side by side; ``alt`` is for those who do not see them."""
    return {"alt": alt, "caption": caption, "panels": list(panels)}


def frame(value: str, caption: str, alt: str, *panels: dict[str, Any]) -> Figure:
    """Make one position of the slider."""
    return {"value": value, **figure(alt, caption, *panels)}


def _plain(value: Any) -> Any:
    """Turn tuples into lists, so that a record is the same before and after it is written as JSON."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
