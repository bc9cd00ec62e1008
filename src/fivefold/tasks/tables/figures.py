"""Numbers written for people: ``$1,234.50``, ``12 %``, ``1.234,5``, ``(300)``.

One form holds for a whole column, because ``1,234`` alone can mean two numbers: the values that settle the
decimal mark decide, and where none does the reading is said to be ambiguous.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fivefold.core import ArtifactError

MISSING_WORDS = frozenset(
    {
        "na",
        "n/a",
        "#n/a",
        "nan",
        "null",
        "none",
        "nil",
        "-",
        "--",
        ".",
        "?",
        "missing",
        "#null!",
        "#div/0!",
        "nd",
    }
)
"""Words that stand for a missing value where the rest of the column is numbers or dates (lower case)."""

LARGEST_WHOLE = 2**53
"""Whole numbers beyond this lose digits in float64; such a column is kept as text."""

_CURRENCY = r"(?:[$€£¥₹₩₽]|US\$|A\$|C\$|USD|EUR|GBP|CHF|JPY|CNY|INR|SEK|NOK|DKK)"
_SHAPE = re.compile(
    rf"(?P<open>\()?(?P<sign>[+\-−])?\s*(?P<before>{_CURRENCY})?\s*(?P<sign2>[+\-−])?"
    rf"(?P<body>\d[\d.,'’\u00a0\u202f ]*|[.,]\d+)(?P<power>[eE][+\-]?\d+)?"
    rf"\s*(?P<after>{_CURRENCY}|%)?(?P<close>\))?"
)
_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?inf(?:inity)?|nan", re.IGNORECASE)
_GROUPED = {mark: re.compile(rf"\d{{1,3}}(?:{re.escape(mark)}\d{{3}})+") for mark in ",.'’\u00a0\u202f "}


@dataclass(frozen=True)
class NumberForm:
    """How a column writes its numbers.

    Attributes:
        decimal: ``"."`` or ``","``.
        thousands: The marks between groups of three digits, or empty.
        unit: The currency or ``"%"``, or empty. A percentage keeps its figure: ``12%`` reads as 12.
        ambiguous: No value settled which mark is the decimal one.
    """

    decimal: str = "."
    thousands: str = ""
    unit: str = ""
    ambiguous: bool = False

    def describe(self) -> str:
        """Say what is unusual, or nothing.

        >>> NumberForm(thousands=",", unit="$").describe()
        "in $, with ',' between thousands"
        """
        parts = [f"in {self.unit}"] if self.unit else []
        if self.thousands:
            parts.append(f"with {self.thousands!r} between thousands")
        if self.decimal != ".":
            parts.append("with a decimal comma")
        if self.ambiguous:
            parts.append("(a single mark before three digits is read as thousands, which no value settles)")
        return ", ".join(parts)

    def parse(self, text: str) -> float | None:
        """The number in this form, nan for a word that means missing, None for anything else.

        Args:
            text: One cell.

        >>> form = NumberForm(thousands=",", unit="$")
        >>> form.parse("$1,234.50"), form.parse("(300)"), form.parse("blue")
        (1234.5, -300.0, None)
        """
        text = text.strip()
        if text.lower() in MISSING_WORDS or not text:
            return float("nan")
        if self == NumberForm() and _PLAIN.fullmatch(text):
            return float(text)
        match = _SHAPE.fullmatch(text)
        if match is None or bool(match["open"]) != bool(match["close"]) or (match["sign"] and match["sign2"]):
            return float(text) if _PLAIN.fullmatch(text) else None
        unit = match["before"] or match["after"] or ""
        if (match["before"] and match["after"]) or (unit and unit != self.unit):
            return None
        body = match["body"].strip()
        if any(mark in body for mark in self.thousands):
            whole, _, rest = body.partition(self.decimal)
            if (
                not any(_GROUPED[mark].fullmatch(whole) for mark in self.thousands)
                or not (rest or "0").isdigit()
            ):
                return None
            body = "".join(c for c in whole if c.isdigit()) + (f".{rest}" if rest else "")
        elif self.decimal == ",":
            if "." in body:
                return None
            body = body.replace(",", ".")
        if not _PLAIN.fullmatch(body):
            return None
        value = float(body + (match["power"] or ""))
        negative = (match["sign"] or match["sign2"] or "+") in "-−" or bool(match["open"])
        return -value if negative else value

    def to_record(self) -> dict[str, Any]:
        """Plain JSON form."""
        return {
            "decimal": self.decimal,
            "thousands": self.thousands,
            "unit": self.unit,
            "ambiguous": self.ambiguous,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "NumberForm":
        """Read the plain JSON form.

        Raises:
            ArtifactError: Marks that no column can have.

        >>> NumberForm.from_record(NumberForm(unit="%").to_record()) == NumberForm(unit="%")
        True
        """
        decimal, thousands = str(record.get("decimal")), str(record.get("thousands"))
        if decimal not in {".", ","} or not set(thousands) <= set(_GROUPED) - {decimal}:
            raise ArtifactError(
                "a number form with a decimal mark and other marks between thousands", str(record)
            )
        return cls(decimal, thousands, str(record.get("unit", "")), bool(record.get("ambiguous", False)))


def guess_number_form(texts: Iterable[str]) -> NumberForm | None:
    """The one form in which these texts are numbers; None where their marks or units contradict each other.

    Texts that are no numbers at all are passed over: count what :meth:`NumberForm.parse` refuses.

    Args:
        texts: Distinct cells.

    >>> guess_number_form(["1.234,5", "7,25"])
    NumberForm(decimal=',', thousands='.', unit='', ambiguous=False)
    >>> guess_number_form(["$5", "€5"]) is None
    True
    """
    decimals: set[str] = set()
    thousands: set[str] = set()
    units: set[str] = set()
    bare_unit = False
    doubtful: set[str] = set()
    seen = 0
    for text in texts:
        match = _SHAPE.fullmatch(text.strip())
        if match is None:
            continue
        seen += 1
        unit = match["before"] or match["after"]
        bare_unit |= not unit
        units |= {unit} if unit else set()
        body = match["body"].strip()
        spaces = {mark for mark in body if mark in "'’\u00a0\u202f "}
        thousands |= spaces
        points, commas = body.count("."), body.count(",")
        if points and commas:
            last = max(body.rfind("."), body.rfind(","))
            decimals.add(body[last])
            thousands.add("," if body[last] == "." else ".")
        elif points + commas > 1:
            thousands.add("." if points else ",")
        elif points + commas == 1:
            mark = "." if points else ","
            if spaces or not _GROUPED[mark].fullmatch(body) or body.startswith("0"):
                decimals.add(mark)
            else:
                doubtful.add(mark)
    if (
        not seen
        or len(units) > 1
        or decimals & thousands
        or len(decimals) > 1
        or (units == {"%"} and bare_unit)
    ):
        return None
    decimal = next(iter(decimals), "," if "." in thousands else ".")
    ambiguous = False
    if "," in doubtful and decimal == "." and "," not in thousands:
        ambiguous = not decimals and not units
        thousands.add(",")
    if "." in doubtful and decimal == ",":
        thousands.add(".")
    return NumberForm(decimal, "".join(sorted(thousands)), next(iter(units), ""), ambiguous)
