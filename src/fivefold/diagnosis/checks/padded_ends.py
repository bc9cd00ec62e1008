"""Texts of which only the padding is read."""

import math

import torch
from torch import Tensor

from fivefold.diagnosis.checks.masks import padding_of
from fivefold.diagnosis.checks.probes import ask, given_tensors, in_evaluation, last_question
from fivefold.diagnosis.finding import Finding, Picture
from fivefold.diagnosis.observation.record import Record

LEAST_TEXTS = 4


def _same(outputs: Tensor) -> bool:
    return bool((outputs == outputs[:1]).all())


def _distances(outputs: Tensor, padded: Tensor) -> Picture:
    """How far the outputs of texts lie from that of the first one with padding."""
    away = (outputs - outputs[padded][:1]).abs().reshape(len(outputs), -1).amax(1).tolist()
    apart = [(float(i), d, p) for i, (d, p) in enumerate(zip(away, padded.tolist(), strict=True))]
    return Picture(
        "Distance of each text's output from that of the first with padding: 0 for that one alone",
        "text",
        "largest difference",
        {
            name: tuple((i, d) for i, d, p in apart if p is filled and math.isfinite(d))
            for name, filled in (("with padding", True), ("without", False))
        },
        (0.0, "the very same output"),
    )


def check_padded_ends(record: Record) -> list[Finding]:
    """Find models that give all texts with padding the same output, whatever stands in them.

    Statistic: whether the outputs of different texts that have padding are equal to the bit. Null: they
    differ, and those of texts without padding with them. Asked only where the texts without padding get
    another output, so that a model that is constant altogether is not meant. False alarms: texts that differ
    in nothing that the model reads on purpose.

    Args:
        record: What was seen.
    """
    asked = last_question(record)
    if asked is None:
        return []
    module, entry, x = asked
    for text in given_tensors(entry):
        told = padding_of(text)
        if told is None:
            continue
        token, padding = told
        padded = padding.any(1)
        if int(padded.sum()) < LEAST_TEXTS or bool(padded.all()) or _same(text[padded]):
            continue
        with in_evaluation(module), torch.no_grad():
            outputs = [o for o in ask(entry, x) if o.ndim >= 2 and len(o) == len(text)]
        if not outputs or not _same(outputs[0][padded]) or _same(outputs[0]):
            continue
        return [
            Finding(
                "mask.padding",
                "of texts with padding only the padding is read",
                f"{int(padded.sum())} different texts that are filled up with token {token} get the very "
                f"same output; the {int((~padded).sum())} that are not get others",
                "high",
                "the last step of a filled-up text is padding: its state is zero, or the same for all",
                "take the state at each text's own last token: the final state that a packed sequence "
                "returns, or out[range(n), lengths - 1]",
                picture=_distances(outputs[0], padded),
            )
        ]
    return []
