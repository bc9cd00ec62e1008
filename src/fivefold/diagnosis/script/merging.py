"""The findings of several trainings in one script, each said once."""

from collections.abc import Sequence
from dataclasses import replace

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.findings import Findings


def merged(trainings: Sequence[tuple[str, Findings]]) -> tuple[list[Finding], list[str]]:
    """Return all findings and notes; where there are several trainings, each says which it is about.

    Args:
        trainings: What each training is called, and its findings, in the order of their beginning.

    >>> same = Finding("a.b", "too fast", "2 > 1", "high", "c", "f")
    >>> found, _ = merged([("net", Findings([same])), ("head", Findings([same]))])
    >>> len(found), found[0].evidence
    (1, 'training 1 (net): 2 > 1 (the same in training 2 (head))')
    """
    if len(trainings) == 1:
        return list(trainings[0][1]), list(trainings[0][1].notes)
    found: dict[tuple[str, str], tuple[Finding, list[str]]] = {}
    notes: list[str] = []
    for number, (name, findings) in enumerate(trainings, 1):
        which = f"training {number} ({name})"
        notes += [f"{which}: {note}" for note in findings.notes]
        for finding in findings:
            key = (finding.code, finding.title)
            if key in found:
                found[key][1].append(which)
            else:
                found[key] = replace(finding, evidence=f"{which}: {finding.evidence}"), []
    out = []
    for finding, others in found.values():
        also = f" (the same in {', '.join(others)})" if others else ""
        out.append(replace(finding, evidence=finding.evidence + also))
    return out, notes
