"""Which notes of a diagnosis tell what looks in depth measured: they stand with the training."""

import re
from collections.abc import Sequence
from typing import Any

_DEPTH = re.compile(r"(?P<which>training \d+ \(.{0,200}?\): )?in depth, (?P<said>.+)", re.DOTALL)


def in_depth(notes: Sequence[Any]) -> tuple[list[str], list[Any]]:
    """Return what was measured in depth, without saying so each time, and the other notes.

    Args:
        notes: In their order; what is no text counts as another note.

    >>> in_depth(["in depth, at update 3: a", "in depth: left out", 3])
    (['at update 3: a'], ['in depth: left out', 3])
    """
    found = [_DEPTH.fullmatch(note) if isinstance(note, str) else None for note in notes]
    told = [f"{m['which'] or ''}{m['said']}" for m in found if m is not None]
    return told, [note for note, m in zip(notes, found, strict=True) if m is None]
