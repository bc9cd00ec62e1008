"""Evaluation mode while training, and training mode while evaluating."""

from torch import nn

from fivefold.diagnosis.checks.pictures import of_modes
from fivefold.diagnosis.checks.seen import DROPOUTS, has, within_updates
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record

BATCH_NORMS = (nn.modules.batchnorm._BatchNorm,)


def _affected(record: Record) -> str:
    parts = []
    called = any(op.function == "dropout" for s in record.steps for op in s.operations)
    if called or any(isinstance(m, DROPOUTS) and getattr(m, "p", 0.0) > 0.0 for _, m in record.modules()):
        parts.append("dropout")
    if has(record, BATCH_NORMS):
        parts.append("batch norm")
    return " and ".join(parts)


def check_modes(record: Record) -> list[Finding]:
    """Find training updates in evaluation mode, and evaluations in training mode, where the model tells them
    apart.

    Statistics: the share of watched updates, from the first evaluation on, whose forward pass ran in
    evaluation mode; the share of passes without gradients that ran in training mode. The mode is that of the
    dropout and batch norm inside, so that a part that was switched by itself counts. Null: 0 and 0 for a
    model with dropout or batch norm. False alarms: fine-tuning with frozen statistics on purpose; sampling
    dropout on purpose; passes without gradients that belong to each update (a generator's, a teacher's) are
    no evaluations and left out.

    Args:
        record: What was seen.
    """
    affected = _affected(record)
    if not affected:
        return []
    out = []
    first = min((e.after for e in record.evaluations), default=0)
    later = [s for s in record.steps if s.index >= first] or record.steps
    off = [s for s in later if not s.training]
    if len(off) >= 2 and len(off) >= 0.9 * len(later):
        out.append(
            Finding(
                "mode.evaluation-in-training",
                "the model trains in evaluation mode",
                f"{len(off)} of {len(later)} watched updates{' after the first evaluation' if first else ''} "
                f"ran with model.training off, though the model has {affected}",
                "high",
                "model.eval() was called for an evaluation, and model.train() not afterwards",
                "call model.train() at the start of every training epoch",
                picture=of_modes(record),
            )
        )
    if within_updates(record):
        return out
    passes = sum(e.passes for e in record.evaluations)
    on = sum(e.training for e in record.evaluations)
    if passes >= 1 and on >= 0.5 * passes:
        out.append(
            Finding(
                "mode.training-in-evaluation",
                "the model is evaluated in training mode",
                f"{on} of {passes} passes without gradients ran with model.training on, though the model has "
                f"{affected}",
                "high",
                "model.eval() is not called before evaluating, so that dropout and batch statistics disturb "
                "the result",
                "call model.eval() before evaluating and model.train() after it",
                picture=of_modes(record),
            )
        )
    return out
