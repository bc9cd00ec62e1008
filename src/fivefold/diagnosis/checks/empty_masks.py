"""Masks of attention that leave a place nothing to look at."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from fivefold.diagnosis.checks.pictures import of_numbers
from fivefold.diagnosis.checks.probes import ask, in_evaluation, last_question
from fivefold.diagnosis.finding import Finding, Place
from fivefold.diagnosis.observation.calls import place_of_user
from fivefold.diagnosis.observation.record import Record

SHUT = -1e4
BY_PLACE = {functional.scaled_dot_product_attention: 3}


class _SharedMasks(TorchFunctionMode):
    """Notes the masks [queries, keys] that all examples share, as what they show."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[tuple[Tensor, Place | None]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Look at the mask, and make the call."""
        kwargs = kwargs or {}
        if func in (functional.scaled_dot_product_attention, functional.multi_head_attention_forward):
            place = BY_PLACE.get(func, len(args))
            mask = kwargs.get("attn_mask", args[place] if place < len(args) else None)
            if isinstance(mask, Tensor) and mask.ndim >= 2 and mask.shape[:-2].numel() == 1:
                fused = func is functional.scaled_dot_product_attention
                plain = mask.detach().reshape(mask.shape[-2:])
                shown = (plain if fused else ~plain) if mask.dtype == torch.bool else plain > SHUT
                self.shown.append((shown.cpu(), place_of_user()))
        return func(*args, **kwargs)


def check_empty_masks(record: Record) -> list[Finding]:
    """Find masks of attention that hide every key from some query, in every example alike.

    Statistic: the queries of a mask [queries, keys], shared by all examples, to which it shows no key. Null:
    0, since a softmax over nothing is not a number (some kernels give zeros in its stead); padding is hidden
    example by example and does not count. False alarms: a place that is meant to get nothing, as the first of
    a sequence that looks strictly back and has a path around attention.

    Args:
        record: What was seen.
    """
    asked = last_question(record)
    if asked is None:
        return []
    module, entry, x = asked
    masks = _SharedMasks()
    # With gradients on, since torch's modules take another way without, which no mode sees.
    with in_evaluation(module), torch.enable_grad(), masks:
        ask(entry, x)
    empty = [(shown, place) for shown, place in masks.shown if min(shown.shape) > 1 and _none(shown).any()]
    if not empty:
        return []
    shown, place = empty[-1]
    rows = _none(shown).nonzero().flatten().tolist()
    counts = shown.sum(1)
    return [
        Finding(
            "mask.empty",
            "a mask hides everything from a place that attends",
            f"the mask {list(shown.shape)} shows no key to {len(rows)} of {len(shown)} queries (the first: "
            f"{rows[0]}), in {len(empty)} of {len(masks.shown)} calls of attention with a mask",
            "high",
            "the softmax of a row that is masked whole is not a number; where a kernel gives zeros in its "
            "stead, the place learns from nothing"
            + (": the diagonal is masked, too" if _strictly_back(shown) else ""),
            "leave every place at least itself: torch.triu(..., diagonal=1) hides what comes after it",
            place=place,
            picture=of_numbers(
                "Keys that the mask shows to each query: one or more where nothing is wrong",
                "keys",
                {f"query {i}": float(c) for i, c in enumerate(counts[:16].tolist())},
                (1.0, "itself"),
            ),
        )
    ]


def _none(shown: Tensor) -> Tensor:
    return ~shown.any(1)


def _strictly_back(shown: Tensor) -> bool:
    """Whether each place sees all that come before it, and not itself."""
    return shown.shape[0] == shown.shape[1] and torch.equal(shown, torch.ones_like(shown).tril(-1))
