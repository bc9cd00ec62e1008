"""Operations to be made again as plain tables, each beside the finding that it belongs to."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fivefold.core import FivefoldError
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.replay import from_bytes, is_replay
from fivefold.diagnosis.replayed_operation import Replay

MOST = 8
"""Replays of which a table is made."""

MOST_ROWS = 20


def tables_of(findings: Sequence[Finding], files: Mapping[str, bytes]) -> dict[int, dict[str, Any]]:
    """Return the tables of replays by the place of the finding that each belongs to.

    A finding of numbers that are not finite names the update; among several of the same update the one at the
    same line of code is taken. What is no replay, or belongs to no finding, is left out.

    Args:
        findings: In their order.
        files: Contents by name.

    >>> tables_of([], {"fix.diff": b""})
    {}
    """
    tables: dict[int, dict[str, Any]] = {}
    for name, data in [(n, d) for n, d in files.items() if is_replay(n)][:MOST]:
        try:
            replay = from_bytes(data)
            table = table_of(replay, name)
        except FivefoldError:
            continue
        about = [i for i, f in enumerate(findings) if i not in tables and _is_of(f, replay.batch)]
        about.sort(key=lambda i: not _same_line(findings[i], replay))
        if about:
            tables[about[0]] = table
    return tables


def table_of(replay: Replay, file: str = "") -> dict[str, Any]:
    """Return an operation in plain form: what it is, what it was given, what it gives.

    Args:
        replay: The operation, which is made again for this.
        file: The name of the file that it is from.

    Returns:
        ``file``, ``title``, ``update``, ``columns`` and ``rows`` (texts), ``said`` (lines).

    Raises:
        ArtifactError: It cannot be made again.

    >>> import torch
    >>> made = table_of(Replay("log.default", (torch.zeros(2),), batch=3), "a")
    >>> made["title"], made["rows"]
    ('log.default, update 3', [['self', '[2]', 'float32', '0', '0', '']])
    """
    columns, *rows = replay.table()
    return {
        "file": file,
        "title": replay.title,
        "update": replay.batch,
        "columns": list(columns),
        "rows": [list(row) for row in rows[:MOST_ROWS]],
        "said": [line.strip() for line in replay.again()],
    }


def _is_of(finding: Finding, update: int) -> bool:
    """Whether a finding tells of numbers that are not finite from that update on."""
    sort = finding.code.startswith("nonfinite.") or finding.code == "rate.too-high"
    said = rf"\bupdate {update} is (the first that is )?not finite"
    return sort and re.search(said, finding.evidence) is not None


def _same_line(finding: Finding, replay: Replay) -> bool:
    place = finding.place
    return place is not None and (place.path, place.line) == (replay.path, replay.line)
