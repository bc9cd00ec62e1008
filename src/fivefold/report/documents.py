"""A section of the report of a fit to texts: the words of each class, and the surest mistakes."""

from typing import Any

from fivefold.report import numbers
from fivefold.report.record import entries, first, sequence
from fivefold.report.text import NAME, clean

_CLASSES, _WORDS, _EXAMPLES = 40, 12, 20


def documents(record: dict[str, Any]) -> dict[str, Any] | None:
    """Return what the template needs, or ``None`` where the record has no words.

    >>> documents({}) is None
    True
    >>> documents({"words": [{"class": "cat", "words": ["purr", 3]}]})["classes"]
    [{'name': 'cat', 'words': 'purr, 3'}]
    """
    found = entries(record.get("words"))
    if not found:
        return None
    shown, more = first(found, _CLASSES)
    return {
        "classes": [
            {
                "name": clean(row.get("class"), NAME),
                "words": ", ".join(clean(word, 40) for word in sequence(row.get("words"))[:_WORDS]),
            }
            for row in shown
        ],
        "more": more,
        "examples": [
            {
                "name": clean(e.get("name"), NAME),
                "text": clean(e.get("text"), 300),
                "true": clean(e.get("true"), 40),
                "found": clean(e.get("found"), 40),
                "probability": numbers.percent(e.get("probability")),
            }
            for e in entries(record.get("examples"))[:_EXAMPLES]
        ],
    }
