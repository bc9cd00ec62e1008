"""What was left out of a source, and why."""

from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Rejected:
    """A file or a text that was left out.

    Args:
        name: As the others are named.
        reason: Why, in one sentence.

    >>> Rejected("cats/7.jpg", "it is truncated").reason
    'it is truncated'
    """

    name: str
    reason: str
