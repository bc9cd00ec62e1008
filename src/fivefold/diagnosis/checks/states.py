"""Recurrent layers that lose their state between steps, and models that carry it from batch to batch."""

import torch

from fivefold.diagnosis.checks.probes import ask, differs, in_evaluation, last_question
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record

LEAST = 6


def check_states(record: Record) -> list[Finding]:
    """Find recurrent layers that are called step by step and start anew at every step.

    Statistic: of successive calls with a single step each, how many were given the state that the last call
    gave, and how many the very one that the last call was given. Null: all the former, or states made from
    them (then neither is counted). Found where nine in ten are the latter. False alarms: many continuations
    tried from one state (then the state moves on now and then).

    Args:
        record: What was seen.
    """
    out = []
    for name, seen in record.recurrences.items():
        total = seen.carried + seen.restarted + seen.other
        if seen.restarted >= LEAST and seen.restarted >= 0.9 * total:
            out.append(
                Finding(
                    "inputs.ignored",
                    "a recurrent layer starts anew at every step",
                    f"{name or 'the layer'} is called for single steps, and in {seen.restarted} of {total} "
                    "of them "
                    "with the very state that the step before began with, not with what it gave",
                    "high",
                    "the state that the layer returns is thrown away, so that nothing of the earlier steps "
                    "is known",
                    "keep the returned state and give it to the next step: out, state = layer(x, state)",
                )
            )
    return out


def check_carried(record: Record) -> list[Finding]:
    """Find models whose answer to a batch depends on the batches before.

    Statistic: the difference between the answers of two passes in a row over the same batch, in evaluation
    mode, where no random number was drawn between. Null: nothing. False alarms: texts that are read in order,
    whose state is carried on purpose (left out: targets are the next tokens).

    Args:
        record: What was seen.
    """
    asked = last_question(record)
    if asked is None:
        return []
    module, entry, x = asked
    if x.ndim < 2 or len(x) < 2:
        return []
    if not x.is_floating_point() and any(t is not None and t.ndim == 2 for t in record.training_rows.targets):
        return []
    with in_evaluation(module):
        random = torch.get_rng_state()
        first, second = ask(entry, x), ask(entry, x)
        if not torch.equal(random, torch.get_rng_state()):
            return []
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a.shape == b.shape]
    if not any(differs(a, b, relative=1e-3) for a, b in pairs):
        return []
    return [
        Finding(
            "batch.carried",
            "the model carries something from one batch to the next",
            "two passes in a row over the same batch differ, in evaluation mode, though no random number is "
            "drawn",
            "high",
            "a state that is kept in the module (a hidden state, a cache, a running sum) is not set back "
            "between "
            "batches, whose examples have nothing to do with each other",
            "begin each batch with a fresh state",
        )
    ]
