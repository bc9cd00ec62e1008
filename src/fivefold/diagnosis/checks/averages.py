"""Copies of the model that are tested in its stead and do not follow it."""

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.copies import CopySeen
from fivefold.diagnosis.observation.record import Record

LEAST_UPDATES = 20
FAR = 0.02
"""Distance of the copy from the model that matters, in norms of the copy."""


def check_averages(record: Record) -> list[Finding]:
    """Find averages of the weights that never moved, or whose running statistics did not.

    Statistic: whether the sums of a copy's weights, and of its buffers, are to the bit at its last evaluation
    what they were when it was found, while the model's are another 2% of their norm or more away. Null: an
    average that is updated once has other sums; so has a copy that is loaded anew. It is arithmetic: no false
    alarm comes by chance. False alarms: a state from before the training that is evaluated on purpose, for a
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
