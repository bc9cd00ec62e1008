"""Texts in which a token of their own is taken for padding."""

import torch
from torch import Tensor, nn

from fivefold.diagnosis.checks.pictures import of_shares
from fivefold.diagnosis.checks.probes import given_tensors, last_question
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record

LEAST_SHARE = 0.01
LEAST_TOKENS = 20


def check_token_of_padding(record: Record) -> list[Finding]:
    """Find texts in which the number of the padding stands for a token, too.

    Statistic: of the tokens before the end of each text, as the lengths tell that the model is given with the
    texts, the share with the number that an embedding leaves out (``padding_idx``). Null: 0, since padding
    begins where a text ends; found from 1% and twenty tokens on. Lengths count only where everything behind
    them is that number. False alarms: tokens that are left out at random on purpose, with the number of the
    padding.

    Args:
        record: What was seen.
    """
    asked = last_question(record)
    if asked is None:
        return []
    module, entry, _ = asked
    given = given_tensors(entry)
    tables = {
        m.padding_idx: m
        for m in module.modules()
        if isinstance(m, nn.Embedding) and m.padding_idx is not None
    }
    for token, table in tables.items():
        for text in given:
            if text.ndim != 2 or text.is_floating_point() or text.dtype == torch.bool or not text.numel():
                continue
            if int(text.max()) >= table.num_embeddings or int(text.min()) < 0:
                continue
            for lengths in given:
                inside = _inside(text, lengths, token)
                if inside is not None and len(inside) and _often(inside):
                    return [_found(inside, token)]
    return []


def _inside(text: Tensor, lengths: Tensor, token: int) -> Tensor | None:
    """Which of the tokens before the ends of texts are that of the padding; ``None`` for no lengths."""
    if lengths.ndim != 1 or len(lengths) != len(text) or lengths.is_floating_point():
        return None
    if int(lengths.min()) < 1 or int(lengths.max()) != text.shape[1]:
        return None
    within = torch.arange(text.shape[1])[None, :] < lengths.cpu()[:, None]
    padding = text.cpu().eq(token)
    if bool(within.all()) or not bool(padding[~within].all()):
        return None  # nothing is filled up, or with something else
    return padding[within]


def _often(inside: Tensor) -> bool:
    return int(inside.sum()) >= LEAST_TOKENS and float(inside.double().mean()) >= LEAST_SHARE


def _found(inside: Tensor, token: int) -> Finding:
    share = float(inside.double().mean())
    return Finding(
        "mask.padding",
        "a token of the texts has the number of the padding",
        f"{int(inside.sum())} of {len(inside)} tokens before the ends of the texts ({share:.1%}) are "
        f"{token}, the "
        "padding_idx of the embedding",
        "high",
        "no number was kept free for the padding: the embedding gives this token zeros that are never "
        "learnt, "
        "and masks of the padding leave it out",
        "count tokens from 1 where padding is 0, and make the embedding one row longer",
        picture=of_shares(
            "Tokens before the ends of texts: none is padding where nothing is wrong",
            "share of the tokens",
            {"the number of the padding": share, "others": 1.0 - share},
            (LEAST_SHARE, "found from here on"),
        ),
    )
