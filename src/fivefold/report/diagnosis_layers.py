"""The layers of a training in pictures: how far each moves, what reaches it, what it gives."""

from collections.abc import Sequence
from typing import Any

from fivefold.report import numbers
from fivefold.report.diagnosis_figures import MOST_ROWS, Curve, bars, lines
from fivefold.report.record import finite, mapping, sequence, whole
from fivefold.report.text import clean

Points = list[tuple[float, float]]

_MOST_POINTS = 2_000
_MOST_LAYERS = 60
_NEXT_TO_NONE = 0.005


def layers(series: dict[str, Any], key: str) -> list[dict[str, str] | None]:
    """Return the pictures of a training's layers; ``None`` stands for one without anything to see.

    Args:
        series: ``ratio``, ``gradients``, ``outputs``, ``idle`` and ``last``, as ``diagnosis.json`` holds
            them.
        key: Unique in the page.

    >>> [picture is None for picture in layers({}, "t")]
    [True, True, True]
    """
    last = whole(series.get("last"))
    return [
        _ratios(series, key, last),
        _profile(
            mapping(series.get("gradients")),
            f"{key}-depth",
            "Gradients, layer by layer",
            "root mean square gradient",
            "The first layer stands at the top. Where the marks move left by powers of ten towards the "
            "top, the gradient is lost on its way; a factor of 100 over the whole network is common.",
        ),
        _profile(
            mapping(series.get("outputs")),
            f"{key}-outputs",
            "Outputs, layer by layer",
            "standard deviation of what the layer gives",
            "Layers that keep the scale about the same can be trained; one that shrinks or blows it up "
            "passes that on to all after it.",
        ),
        *_idle(mapping(series.get("idle")), key),
    ]


def points(value: object) -> Points:
    """Return the finite points of a curve, at most 2,000; anything else is left out.

    >>> points([[0, 1.0], [1, None], "x", [2, 3.0, 4]])
    [(0.0, 1.0)]
    """
    found = []
    for pair in sequence(value)[:_MOST_POINTS]:
        two = sequence(pair)
        if len(two) == 2 and (x := finite(two[0])) is not None and (y := finite(two[1])) is not None:
            found.append((x, y))
    return found


def picture(title: str, figure: str, caption: str) -> dict[str, str] | None:
    """Return a picture for the page, or ``None`` where there is nothing to see.

    >>> picture("Loss", "", "none") is None
    True
    """
    return {"title": title, "figure": figure, "caption": caption} if figure else None


def _ratios(series: dict[str, Any], key: str, last: int | None) -> dict[str, str] | None:
    part = mapping(series.get("ratio"))
    layers = [
        (clean(name, 40), found)
        for name, value in zip(sequence(part.get("names")), sequence(part.get("curves")), strict=False)
        if (found := points(value))
    ][:_MOST_LAYERS]
    if not layers:
        return None
    ends = [found[-1][1] for _, found in layers]
    strong = [0, len(layers) - 1, ends.index(max(ends)), ends.index(min(ends))]
    ranks = {place: rank for rank, place in enumerate(dict.fromkeys(strong))}
    curves = [Curve(name, found, ranks.get(i)) for i, (name, found) in enumerate(layers)]
    left = whole(part.get("left_out")) or 0
    shown = (
        "the first and the last weight matrix, and those that move most and least at the end, by name"
        if len(layers) > 4
        else "each weight matrix"
    )
    caption = (
        f"How far one update moves a weight matrix, as a share of its norm: {shown}. Around 0.001 is "
        "usual; above 0.1 an update throws away what was learned, below 0.00001 next to nothing moves."
    )
    if left:
        caption += f" {left:,} more layers, in between, are not drawn."
    figure = lines(
        f"{key}-ratio", "Size of the updates, layer by layer", curves, ("update", "update over weight"),
        log=True,
        level=(1e-3, "0.001"), until=last, description=caption,
    )  # fmt: skip
    return picture("Size of the updates", figure, caption)


def _column(part: dict[str, Any], name: str) -> list[float | None]:
    return [finite(v) for v in sequence(part.get(name))[:_MOST_LAYERS]]


def _profile(part: dict[str, Any], key: str, title: str, label: str, why: str) -> dict[str, str] | None:
    names = [clean(name, 60) for name in sequence(part.get("names"))[:_MOST_LAYERS]]
    start, end = _column(part, "start"), _column(part, "end")
    if len(names) < 2:
        return None
    both = any(v is not None for v in end)
    known = [v for v in (*start, *end) if v is not None and v > 0]
    log = bool(known) and max(known) > 20 * min(known)
    sides: list[tuple[str, Sequence[float | None]]] = [("first updates", start)]
    sides = [*sides, ("last updates", end)] if both else sides
    caption = f"{why}{_left_out(part, names)}"
    figure = bars(key, title, names, sides, label, log=log, description=caption)
    return picture(title, figure, caption)


def _idle(part: dict[str, Any], key: str) -> list[dict[str, str] | None]:
    names = [clean(name, 60) for name in sequence(part.get("names"))[:_MOST_LAYERS]]
    found = []
    for field, title, says in (
        (
            "dead",
            "Dead units",
            "Units of a rectifier that give zero to every example of a batch learn nothing",
        ),
        (
            "saturated",
            "Saturated outputs",
            "Outputs at the bounds of a sigmoid or tanh pass next to no gradient",
        ),
    ):
        values = _column(part, field)
        known = [v for v in values if v is not None]
        if not known or max(known) < _NEXT_TO_NONE:
            continue
        caption = (
            f"{says}. Median over the second half of the training; the most in one layer: "
            f"{numbers.percent(max(known))}.{_left_out(part, names)}"
        )
        figure = bars(
            f"{key}-{field}", title, names, [("share", values)], f"share of {title.lower()}", share=True,
            description=caption,
        )  # fmt: skip
        found.append(picture(title, figure, caption))
    return list(found)


def calm(part: dict[str, Any]) -> str:
    """Say which pictures of units are left out, since nothing would be on them."""
    said = []
    for field, words in (
        ("dead", "no unit of a rectifier was dead"),
        ("saturated", "no output was saturated"),
    ):
        known = [v for v in _column(part, field) if v is not None]
        if known and max(known) < _NEXT_TO_NONE:
            said.append(words)
    text = " and ".join(said)
    return f"{text[0].upper()}{text[1:]} in the second half." if text else ""


def _left_out(part: dict[str, Any], names: Sequence[str]) -> str:
    more = (whole(part.get("left_out")) or 0) + max(0, len(names) - MOST_ROWS)
    return f" {more:,} more layers, in between, are not drawn." if more > 0 else ""
