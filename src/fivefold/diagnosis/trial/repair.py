"""A repair of a source text, and how one is looked for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.trial.code import Code, Edit, Unsure, apply


@dataclass(frozen=True, slots=True)
class Repair:
    """One way to change a text.

    Attributes:
        what: What is changed, as a clause.
        edits: The change.
    """

    what: str
    edits: tuple[Edit, ...]


Repairer = Callable[[Code, Finding], Sequence[Repair]]
"""Ways to repair a text for a finding, the likeliest first; raises :class:`Unsure` where there is none."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Changed texts of the script's files.

    Attributes:
        what: What is changed.
        texts: All files with the change.
    """

    what: str
    texts: Mapping[str, str]


def proposals(
    repairer: Repairer,
    finding: Finding,
    texts: Mapping[str, str],
    given: Sequence[str] = (),
    home: Path | None = None,
) -> list[Proposal]:
    """Return the ways to repair a script's files, the likeliest first.

    The file that the finding points at is looked at first, then the script, then the others; the first file
    in which anything can be repaired is the one.

    Args:
        repairer: Of the finding's code.
        finding: What was found.
        texts: The files by their paths from the script's folder, the script first.
        given: What follows the script on its command line.
        home: The script's folder.

    Raises:
        Unsure: No file can be repaired; the message says why.
    """
    names = list(texts)
    if finding.place is not None and home is not None:
        path = Path(finding.place.path)
        named = [n for n in names if (home / n).resolve() == path.resolve() or path.name == Path(n).name]
        names = [*named[:1], *(n for n in names if n not in named[:1])]
    why = ""
    for name in names:
        try:
            code = Code(texts[name], name, given)
            found = [_changed(texts, name, repair) for repair in repairer(code, finding)]
        except Unsure as unsure:
            why = why or str(unsure)
            continue
        kept = {p.texts[name]: p for p in reversed(found) if p is not None}
        if kept:
            return [p for p in found if p is not None and kept.get(p.texts[name]) is p]
    raise Unsure(why or "no line of the script was found that this finding is about")


def _changed(texts: Mapping[str, str], name: str, repair: Repair) -> Proposal | None:
    try:
        text = apply(texts[name], repair.edits)
        Code(text)
    except (Unsure, SyntaxError, ValueError, RecursionError):
        return None
    return Proposal(repair.what, {**texts, name: text}) if text != texts[name] else None
