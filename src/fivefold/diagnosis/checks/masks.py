"""Attention to padding: masks that are inverted or missing, seen in the weights that attention gives."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from fivefold.diagnosis.checks.pictures import of_shares
from fivefold.diagnosis.checks.probes import ask, given_tensors, in_evaluation, last_question
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record

SOFTMAX = (functional.softmax, torch.softmax, Tensor.softmax)
LEAST_PADDED = 0.1


def padding_of(x: Tensor) -> tuple[int, Tensor] | None:
    """Return the token that fills texts up, and where it does, [b, t]; ``None`` where there is none.

    It is the token that ends most texts, or begins them, in runs of different lengths, and is hardly anywhere
    else.

    >>> padding_of(torch.tensor([[5, 6, 7, 8], [7, 5, 0, 0], [8, 0, 0, 0], [5, 7, 6, 0]]))[0]
    0
    """
    if x.ndim != 2 or x.is_floating_point() or x.dtype == torch.bool or x.shape[1] < 4 or len(x) < 4:
        return None
    for turned in (False, True):
        y = x.flip(1) if turned else x
        token = int(y[:, -1].mode().values)
        trailing = y.flip(1).eq(token).long().cumprod(1).flip(1).bool()
        lengths = trailing.sum(1)
        inside = int((y.eq(token) & ~trailing).sum())
        if float((lengths > 0).float().mean()) < 0.3 or len(torch.unique(lengths)) < 2:
            continue
        if inside <= 0.02 * int(trailing.sum()) and float(trailing.float().mean()) >= LEAST_PADDED / 2:
            return token, trailing.flip(1) if turned else trailing
    return None


class Attentions(TorchFunctionMode):
    """Sees the weight that each key gets, [b, keys], in every call of attention or of a softmax over keys.

    Args:
        examples: Examples in the batch.
    """

    def __init__(self, examples: int) -> None:
        super().__init__()
        self.weights: list[Tensor] = []
        self._examples = examples

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Make the call, and look at it."""
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        if func in SOFTMAX and isinstance(out, Tensor) and out.ndim >= 3:
            dim = kwargs.get("dim", args[1] if len(args) > 1 else None)
            if dim in (-1, out.ndim - 1):
                self._add(out)
        elif func is functional.scaled_dot_product_attention:
            self._add(_fused(args, kwargs))
        elif func is functional.multi_head_attention_forward:
            self._add_hidden(args, kwargs)
        return out

    def _add(self, weights: Tensor | None) -> None:
        if weights is not None and len(weights) % self._examples == 0 and len(weights):
            by_key = weights.detach().float().reshape(self._examples, -1, weights.shape[-1])
            self.weights.append(by_key.mean(1))

    def _add_hidden(self, args: Any, kwargs: Any) -> None:
        """Torch's own module gives no weights here: those that its masks leave, evenly."""
        key = args[1]
        mask, hidden = kwargs.get("attn_mask"), kwargs.get("key_padding_mask")
        if kwargs.get("is_causal") or (isinstance(mask, Tensor) and mask.ndim != 2):
            return
        n, t, m = self._examples, key.shape[0], args[0].shape[0]
        if key.ndim != 3 or key.shape[1] != n:
            return
        shown = torch.ones(n, m, t, dtype=torch.bool)
        for each, shape in ((mask, (1, m, t)), (hidden, (n, 1, t))):
            if isinstance(each, Tensor):
                shut = each if each.dtype == torch.bool else each < -1e4
                shown &= ~shut.reshape(shape).cpu()
        self._add(shown / shown.sum(2, keepdim=True).clamp_min(1))


def _fused(args: Any, kwargs: Any) -> Tensor | None:
    names = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal", "scale")
    given = dict(zip(names, args, strict=False)) | kwargs
    q, k, mask = given["query"], given["key"], given.get("attn_mask")
    if given.get("is_causal") or q.shape[:-2] != k.shape[:-2]:
        return None
    scores = q @ k.transpose(-2, -1) * (given.get("scale") or q.shape[-1] ** -0.5)
    if isinstance(mask, Tensor):
        scores = scores.masked_fill(~mask, -1e9) if mask.dtype == torch.bool else scores + mask
    return torch.softmax(scores, -1)


def check_masks(record: Record) -> list[Finding]:
    """Find attention that looks at the padding of texts.

    Statistic: the share of all attention weight, over examples that have both, that falls on keys that are
    padding. Null: 0 under a mask, as under a causal one with padding at the end; about the share of padding
    without one; 1 under a mask that is inverted. False alarms: models without masks on purpose (medium).

    Args:
        record: What was seen.
    """
    asked = last_question(record)
    if asked is None:
        return []
    module, entry, x = asked
    texts = [(t, p) for t in given_tensors(entry) if (p := padding_of(t)) is not None]
    if not texts:
        return []
    seen = Attentions(len(x))
    # With gradients on, since torch's modules take another way without, which no mode sees.
    with in_evaluation(module), torch.enable_grad(), seen:
        ask(entry, x)
    for text, (token, padding) in texts:
        both = padding.any(1) & ~padding.all(1)
        even = float(padding[both].float().mean()) if bool(both.any()) else 0.0
        shares = [
            float(w[both][padding[both]].sum() / w[both].sum().clamp_min(1e-12))
            for w in seen.weights
            if w.shape == text.shape and bool((w[both].sum() > 0).any())
        ]
        if not shares or even < LEAST_PADDED:
            continue
        most = max(shares)
        evidence = (
            f"{most:.0%} of the attention falls on padding (token {token}, {even:.0%} of the places) in one "
            f"of {len(shares)} attention layers"
        )
        picture = of_shares(
            "Attention that falls on padding: none under a mask",
            "share of the attention",
            {f"attention {i + 1}": share for i, share in enumerate(shares)},
            (even, "no mask"),
        )
        if most > 0.97:
            return [
                Finding(
                    "mask.inverted",
                    "attention looks at the padding and not at the words",
                    evidence,
                    "high",
                    "the mask hides what it should show: in torch a key_padding_mask is true where a token "
                    "is to be left out, an attn_mask of scaled_dot_product_attention where it may be seen",
                    "invert the mask",
                    picture=picture,
                )
            ]
        if most > 0.3 * even:
            return [
                Finding(
                    "mask.padding",
                    "attention looks at the padding as at words",
                    evidence,
                    "medium",
                    "no mask hides the padding, or it does not reach this layer",
                    "give attention a mask of the padding: key_padding_mask=ids.eq(PAD)",
                    picture=picture,
                )
            ]
    return []
