"""Recurrent layers that lose their state between steps, models that are asked the same again and again, and
models that carry something from batch to batch.
"""

import torch
from torch import Tensor, nn

from fivefold.diagnosis.checks.mixing import of_changes
from fivefold.diagnosis.checks.pictures import of_numbers, of_shares
from fivefold.diagnosis.checks.probes import ask, differs, in_evaluation, last_question
from fivefold.diagnosis.finding import Confidence, Finding
from fivefold.diagnosis.observation.held_tensors import held_tensors
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import Slot, Tape

LEAST = 6
SURELY = 12
ROUNDING = 1e-3


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
                    "of them with the very state that the step before began with, not with what it gave",
                    "high",
                    "the state that the layer returns is thrown away, so that nothing of the earlier steps "
                    "is known",
                    "keep the returned state and give it to the next step: out, state = layer(x, state)",
                    picture=of_shares(
                        "States that single steps are given: carried on where nothing is wrong",
                        "share of the steps",
                        {
                            "carried on": seen.carried / total,
                            "the very same again": seen.restarted / total,
                            "another state": seen.other / total,
                        },
                        (0.9, "found above"),
                    ),
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
    moved = [(a, b) for a, b in pairs if differs(a, b, relative=ROUNDING)]
    if not moved:
        return []
    return [
        Finding(
            "batch.carried",
            "the model carries something from one batch to the next",
            "two passes in a row over the same batch differ, in evaluation mode, though no random number is "
            "drawn",
            "high",
            "a state that is kept in the module (a hidden state, a cache, a running sum) is not set back "
            "between batches, whose examples have nothing to do with each other",
            "begin each batch with a fresh state",
            picture=of_changes(
                "Change of the answers to the same batch, asked again: rounding where nothing is wrong",
                *moved[0],
                ROUNDING,
            ),
        )
    ]


def check_same_input(record: Record) -> list[Finding]:
    """Find models that are asked about the same input again and again within an update.

    Statistic: of the calls of one model in a watched pass, how many were given the same numbers as the first,
    and gave the same. Null: 1, or a few where a script calls a model once for each part of a loss; a state
    that
    moves on gives other numbers at every step. Found where in every watched pass all of six calls or more are
    alike. False alarms: loops over the parts of a loss that call the model anew for each (medium below
    twelve).

    Args:
        record: What was seen.
    """
    counts = [_alike(tape) for tape in record.tapes if tape.playable]
    if not counts or min(counts) < LEAST:
        return []
    sure: Confidence = "high" if min(counts) >= SURELY else "medium"
    return [
        Finding(
            "inputs.ignored",
            "the model is given the same input at every call of an update",
            f"all {min(counts)} calls or more of a watched pass were given the very same numbers, and gave "
            "the same answer",
            sure,
            "the state that each call leads to is not taken over, so that the model sees the first one only",
            "give each call what came of the one before: state, reward, done = env.step(action)",
            picture=of_numbers(
                "Calls that were given the same and gave the same: one where each leads to the next",
                "calls",
                {f"pass {i + 1}": float(count) for i, count in enumerate(counts)},
                (LEAST, "found from here on"),
            ),
        )
    ]


def _alike(tape: Tape) -> int:
    """Calls of the model that is called most, where all were given and gave the same; else 0."""
    places: dict[int, list[int]] = {}
    entries = [e for e in tape.entries if isinstance(e.call, nn.Module)]
    for place, e in enumerate(entries):
        places.setdefault(id(e.call), []).append(place)
    most = max(places.values(), key=len, default=[])
    given = [held_tensors((entries[i].args, entries[i].kwargs)) for i in most]
    if len(most) < LEAST or any(isinstance(a, Slot) for i in most for a in entries[i].args):
        return 0
    if not given[0] or any(not _equal(given[0], each) for each in given[1:]):
        return 0
    if given[0][0].ndim < 2 or len(given[0][0]) < 2 or bool((given[0][0] == given[0][0][:1]).all()):
        return 0
    with torch.no_grad():
        outs = [held_tensors(out) for out in tape.outputs()[0]]
    return len(most) if all(_equal(outs[most[0]], outs[i]) for i in most[1:]) else 0


def _equal(one: list[Tensor], other: list[Tensor]) -> bool:
    return len(one) == len(other) and all(
        a is b or (a.shape == b.shape and a.dtype == b.dtype and torch.equal(a, b))
        for a, b in zip(one, other, strict=True)
    )
