"""Two sections of the fit report: the certificates, and the methods that were considered."""

from typing import Any

from fivefold.report import figures, numbers
from fivefold.report.figures import Dot
from fivefold.report.finding import things
from fivefold.report.record import entries, finite, first, mapping, sequence
from fivefold.report.text import NAME, SENTENCE, clean

_MOST_CERTIFICATES, _MOST_METHODS, _MOST_DRAWN = 60, 40, 16

VERDICTS = {"yes": ("holds", "good"), "no": ("does not hold", "bad"), "unknown": ("unknown", "open")}
"""What a certificate's verdict is called and how it looks."""

_METHODS = {
    "chosen": ("pick", "blue", "o"),
    "yardstick": ("", "orange", "s"),
    "baseline": ("", "grey", "v"),
    "rejected": ("", "purple", "^"),
}


def verdict(value: object) -> str:
    """Read a verdict: ``yes``, ``no`` or ``unknown``.

    >>> verdict("yes"), verdict(False), verdict(None)
    ('yes', 'no', 'unknown')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) and value in VERDICTS else "unknown"


def certificates(record: dict[str, Any]) -> dict[str, Any]:
    """Return what the template needs about certificates: a sentence and one row each, failures first."""
    found = entries(record.get("certificates"))
    verdicts = [verdict(c.get("holds")) for c in found]
    order = ("no", "unknown", "yes")
    ranked = [c for v in order for c, w in zip(found, verdicts, strict=True) if w == v]
    shown, more = first(ranked, _MOST_CERTIFICATES)
    return {
        "sentence": _sentence(verdicts),
        "rows": [_certificate(c) for c in shown],
        "more": more,
    }


def methods(record: dict[str, Any]) -> dict[str, Any]:
    """Return what the template needs about the candidates: a picture and one row each."""
    found = entries(record.get("candidates"))
    shown, more = first(found, _MOST_METHODS)
    rows: list[dict[str, Any]] = []
    lines: list[Dot] = []
    for c in shown:
        called = str(c.get("verdict")) if str(c.get("verdict")) in _METHODS else "rejected"
        tone, colour, marker = _METHODS[called]
        score, error = finite(c.get("score")), finite(c.get("standard_error"))
        text, spread, low, high = numbers.number(c.get("score")), "", None, None
        if score is not None and error is not None and error > 0:
            low, high = score - error, score + error
            text, _, _ = numbers.interval(score, low, high)
            spread = numbers.number(error, 2, keep=True)
        name = clean(c.get("name"), NAME) or "(no name)"
        status = clean(c.get("status"), 80)
        rows.append(
            {
                "name": name,
                "description": clean(c.get("description"), 300),
                "score": text,
                "error": spread,
                "seconds": "" if c.get("seconds") is None else numbers.seconds(c.get("seconds")),
                "verdict": called,
                "tone": tone,
                "reason": clean(c.get("reason"), 400) or "no reason recorded",
                "status": "" if status == "converged" else status,
                "training": clean(mapping(c.get("training")).get("sentence")),
                "chosen": called == "chosen",
            }
        )
        lines.append(
            Dot(name, score, low, high, text, colour, marker, called == "chosen", called == "baseline")
        )
    thing = things(record)
    where = "in cross-validation" if thing == "rows" else f"on held-out {thing}"
    metric = next((text for c in shown if (text := clean(c.get("metric"), NAME))), "score")
    lines = [line for line in lines if line.value is not None][:_MOST_DRAWN]
    return {
        "metric": metric,
        "count": len(found),
        "chosen": next((row["name"] for row in rows if row["chosen"]), ""),
        "why": next((row["reason"].rstrip(".") for row in rows if row["chosen"]), ""),
        "spent": spent(record),
        "rows": rows,
        "more": more,
        "arrows": figures.arrows(lines),
        "figure": figures.dots(
            "methods",
            f"{metric} of each method {where}",
            lines,
            f"{metric} {where}",
            "; ".join(f"{line.label}: {line.note}" for line in lines),
        ),
    }


def spent(record: dict[str, Any]) -> str:
    """Return the time that all candidates took together, or the empty text.

    >>> spent({"candidates": [{"seconds": 1.5}, {"seconds": 2}, {"seconds": None}]}), spent({})
    ('3.5 s', '')
    """
    times = [s for c in entries(record.get("candidates")) if (s := finite(c.get("seconds"))) is not None]
    return numbers.seconds(sum(times)) if times else ""


def _certificate(c: dict[str, Any]) -> dict[str, Any]:
    word, tone = VERDICTS[verdict(c.get("holds"))]
    assumptions = [text for a in sequence(c.get("assumptions"))[:8] if (text := clean(a, SENTENCE))]
    return {
        "claim": clean(c.get("claim"), 400) or "(no claim)",
        "kind": clean(c.get("kind"), 20),
        "verdict": word,
        "tone": tone,
        "value": "" if c.get("value") is None else numbers.number(c.get("value")),
        "bound": "" if c.get("bound") is None else numbers.number(c.get("bound")),
        "assumptions": "; ".join(assumptions),
        "method": clean(c.get("method"), SENTENCE).rstrip("."),
    }


def _sentence(verdicts: list[str]) -> str:
    if not verdicts:
        return "No certificate was issued for this fit."
    held, failed, unknown = (verdicts.count(v) for v in ("yes", "no", "unknown"))
    text = f"{held} of {numbers.plural(len(verdicts), 'certificate')} hold{'s' if held == 1 else ''}"
    if failed:
        text += f"; {failed} {'does' if failed == 1 else 'do'} not: do not rely on the model for that claim"
    if unknown:
        text += f"; {unknown} could not be decided"
    return text + "."
