"""Whether the level of a training's loss says how far the training has come."""

import math

from fivefold.diagnosis.checks.policies import pulls_both_ways
from fivefold.diagnosis.checks.seen import losses_of
from fivefold.diagnosis.observation.calls import OF_CLASSES
from fivefold.diagnosis.observation.record import Record, Step

OFTEN = 0.5


def level_tells(record: Record) -> bool:
    """Whether it means something how large the loss is: that it fell to a third of the first, say.

    It does not where the loss was negative at a watched update (a difference still tells, a ratio does not),
    where the model draws what it is judged by (:func:`draws_its_data`), or where several models are trained
    on losses of their own (:func:`takes_turns`), as a generator and its critic are.

    Args:
        record: What was seen.
    """
    negative = any(s.loss < 0.0 for s in record.steps if math.isfinite(s.loss))
    return not (negative or draws_its_data(record) or takes_turns(record))


def draws_its_data(record: Record) -> bool:
    """Whether updates rest on draws from what the model gave: a policy's actions, and what came of them.

    Such a loss is an estimate whose gradient alone means something: its level moves with the draws, with the
    baseline, and with how well the policy does. Told by log-probabilities of choices of which the loss pulls
    some up and some down (:func:`~fivefold.diagnosis.checks.policies.pulls_both_ways`), and by draws in at
    least half the watched updates, unless the loss is one of classes with given labels (texts continued by
    the model's own words).

    Args:
        record: What was seen.
    """
    if pulls_both_ways(record):
        return True
    drawn = [s for s in record.steps if any(o.function == "draw" for o in s.operations)]
    if not drawn or len(drawn) < OFTEN * len(record.steps):
        return False
    return not (losses_of(record, OF_CLASSES) and all(_of_labels(s) for s in drawn))


def _of_labels(step: Step) -> bool:
    """Whether the whole loss is that of classes, as a mean."""
    values = [c.value for c in step.losses if c.function in OF_CLASSES]
    return bool(values) and abs(step.loss - sum(values)) <= 0.02 * abs(step.loss) * max(1, len(values))


def takes_turns(record: Record) -> bool:
    """Whether two optimizers move parameters of their own, each after a loss of its own.

    One backward pass for both (an encoder's optimizer and a decoder's) is one loss: the second update has
    none of its own.

    Args:
        record: What was seen.
    """
    if len(record.optimizers) < 2:
        return False
    moved: dict[frozenset[str], int] = {}
    for step in record.steps:
        if math.isfinite(step.loss) and step.backwards > 0:
            moved[moved_names(step)] = moved.get(moved_names(step), 0) + 1
    often = [names for names, count in moved.items() if names and count >= 2]
    return any(not (a & b) for i, a in enumerate(often) for b in often[i + 1 :])


def moved_names(step: Step) -> frozenset[str]:
    """Names of the parameters that the optimizers of an update hold.

    Args:
        step: The update.
    """
    return frozenset(name for group in step.groups for name in group.names)


def steps_of_one(record: Record) -> list[Step]:
    """The watched updates of which losses may be compared, call by call: all of them, or, where models take
    turns, those that moved what the last one moved.

    Args:
        record: What was seen.
    """
    if not takes_turns(record):
        return list(record.steps)
    return [s for s in record.steps if moved_names(s) == moved_names(record.steps[-1])]
