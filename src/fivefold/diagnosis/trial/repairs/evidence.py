"""Numbers that a finding measured: from what it gives to repairs, else from its sentences."""

import re

from fivefold.diagnosis.finding import Finding

NUMBER = r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"


def measured(finding: Finding, name: str, *before: str) -> float | None:
    """A number that a finding gives by name, or the first one that follows some words of it.

    Args:
        finding: Any finding.
        name: Its name in ``finding.repair``.
        before: Words, the first that are found count.

    >>> found = Finding("rate.too-high", "t", "e", "high", "a rate of 0.5 is high", "lower it to about 0.05")
    >>> measured(found, "rate", "a rate of "), measured(found, "to", "up to ", "to about ")
    (0.5, 0.05)
    """
    held = (finding.repair or {}).get(name)
    if isinstance(held, int | float):
        return float(held)
    text = f"{finding.evidence}\n{finding.cause}\n{finding.fix}"
    for words in before:
        found = re.search(re.escape(words) + NUMBER, text)
        if found is not None:
            return float(found.group(1))
    return None
