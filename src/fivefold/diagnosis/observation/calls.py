"""Calls of torch's functions, seen by a function mode of torch while a watched step runs."""

import inspect
import math
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils._device import DeviceContext

from fivefold.diagnosis.finding import Place
from fivefold.diagnosis.observation.record import LossCall, Operation
from fivefold.diagnosis.observation.summary import MOST_NUMBERS, summarise

OF_CLASSES = ("cross_entropy", "nll_loss")
LOSSES: dict[Any, str] = {
    getattr(functional, name): name
    for name in (
        "cross_entropy",
        "nll_loss",
        "mse_loss",
        "l1_loss",
        "smooth_l1_loss",
        "huber_loss",
        "binary_cross_entropy",
        "binary_cross_entropy_with_logits",
        "kl_div",
        "gaussian_nll_loss",
        "poisson_nll_loss",
        "hinge_embedding_loss",
        "margin_ranking_loss",
        "triplet_margin_loss",
        "cosine_embedding_loss",
        "multi_margin_loss",
        "multilabel_soft_margin_loss",
        "soft_margin_loss",
        "ctc_loss",
    )
}
ALONG: dict[Any, str] = {
    functional.softmax: "softmax",
    torch.softmax: "softmax",
    Tensor.softmax: "softmax",
    functional.log_softmax: "log_softmax",
    torch.log_softmax: "log_softmax",
    Tensor.log_softmax: "log_softmax",
    functional.normalize: "normalize",
}
ACTIVATIONS: dict[Any, str] = {
    functional.relu: "relu",
    torch.relu: "relu",
    Tensor.relu: "relu",
    torch.sigmoid: "sigmoid",
    functional.sigmoid: "sigmoid",
    Tensor.sigmoid: "sigmoid",
    torch.tanh: "tanh",
    functional.tanh: "tanh",
    Tensor.tanh: "tanh",
}
ATTENTION = functional.scaled_dot_product_attention
DROPPING: dict[Any, str] = dict.fromkeys(
    (
        functional.dropout,
        functional.dropout1d,
        functional.dropout2d,
        functional.dropout3d,
        functional.alpha_dropout,
        functional.feature_alpha_dropout,
        torch.dropout,
    ),
    "dropout",
)
FREE = 4
MASKED = -1e4
MOST_ROWS = 4096
DIFFERENCES = {torch.sub, Tensor.sub, Tensor.__sub__, Tensor.__rsub__}
COMPARISONS = {torch.eq, Tensor.eq, Tensor.__eq__}
OWN = (str(Path(torch.__file__).parent), str(Path(__file__).resolve().parents[2]), "<frozen", "<string>")

BETWEEN = (OWN[1], str(Path(torch.__file__).parent / "overrides.py"))
"""Files between a call of a function and its being told of."""

VIEWS = {Tensor.view, Tensor.reshape, torch.reshape}


def place_of_user(frame: FrameType | None = None) -> Place | None:
    """Return the innermost line on the stack that belongs neither to torch nor to this package."""
    frame = sys._getframe(1) if frame is None else frame
    while frame is not None:
        path = frame.f_code.co_filename
        if not path.startswith(OWN) and "site-packages" not in path:
            return Place(path, frame.f_lineno)
        frame = frame.f_back
    return None


def file_of_caller(between: tuple[str, ...]) -> str:
    """The innermost file on the stack that is none of those between; empty where there is none."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(between):
        frame = frame.f_back
    return "" if frame is None else frame.f_code.co_filename


def by_library() -> bool:
    """Whether the call that is told of was written in torch or another library, not in the user's code."""
    path = file_of_caller(BETWEEN)
    return path.startswith(OWN[0]) or "site-packages" in path


class Calls(TorchFunctionMode):
    """Sees each call and tells a listener; what the call gives is never touched.

    Args:
        listener: Told of each call after it was made: ``(function, args, kwargs, output)``.
        spend: Told of the seconds that listening took.
    """

    def __init__(
        self, listener: Callable[[Any, Any, Any, Any], None], spend: Callable[[float], None]
    ) -> None:
        super().__init__()
        self._listener, self._spend = listener, spend

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Make the call, then tell of it."""
        out = func(*args, **(kwargs or {}))
        start = perf_counter()
        self._listener(func, args, kwargs or {}, out)
        self._spend(perf_counter() - start)
        return out


def push(mode: TorchFunctionMode) -> None:
    """Put a mode below all others on torch's stack, the default device's excepted.

    A mode of the user's takes the topmost off when it ends: ours must not be that one.
    """
    above = [torch._C._pop_torch_function_stack() for _ in range(torch._C._len_torch_function_stack())]
    if above and isinstance(above[-1], DeviceContext):  # it counts on being the lowest
        torch._C._push_on_torch_function_stack(above.pop())
    for each in (mode, *reversed(above)):
        torch._C._push_on_torch_function_stack(each)


def is_on(mode: TorchFunctionMode) -> bool:
    """Whether a mode is on torch's stack now; while one is being told of a call, it is not."""
    size = torch._C._len_torch_function_stack()
    return any(torch._C._get_function_stack_at(i) is mode for i in range(size))


def remove(mode: TorchFunctionMode) -> None:
    """Take a mode off torch's stack, wherever it is, and leave the others in order."""
    above = []
    while torch._C._len_torch_function_stack():
        top = torch._C._pop_torch_function_stack()
        if top is mode:
            break
        above.append(top)
    for other in reversed(above):
        torch._C._push_on_torch_function_stack(other)


@torch.no_grad()
def loss_call(function: Any, args: Any, kwargs: Any, output: Any) -> LossCall | None:
    """Describe a call of a loss function; ``None`` where its arguments are not two tensors.

    Args:
        function: One of :data:`LOSSES`.
        args: Its arguments by place.
        kwargs: Its arguments by name.
        output: What it gave.
    """
    name = LOSSES[function]
    given = inspect.signature(function).bind_partial(*args, **kwargs).arguments
    tensors = [value for value in given.values() if isinstance(value, Tensor)]
    if len(tensors) < 2 or not isinstance(output, Tensor):
        return None
    prediction, target = tensors[0].detach(), tensors[1].detach()
    settings = {key: value for key, value in given.items() if isinstance(value, int | float | str | bool)}
    if any(isinstance(given.get(key), Tensor) for key in ("weight", "pos_weight")):
        settings["weighted"] = True
    row_sum_error = right = math.nan
    classes: tuple[int, ...] = ()
    if name in OF_CLASSES and prediction.ndim >= 2 and prediction.numel() <= 8 * MOST_NUMBERS:
        row_sum_error = float((prediction.float().sum(1) - 1).abs().max()) if prediction.numel() else math.nan
        labels = target if not target.is_floating_point() else target.argmax(1)
        best = prediction.argmax(1)
        if best.shape == labels.shape and labels.numel():
            counted = torch.ne(labels, int(settings.get("ignore_index", -100)))
            right = float(torch.eq(best, labels)[counted].float().mean()) if counted.any() else math.nan
            known = labels[counted].clamp(0, prediction.shape[1] - 1)
            classes = tuple(torch.bincount(known.reshape(-1), minlength=prediction.shape[1]).tolist())
    elif name.startswith("binary") and target.numel():
        threshold = 0.0 if name.endswith("logits") else 0.5
        if prediction.shape == target.shape:
            right = float(((prediction > threshold) == (target > 0.5)).float().mean())
        ones = int((target > 0.5).sum())
        classes = (target.numel() - ones, ones)
    value = float(output.detach().float().mean())
    seen = summarise(prediction), summarise(target)
    return LossCall(name, settings, value, *seen, row_sum_error, right, classes, place_of_user())


def along(function: Any, args: Any, kwargs: Any, inside: str, output: Any = None) -> Operation | None:
    """Describe a call of an operation along a dimension, one of :data:`ALONG`.

    Args:
        function: The function.
        args: Its arguments by place.
        kwargs: Its arguments by name.
        inside: The module that called it; empty outside the model.
        output: What it gave; where it is a softmax inside the model, its saturation is measured.
    """
    name = ALONG[function]
    given = args[0] if args else kwargs.get("input")
    if not isinstance(given, Tensor):
        return None
    place = 2 if name == "normalize" else 1
    dim = kwargs.get("dim", args[place] if len(args) > place else (1 if name == "normalize" else None))
    if not isinstance(dim, int) or given.ndim == 0:
        return None
    dim %= given.ndim
    inner = name == "softmax" and inside and dim == given.ndim - 1 and isinstance(output, Tensor)
    value = saturation(given, output) if inner else math.nan
    return Operation(name, tuple(given.shape), dim, inside, place_of_user(), value)


def permuting_view(args: Any, output: Any, inside: str) -> Operation | None:
    """Describe a view whose dimensions are those of what it was given, in another order; ``None`` elsewhere.

    Dimensions of size 1 do not count. Calls that a library makes are left out.

    Args:
        args: The arguments of ``view`` or ``reshape``.
        output: What it gave.
        inside: The module that called it; empty outside the model.
    """
    given = args[0] if args else None
    if not isinstance(given, Tensor) or not isinstance(output, Tensor):
        return None
    was, now = ([n for n in t.shape if n > 1] for t in (given, output))
    if was == now or sorted(was) != sorted(now) or by_library():
        return None
    return Operation("view", (*given.shape, *output.shape), given.ndim, inside, place_of_user())


@torch.no_grad()
def saturation(scores: Tensor, weights: Tensor) -> float:
    """Share of rows that give more than 0.99 to one entry, of those with four or more entries to choose from.

    Args:
        scores: What the softmax was given, [..., n]; entries below -1e4 are taken for masked ones.
        weights: What it gave, [..., n].
    """
    n = scores.shape[-1]
    if n < FREE or scores.ndim < 2:
        return math.nan
    every = max(1, scores.numel() // n // MOST_ROWS)
    rows, given = scores.detach().reshape(-1, n)[::every], weights.detach().reshape(-1, n)[::every]
    free = (rows > MASKED).sum(1) >= FREE
    return float((given[free].amax(1) > 0.99).float().mean()) if bool(free.any()) else math.nan


@torch.no_grad()
def attention(args: Any, kwargs: Any) -> Operation | None:
    """Describe a call of fused attention by the weights of its first examples, which it does not give.

    Args:
        args: Its arguments by place.
        kwargs: Its arguments by name.
    """
    names = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal", "scale")
    given = dict(zip(names, args, strict=False)) | kwargs
    q, k, mask = given.get("query"), given.get("key"), given.get("attn_mask")
    if not isinstance(q, Tensor) or not isinstance(k, Tensor) or q.ndim < 3 or q.shape[:-2] != k.shape[:-2]:
        return None
    few = max(1, MOST_NUMBERS // max(1, q.shape[-2] * k.shape[-2]))
    q, k = (t.detach().reshape(-1, *t.shape[-2:])[:few].float() for t in (q, k))
    scores = q @ k.transpose(1, 2) * (given.get("scale") or q.shape[-1] ** -0.5)
    if given.get("is_causal"):
        scores.masked_fill_(torch.ones_like(scores[0], dtype=torch.bool).triu(1), -math.inf)
    if isinstance(mask, Tensor) and mask.shape == scores.shape[1:]:
        scores = scores.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else scores + mask
    value = saturation(scores, scores.softmax(-1))
    shape = tuple(given["query"].shape)
    return Operation("attention", shape, len(shape) - 1, "model", place_of_user(), value)


def dropping(function: Any, args: Any, kwargs: Any) -> Operation | None:
    """Describe a call of dropout that is switched on, one of :data:`DROPPING`.

    Args:
        function: The function.
        args: Its arguments by place.
        kwargs: Its arguments by name.
    """
    given = dict(zip(("input", "p", "training"), args, strict=False)) | kwargs
    tensor, share = given.get("input"), given.get("p", 0.5)
    if not isinstance(tensor, Tensor) or not given.get("training", True) or not 0 < share <= 1:
        return None
    return Operation(DROPPING[function], tuple(tensor.shape), 0, "model", place_of_user(), float(share))


def drawing(args: Any, output: Any, made: Callable[[Tensor], bool]) -> Operation | None:
    """Describe a draw from probabilities, means or deviations that the model made; ``None`` for other draws.

    Args:
        args: What the draw was given; views of what the model made count, as torch's distributions take them.
        output: What was drawn.
        made: Whether a tensor was made by the model.
    """
    if not isinstance(output, Tensor):
        return None
    # Without a derivative it is a constant of the output's shape, as full_like gives.
    given = [a if a._base is None else a._base for a in args if isinstance(a, Tensor)]
    if not any(made(a) and a.requires_grad for a in given):
        return None
    return Operation("draw", tuple(output.shape), max(0, output.ndim - 1), "", place_of_user())


def crossed_difference(args: Any, output: Any, made: Callable[[Tensor], bool]) -> Operation | None:
    """Describe a difference of a prediction and a target with more numbers than either; ``None`` for other
    differences.

    Args:
        args: The two sides.
        output: The difference.
        made: Whether a tensor was made by the model.
    """
    if len(args) != 2 or not all(isinstance(a, Tensor) for a in args) or not isinstance(output, Tensor):
        return None
    a, b = args
    if output.numel() <= max(a.numel(), b.numel()) or made(a) == made(b):
        return None
    return Operation("difference", (*a.shape, *b.shape), a.ndim, "", place_of_user())


def written_loss(args: Any, output: Any, made: Callable[[Tensor], bool]) -> LossCall | None:
    """Describe a difference of predictions and targets, from which a loss is written by hand; ``None`` for
    others.

    Args:
        args: The two sides.
        output: The difference.
        made: Whether a tensor was made by the model.
    """
    if len(args) != 2 or not all(isinstance(a, Tensor) for a in args) or args[0].shape != args[1].shape:
        return None
    if made(args[0]) == made(args[1]) or args[0].ndim == 0:
        return None
    prediction, target = args if made(args[0]) else reversed(args)
    seen = summarise(prediction), summarise(target)
    value = float(output.detach().float().square().mean())
    return LossCall("difference", {}, value, *seen, math.nan, math.nan, (), place_of_user())


def labels_compared(function: Any, args: Any, output: Any) -> tuple[int, int, Tensor] | None:
    """Return how many labels of how many were equal, and the second of what was compared; ``None`` for other
    calls.
    """
    if function not in COMPARISONS or len(args) != 2 or not isinstance(output, Tensor):
        return None
    a, b = args
    if not (isinstance(a, Tensor) and isinstance(b, Tensor)) or a.shape != b.shape or a.ndim == 0:
        return None
    if a.is_floating_point() or b.is_floating_point():
        return None
    return int(output.sum()), output.numel(), b.detach()
