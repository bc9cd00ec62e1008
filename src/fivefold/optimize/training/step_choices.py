"""How a step is computed: memory format, precision and parts, measured on the module's own step."""

import copy
import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from fivefold.core import fork_global, require
from fivefold.optimize.training.losses import LossFunction

LAYOUTS = ("auto", "contiguous", "channels-last")
PRECISIONS = ("auto", "full", "bfloat16")
_GAIN = 1.1
"""A choice that departs from the likely step must be this much faster."""
_CLEAR = 1.2
"""More than this, or no gain at all, is not measured again."""
_REPEATS = 3
_PROBED_ROWS = 32
"""A quarter of a batch is measured, but at least so many rows: enough to tell, and it costs little."""
_LEAST_ROWS = 8
"""On a processor, whose time goes with the rows, so few tell too; an accelerator has to be filled."""
_SHARE = 1 / 80
"""Of the planned steps' rows, at most this share is spent on measuring a choice."""


@dataclass(frozen=True)
class StepChoices:
    """How each step was computed; the same choices give the same bits again.

    Args:
        layout: ``"contiguous"`` or ``"channels-last"``.
        precision: ``"full"`` (the module's own type) or ``"bfloat16"`` (in products and convolutions).
        parts: Parts that a batch is computed in, one after the other.
        place: Where the rows are.
        seconds: Measured seconds of a step by choice, where something was measured.
    """

    layout: str = "contiguous"
    precision: str = "full"
    parts: int = 1
    place: str = ""
    seconds: dict[str, float] = field(default_factory=dict)

    def to_record(self) -> dict[str, Any]:
        """Return a plain record for reports and checkpoints.

        >>> StepChoices().to_record()["layout"]
        'contiguous'
        """
        return asdict(self)

    def autocast(self, device: torch.device) -> AbstractContextManager[Any]:
        """The context in which the module is called."""
        if self.precision == "bfloat16":
            return torch.autocast(device.type, dtype=torch.bfloat16)
        return nullcontext()


def has_bfloat16_products(device: torch.device) -> bool:
    """Whether the processor multiplies bfloat16 matrices in hardware.

    >>> has_bfloat16_products(torch.device("meta"))
    False
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type != "cpu":
        return False
    # torch before 2.13 does not tell what the processor can do: then it is taken to be unable
    tell: Callable[[], dict[str, Any]] = getattr(torch.cpu, "get_capabilities", dict)
    found = tell()
    return bool(found.get("amx_bf16") or found.get("avx512_bf16"))


def choose_step(
    module: nn.Module,
    loss: LossFunction,
    batch: tuple[Tensor, ...],
    *,
    layout: str = "auto",
    precision: str = "full",
    parts: int = 1,
    planned: int = 0,
    seed: int = 0,
) -> StepChoices:
    """Measure on a copy of the module which way to compute a step is faster.

    Where a convolution of two dimensions meets images, the likely layout is channels-last on a processor
    with oneDNN, which computes in it, and contiguous elsewhere. The other layout is tried, and bfloat16 where
    the processor multiplies it in hardware; either is taken where the fastest of three steps on a quarter of
    the batch (of one, where that is clear) is at least 1.1 times faster and, for bfloat16, the loss agrees
    to 5%. Measuring takes at most an eightieth of the planned rows: in a shorter training it is done on a
    processor with fewer rows, down to 8, hence from 20 steps of 128 rows or 80 of 32 on, and elsewhere not at
    all. Module, statistics and generators stay as they are.

    Args:
        module: On its device.
        loss: ``loss(output, *targets)``.
        batch: ``(X, *targets)``, one batch as in training.
        layout: ``"auto"`` or a choice, which is then not measured.
        precision: The same.
        parts: Parts that a batch is computed in.
        planned: Steps that the training is to make.
        seed: For dropout while measuring.

    Raises:
        ArgumentError: No such layout or precision, or fewer than 1 part.

    >>> choose_step(nn.Linear(1, 1), lambda out: out.sum(), (torch.ones(2, 1),)).layout
    'contiguous'
    """
    require(layout in LAYOUTS, f"a layout among {', '.join(LAYOUTS)}", layout)
    require(precision in PRECISIONS, f"a precision among {', '.join(PRECISIONS)}", precision)
    require(parts >= 1, "at least 1 part", parts)
    device = batch[0].device
    images = batch[0].ndim == 4 and any(isinstance(layer, nn.Conv2d) for layer in module.modules())
    likely = _likely_layout(device) if images else "contiguous"
    chosen = StepChoices(
        likely if layout == "auto" else layout, "full" if precision == "auto" else precision, parts
    )
    trials: list[dict[str, str]] = []
    probed, repeats = _probe(len(batch[0]), planned, device)
    if repeats and layout == "auto" and images:
        trials.append({"layout": "contiguous" if likely == "channels-last" else "channels-last"})
    if repeats and precision == "auto" and has_bfloat16_products(device):
        trials.append({"precision": "bfloat16"})
    seconds: dict[str, float] = {}
    batch = tuple(part[:probed] for part in batch)
    for change in trials:
        rival = replace(chosen, **change)  # type: ignore[arg-type]
        steps = [_rehearse(module, loss, batch, each) for each in (chosen, rival)]
        times, values = [math.inf] * 2, [torch.zeros(())] * 2
        with fork_global(seed, "train", "probe"):
            for turn in range(repeats + 1):  # in turns, so that another load on the machine meets both
                for index, step in enumerate(steps):
                    torch.manual_seed(seed)  # the same dropout for both, whose losses are compared
                    spent, values[index] = step()
                    times[index] = min(times[index], spent) if turn else math.inf
                if turn and not times[1] < times[0] < _CLEAR * times[1]:
                    break
        for each, spent in zip((chosen, rival), times, strict=True):
            seconds[f"{each.layout}, {each.precision}"] = spent
        agrees = bool((values[0] - values[1]).abs().le(0.05 * values[0].abs() + 1e-6).all())
        if times[0] >= _GAIN * times[1] and agrees:
            chosen = rival
    return replace(chosen, seconds=seconds)


def _likely_layout(device: torch.device) -> str:
    """How images should lie where nothing is measured."""
    one_dnn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return "channels-last" if device.type == "cpu" and one_dnn else "contiguous"


def _probe(rows: int, planned: int, device: torch.device) -> tuple[int, int]:
    """How many rows, r, are probed and how often, t, after once untimed; never, where it would cost more.

    Two ways cost 2 (t + 1) r rows, at most the share of those planned.
    """
    affordable = int(_SHARE * planned * rows / 2)
    most = min(rows, max(_PROBED_ROWS, rows // 4))
    least = min(rows, _LEAST_ROWS) if device.type == "cpu" else most
    probed = max(least, min(most, affordable // 2))
    return probed, max(0, min(_REPEATS, affordable // max(1, probed) - 1))


def _rehearse(
    module: nn.Module, loss: LossFunction, batch: tuple[Tensor, ...], choices: StepChoices
) -> Callable[[], tuple[float, Tensor]]:
    """A step on a copy, so that nothing of it remains: its seconds, forward and backward, and its loss."""
    rehearsal = set_layout(copy.deepcopy(module), choices.layout).train()
    device = batch[0].device
    X = as_layout(batch[0], choices.layout)
    # a single thread's own seconds of the processor leave out whatever else the machine does
    alone = device.type == "cpu" and torch.get_num_threads() == 1
    clock = time.thread_time if alone else time.perf_counter

    def step() -> tuple[float, Tensor]:
        start = clock()
        with choices.autocast(device):
            output = rehearsal(X)
        value = loss(as_full(output), *batch[1:])
        value.sum().backward()  # type: ignore[no-untyped-call]
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return clock() - start, value.detach()

    return step


def set_layout(module: nn.Module, layout: str) -> nn.Module:
    """Order the memory of four-dimensional weights; values stay.

    >>> set_layout(nn.Conv2d(2, 2, 3), "channels-last").weight.stride()
    (18, 1, 6, 2)
    """
    form = torch.channels_last if layout == "channels-last" else torch.contiguous_format
    return module.to(memory_format=form)  # type: ignore[call-overload,no-any-return]


def as_layout(X: Tensor, layout: str) -> Tensor:
    """Order the memory of a batch of images; values stay.

    >>> as_layout(torch.ones(1, 2, 3, 3), "channels-last").stride()
    (18, 1, 6, 2)
    """
    if layout == "channels-last" and X.ndim == 4:
        return X.contiguous(memory_format=torch.channels_last)
    return X


def as_full(output: Any) -> Any:
    """An output of autocast in float32, so that the loss is computed in it.

    >>> as_full(torch.ones(1, dtype=torch.bfloat16)).dtype
    torch.float32
    """
    return output.float() if isinstance(output, Tensor) and output.dtype == torch.bfloat16 else output
