"""matplotlib's figures as inline SVG: the same bytes each time, text as text, colours by name, own ids."""

import io
import math
import re
import warnings
from collections.abc import Callable
from html import escape
from typing import Any

from fivefold.report.numbers import tick
from fivefold.report.theme import LIGHT

_NAMES = {colour: name.replace("_", "-") for name, colour in LIGHT.items()}
_TAG = re.compile(r"<[^>]*>")  # matplotlib escapes < and > in texts and attributes: this finds tags only
_COLOUR = re.compile(r"#[0-9a-f]{6}\b")
_REFERENCE = re.compile(r'( id="|href="#|url\(#)')
_FONT = re.compile(r"font-family: [^;\"]*")
_SHORT_FONT = re.compile(r"font: ((?:[\w.]+ )*[\d.]+px) [^;\"]*")  # matplotlib before 3.11
_UNMOVED = re.compile(r' transform="rotate\(-?0 [^)]*\)"')
_LONG = re.compile(r"-?\d+\.\d{3,}")


def draw(
    paint: Callable[[Any], None], size: tuple[int, int], key: str, title: str, description: str = ""
) -> str:
    """Paint a figure and return it as an SVG element that stands in a page beside others.

    Args:
        paint: Draws on the ``matplotlib.figure.Figure`` that it is given; lengths in points are CSS pixels.
        size: Width and height, in CSS pixels; the picture shrinks with the page but never grows.
        key: Unique in the page, of letters, digits and hyphens; the prefix of all ids.
        title: What the picture is, in a few words, for those who do not see it.
        description: What it shows.

    Returns:
        ``<svg …>…</svg>``: safe markup without styles, scripts or references to anything outside.

    >>> square = draw(lambda figure: figure.add_subplot().plot([0, 1]), (200, 100), "p", "A <line>")
    >>> square.startswith('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 100" role="img"')
    True
    >>> "A &lt;line&gt;" in square, "<style" in square, "2026" in square
    (True, False, False)
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with rc_context({**_style(), "svg.hashsalt": key}), warnings.catch_warnings():
        # A letter that matplotlib's own font lacks is drawn by the reader's browser all the same.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        figure = Figure(figsize=(size[0] / 72, size[1] / 72), dpi=72)
        FigureCanvasSVG(figure)
        paint(figure)
        target = io.StringIO()
        figure.savefig(
            target, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
        )
    return _inline(target.getvalue(), size, key, title, description)


def axes(figure: Any, box: tuple[float, float, float, float], grid: str = "y") -> Any:
    """Add axes at ``box`` = left, right, bottom, top margins in pixels, with quiet rules."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

    width, height = figure.get_size_inches() * 72
    left, right, bottom, top = box
    panel = figure.add_axes(
        (left / width, bottom / height, (width - left - right) / width, (height - bottom - top) / height)
    )
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
        axis.set_minor_formatter(NullFormatter())
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    if grid:
        panel.grid(axis=grid)
    return panel


def name_axes(panel: Any, x: str, y: str) -> None:
    """Name both axes: x below, at the left, and y above its axis, where it reads without turning the head."""
    panel.set_xlabel(x, loc="left")
    panel.set_title(y, fontsize=12, color=LIGHT["muted"], x=0, ha="left")


def logarithmic(axis: Any, low: float, high: float) -> None:
    """Put readable ticks on a logarithmic axis from ``low`` to ``high`` (positive)."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

    decades = math.log10(high / low)
    steps = (1, 2, 5) if decades < 2.5 else (1,)
    stride = max(1, math.ceil(decades / 6))
    ticks = [
        step * 10.0**power
        for power in range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
        for step in steps
        if power % stride == 0 and low <= step * 10.0**power <= high
    ]
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    axis.set_minor_formatter(NullFormatter())


def plottable(value: float | None) -> bool:
    """Whether matplotlib can place it: finite and not so large that differences overflow."""
    return value is not None and math.isfinite(value) and abs(value) < 1e150


def _inline(drawn: str, size: tuple[int, int], key: str, title: str, description: str) -> str:
    body = drawn[drawn.index(">", drawn.index("<svg")) + 1 : drawn.rindex("</svg>")]
    body = re.sub(r"\s*<defs>\s*<style[^>]*>.*?</style>\s*</defs>", "", body, count=1, flags=re.S)
    body = re.sub(r"\s*<metadata>.*?</metadata>", "", body, count=1, flags=re.S)
    body = _TAG.sub(lambda found: _tag(found[0], key), body)
    body = re.sub(r">\s+<", "><", body).strip()
    says = f'<title id="{key}-title">{escape(title)}</title>'
    names = f"{key}-title"
    if description:
        says += f'<desc id="{key}-desc">{escape(description)}</desc>'
        names += f" {key}-desc"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" role="img" '
        f'aria-labelledby="{names}" style="max-width:{size[0]}px">{says}{body}</svg>'
    )


def _tag(tag: str, key: str) -> str:
    if tag.startswith("<g id="):
        tag = re.sub(r' id="[^"]*"', "", tag)
    tag = _LONG.sub(lambda found: f"{float(found[0]):.2f}", _UNMOVED.sub("", tag)).replace("\n", "")
    tag = _REFERENCE.sub(lambda found: f"{found[1]}{key}-", tag).replace("xlink:href", "href")
    tag = _COLOUR.sub(lambda found: f"var(--{_NAMES[found[0]]})" if found[0] in _NAMES else found[0], tag)
    return _SHORT_FONT.sub(r"font: \1 var(--sans)", _FONT.sub("font-family: var(--sans)", tag))


def _style() -> dict[str, Any]:
    return {
        "svg.fonttype": "none",
        "text.usetex": False,
        "text.parse_math": False,  # a dollar in a name is a dollar
        "font.family": "sans-serif",
        "font.size": 12.0,
        "axes.labelsize": 12.0,
        "axes.titlesize": 12.5,
        "axes.titlelocation": "left",
        "axes.titlecolor": LIGHT["ink"],
        "axes.labelcolor": LIGHT["muted"],
        "axes.edgecolor": LIGHT["rule"],
        "axes.linewidth": 1.0,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.spines.left": False,
        "axes.facecolor": "none",
        "figure.facecolor": "none",
        "savefig.facecolor": "none",
        "savefig.edgecolor": "none",
        "grid.color": LIGHT["grid"],
        "grid.linewidth": 1.0,
        "text.color": LIGHT["ink"],
        "xtick.color": LIGHT["rule"],
        "ytick.color": LIGHT["rule"],
        "xtick.labelcolor": LIGHT["muted"],
        "ytick.labelcolor": LIGHT["muted"],
        "xtick.labelsize": 11.5,
        "ytick.labelsize": 11.5,
        "ytick.major.size": 0.0,
        "xtick.major.size": 4.0,
        "lines.solid_capstyle": "round",
        "legend.frameon": False,
        "legend.fontsize": 11.5,
    }
