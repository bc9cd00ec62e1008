"""A state that is loaded at the end and is the worst of those that were evaluated."""

import math

from fivefold.diagnosis.checks.fit_quality import held_out_losses
from fivefold.diagnosis.checks.seen import losses_of, within_updates
from fivefold.diagnosis.finding import Confidence, Finding, Picture
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.weights import some_norms

LEAST_EVALUATIONS = 4
EQUAL = 1e-6
WORSE = 1.2
PART = 0.05
"""Share of a loss that may come from elsewhere, penalties say, without making it another."""


def check_worst_state(record: Record) -> list[Finding]:
    """Find trainings at whose end the weights are those of the evaluation that went worst.

    Statistic: the evaluation whose weights (norms of eight tensors, to a millionth) are those at the end,
    other than the last one, and its held-out loss beside the others. Null: a state that is loaded at the end
    was chosen for a small loss, or for a score that was high then; it has the largest loss of n evaluations
    by chance in 1 of n, were it drawn blindly. Found where it is the largest of four or more, a fifth above
    the least, and no count of right answers speaks for it; medium where the errors that were seen are not
    the whole loss of the training, so that the choice may go by another, and low where the training minimises
    another function, so that the choice most likely does. False alarms: choices by a score
    that falls while the loss does.

    Args:
        record: What was seen.
    """
    told = {i: v for i, v in held_out_losses(record) if math.isfinite(v)}
    states = {e.after: e.weights for e in record.evaluations if e.weights}
    known = [i for i in told if i in states]
    if not record.ended or len(known) < LEAST_EVALUATIONS or within_updates(record):
        return []
    end = some_norms(list(record.parameters()))
    same = [i for i in known if _equal(states[i], end)]
    if len(same) != 1 or same[0] == known[-1]:
        return []
    loaded, least = same[0], min(known, key=lambda i: told[i])
    if told[loaded] < max(told[i] for i in known) or not told[loaded] > WORSE * told[least] > 0.0:
        return []
    right = {e.after: e.right / e.compared for e in record.evaluations if e.right is not None and e.compared}
    if loaded in right and right[loaded] >= max(right.values()) - 0.02:
        return []
    return [
        Finding(
            "fit.restored",
            "the weights at the end are those of the worst evaluation",
            f"they are those after {loaded} of {record.count} updates, where the held-out loss was "
            f"{told[loaded]:.3g}, the largest of {len(known)} evaluations; it was least, {told[least]:.3g}, "
            f"after {least}",
            _confidence(record, loaded),
            "the comparison that keeps the best state is the wrong way round: it keeps a state where the "
            "loss is larger than the last one kept",
            "keep the state where the loss is smaller (a score larger), and begin at float('inf') (at -inf)",
            picture=Picture(
                "The held-out loss at each evaluation, and where the weights at the end are from",
                "update",
                "loss",
                {
                    "held out": tuple((float(i), told[i]) for i in known),
                    "at the end": ((float(loaded), told[loaded]), (float(record.count), told[loaded])),
                },
            ),
        )
    ]


def _confidence(record: Record, loaded: int) -> Confidence:
    judged = {c.function for e in record.evaluations if e.after == loaded for c in e.losses}
    trained = {c.function for c in losses_of(record)}
    if trained and not judged & trained:
        return "low"
    return "high" if _whole(record) else "medium"


def _whole(record: Record) -> bool:
    """Whether the one call of a loss that was seen at an update is what was differentiated."""
    pairs = [
        (s.losses[0].value, s.loss) for s in record.steps if len(s.losses) == 1 and math.isfinite(s.loss)
    ]
    return sum(abs(v - loss) <= PART * abs(loss) for v, loss in pairs) > len(pairs) / 2


def _equal(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return len(a) == len(b) and all(
        abs(x - y) <= EQUAL * max(abs(x), abs(y)) for x, y in zip(a, b, strict=True)
    )
