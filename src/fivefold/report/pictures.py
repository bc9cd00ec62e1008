"""A section of the report of a fit to pictures: examples, and what each stage of the network responds to."""

import re
from typing import Any

from fivefold.report import numbers
from fivefold.report.record import entries, finite, first, mapping, sequence, whole
from fivefold.report.text import NAME, SENTENCE, clean

_PNG = re.compile(r"data:image/png;base64,[A-Za-z0-9+/]+={0,2}")
_LONGEST = 200_000
_GROUPS, _PICTURES, _STAGES, _CHANNELS, _PATCHES, _FILTERS = 6, 24, 24, 12, 8, 64


def pictures(record: dict[str, Any]) -> dict[str, Any] | None:
    """Return what the template needs, or ``None`` where the record has no pictures.

    Pictures are PNGs in data URIs; what is anything else is left out.

    >>> pictures({}) is None
    True
    """
    section = mapping(record.get("pictures"))
    if not section:
        return None
    return {
        "groups": [
            g for group in entries(section.get("groups"))[:_GROUPS] if (g := _group(group))["pictures"]
        ],
        "filters": _images(section.get("filters"), _FILTERS),
        "stages": [_stage(s) for s in entries(section.get("stages"))[:_STAGES]],
    }


def training(record: dict[str, Any]) -> dict[str, Any] | None:
    """Return what was trained, and what was expected of it beside what came, or ``None``.

    >>> training({}) is None
    True
    """
    network, forecast = mapping(record.get("network")), mapping(record.get("forecast"))
    if not network:
        return None
    facts = [
        ("Network", clean(network.get("name"), NAME)),
        ("Units", clean(network.get("units"), SENTENCE)),
        ("Parameters", numbers.count(network.get("parameters"))),
        ("Multiply-adds of a picture", numbers.count(network.get("multiply_adds"))),
        ("Passes", numbers.count(network.get("epochs"))),
        ("Pictures in a pass", numbers.count(network.get("pictures"))),
        ("Pictures in an update", numbers.count(network.get("batch"))),
        ("Memory of an update, planned", _mebibytes(mapping(network.get("memory")).get("total"))),
    ]
    return {
        "facts": [(label, text) for label, text in facts if text],
        "expected": [
            (
                "Time of training and answering",
                numbers.seconds(forecast.get("seconds")),
                "",
                numbers.seconds(forecast.get("measured_seconds")),
            ),
            (
                "Accuracy on unseen pictures",
                *_accuracy_expected(forecast),
                numbers.percent(forecast.get("measured_accuracy")),
            ),
        ]
        if forecast
        else [],
    }


def _accuracy_expected(forecast: dict[str, Any]) -> tuple[str, str]:
    """The accuracy that was forecast, and its band."""
    if finite(forecast.get("accuracy")) is None:
        return "not forecast: no network could be tried", ""
    low, high = (numbers.percent(forecast.get(key)) for key in ("low", "high"))
    return numbers.percent(forecast.get("accuracy")), f"{low} to {high}"


def _mebibytes(value: object) -> str:
    number = finite(value)
    return "" if number is None else f"{numbers.count(round(number / 2**20))} MiB"


def _group(group: dict[str, Any]) -> dict[str, Any]:
    shown, more = first(entries(group.get("pictures")), _PICTURES)
    found = []
    for entry in shown:
        image = _image(entry.get("image"))
        if image:
            true, said = clean(entry.get("true"), 40), clean(entry.get("found"), 40)
            found.append(
                {
                    "image": image,
                    "name": clean(entry.get("name"), 120),
                    "true": true,
                    "found": said,
                    "right": entry.get("true") == entry.get("found"),  # not the shortened names
                    "probability": numbers.percent(entry.get("probability")),
                }
            )
    return {
        "title": clean(group.get("title"), NAME),
        "caption": clean(group.get("caption"), SENTENCE),
        "pictures": found,
        "more": more,
    }


def _stage(stage: dict[str, Any]) -> dict[str, Any]:
    seen = [numbers.count(v) for v in sequence(stage.get("sees"))[:2]]
    size = [numbers.count(stage.get(key)) for key in ("height", "width")]
    channels = whole(stage.get("channels"))
    return {
        "name": clean(stage.get("name"), NAME),
        "sees": " x ".join(seen),
        "size": " x ".join(size),
        "channels": numbers.plural(channels, "channel") if channels is not None else "",
        "examples": [_images(row, _PATCHES) for row in sequence(stage.get("examples"))[:_CHANNELS]],
    }


def _images(value: object, most: int) -> list[str]:
    return [image for item in sequence(value)[:most] if (image := _image(item))]


def _image(value: object) -> str:
    text = value if isinstance(value, str) and len(value) <= _LONGEST else ""
    return text if _PNG.fullmatch(text) else ""
