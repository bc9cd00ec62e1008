"""The finding: the sentence, the three key numbers and the warnings that a busy person reads."""

from dataclasses import dataclass
from typing import Any

from fivefold.report import numbers
from fivefold.report.record import entries, finite, mapping, sequence
from fivefold.report.text import NAME, clean

_HIGHER_IS_BETTER = {"R²", "R2", "ACCURACY", "BALANCED ACCURACY", "AUC", "ROC AUC", "F1", "COVERAGE"}
_MOST_WARNINGS = 12


@dataclass(frozen=True, slots=True)
class KeyNumber:
    """One of the numbers on the first screen.

    Args:
        label: What it is.
        value: The number, written out.
        details: Its interval and what it compares with, in short lines.
        tone: ``"good"``, ``"bad"``, ``"open"`` or the empty text.
        error: Whether it is an error that the table of scores shows too.
    """

    label: str
    value: str
    details: tuple[str, ...]
    tone: str = ""
    error: bool = False


def headline(record: dict[str, Any]) -> str:
    """Return the finding in one sentence, made from the key numbers where the record has none.

    >>> headline({})
    'This record of a fit holds no finding.'
    """
    said = clean(record.get("headline"), 420)
    if said:
        return said
    first = next(iter(key_numbers(record)), None)
    return f"{first.label}: {first.value}." if first else "This record of a fit holds no finding."


_THINGS = {"rows": "row", "pictures": "picture", "texts": "text"}


def things(record: dict[str, Any], *, one: bool = False) -> str:
    """Return what a fit predicts: rows, unless the record says pictures or texts.

    >>> things({}), things({"things": "pictures"}), things({"things": "pictures"}, one=True)
    ('rows', 'pictures', 'picture')
    """
    said = record.get("things")
    many = said if isinstance(said, str) and said in _THINGS else "rows"
    return _THINGS[many] if one else many


def warnings(record: dict[str, Any]) -> tuple[list[str], int]:
    """Return the warnings to show and how many were left out.

    >>> warnings({"warnings": ["small table", None, ""]})
    (['small table'], 0)
    """
    said = [text for item in sequence(record.get("warnings")) if (text := clean(item, 500))]
    return said[:_MOST_WARNINGS], max(0, len(said) - _MOST_WARNINGS)


def key_numbers(record: dict[str, Any]) -> list[KeyNumber]:
    """Return at most three numbers: the error on unseen rows, beside the yardstick, and what is promised.

    What the record lacks is replaced by the error on unseen groups, then by the certificates that hold.
    """
    test = mapping(record.get("test"))
    found = [
        _error(record, test, f"unseen {things(record)}"),
        _beside(record, test),
        _promise(record),
        _error(record, mapping(record.get("groups")), "unseen groups"),
        _certified(record),
    ]
    return [number for number in found if number is not None][:3]


def main_metric(section: dict[str, Any]) -> str:
    """Return the metric that a section leads with, or the empty text."""
    return next((text for item in sequence(section.get("metrics")) if (text := clean(item, NAME))), "")


def lower_is_better(section: dict[str, Any], metric: str) -> bool:
    """Whether small values of a metric are good, as the section says or else as the metric is known.

    >>> lower_is_better({}, "RMSE"), lower_is_better({}, "R²")
    (True, False)
    >>> lower_is_better({"lower_is_better": {"gain": False}}, "gain")
    False
    """
    said = _by_shown_name(section.get("lower_is_better")).get(metric)
    return said if isinstance(said, bool) else metric.upper() not in _HIGHER_IS_BETTER


def unit_of(record: dict[str, Any], section: dict[str, Any]) -> str:
    """Return the unit to write after an error; empty where it is only the target's own name."""
    unit = clean(section.get("unit"), 16)
    return "" if unit == clean(mapping(record.get("data")).get("target"), 16) else unit


def of_role(section: dict[str, Any], role: str, metric: str) -> dict[str, Any]:
    """Return ``{"value", "low", "high"}`` of the first score with a role, empty where there is none."""
    for score in entries(section.get("scores")):
        if score.get("role") == role:
            return value_of(score, metric)
    return {}


def value_of(score: dict[str, Any], metric: str) -> dict[str, Any]:
    """Return ``{"value", "low", "high"}`` of a metric by its shown name, empty where there is none."""
    return mapping(_by_shown_name(score.get("metrics")).get(metric))


def _by_shown_name(value: object) -> dict[str, Any]:
    return {clean(key, NAME): item for key, item in mapping(value).items()}


def measured(metric: str, cell: dict[str, Any], unit: str = "") -> tuple[str, str]:
    """Write a measured value and its interval.

    >>> measured("RMSE", {"value": 98312.0, "low": 91234.5, "high": 106411.2})
    ('98,300', '91,200 to 106,400')
    >>> measured("accuracy", {"value": 0.974}), measured("RMSE", {"value": 5}, "$")
    (('97.4%', ''), ('$5', ''))
    """
    value, low, high = cell.get("value"), cell.get("low"), cell.get("high")
    bounded = finite(low) is not None and finite(high) is not None
    if numbers.is_share(metric):
        return numbers.percent(value), span_of_shares(low, high)
    own = numbers.metric_unit(metric, unit)
    if not bounded:
        return numbers.with_unit(numbers.number(value), own), ""
    x, a, b = (numbers.with_unit(text, own) for text in numbers.interval(value, low, high))
    return x, f"{a} to {b}"


def span_of_shares(low: object, high: object) -> str:
    """Write an interval of shares; the empty text where a bound is missing.

    >>> span_of_shares(0.88, 0.92), span_of_shares(None, 1)
    ('88.0% to 92.0%', '')
    """
    if finite(low) is None or finite(high) is None:
        return ""
    return f"{numbers.percent(low)} to {numbers.percent(high)}"


def interval_name(section: dict[str, Any]) -> str:
    """Name the intervals of a section, with their level where the record says it.

    >>> interval_name({"level": 0.95}), interval_name({})
    ('95% interval', 'interval')
    """
    level = finite(section.get("level"))
    return f"{numbers.level(level)} interval" if level is not None else "interval"


def relation(section: dict[str, Any], pair: dict[str, Any]) -> str:
    """Say what a paired difference means: ``better``, ``worse``, ``open`` or, without bounds, nothing.

    >>> relation({}, {"metric": "RMSE", "low": -3, "high": -1})
    'better'
    >>> relation({}, {"metric": "accuracy", "low": -3, "high": -1}), relation({}, {"low": -3, "high": 1})
    ('worse', 'open')
    """
    low, high = finite(pair.get("low")), finite(pair.get("high"))
    if low is None or high is None:
        return ""
    if low <= 0 <= high:
        return "open"
    return "better" if (high < 0) == lower_is_better(section, clean(pair.get("metric"), NAME)) else "worse"


def _error(record: dict[str, Any], section: dict[str, Any], where: str) -> KeyNumber | None:
    metric = main_metric(section)
    own = of_role(section, "chosen", metric)
    if finite(own.get("value")) is None:
        return None
    unit = unit_of(record, section)
    value, span = measured(metric, own, unit)
    parts = [f"{interval_name(section)} {span}"] if span else []
    constant = of_role(section, "constant", metric)
    if finite(constant.get("value")) is not None:
        parts.append(f"a constant guess: {measured(metric, constant, unit)[0]}")
    return KeyNumber(f"{metric} on {where}", value, tuple(parts), error=True)


_SAYS = {"better": ("better", "good"), "worse": ("worse", "bad"), "open": ("cannot be told apart", "open")}


def _beside(record: dict[str, Any], test: dict[str, Any]) -> KeyNumber | None:
    pair = mapping(test.get("paired"))
    difference = finite(pair.get("difference"))
    metric = clean(pair.get("metric"), NAME) or main_metric(test)
    unit = unit_of(record, test)
    if difference is None:
        yardstick = of_role(test, "yardstick", metric)
        if finite(yardstick.get("value")) is None:
            return None
        value, span = measured(metric, yardstick, unit)
        return KeyNumber(
            f"{metric} of the yardstick", value, (f"{interval_name(test)} {span}",) if span else ()
        )
    against = clean(pair.get("against"), NAME) or "the yardstick"
    base = finite(of_role(test, "yardstick", metric).get("value"))
    own, span = measured(metric, pair | {"value": difference}, unit)
    shown = own
    if base is not None and base > 0 and not numbers.is_share(metric):
        shown = numbers.percent(difference / base)
    says, tone = _SAYS.get(relation(test, pair), ("", ""))
    plus = "+" if difference > 0 else ""
    details = [says, f"difference {plus}{own}", f"{interval_name(test)} {span}" if span else ""]
    lines = tuple(text for text in details if text)
    return KeyNumber(f"{metric} beside {against}", plus + shown, lines, tone)


def _promise(record: dict[str, Any]) -> KeyNumber | None:
    section, what = mapping(record.get("intervals")), "intervals"
    if finite(mapping(section.get("coverage")).get("value")) is None:
        section, what = mapping(mapping(record.get("classification")).get("sets")), "prediction sets"
    share = mapping(section.get("coverage"))
    value, level = finite(share.get("value")), finite(section.get("level"))
    if value is None:
        return None
    verdict, tone = _kept(value, finite(share.get("low")), finite(share.get("high")), level)
    span = span_of_shares(share.get("low"), share.get("high"))
    details = (f"of unseen {things(record)}{verdict}", *([f"95% interval {span}"] if span else []))
    promised = f"{numbers.level(level)} {what} cover" if level is not None else f"The {what} cover"
    return KeyNumber(promised, numbers.percent(value), details, tone)


def _kept(value: float, low: float | None, high: float | None, level: float | None) -> tuple[str, str]:
    """Whether a promised share is kept, as far as its interval tells, and the tone of that."""
    if level is None or low is None or high is None:
        return "", ""
    if high < level:
        return ": fewer than promised", "bad"
    if low >= level:
        return ": as promised", "good"
    return (
        (": as promised, up to chance", "good") if value >= level else (": fewer, perhaps by chance", "open")
    )


def _certified(record: dict[str, Any]) -> KeyNumber | None:
    verdicts = [c.get("holds") for c in entries(record.get("certificates"))]
    if not verdicts:
        return None
    held = sum(v == "yes" or v is True for v in verdicts)
    failed = sum(v == "no" or v is False for v in verdicts)
    details = (f"{failed} do not hold, {len(verdicts) - held - failed} unknown",)
    return KeyNumber("Certificates that hold", f"{held} of {len(verdicts)}", details, "bad" if failed else "")
