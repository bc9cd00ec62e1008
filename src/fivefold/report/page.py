"""The report of a fit as one HTML file: no script, nothing loaded, every value escaped."""

import json
import os
from pathlib import Path
from typing import Any

from fivefold.core.whole_file import write_whole
from fivefold.report import numbers
from fivefold.report.dataset import dataset
from fivefold.report.documents import documents
from fivefold.report.drivers import drivers
from fivefold.report.evidence import certificates, methods
from fivefold.report.finding import headline, key_numbers, things, warnings
from fivefold.report.local_map import local_map
from fivefold.report.pictures import pictures, training
from fivefold.report.quality import classification, comparison, intervals, scatter
from fivefold.report.record import entries, first, mapping
from fivefold.report.template import environment
from fivefold.report.terminal import render_text
from fivefold.report.text import NAME, SENTENCE, clean, code
from fivefold.report.theme import CONTENT_SECURITY_POLICY, stylesheet

__all__ = ["render", "render_text", "write"]

_MOST_RISKS = 30
_MOST_PLAN = 20_000


def render(record: dict[str, Any]) -> str:
    """Return the report of a fit as a page that stands alone.

    Args:
        record: The plain record of a fit. Any part may be missing, empty or of another type: the page then
            says so. Texts count as hostile and numbers that are not finite become a dash with the reason.

    Returns:
        HTML. The same record gives the same bytes; it can be encoded as UTF-8 whatever the record holds.

    >>> page = render({"title": "<b>prices</b>", "headline": "The error halves."})
    >>> "&lt;b&gt;prices&lt;/b&gt;" in page, "The error halves." in page, "<script" in page
    (True, True, False)
    """
    record = mapping(record)
    said, more_said = warnings(record)
    risks, more_risks = first(entries(record.get("risks")), _MOST_RISKS)
    command = clean(record.get("command"), 2_000)
    versions = mapping(record.get("environment"))
    data = mapping(record.get("data"))
    return (
        environment()
        .get_template("fit.html")
        .render(
            policy=CONTENT_SECURITY_POLICY,
            css=stylesheet(),
            title=clean(record.get("title"), 160) or "Report of a fit",
            source=clean(data.get("source"), 120),
            target=clean(data.get("target"), NAME),
            things=things(record),
            headline=headline(record),
            keys=key_numbers(record),
            warnings=said,
            more_warnings=more_said,
            test=comparison(record, "test"),
            groups=comparison(record, "groups"),
            intervals=intervals(record),
            classes=classification(record),
            scatter=scatter(record),
            certificates=certificates(record),
            methods=methods(record),
            data=dataset(record),
            drivers=drivers(record),
            map=local_map(record),
            pictures=pictures(record),
            documents=documents(record),
            training=training(record),
            risks=[
                {"title": clean(r.get("title"), 200) or "A risk", "text": clean(r.get("text"), SENTENCE)}
                for r in risks
            ],
            more_risks=more_risks,
            command=command,
            plan=_plan(record.get("plan")),
            environment=[(clean(k, NAME), clean(v, 200)) for k, v in list(versions.items())[:40]],
            seconds=numbers.seconds(record["seconds"]) if record.get("seconds") is not None else "",
        )
    )


def write(record: dict[str, Any], path: str | os.PathLike[str]) -> Path:
    """Write the report to a file, whole or not at all.

    The page is made first, written beside its place and then moved there in one step; a report that was
    there before stays until then, and whatever fails, it stays.

    Args:
        record: As in :func:`render`.
        path: The file; its folder must exist.

    Returns:
        The path.

    Raises:
        OSError: The folder cannot be written to.
    """
    return write_whole(path, render(record).encode())


def _plan(plan: object) -> str:
    """Write the plan as indented JSON, or say why not."""
    if not plan:
        return ""
    try:
        text = json.dumps(plan, indent=2, ensure_ascii=False, default=str, skipkeys=True)
    except (TypeError, ValueError, RecursionError):
        return "The plan cannot be written as JSON."
    return code(text, _MOST_PLAN)
