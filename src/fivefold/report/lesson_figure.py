"""The pictures of a lesson: a panel is a plain record of layers, a formula is a line of LaTeX."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from fivefold.report.svg import axes as add_axes
from fivefold.report.svg import draw, logarithmic
from fivefold.report.theme import LIGHT

WIDTH, HEIGHT = 440, 340  # pixels of one panel; it shrinks with the page


def panel_svg(panel: Mapping[str, Any], key: str, alternative: str) -> str:
    """Draw one panel of a lesson as an SVG element.

    Args:
        panel: ``layers``, each with its ``kind``, and optionally ``title``, ``xlabel``, ``ylabel``, ``xlim``,
            ``ylim``, ``xlog``, ``ylog`` (need the limits), ``xticks`` and ``yticks`` as pairs (place, text),
            ``equal`` (one unit is as long on both axes), ``bare`` (no axes) and ``legend`` (its corner).
        key: Unique in the page, of letters, digits and hyphens.
        alternative: What the picture shows, for those who do not see it.

    Returns:
        ``<svg …>…</svg>`` in the colours of the page's theme; the same panel gives the same text.

    Raises:
        KeyError: A layer is of an unknown kind or colour.

    >>> line = {"kind": "line", "x": [0, 1], "y": [0, 1], "colour": "blue"}
    >>> svg = panel_svg({"layers": [line]}, "a", "a <rising> line")
    >>> "a &lt;rising&gt; line" in svg, "var(--blue)" in svg
    (True, True)
    """

    def paint(figure: Any) -> None:
        if panel.get("bare"):
            axes = add_axes(figure, (8, 8, 8, 34), grid="")
            axes.set_axis_off()
        else:
            axes = add_axes(figure, (62, 12, 50, 34), grid="both")
        _frame(axes, panel)
        for layer in panel["layers"]:
            _LAYERS[layer["kind"]](axes, layer)
        if panel.get("legend"):
            ground = {"frameon": True, "facecolor": LIGHT["surface"], "edgecolor": "none", "framealpha": 0.85}
            spacing = {"handlelength": 1.6, "borderaxespad": 0.3, "labelspacing": 0.3}
            axes.legend(loc=panel["legend"], **ground, **spacing)

    return draw(paint, (WIDTH, HEIGHT), key, alternative)


def formula_svg(latex: str, key: str) -> str:
    """Set a formula in matplotlib's mathtext as outlines; its LaTeX source is the alternative text.

    Args:
        latex: The formula without dollar signs, in the part of LaTeX that mathtext knows.
        key: Unique in the page, of letters, digits and hyphens.

    Returns:
        ``<svg …>…</svg>`` that needs neither fonts nor scripts.

    Raises:
        ValueError: mathtext cannot read the formula.

    >>> "x^2 + 1" in formula_svg("x^2 + 1", "f")
    True
    """
    from matplotlib import rc_context
    from matplotlib.font_manager import FontProperties
    from matplotlib.patches import PathPatch
    from matplotlib.textpath import TextPath
    from matplotlib.transforms import Affine2D

    with rc_context({"text.parse_math": True, "text.usetex": False}):
        path = TextPath((0, 0), f"${latex}$", size=25, prop=FontProperties(math_fontfamily="stix"))
    box = path.get_extents()
    size = (math.ceil(box.width) + 6, math.ceil(box.height) + 6)

    def paint(figure: Any) -> None:
        move = Affine2D().translate(3 - box.x0, 3 - box.y0)
        figure.add_artist(PathPatch(path, color=LIGHT["ink"], linewidth=0, transform=move))

    return draw(paint, size, key, latex)


def _frame(axes: Any, panel: Mapping[str, Any]) -> None:
    axes.set_title(panel.get("title") or "", pad=10.0)
    axes.set_xlabel(panel.get("xlabel") or "")
    axes.set_ylabel(panel.get("ylabel") or "")
    for name in ("x", "y"):
        limits, ticks = panel.get(f"{name}lim"), panel.get(f"{name}ticks")
        axis = getattr(axes, f"{name}axis")
        if panel.get(f"{name}log"):
            getattr(axes, f"set_{name}scale")("log")
            logarithmic(axis, *limits)  # type: ignore[misc]
        if limits:
            getattr(axes, f"set_{name}lim")(limits)
        if ticks is not None:
            getattr(axes, f"set_{name}ticks")([at for at, _ in ticks], [text for _, text in ticks])
    if panel.get("equal"):
        axes.set_aspect("equal", adjustable="box")


def _line(axes: Any, layer: Mapping[str, Any]) -> None:
    axes.plot(
        layer["x"],
        layer["y"],
        color=LIGHT[layer["colour"]],
        linewidth=layer.get("width", 2.0),
        linestyle=(0, (4, 3)) if layer.get("dashed") else "-",
        marker=layer.get("marker"),
        markersize=4.0,
        label=layer.get("label"),
    )


def _points(axes: Any, layer: Mapping[str, Any]) -> None:
    axes.plot(
        layer["x"],
        layer["y"],
        color=LIGHT[layer["colour"]],
        linestyle="none",
        marker=layer.get("marker", "o"),
        markersize=layer.get("size", 5.0),
        markeredgecolor=LIGHT["surface"],
        markeredgewidth=0.7,
        label=layer.get("label"),
        zorder=3,
    )


def _arrow(axes: Any, layer: Mapping[str, Any]) -> None:
    arrow = {
        "arrowstyle": "-|>,head_width=0.25,head_length=0.5",
        "color": LIGHT[layer["colour"]],
        "linewidth": layer.get("width", 2.2),
        "linestyle": "--" if layer.get("dashed") else "-",
        "shrinkA": layer.get("gap", 0),
        "shrinkB": layer.get("gap", 0),
    }
    axes.annotate("", xy=layer["to"], xytext=layer["start"], arrowprops=arrow, annotation_clip=False)


def _contour(axes: Any, layer: Mapping[str, Any]) -> None:
    colour = LIGHT[layer.get("colour", "grey")]
    axes.contour(
        layer["x"],
        layer["y"],
        layer["z"],
        levels=layer["levels"],
        colors=[colour],
        linewidths=0.7,
        alpha=0.55,
    )


def _bars(axes: Any, layer: Mapping[str, Any]) -> None:
    axes.bar(
        layer["x"],
        layer["height"],
        width=layer.get("width", 0.8),
        bottom=layer.get("bottom", 0.0),
        color=LIGHT[layer["colour"]],
        label=layer.get("label"),
        linewidth=0,
    )


def _band(axes: Any, layer: Mapping[str, Any]) -> None:
    colour = LIGHT[layer["colour"]]
    axes.fill_between(
        layer["x"], layer["low"], layer["high"], color=colour, alpha=layer.get("alpha", 1.0), lw=0
    )


def _polygon(axes: Any, layer: Mapping[str, Any]) -> None:
    colour = LIGHT[layer["colour"]]
    axes.fill(layer["x"], layer["y"], facecolor=colour, alpha=layer.get("alpha", 0.16), lw=0)
    outline = [*layer["x"], layer["x"][0]], [*layer["y"], layer["y"][0]]
    axes.plot(*outline, color=colour, linewidth=layer.get("width", 1.4), label=layer.get("label"))


def _text(axes: Any, layer: Mapping[str, Any]) -> None:
    box = {"boxstyle": "round,pad=0.4", "facecolor": LIGHT["surface"], "edgecolor": LIGHT["muted"], "lw": 1.0}
    axes.text(
        layer["x"],
        layer["y"],
        layer["text"],
        color=LIGHT[layer.get("colour", "ink")],
        fontsize=layer.get("size", 11.5),
        ha=layer.get("align", "left"),
        va=layer.get("vertical", "center"),
        bbox=box if layer.get("box") else None,
        zorder=5,
    )


def _picture(axes: Any, layer: Mapping[str, Any]) -> None:
    axes.imshow(layer["z"], cmap="gray", vmin=layer["low"], vmax=layer["high"], interpolation="nearest")


_LAYERS: Mapping[str, Callable[[Any, Mapping[str, Any]], None]] = MappingProxyType(
    {
        "line": _line,
        "points": _points,
        "arrow": _arrow,
        "contour": _contour,
        "bars": _bars,
        "band": _band,
        "polygon": _polygon,
        "text": _text,
        "picture": _picture,
    }
)
