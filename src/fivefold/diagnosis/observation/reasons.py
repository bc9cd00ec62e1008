"""Why an operation gave numbers that are not finite, and what to do, as far as its arguments tell."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from fivefold.diagnosis.observation.first_operation import Made
from fivefold.diagnosis.observation.summary import summarise

PRODUCTS = {
    "linear", "matmul", "mm", "addmm", "bmm", "baddbmm", "mv", "addmv", "convolution", "conv1d", "conv2d",
    "conv3d", "einsum", "mul", "add", "sum", "mean", "mse_loss", "cross_entropy", "log_softmax", "square",
}  # fmt: skip
"""Operations that overflow only because what they are given has grown."""

FIXES = {
    "kl_div": (
        "a logarithm of a probability of zero",
        "give log-probabilities from log_softmax, with log_target=True",
    ),
    "binary_cross_entropy": ("probabilities outside [0, 1]", "use binary_cross_entropy_with_logits"),
    "batch_norm": (
        "a variance that overflows, or of a single number",
        "look at what makes its input so large",
    ),
    "layer_norm": ("a variance that overflows", "look at what makes its input so large"),
    "group_norm": ("a variance that overflows", "look at what makes its input so large"),
    "logit": ("a probability of 0 or 1", "give logit an eps, or clamp the probability"),
    "logsumexp": ("numbers that are all minus infinity, or that overflow", "leave one of every row unmasked"),
    "softmax": (
        "a row of scores that are all minus infinity: everything is masked",
        "leave one score of every row unmasked",
    ),
    "attention": (
        "a row of scores that are all minus infinity: everything is masked",
        "leave one key of every query unmasked",
    ),
    "log": (
        "a logarithm of zero or of a negative number",
        "use log(x + 1e-8), log1p, or a loss that takes logits",
    ),
    "rsqrt": ("one over the root of zero, or of a negative number", "use rsqrt(x + 1e-8)"),
    "sqrt": (
        "a root of a negative number, or its derivative at zero",
        "use sqrt(x + 1e-8), or clamp x from below",
    ),
    "reciprocal": ("a division by zero", "add a small number to the divisor, or clamp it from below"),
    "div": ("a division by zero", "add a small number to the divisor, or clamp it from below"),
    "exp": (
        "an exponential of a number above 88 (float32) or 11 (float16)",
        "clamp the argument, or subtract the maximum",
    ),
    "pow": (
        "a power that overflows, a root of a negative number, or the derivative of a root at zero",
        "clamp the base",
    ),
    "std": (
        "the spread of a single number, which is divided by n - 1 = 0, or the derivative of a spread of zero",
        "use more than one number, correction=0, or the root of the variance plus a small number",
    ),
    "var": (
        "the spread of a single number, which is divided by n - 1 = 0",
        "use more than one number, or correction=0",
    ),
    "norm": ("the derivative of a norm at zero", "add a small number under the root"),
    "acos": ("an argument outside (-1, 1), or its derivative at the ends", "clamp it to slightly inside"),
    "asin": ("an argument outside (-1, 1), or its derivative at the ends", "clamp it to slightly inside"),
    "atanh": ("an argument outside (-1, 1)", "clamp it to slightly inside"),
    "cholesky": ("a matrix that is not positive definite", "add a small multiple of the identity"),
    "linalg": (
        "a matrix that is singular, or whose eigenvalues coincide",
        "add a small multiple of the identity",
    ),
    "svd": ("singular values that coincide, whose derivative has no value", "avoid derivatives of the SVD"),
}
"""Cause and fix by a part of the operation's name; the first that fits."""


def advice(made: Made, called: str) -> tuple[str, str]:
    """Return a likely cause and a fix.

    Args:
        made: The operation, with copies of what it was given.
        called: The function under which the user knows it.
    """
    tensors = _given(made)
    special = _special(made, called, tensors)
    if special is not None:
        return special
    for names in (called, made.name):
        for part, found in FIXES.items():
            if part in names:
                return found
    if called in PRODUCTS or made.name in PRODUCTS:
        high = max((abs(v) for t in tensors for v in (summarise(t).low, summarise(t).high)), default=math.nan)
        return (
            f"an overflow: numbers as large as {high:.2g} went in",
            "look at what makes them so large: the rate, the first weights, inputs that are not scaled",
        )
    return (
        "an overflow, or an operation without a value at its input",
        "clamp its input, or look at what makes it so large",
    )


def _given(made: Made) -> list[Tensor]:
    leaves = tree_leaves(made.given) if made.given is not None else []
    return [leaf for leaf in leaves if isinstance(leaf, Tensor)]


def _special(made: Made, called: str, tensors: list[Tensor]) -> tuple[str, str] | None:
    if made.placed:
        return (
            "an infinity that was put there reaches the loss: a mask covers what the loss looks at",
            "leave out of the loss what is masked, or mask with a large negative number",
        )
    if any(not t.numel() for t in tensors):
        return (
            "it was given nothing: a tensor without a number",
            "leave out batches, groups and masks that are empty",
        )
    if made.name in {"nll_loss", "nll_loss2d", "cross_entropy"} and made.given is not None:
        target, ignored = made.given[0][1], made.given[0][4]
        if isinstance(target, Tensor) and bool((target == ignored).all()):
            return (
                f"every target of the batch is {ignored}, which is ignored: the mean is over nothing",
                "leave out batches without a target, or divide a sum by max(count, 1)",
            )
    half = next((t.dtype for t in tensors if t.dtype in (torch.float16, torch.bfloat16)), None)
    to_half = made.given is not None and made.given[1].get("dtype") is torch.float16
    if (half is torch.float16 or to_half) and _finite_when_wide(made):
        return (
            f"float16 ends at 65,504, and the result is larger: in float32 {called or made.name} gives "
            "finite numbers here",
            "use bfloat16, or keep this operation in float32 (torch.autocast(enabled=False) around it)",
        )
    if half is not None and called in {"div", "reciprocal", "rsqrt", "log", "sqrt"}:
        least = "6e-8 in float16" if half is torch.float16 else "a 256th of a number beside it in bfloat16"
        cause, fix = FIXES[called]
        return f"{cause}; small numbers are lost ({least})", f"do this operation in float32: {fix}"
    return None


def _finite_when_wide(made: Made) -> bool:
    """Whether the operation gives finite numbers when it works in float32."""

    def wide(leaf: Any) -> Any:
        if isinstance(leaf, Tensor) and leaf.is_floating_point():
            return leaf.float()
        return torch.float32 if isinstance(leaf, torch.dtype) else leaf

    if made.given is None or made.operation._schema.is_mutable:
        return False
    try:
        args, kwargs = tree_map(wide, made.given)
        with torch.no_grad():
            out = made.operation(*args, **kwargs)
    except (RuntimeError, TypeError, ValueError):
        return False
    made_again = [t for t in tree_leaves(out) if isinstance(t, Tensor) and t.is_floating_point()]
    return bool(made_again) and all(bool(torch.isfinite(t).all()) for t in made_again)


def evidence(made: Made) -> str:
    """Say what an operation was given, and how much of its result is not finite."""
    parts = [
        f"{list(t.shape)} from {summarise(t).low:.3g} to {summarise(t).high:.3g}"
        + ("" if summarise(t).finite == 1.0 else f" ({1 - summarise(t).finite:.1%} of it not finite)")
        for t in _given(made)
        if t.is_floating_point() and t.numel()
    ]
    kinds = {str(t.dtype).removeprefix("torch.") for t in _given(made) if t.is_floating_point()} - {"float32"}
    bad = next(
        (r for r in made.results or () if isinstance(r, Tensor) and not bool(torch.isfinite(r).all())), None
    )
    if bad is None:
        return f"given {', '.join(parts[:3]) or 'nothing'}"
    mask = ~torch.isfinite(bad)
    place = [int(i) for i in mask.nonzero()[0]]
    share = f"{float(mask.double().mean()):.2%} of its {list(bad.shape)} result is not finite"
    first = f", first {float(bad[tuple(place)].abs() if bad.is_complex() else bad[tuple(place)])} at {place}"
    kind = f" ({', '.join(sorted(kinds))})" if kinds else ""
    return f"given {', '.join(parts[:3]) or 'nothing'}{kind}; {share}{first if place else ''}"
