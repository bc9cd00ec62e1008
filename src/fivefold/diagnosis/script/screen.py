"""A diagnosis in a screen of a terminal: the finding first, then its evidence and its fix."""

import math
import textwrap
from collections.abc import Sequence

from fivefold.diagnosis.finding import Finding, Picture
from fivefold.diagnosis.findings import Findings
from fivefold.diagnosis.script.outcome import Outcome
from fivefold.report.terminal import WIDTH
from fivefold.report.text import clean, shorten

BARS = "▁▂▃▄▅▆▇█"
CELLS = 40
MOST_FINDINGS = 10
MOST_FILES = 12
COLOURS = {"high": "31", "medium": "33", "low": "2"}


def render_findings(findings: Findings, *, colour: bool = False, width: int = WIDTH) -> str:
    """Return findings and notes as text, rank by rank.

    Args:
        findings: Ranked.
        colour: Whether to use the terminal's colours.
        width: Longest line, in columns.

    >>> print(render_findings(Findings([Finding("a.b", "too fast", "2 > 1", "high", "rate", "slow down")])))
    1. too fast  [high confidence, a.b]
       evidence  2 > 1
       cause     rate
       fix       slow down
    """
    blocks = [_finding(n, f, colour, width) for n, f in enumerate(findings[:MOST_FINDINGS], 1)]
    if len(findings) > MOST_FINDINGS:
        blocks.append([f"and {len(findings) - MOST_FINDINGS} more (--json prints all)"])
    if not findings:
        blocks.append(["No finding."])
    if findings.notes:
        blocks.append(
            [line for note in findings.notes for line in _wrapped(clean(note, 2000), "! ", "  ", width)]
        )
    return "\n\n".join("\n".join(block) for block in blocks)


def render_outcome(outcome: Outcome, *, colour: bool = False, width: int = WIDTH) -> str:
    """Return the whole screen on a script: findings, what could not be seen, what was watched, files.

    Args:
        outcome: What came of running it.
        colour: Whether to use the terminal's colours.
        width: Longest line, in columns.
    """
    blocks = [render_findings(outcome.findings, colour=colour, width=width)]
    watched = []
    for training in outcome.trainings:
        models = ", ".join(clean(m, 60) for m in training.get("models", []))
        optimizers = (
            ", ".join(dict.fromkeys(clean(o, 40) for o in training.get("optimizers", []))) or "no optimizer"
        )
        counts = f"{training.get('updates', 0):,} updates, {training.get('watched', 0):,} in full"
        text = f"{models} with {optimizers}: {counts}"
        watched += _wrapped(text, "watched   ", "          ", width)
    if outcome.seconds > 0:
        spent = sum(float(t.get("spent") or 0.0) for t in outcome.trainings)
        text = f"{outcome.seconds:.1f} s of training, {spent:.1f} s of it for watching and checks"
        watched += _wrapped(text, "time      ", "          ", width)
    if watched:
        blocks.append("\n".join(watched))
    files = _files("wrote", outcome.written, width) + _files("removed", outcome.removed, width)
    files.append("script    unchanged" if outcome.unchanged else "script    CHANGED while it ran")
    blocks.append("\n".join(files))
    return "\n\n".join(blocks)


def sparkline(points: Sequence[tuple[float, float]], logarithmic: bool = False) -> str:
    """Return a curve as a line of bars, at most 40 of them.

    Args:
        points: (x, y), in the order of x.
        logarithmic: Whether heights are logarithms; then only positive ones are drawn.

    >>> sparkline([(0, 1), (1, 2), (2, 3)])
    '▁▄█'
    """
    heights = [math.log10(y) if logarithmic else y for _, y in points if y > 0 or not logarithmic]
    if len(heights) < 2:
        return ""
    step = math.ceil(len(heights) / CELLS)
    means = [sum(heights[i : i + step]) / len(heights[i : i + step]) for i in range(0, len(heights), step)]
    low, high = min(means), max(means)
    if not math.isfinite(high - low):
        return ""
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(BARS[int(scale * (h - low))] for h in means)


def _finding(number: int, finding: Finding, colour: bool, width: int) -> list[str]:
    mark = f"[{finding.confidence} confidence, {clean(finding.code, 60)}]"
    lines = _wrapped(f"{number}. {clean(finding.title)}  {mark}", "", "   ", width)
    if colour:
        code = COLOURS[finding.confidence]
        lines = [f"\x1b[1;{code}m{line}\x1b[0m" for line in lines]
    if finding.place is not None:
        where = f"{finding.place.path}, line {finding.place.line}"
        lines += _wrapped(clean(where, 400), "   place     ", " " * 13, width)
    for name, text in (("evidence", finding.evidence), ("cause", finding.cause), ("fix", finding.fix)):
        if text:
            lines += _wrapped(clean(text, 2000), f"   {name:<9} ", " " * 13, width)
        if name == "evidence" and finding.picture is not None:
            lines += _picture(finding.picture, width)
    return lines


def _picture(picture: Picture, width: int) -> list[str]:
    lines = []
    for name, points in list(picture.curves.items())[:3]:
        bars = sparkline(points, picture.logarithmic)
        if bars:
            ends = f"{points[0][1]:.3g} to {points[-1][1]:.3g}"
            lines.append(
                shorten(
                    f"             {bars} {clean(name, 24)} {ends}, by {clean(picture.horizontal, 24)}", width
                )
            )
    return lines


def _files(what: str, paths: Sequence[str], width: int) -> list[str]:
    lines = []
    for i, path in enumerate(paths[:MOST_FILES]):
        lines += _wrapped(clean(path, 400), f"{what if i == 0 else '':<9} ", " " * 10, width)
    if len(paths) > MOST_FILES:
        lines.append(f"          and {len(paths) - MOST_FILES:,} more (--json lists all)")
    return lines


def _wrapped(text: str, first: str, rest: str, width: int) -> list[str]:
    found = textwrap.wrap(text, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
    return [shorten(line, width) for line in found]
