"""The certificate on the coverage that sets and intervals promise."""

from fivefold.core import Certificate, Kind

LEVEL = 0.9
"""Promised coverage of the sets and intervals in a report."""


def percent(x: float) -> str:
    """Write a share with one decimal.

    >>> percent(0.9123)
    '91.2%'
    """
    return f"{100 * x:.1f}%"


def exchangeable(things: str, source: str) -> tuple[str, ...]:
    """Return what every figure on unseen things assumes."""
    return (f"new {things} are exchangeable with the {things} of this {source}",)


def coverage_certificate(
    share: dict[str, float], count: int, what: str, things: str, source: str
) -> Certificate:
    """Return the certificate: true, false or unknown, by Wilson's interval of the measured coverage.

    Args:
        share: ``value``, ``low`` and ``high`` of the measured coverage, in 0..1.
        count: Of the things that measured it.
        what: Sets or intervals.
        things: What was predicted, in the plural.
        source: Where they come from.

    >>> found = coverage_certificate({"value": 0.95, "low": 0.92, "high": 0.97}, 500, "sets", "rows", "table")
    >>> found.claim, found.holds
    ('90.0% sets cover at least 90.0% of new rows like these', True)
    """
    return Certificate(
        f"{percent(LEVEL)} {what} cover at least {percent(LEVEL)} of new {things} like these",
        Kind.STATISTICAL,
        True if share["low"] >= LEVEL else (False if share["high"] < LEVEL else None),
        bound=LEVEL,
        value=share["value"],
        assumptions=exchangeable(things, source),
        method=f"Wilson 95% interval {percent(share['low'])} to {percent(share['high'])} on {count:,} "
        f"{things} that no fit has seen; unknown where it contains {percent(LEVEL)}",
    )
