"""The colours, the type and the base stylesheet that every page shares.

A colour has a name. Pages and pictures use the name, so that one picture serves the light scheme, the dark
scheme and paper. Text colours keep a contrast of at least 4.5 : 1 and marks of at least 3 : 1 against every
ground that they stand on (WCAG 2.2, success criteria 1.4.3 and 1.4.11); the tests compute it.
"""

from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

LIGHT: Mapping[str, str] = MappingProxyType(
    {
        "page": "#fbfaf7",
        "surface": "#ffffff",
        "sunken": "#f2f0ea",
        "rule": "#dcd8cf",
        "grid": "#e7e3da",
        "ink": "#1b1f24",
        "muted": "#565e68",
        "blue": "#0b62a4",
        "orange": "#a84c08",
        "green": "#0a7259",
        "red": "#b3261e",
        "purple": "#8b3f86",
        "grey": "#646b74",
        "band": "#c9dff0",
        "tint_blue": "#e8f1f8",
        "tint_amber": "#fdf1d8",
        "tint_green": "#e3f3ec",
        "tint_red": "#fbe9e7",
    }
)
"""Names and colours of the light scheme, as ``#rrggbb``."""

DARK: Mapping[str, str] = MappingProxyType(
    {
        "page": "#14171b",
        "surface": "#1b1f25",
        "sunken": "#22272e",
        "rule": "#3a424c",
        "grid": "#2e353d",
        "ink": "#eceae4",
        "muted": "#a9b0b9",
        "blue": "#6cb4ee",
        "orange": "#f2a25c",
        "green": "#4fc3a1",
        "red": "#ff8f85",
        "purple": "#d99bd3",
        "grey": "#a0a8b1",
        "band": "#27455e",
        "tint_blue": "#1a2c3c",
        "tint_amber": "#3a2d12",
        "tint_green": "#16312a",
        "tint_red": "#3c1f1d",
    }
)
"""The same names in the dark scheme."""

GROUNDS = ("page", "surface", "sunken", "tint_blue", "tint_amber", "tint_green", "tint_red")
"""What text stands on."""

TEXT = ("ink", "muted", "blue", "green", "red", "purple", "orange", "grey")
"""What text is written in."""

SERIES = ("blue", "orange", "green", "purple", "grey")
"""Colours of data series, in the order of use; each series also has a marker of its own (:data:`MARKERS`)."""

MARKERS = ("o", "s", "D", "^", "v")
"""matplotlib's markers, one for each of :data:`SERIES`, so that no meaning rests on colour alone."""

SANS = "'Inter','Source Sans 3','Segoe UI',Roboto,'Helvetica Neue','Liberation Sans',Arial,sans-serif"
"""Font stack of running text, of tables and of pictures."""

SERIF = "Charter,'Bitstream Charter','Iowan Old Style','Source Serif 4',Georgia,'Liberation Serif',serif"
"""Font stack of headings."""

MONO = "ui-monospace,'SF Mono','Cascadia Mono',Menlo,Consolas,'Liberation Mono',monospace"
"""Font stack of code."""

CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""A page loads nothing and runs nothing: styles of its own only."""


def luminance(colour: str) -> float:
    r"""Relative luminance of a colour.

    :math:`L = 0.2126 R + 0.7152 G + 0.0722 B` over linearised sRGB.

    Source: WCAG 2.2, definition of relative luminance (with the threshold 0.04045 of IEC 61966-2-1).

    Args:
        colour: ``#rrggbb``.

    Returns:
        A number in [0, 1].

    >>> luminance("#ffffff"), luminance("#000000")
    (1.0, 0.0)
    """
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    r"""Contrast ratio of two colours.

    :math:`(L_{\max} + 0.05) / (L_{\min} + 0.05)`. Source: WCAG 2.2, definition of contrast ratio.

    Args:
        first: ``#rrggbb``.
        second: ``#rrggbb``.

    Returns:
        A number in [1, 21].

    >>> round(contrast("#ffffff", "#000000"), 6), round(contrast("#777777", "#ffffff"), 2)
    (21.0, 4.48)
    """
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def variables(palette: Mapping[str, str]) -> str:
    """Write a palette as CSS custom properties.

    >>> variables({"ink": "#000000", "tint_red": "#ff0000"})
    '--ink:#000000;--tint-red:#ff0000;'
    """
    return "".join(f"--{name.replace('_', '-')}:{colour};" for name, colour in palette.items())


def stylesheet() -> str:
    """CSS that every page starts with: the two schemes, type, tables, figures, badges and print.

    Returns:
        Text for a ``<style>`` element; it holds neither ``<`` nor a URL.

    >>> "url(" in stylesheet() or "<" in stylesheet()
    False
    """
    light, dark = variables(LIGHT), variables(DARK)
    base = files("fivefold.report").joinpath("templates/base.css").read_text(encoding="utf-8")
    return (
        f":root{{color-scheme:light dark;{light}--sans:{SANS};--serif:{SERIF};--mono:{MONO}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n" + base
    )
