"""A diagnosis in one screen of a terminal: the findings first, the rest counted, the page last."""

import math
import shlex
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fivefold.artifact.layout import REPORT
from fivefold.diagnosis.dossier import DIFF
from fivefold.diagnosis.excerpt import near
from fivefold.diagnosis.finding import Finding, Picture
from fivefold.diagnosis.findings import Findings
from fivefold.diagnosis.script.outcome import Outcome
from fivefold.report.depth import in_depth
from fivefold.report.text import clean, code, shorten

WIDTH = 80
"""Longest line, in columns."""

HEIGHT = 40
"""Most lines, in all."""

BARS = "▁▂▃▄▅▆▇█"
CELLS = 40
MOST_BARS, LONGEST_BAR = 3, 24
COLOURS = {"high": "31", "medium": "33", "low": "2"}
MARKS = {"better": "helped", "no better": "did not help", "failed": "failed", "not tried": "not tried"}
IN_FULL, IN_SHORT = 1, 2
ROOM = 18
"""Lines that one finding in full takes at most, with the count of the others."""

MOST_NOTES, MOST_TRAININGS, MOST_TRIALS = 3, 3, 4


def render_findings(
    findings: Findings,
    *,
    colour: bool = False,
    width: int = WIDTH,
    height: int = HEIGHT,
    rest: str = "--json prints all",
) -> str:
    """Return findings and notes as text: the first in full, two in short, of the others the titles.

    Args:
        findings: Ranked.
        colour: Whether to use the terminal's colours.
        width: Longest line, in columns.
        height: Most lines, at least 10.
        rest: Where all of them can be read.

    >>> print(render_findings(Findings([Finding("a.b", "too fast", "2 > 1", "high", "rate", "slow down")])))
    1. too fast  [high confidence, a.b]
       evidence  2 > 1
       cause     rate
       fix       slow down
    """
    deep, notes = in_depth(findings.notes)
    told = [block for block in (_notes(notes, width, rest, 3), _deep(deep, width, 2)) if block]
    room = height - sum(len(block) + 1 for block in told)
    blocks = _ranked(findings, colour, width, room, rest) if findings else [["No finding."]]
    return _joined([*blocks, *told])


def render_outcome(
    outcome: Outcome,
    *,
    page: str = "",
    trials: Sequence[Mapping[str, Any]] = (),
    colour: bool = False,
    width: int = WIDTH,
    height: int = HEIGHT,
) -> str:
    """Return the whole screen on a script: findings, what fixes did, what could not be seen, what was
    watched.

    Args:
        outcome: What came of running it.
        page: Where the page lies; empty where there is none.
        trials: Fixes that were tried, in plain form.
        colour: Whether to use the terminal's colours.
        width: Longest line, in columns.
        height: Most lines.
    """
    rest = "the page shows all" if page else "--json prints all"
    findings = outcome.findings
    deep, notes = in_depth(findings.notes)
    told, room = [], 0
    for most in (3, 2, 1):  # lines an item: the first finding is to be told in full
        told = [
            _tried(trials, width, most),
            _diff(trials, page, outcome.path, width, 3 * most + 9),
            _notes(notes, width, rest, most),
            [*_watched(outcome, width, most), *_deep(deep, width, most), *_files(outcome, width, most)],
            _labelled("page", clean(page, 2_000), width, 3) if page else [],
        ]
        room = height - sum(len(block) + 1 for block in told if block)
        if room >= ROOM:
            break
    if findings:
        blocks = _ranked(findings, colour, width, room, rest)
    elif outcome.updates:
        where = "; the page lists what was looked for" if page else ""
        text = f"No finding: nothing was seen that keeps this training from learning{where}."
        blocks = [_wrapped(text, "", "", width)]
    else:
        blocks = [["No finding."]]
    return _joined([*blocks, *told])


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


def _joined(blocks: Sequence[Sequence[str]]) -> str:
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _ranked(findings: Findings, colour: bool, width: int, room: int, rest: str) -> list[list[str]]:
    """The findings in so many lines: less is said of each the further down it stands."""
    blocks: list[list[str]] = []
    titles: list[str] = []
    used = 0
    for number, finding in enumerate(findings, 1):
        if number <= IN_FULL + IN_SHORT:
            block = _finding(number, finding, colour, width, full=number <= IN_FULL)
            if number == 1 or used + len(block) + 3 <= room:
                blocks.append(block)
                used += len(block) + 1
                continue
        left = len(findings) - number + 1
        if used + len(titles) + 2 > room and left > 1:
            titles.append(shorten(f"and {left} more; {rest}", width))
            break
        titles += _title(number, finding, colour, width, most=1)
    return [*blocks, titles] if titles else blocks


def _title(number: int, finding: Finding, colour: bool, width: int, most: int) -> list[str]:
    mark = f"[{finding.confidence} confidence, {clean(finding.code, 60)}]"
    lines = _clipped(_wrapped(f"{number}. {clean(finding.title)}  {mark}", "", "   ", width), most)
    if colour:
        number_of = COLOURS[finding.confidence]
        lines = [f"\x1b[1;{number_of}m{line}\x1b[0m" for line in lines]
    return lines


def _finding(number: int, finding: Finding, colour: bool, width: int, *, full: bool) -> list[str]:
    lines = _title(number, finding, colour, width, most=2)
    if full and finding.place is not None:
        where = f"{near(finding.place.path)}, line {finding.place.line}"
        lines += _told("place", where, width, 2)
    lines += _told("evidence", finding.evidence, width, 4 if full else 2)
    if full and finding.picture is not None:
        lines += _picture(finding.picture, width)
    if full:
        lines += _told("cause", finding.cause, width, 3)
    return [*lines, *_told("fix", finding.fix, width, 3 if full else 2)]


def _told(name: str, text: str, width: int, most: int) -> list[str]:
    shown = clean(text, 2000)
    return _clipped(_wrapped(shown, f"   {name:<9} ", " " * 13, width), most) if shown else []


def _picture(picture: Picture, width: int) -> list[str]:
    if picture.bars:
        return _bars(picture, width)
    lines = []
    for name, points in list(picture.curves.items())[:2]:
        bars = sparkline(points, picture.logarithmic)
        if bars:
            ends = f"{points[0][1]:.3g} to {points[-1][1]:.3g}"
            line = f"             {bars} {clean(name, 24)} {ends}, by {clean(picture.horizontal, 24)}"
            lines.append(shorten(line, width))
    return lines


def _bars(picture: Picture, width: int) -> list[str]:
    """A few numbers as bars from 0, and the number that they stand beside."""
    points, *others = picture.curves.values()
    values = [y for _, y in points]
    top = max([*values, picture.level[0] if picture.level else 0.0])
    if others or picture.logarithmic or not 0.0 < top < math.inf or min(values) < 0.0:
        return []
    rows = list(zip(picture.names, values, strict=False))[:MOST_BARS]
    if picture.level is not None:
        rows.append((f"({picture.level[1]})", picture.level[0]))
    long = min(24, max(len(clean(name, 24)) for name, _ in rows))
    lines = [
        f"             {clean(name, 24):<{long}} {BARS[-1] * round(LONGEST_BAR * y / top)} {y:.3g}"
        for name, y in rows
    ]
    return [shorten(line, width) for line in lines]


def _tried(trials: Sequence[Mapping[str, Any]], width: int, most: int) -> list[str]:
    lines: list[str] = []
    for trial in trials[:MOST_TRIALS]:
        mark = MARKS.get(str(trial.get("status")), "not judged")
        change = clean(trial.get("change"), 300)
        before, after = trial.get("before"), trial.get("after")
        numbers = ""
        if isinstance(before, float | int) and isinstance(after, float | int):
            numbers = f" ({clean(trial.get('measure'), 60)} {before:.4g} without, {after:.4g} with it)"
        lines += _labelled("" if lines else "tried", f"{mark}: {change}{numbers}", width, most)
    if len(trials) > MOST_TRIALS:
        lines.append(f"          and {len(trials) - MOST_TRIALS} more")
    return lines


def accepted_diff(trials: Sequence[Mapping[str, Any]]) -> str:
    """Return the diff of the last fix that helped: it holds all before it; empty where none did.

    >>> accepted_diff([{"status": "better", "diff": "+a"}, {"status": "failed", "diff": ""}])
    '+a'
    """
    helped = [str(each["diff"]) for each in trials if each.get("status") == "better" and each.get("diff")]
    return helped[-1] if helped else ""


def _diff(trials: Sequence[Mapping[str, Any]], page: str, script: str, width: int, most: int) -> list[str]:
    """The change that helped: short ones whole, longer ones by their place."""
    text = accepted_diff(trials)
    if not text:
        return []
    # Cut by hand: what shortens prose would take the indentation away.
    given = code(text.rstrip("\n"), 20_000).split("\n")
    lines = [line if len(line) <= width else line[: width - 1] + "…" for line in given]
    shown = lines if len(lines) <= most or not page else []
    if page:
        place = page.removesuffix(REPORT) + DIFF
        folder = str(Path(script).parent)
        there = f" -d {shlex.quote(folder)}" if folder != "." else ""
        said = clean(f"patch{there} -p1 < {shlex.quote(place)}", 2_000)
        shown = [*shown, *_labelled("apply it", said, width, 3)]
    return shown


def _notes(notes: Sequence[str], width: int, rest: str, most: int) -> list[str]:
    lines: list[str] = []
    for note in notes[:MOST_NOTES]:
        lines += _clipped(_wrapped(clean(note, 2000), "! ", "  ", width), most)
    if len(notes) > MOST_NOTES:
        lines.append(shorten(f"! and {len(notes) - MOST_NOTES} more notes; {rest}", width))
    return lines


def _deep(told: Sequence[str], width: int, most: int) -> list[str]:
    """What looks in depth measured, in a line or two each."""
    lines: list[str] = []
    for text in told[:MOST_NOTES]:
        lines += _labelled("" if lines else "in depth", clean(text, 2_000), width, min(most, 2))
    return lines


def _watched(outcome: Outcome, width: int, most: int) -> list[str]:
    lines: list[str] = []
    for training in outcome.trainings[:MOST_TRAININGS]:
        models = ", ".join(clean(m, 60) for m in training.get("models", []))
        optimizers = (
            ", ".join(dict.fromkeys(clean(o, 40) for o in training.get("optimizers", []))) or "no optimizer"
        )
        counts = f"{training.get('updates', 0):,} updates, {training.get('watched', 0):,} in full"
        lines += _labelled("watched", f"{models} with {optimizers}: {counts}", width, min(most, 2))
    if len(outcome.trainings) > MOST_TRAININGS:
        lines.append(f"          and {len(outcome.trainings) - MOST_TRAININGS} more trainings")
    if len(outcome.trainings) == 1:
        lines += _loss(outcome.trainings[0], width)
    if outcome.seconds > 0:
        spent = sum(float(t.get("spent") or 0.0) for t in outcome.trainings)
        text = f"{outcome.seconds:.1f} s of training, {spent:.1f} s of it for watching and checks"
        lines += _labelled("time", text, width, 1)
    return lines


def _loss(training: Mapping[str, Any], width: int) -> list[str]:
    """The loss of the batches in a line."""
    series = training.get("series")
    found = series.get("loss") if isinstance(series, Mapping) else None
    points = [(p[0], p[1]) for p in found if isinstance(p, list | tuple) and len(p) == 2] if found else []
    bars = sparkline(points)
    return [shorten(f"loss      {bars} {points[0][1]:.3g} to {points[-1][1]:.3g}", width)] if bars else []


def _files(outcome: Outcome, width: int, most: int) -> list[str]:
    lines: list[str] = []
    for what, paths in (("wrote", outcome.written), ("removed", outcome.removed)):
        if paths:
            names = ", ".join(clean(path, 200) for path in paths[:12])
            count = f"{len(paths):,} file{'s' if len(paths) > 1 else ''}: "
            lines += _labelled(what, count + names, width, min(most, 2))
    lines.append("script    unchanged" if outcome.unchanged else "script    CHANGED while it ran")
    return lines


def _labelled(what: str, text: str, width: int, most: int) -> list[str]:
    return _clipped(_wrapped(text, f"{what:<9} ", " " * 10, width), most)


def _wrapped(text: str, first: str, rest: str, width: int) -> list[str]:
    found = textwrap.wrap(text, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
    return [shorten(line, width) for line in found]


def _clipped(lines: list[str], most: int) -> list[str]:
    """The first so many lines; the last of them says by dots that more followed."""
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], f"{lines[most - 1][:-2].rstrip()} …"]
