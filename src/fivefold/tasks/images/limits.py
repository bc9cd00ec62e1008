"""What is read at most, so that a file from a stranger cannot take the machine's memory."""

from dataclasses import dataclass

from fivefold.core import require

MOST_PACKED = 1100
"""Deflate packs at most 1,032 bytes into one: what announces more than this is not read."""


@dataclass(frozen=True)
class Limits:
    """Upper bounds, checked before memory is taken.

    Args:
        pixels: Of one picture, by its header. A picture of 50 million takes about 400 MB while it is decoded.
        bytes: Of one picture's file.
        files: Of a folder or a list; pictures of an array too, since each has a name.
        array: Bytes of all arrays of an IDX or NPZ source together, labels included.

    Raises:
        ArgumentError: A limit below 1.

    >>> Limits(pixels=10_000).bytes
    200000000
    """

    pixels: int = 50_000_000
    bytes: int = 200_000_000
    files: int = 1_000_000
    array: int = 2**31

    def __post_init__(self) -> None:
        least = min(self.pixels, self.bytes, self.files, self.array)
        require(least >= 1, "limits of at least 1", least)
