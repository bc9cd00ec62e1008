"""The page of a diagnosis: one HTML file, no script, nothing loaded, every value escaped."""

from typing import Any

from fivefold.report import numbers
from fivefold.report.depth import in_depth
from fivefold.report.diagnosis_finding import capitalised, finding, trial
from fivefold.report.diagnosis_training import first_and_last_loss, training
from fivefold.report.record import entries, finite, first, mapping, sequence, whole
from fivefold.report.template import environment
from fivefold.report.text import SENTENCE, clean
from fivefold.report.theme import CONTENT_SECURITY_POLICY, stylesheet

_MOST_FINDINGS, _MOST_TRAININGS, _MOST_TRIALS = 30, 8, 8
_MOST_NOTES, _MOST_FILES, _MOST_QUESTIONS = 30, 60, 80
_ENDED = {
    "error": "it crashed",
    "killed": "it ended without a word",
    "budget": "its time was over",
    "interrupted": "it was interrupted",
}


def render_diagnosis(record: dict[str, Any]) -> str:
    """Return a diagnosis as a page that stands alone: findings first, then what was tried, then pictures.

    Args:
        record: ``subject``, ``command``, ``findings``, ``notes``, ``script``, ``trainings``, ``files``,
            ``trials``, ``looked_for`` and ``calibration``, as ``diagnosis.json`` holds them. Any part may be
            missing or of another type; texts count as hostile, and what is not finite is left out.

    Returns:
        HTML. The same record gives the same bytes; it can be encoded as UTF-8 whatever the record holds.

    >>> page = render_diagnosis({"findings": [{"title": "<b>rate</b> too high", "confidence": "high"}]})
    >>> "&lt;b&gt;rate&lt;/b&gt; too high" in page, "<script" in page
    (True, False)
    """
    record = mapping(record)
    found, more_found = first(entries(record.get("findings")), _MOST_FINDINGS)
    trainings, more_trainings = first(entries(record.get("trainings")), _MOST_TRAININGS)
    trials, more_trials = first(entries(record.get("trials")), _MOST_TRIALS)
    notes = sequence(record.get("notes"))
    depth, notes = in_depth(notes) if trainings else ([], notes)
    notes, more_notes = first(notes, _MOST_NOTES)
    script = mapping(record.get("script"))
    subject = clean(record.get("subject"), 120)
    shown = [finding(entry, f"f{i}", i) for i, entry in enumerate(found, 1)]
    title, said = headline(record)
    page: str = (
        environment()
        .get_template("diagnosis.html")
        .render(
            policy=CONTENT_SECURITY_POLICY,
            css=stylesheet(),
            subject=subject,
            title=f"{title} · {subject}" if subject else title,
            headline=title,
            said=said,
            stopped=_stopped(script),
            keys=key_numbers(record),
            findings=shown,
            more_findings=more_found,
            trials=[trial(entry, f"x{i}") for i, entry in enumerate(trials, 1)],
            more_trials=more_trials,
            diffs=any(entry.get("diff") and entry.get("status") == "better" for entry in trials),
            trainings=[training(part, f"t{i}") for i, part in enumerate(trainings, 1)],
            more_trainings=more_trainings,
            depth=[capitalised(text) for text in _texts(depth, 1_000, _MOST_NOTES)],
            notes=_texts(notes, 1_000, _MOST_NOTES),
            more_notes=more_notes,
            script=_script(script),
            written=_files(record, "written"),
            removed=_files(record, "removed"),
            questions=_questions(record),
            calibration=_calibration(mapping(record.get("calibration"))),
            command=clean(record.get("command"), 2_000),
            made=clean(record.get("fivefold"), 40),
        )
    )
    return page


def headline(record: dict[str, Any]) -> tuple[str, str]:
    """Return the heading of a diagnosis, and the sentence below it.

    >>> headline({"findings": [{"title": "the rate is too high", "confidence": "high"}]})
    ('The rate is too high', 'Found with high confidence.')
    >>> headline({"script": {"updates": 10}})[0]
    'Nothing was found that keeps this training from learning'
    >>> headline({"notes": ["no training loop was seen"]})
    ('There was no training to judge', 'No training loop was seen')
    """
    found = entries(record.get("findings"))
    updates = whole(mapping(record.get("script")).get("updates")) or sum(
        whole(part.get("updates")) or 0 for part in entries(record.get("trainings"))
    )
    if not found and not updates:
        notes = _texts(record.get("notes"), SENTENCE, 1)
        return "There was no training to judge", capitalised(notes[0]) if notes else ""
    if not found:
        return (
            "Nothing was found that keeps this training from learning",
            "Everything that was looked for stands below, with pictures of the training itself.",
        )
    top = found[0]
    title = clean(top.get("title"), 240) or "a finding without a title"
    sure = str(top.get("confidence"))
    more = len(found) - 1
    rest = (
        ""
        if not more
        else f" {numbers.plural(more, 'more finding')} {'stand' if more > 1 else 'stands'} below."
    )
    if sure == "high":
        return capitalised(title), f"Found with high confidence.{rest}"
    if sure == "medium":
        return (
            f"Perhaps: {title}",
            f"Medium confidence: look at the evidence before you change anything.{rest}",
        )
    return f"Nothing sure; worth a look: {title}", f"Low confidence: this may be as you want it.{rest}"


def key_numbers(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the three numbers under the heading: findings, updates and the loss, as far as they are known.

    >>> key_numbers({"findings": [], "script": {"updates": 1200}})[1]["value"]
    '1,200'
    """
    found = entries(record.get("findings"))
    high = sum(f.get("confidence") == "high" for f in found)
    keys = [
        {
            "label": "Findings",
            "value": numbers.count(len(found)) if found else "none",
            "details": [_by_confidence(found)] if found else ["of any confidence"],
            "tone": "bad" if high else "open" if found else "good",
        }
    ]
    script = mapping(record.get("script"))
    trainings = entries(record.get("trainings"))
    updates = whole(script.get("updates"))
    if updates is None and trainings:
        updates = sum(whole(t.get("updates")) or 0 for t in trainings)
    if updates is not None:
        watched = sum(whole(t.get("watched")) or 0 for t in trainings)
        seconds = finite(script.get("seconds"))
        details = [f"{numbers.count(watched)} seen in full"] if watched else []
        details += [f"{numbers.seconds(seconds)} of training"] if seconds else []
        keys.append({"label": "Updates", "value": numbers.count(updates), "details": details, "tone": ""})
    ends = first_and_last_loss(record)
    if ends is not None:
        before, after, held, stop = ends
        details = [
            "of the batch, at the first and the last update seen"
            if stop is None
            else f"numbers are not finite from update {stop:,} on"
        ]
        details += [f"held out: {numbers.number(held)} at the last one seen"] if held is not None else []
        value = f"{numbers.number(before)} → {numbers.number(after) if stop is None else 'lost'}"
        keys.append({"label": "Loss", "value": value, "details": details, "tone": ""})
    return keys


def _by_confidence(found: list[dict[str, Any]]) -> str:
    """How many findings there are of each confidence."""
    counted = [(sum(f.get("confidence") == sure for f in found), sure) for sure in ("high", "medium", "low")]
    said = [f"{n:,} of {sure}" for n, sure in counted if n]
    return ", ".join([f"{said[0]} confidence", *said[1:]]) if said else ""


def _texts(value: object, limit: int, most: int) -> list[str]:
    return [text for item in sequence(value)[:most] if (text := clean(item, limit))]


def _stopped(script: dict[str, Any]) -> str:
    """Say that the script did not come to its end, where it did not."""
    how = _ENDED.get(str(script.get("ended")))
    if how is None:
        return ""
    error = mapping(script.get("error"))
    what = ": ".join(t for t in (clean(error.get("type"), 80), clean(error.get("message"), 400)) if t)
    line = whole(error.get("line"))
    where = clean(error.get("file"), 200)
    where = f" at {where}, line {line:,}" if where and line else ""
    told = f" with {what}{where}" if what else ""
    return f"The script did not come to its end: {how}{told}. The findings are of what ran until then."


def _script(script: dict[str, Any]) -> list[tuple[str, str]]:
    """Facts on the script that was run."""
    if not script:
        return []
    facts = [("Script", clean(script.get("path"), 200))]
    given = " ".join(_texts(script.get("arguments"), 200, 20))[:600]
    facts += [("Arguments", given)] if given else []
    if script.get("unchanged") is not None:
        facts.append(("Its file", "as it was" if script.get("unchanged") is True else "changed while it ran"))
    ended = _ENDED.get(str(script.get("ended")), "at its own end")
    exit_code = whole(script.get("exit_code"))
    facts.append(("Ended", f"{ended}, exit code {exit_code}" if exit_code else ended))
    return [(name, text) for name, text in facts if text]


def _files(record: dict[str, Any], field: str) -> dict[str, Any]:
    shown, more = first(sequence(mapping(record.get("files")).get(field)), _MOST_FILES)
    return {"paths": _texts(shown, 400, _MOST_FILES), "more": more}


def _questions(record: dict[str, Any]) -> list[dict[str, Any]]:
    """What was looked for, and which of it was found."""
    codes = [(clean(f.get("code"), 60), str(f.get("confidence"))) for f in entries(record.get("findings"))]
    rows = []
    for entry in entries(record.get("looked_for"))[:_MOST_QUESTIONS]:
        families = tuple(_texts(entry.get("codes"), 60, 20))
        hits = [(code, sure) for code, sure in codes if families and code.startswith(families)]
        sure = next((s for s in ("high", "medium", "low") if any(h[1] == s for h in hits)), "")
        rows.append(
            {
                "question": clean(entry.get("question"), 300),
                "codes": ", ".join(f"{code}*" if code.endswith(".") else code for code in families),
                "found": {"high": "found", "medium": "perhaps", "low": "worth a look"}.get(
                    sure, "nothing found"
                ),
                "tone": {"high": "bad", "medium": "open", "low": "open"}.get(sure, "good"),
            }
        )
    return [row for row in rows if row["question"]]


def _calibration(part: dict[str, Any]) -> dict[str, Any] | None:
    """How often a finding of each confidence was right on scripts whose fault is known."""
    rows = []
    for entry in entries(part.get("rows"))[:6]:
        right, said = whole(entry.get("right")), whole(entry.get("said"))
        if right is None or not said:
            continue
        rows.append(
            {
                "confidence": clean(entry.get("confidence"), 20),
                "counts": f"{right:,} of {said:,}",
                "share": numbers.percent(right / said, 0),
                "span": f"{numbers.percent(entry.get('low'), 0)} to {numbers.percent(entry.get('high'), 0)}",
            }
        )
    if not rows:
        return None
    return {"rows": rows, "sentences": _texts(part.get("sentences"), SENTENCE, 6)}
