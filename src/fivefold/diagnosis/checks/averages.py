"""Copies of the model that are tested in its stead and do not follow it."""

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.copies import CopySeen
from fivefold.diagnosis.observation.record import Record

LEAST_UPDATES = 20
FAR = 0.02
"""Distance of the copy from the model that matters, in norms of the copy."""
STILL_LEFT = 0.5
"""Share of the model's way that an average may have left: the mean of all its states has about half."""


def check_averages(record: Record) -> list[Finding]:
    """Find averages of the weights that never moved, whose running statistics did not, or that lag behind.

    Statistic: whether the sums of a copy's weights, and of its buffers, are to the bit at its last evaluation
    what they were when it was found, while the model's are another 2% of their norm or more away. Null: an
    average that is updated once has other sums; so has a copy that is loaded anew. It is arithmetic: no false
    alarm comes by chance. Of one that moves, the share of the model's way since it was found that it has not
    gone at its last evaluation, along the sums of the weights: where the decay is d, at least d^n after n
    updates. Null: below 0.2 where the average forgets its start; at most about a half for the mean of all
    states. False alarms: a state from before the training that is evaluated on purpose, for a
    comparison; so nothing is said where the model itself is evaluated in the second half of the training.

    Args:
        record: What was seen.
    """
    if record.count < LEAST_UPDATES or any(
        not e.copy and e.after >= record.count / 2 for e in record.evaluations
    ):
        return []
    late = [c for c in record.copies if c.evaluated and c.evaluated[-1] >= record.count / 2]
    found = [_stale(c, record.count) for c in late if not c.moved and c.apart >= FAR]
    found += [
        _statistics(c, record.count)
        for c in late
        if c.moved and not c.buffers_moved and c.buffers_apart >= FAR
    ]
    found += [_slow(c, record.count) for c in late if c.moved and c.apart >= FAR and c.left > STILL_LEFT]
    return found[:1]


def _stale(copy: CopySeen, count: int) -> Finding:
    return Finding(
        "parameters.stale-average",
        "what is evaluated is a copy of the model that the training does not reach",
        f"after {copy.evaluated[-1]} of {count} updates a copy of the model was evaluated whose weights are "
        f"those that it had before, to the bit; the model's are {copy.apart:.0%} of their norm away, and it "
        "is not evaluated itself",
        "high",
        "an average of the weights (or a best state) that is never updated: the call of its update is "
        "missing, or reaches another copy",
        "update the average after every optimizer.step(), or evaluate the model itself",
    )


def _statistics(copy: CopySeen, count: int) -> Finding:
    return Finding(
        "normalisation.stale-average",
        "the copy that is evaluated has old running statistics",
        f"after {copy.evaluated[-1]} of {count} updates a copy of the model was evaluated whose weights have "
        "moved; its buffers are those that it had before, to the bit, and the model's are "
        f"{copy.buffers_apart:.0%} of their norm away",
        "high",
        "an average of the weights takes the parameters along and leaves the running statistics of batch "
        "norm behind",
        "copy the buffers too (use_buffers=True in torch's AveragedModel), or compute them anew with "
        "torch.optim.swa_utils.update_bn",
    )


def _slow(copy: CopySeen, count: int) -> Finding:
    return Finding(
        "parameters.slow-average",
        "what is evaluated is an average that still holds the first weights",
        f"after {copy.evaluated[-1]} of {count} updates an average of the weights was evaluated that had "
        f"{copy.left:.0%} of the model's way still to go (the mean of all states so far has about half); "
        f"the model is {copy.apart:.0%} of the average's norm away, and is not evaluated itself",
        "high" if copy.left > 0.6 else "medium",
        f"the decay of the average is too near 1 for {count} updates: it forgets its start after some "
        "1 / (1 - decay) of them",
        f"use a decay of about {_decay(count):g}, or let it grow: min(decay, (1 + update) / (10 + update))",
    )


def _decay(count: int) -> float:
    """The decay, of one digit after the nines, that forgets its start in a tenth of the updates."""
    return float(f"{1.0 - float(f'{10.0 / count:.0e}'):.6f}")
