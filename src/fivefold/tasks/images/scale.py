"""Which number is white in arrays of pictures: that of the fit, or the least usual one that none exceeds."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.core import DataError

INTEGERS, FLOATS = "integers", "floats"
_SHALLOW = (1.0, 2.0, 4.0, 8.0, 16.0)
_DEPTHS = (255.0, 1023.0, 4095.0, 16_383.0, 65_535.0)
_ABOVE = 1.01
"""Times white is still white: what resizing or rounding left above it is cut."""
_CHUNK = 1 << 24
"""Bytes of an array that are converted at once."""


def whites_of(
    arrays: Mapping[str, NDArray[Any]], notes: list[str], known: Mapping[str, float] | None = None
) -> dict[str, float]:
    """The number that is white in arrays of integers, and in arrays of floats, where 0 is black.

    It is the least of 1, 2, 4, 8, 16, 255, 1,023 (10 bits), 4,095, 16,383 and 65,535 that no number of all
    arrays of the kind exceeds by more than 1 %: dark test pictures stay dark beside bright training pictures.

    Args:
        arrays: All arrays of pictures of a source, by their names in words. True and false are 1 and 0.
        notes: What was decided is added here, unless it is the bytes' 0 to 255.
        known: White of the pictures that a model was fitted to, which holds for others too, however dark they
            are; empty where the fit was to files of pictures. Of a kind that the fit had not, integers or
            floats, the other one's white holds, but floats up to 1 are fractions, and what exceeds it has one
            of the depths from 255 on.

    Returns:
        By ``"integers"`` and ``"floats"``, for the kinds that are there.

    Raises:
        DataError: No numbers, numbers that are not finite, below 0, above 65,535, or above white where it is
            known.

    >>> notes = []
    >>> twelve = whites_of({"'x'": np.array([[[0, 4000]]], dtype=np.uint16)}, notes)
    >>> twelve, notes
    ({'integers': 4095.0}, ["Numbers up to 4,000 in 'x' are on a scale to 4,095 (12 bits)."])
    >>> whites_of({"'x'": np.array([[[0, 40]]])}, notes, known=twelve)
    {'integers': 4095.0}
    """
    found = {}
    for kind in (INTEGERS, FLOATS):
        held = {where: array for where, array in arrays.items() if _kind(array, where) == kind}
        if not held:
            continue
        where, high = " and ".join(held), max(_highest(array, name) for name, array in held.items())
        if known is None:
            white = _least(high, _SHALLOW + _DEPTHS)
        elif kind in known:
            white = known[kind]
            if high > _ABOVE * white:
                raise DataError(
                    f"numbers up to {white:,g}, the white of the pictures of the fit",
                    f"up to {high:,g} in {where}",
                    "bring them to the scale of the fit's",
                )
        else:
            others = [] if kind == FLOATS and high <= _ABOVE else list(known.values())
            depths = (1.0, *_DEPTHS) if kind == FLOATS else _DEPTHS
            white = _least(high, (*others, *depths))
        found[kind] = white
        usual = white == 255 and (kind == INTEGERS or high > _SHALLOW[-1])
        if not usual:
            what = "Fractions" if white == 1 and kind == FLOATS else "Numbers"
            depth = f" ({int(white).bit_length()} bits)" if white in _DEPTHS else ""
            taken = ", as those of the fit" if known and kind in known else ""
            notes.append(f"{what} up to {high:,g} in {where} are on a scale to {white:,g}{depth}{taken}.")
    return found


def as_bytes(
    array: NDArray[Any], where: str, notes: list[str], whites: Mapping[str, float]
) -> NDArray[np.uint8]:
    """An array of pictures with 255 as white, rounded.

    Args:
        array: Of any shape, not negative.
        where: Its name in words.
        notes: Fractions that are rounded are noted here.
        whites: Of :func:`whites_of`, of this array and others.

    >>> as_bytes(np.array([0, 8, 16]), "'x'", [], {"integers": 16.0}).tolist()
    [0, 128, 255]
    """
    if array.dtype.kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    white = whites[_kind(array, where)]
    if white == 255 and array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    broken = white == 255 and array.dtype.kind == "f"
    if broken and any((part != np.rint(part)).any() for _, part in _chunks(array)):
        notes.append(f"{where} holds fractions from {array.min():g} to {array.max():g}: rounded.")
    out = np.empty(array.shape, dtype=np.uint8)
    for place, part in _chunks(array):
        out[place] = np.rint(np.minimum(part * (255 / white), 255))
    return out


def _kind(array: NDArray[Any], where: str) -> str:
    if array.dtype.kind not in "buif":
        raise DataError("numbers as pictures", f"{array.dtype} in {where}", "save them as bytes")
    return FLOATS if array.dtype.kind == "f" else INTEGERS


def _highest(array: NDArray[Any], where: str) -> float:
    low, high = float(array.min()), float(array.max())
    if not np.isfinite([low, high]).all():
        raise DataError("finite numbers as pictures", f"NaN or infinity in {where}", "save them as bytes")
    if low < 0 or high > _ABOVE * _DEPTHS[-1]:
        raise DataError(
            "pictures from 0 to 1, 0 to 255 or of up to 16 bits",
            f"{low:g} to {high:g} in {where}",
            "save them as bytes",
        )
    return high


def _least(high: float, whites: tuple[float, ...]) -> float:
    return next(white for white in whites if high <= _ABOVE * white)


def _chunks(array: NDArray[Any]) -> Iterator[tuple[slice, NDArray[Any]]]:
    step = max(1, _CHUNK // max(1, array[:1].nbytes))
    for start in range(0, len(array), step):
        yield slice(start, start + step), array[start : start + step]
