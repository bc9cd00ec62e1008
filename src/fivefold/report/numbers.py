"""Numbers as people read them: thousand separators, as many digits as are known, a reason where none is."""

import math
from numbers import Real

from fivefold.report.record import finite

MINUS = "\u2212"
DASH = "–"

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_PREFIXED = frozenset("$£€¥₹₩")
_SHARES = frozenset({"accuracy", "balanced accuracy", "error rate", "coverage"})
_UNITLESS = ("R²", "R2", "LOG", "BRIER", "AUC", "F1", "MAPE", "DEVIANCE", "MSLE", "ENTROPY", "NLL")


def missing(value: object) -> str:
    """Say by a dash, with the reason, that there is no number.

    >>> missing(None), missing(float("inf")), missing(float("nan"))
    ('– (not measured)', '– (infinite)', '– (not a number)')
    """
    if value is None:
        return f"{DASH} (not measured)"
    if isinstance(value, Real):
        try:
            return f"{DASH} (infinite)" if math.isinf(float(value)) else f"{DASH} (not a number)"
        except (OverflowError, ValueError):
            return f"{DASH} (too large)"
    return f"{DASH} (not a number)"


def number(value: object, digits: int = 3, keep: bool = False) -> str:
    """Write a number with ``digits`` significant digits; zeros at the end only where ``keep`` says so.

    >>> number(98312.4), number(0.123456), number(-5), number(1.2e-7), number(None)
    ('98,300', '0.123', '−5', '1.2 × 10⁻⁷', '– (not measured)')
    >>> number(0.004, 2, keep=True)
    '0.0040'
    """
    x = finite(value)
    if x is None:
        return missing(value)
    if x == 0:
        return "0"
    if not 1e-4 <= abs(x) < 1e12:
        return _scientific(x, digits)
    decimals = digits - 1 - math.floor(math.log10(abs(x)))
    text = _fixed(x, decimals)
    return text.rstrip("0").rstrip(".") if "." in text and not keep else text


def interval(value: object, low: object, high: object) -> tuple[str, str, str]:
    """Write a value and its bounds with the digits that the width of the interval supports.

    Two significant digits of the half-width decide the last digit that all three show.

    >>> interval(98312.4, 91234.5, 106411.2)
    ('98,300', '91,200', '106,400')
    >>> interval(0.12345, 0.1213, 0.1256)
    ('0.1235', '0.1213', '0.1256')
    >>> interval(3.14159, None, 4)
    ('3.14', '– (not measured)', '4')
    """
    x, a, b = finite(value), finite(low), finite(high)
    if x is None or a is None or b is None or not b > a:
        return number(value), number(low), number(high)
    largest = max(abs(x), abs(a), abs(b))
    if not 1e-4 <= largest < 1e12:
        return number(x), number(a), number(b)
    half = b / 2 - a / 2
    decimals = 1 - math.floor(math.log10(half))
    known = 5 - math.floor(math.log10(largest))  # at most six significant digits
    decimals = min(decimals, known)
    return _fixed(x, decimals), _fixed(a, decimals), _fixed(b, decimals)


def span(low: object, high: object, value: object = None) -> str:
    """Write an interval as ``low to high``; the empty text where a bound is missing.

    >>> span(91234.5, 106411.2), span(None, 3)
    ('91,200 to 106,400', '')
    """
    if finite(low) is None or finite(high) is None:
        return ""
    _, a, b = interval(low if value is None else value, low, high)
    return f"{a} to {b}"


def percent(value: object, decimals: int = 1) -> str:
    """Write a share as a percentage; a share that is not quite 0 or 1 never reads as 0 or 100.

    >>> percent(0.9037), percent(0.86), percent(1), percent(0.99996), percent(0.00001)
    ('90.4%', '86.0%', '100%', '>99.9%', '<0.1%')
    """
    x = finite(value)
    if x is None:
        return missing(value)
    if abs(x) > 1e6:
        return f"{number(100 * x)}%"
    if x in (0, 1):
        return f"{_fixed(100 * x, 0)}%"
    text, edge = _fixed(100 * x, decimals), 10.0**-decimals
    if text == _fixed(0.0, decimals):
        return f"<{edge:.{decimals}f}%" if x > 0 else f">{MINUS}{edge:.{decimals}f}%"
    if x < 1 and text == _fixed(100.0, decimals):
        return f">{100 - edge:.{decimals}f}%"
    return f"{text}%"


def level(value: object) -> str:
    """Write a level that was asked for, in as few digits as it has.

    >>> level(0.9), level(0.999), level(None)
    ('90%', '99.9%', '– (not measured)')
    """
    x = finite(value)
    return missing(value) if x is None else f"{number(100 * x, 6)}%"


def count(value: object) -> str:
    """Write a whole number exactly.

    >>> count(21613), count(None)
    ('21,613', '– (not measured)')
    """
    x = finite(value)
    if x is None:
        return missing(value)
    return number(x) if abs(x) >= 1e15 else _fixed(x, 0)


def plural(value: object, noun: str, many: str = "") -> str:
    """Write a count with its noun.

    >>> plural(1, "row"), plural(21613, "row"), plural(2, "class", "classes")
    ('1 row', '21,613 rows', '2 classes')
    """
    return f"{count(value)} {noun if finite(value) == 1 else many or noun + 's'}"


def seconds(value: object) -> str:
    """Write a duration.

    >>> seconds(0.0123), seconds(3.42), seconds(75), seconds(4000), seconds(0)
    ('12 ms', '3.4 s', '1 min 15 s', '1 h 7 min', '0 s')
    """
    x = finite(value)
    if x is None:
        return missing(value)
    if x <= 0:
        return "0 s"
    if x < 0.9995:
        return f"{number(1000 * x, 2)} ms"
    if x < 59.95:
        return f"{number(x, 2)} s"
    if x < 3570:
        return f"{round(x) // 60} min {round(x) % 60} s"
    minutes = round(x / 60)
    return f"{count(minutes // 60)} h {minutes % 60} min"


def with_unit(text: str, unit: str) -> str:
    """Put a unit to a written number; currency signs stand in front.

    >>> with_unit("98,300", "USD"), with_unit("−5", "$"), with_unit("3", ""), with_unit("3", "%")
    ('98,300 USD', '−$5', '3', '3%')
    """
    if not unit or text.startswith(DASH):
        return text
    if unit in _PREFIXED:
        return f"{MINUS}{unit}{text[1:]}" if text.startswith(MINUS) else f"{unit}{text}"
    return f"{text}%" if unit == "%" else f"{text} {unit}"


def metric_unit(metric: str, unit: str) -> str:
    """Unit of a metric: that of the target for errors in its scale, nothing for ratios and likelihoods.

    >>> metric_unit("RMSE", "USD"), metric_unit("R²", "USD"), metric_unit("log loss", "USD")
    ('USD', '', '')
    """
    upper = metric.upper()
    return "" if is_share(metric) or any(word in upper for word in _UNITLESS) else unit


def is_share(metric: str) -> bool:
    """Whether a metric is a share that reads best as a percentage.

    >>> is_share("Accuracy"), is_share("RMSE")
    (True, False)
    """
    return metric.strip().lower() in _SHARES


def tick(value: float) -> str:
    """Write the number at a tick of an axis, short; years keep their four digits.

    >>> [tick(x) for x in (0.0, 0.25, 1990, 12000, 1500000, -3, 1e-6)]
    ['0', '0.25', '1990', '12k', '1.5M', '−3', '1 × 10⁻⁶']
    """
    if not math.isfinite(value):
        return ""
    size = abs(value)
    for scale, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if size < 1e12 and size >= scale and size >= 1e4:
            return number(value / scale, 4) + suffix
    if 1e3 <= size < 1e4:
        return _fixed(value, 0).replace(",", "")
    return number(value, 4)


def _fixed(x: float, decimals: int) -> str:
    rounded = round(x, decimals)
    text = f"{abs(rounded):,.{max(0, decimals)}f}"
    return f"{MINUS}{text}" if rounded < 0 else text


def _scientific(x: float, digits: int) -> str:
    mantissa, exponent = f"{x:.{digits - 1}e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa.replace('-', MINUS)} × 10{str(int(exponent)).translate(_SUPERSCRIPT)}"
