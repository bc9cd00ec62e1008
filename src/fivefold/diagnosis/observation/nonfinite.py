"""From a gradient that is not finite back to the first operation that made it."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from fivefold.diagnosis.finding import Place
from fivefold.diagnosis.observation.calls import place_of_user
from fivefold.diagnosis.observation.record import Nonfinite
from fivefold.diagnosis.observation.summary import summarise
from fivefold.diagnosis.observation.tape import Tape, inner, unchanged_buffers

FIXES = {
    "log": (
        "a logarithm of zero or of a negative number",
        "use log(x + 1e-8), log1p, or a loss that takes logits",
    ),
    "sqrt": (
        "a root of a negative number, or its derivative at zero",
        "use sqrt(x + 1e-8), or clamp x from below",
    ),
    "div": ("a division by zero", "add a small number to the divisor, or clamp it from below"),
    "exp": (
        "an exponential of a number above 88 (float32) or 11 (float16)",
        "clamp the argument, or subtract the maximum",
    ),
    "pow": ("a power that overflows, or a root of a negative number", "clamp the base"),
    "softmax": (
        "a row of scores that are all minus infinity: everything is masked",
        "leave one score of every row unmasked",
    ),
    "norm": ("the derivative of a norm at zero", "add a small number under the root"),
    "acos": ("an argument outside (-1, 1)", "clamp it to slightly inside"),
}
"""Cause and fix by a part of the operation's name."""


def finite(tensor: Tensor) -> bool:
    """Whether all numbers are finite."""
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor.detach()).all())


class FirstNonfinite(TorchFunctionMode):
    """Remembers the first call whose result is not finite though all it was given is."""

    def __init__(self) -> None:
        super().__init__()
        self.found: tuple[str, str, Place | None] | None = None

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Make the call, then look at its result."""
        out = func(*args, **(kwargs or {}))
        if self.found is None:
            made = [t for t in tree_leaves(out) if isinstance(t, Tensor) and t.is_floating_point()]
            if made and not all(finite(t) for t in made):
                given = [
                    t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor) and t.is_floating_point()
                ]
                if all(finite(t) for t in given):
                    parts = ", ".join(
                        f"{list(t.shape)} from {summarise(t).low:.3g} to {summarise(t).high:.3g}"
                        for t in given[:3]
                    )
                    bad = summarise(made[0])
                    name = getattr(func, "__name__", str(func)).strip("_")
                    share = f"{1 - bad.finite:.2%} of its {list(bad.shape)} result is not finite"
                    evidence = f"given {parts or 'nothing'}; {share}"
                    self.found = (name, evidence, place_of_user())
        return out


def _advice(name: str) -> tuple[str, str]:
    for part, advice in FIXES.items():
        if part in name.lower():
            return advice
    return (
        "an overflow, or an operation without a value at its input",
        "clamp its input, or look at what makes it so large",
    )


def trace_nonfinite(
    parameters: Sequence[tuple[str, Tensor]],
    batch: tuple[nn.Module, Any, Any] | None,
    tape: Tape | None,
    *,
    own: bool,
) -> Nonfinite:
    """Find the first operation whose result is not finite, right before the update that would spoil the
    weights.

    Weights and inputs are looked at first; then the forward pass is run again, operation by operation; then
    the operations
    from the model's output to the loss; then the backward pass.

    Args:
        parameters: Named parameters.
        batch: The module and the arguments of the last forward pass.
        tape: A pass that can be played: of this update, or of an earlier one.
        own: Whether it is of this update.

    Returns:
        What was found; ``where`` is ``"unknown"`` where nothing was.
    """
    spoilt = [name for name, p in parameters if not finite(p)]
    if spoilt:
        return Nonfinite(
            "weights",
            "an earlier update",
            f"weights were not finite before it: {', '.join(spoilt[:4])}",
            "the update before was infinite or had no value: its gradient overflowed, or the rate is too "
            "high",
            "lower the rate, clip the gradient's norm, and look at the loss of the updates before",
            None,
        )
    if batch is not None:
        bad = [t for t in tree_leaves(batch[1:]) if isinstance(t, Tensor) and not finite(t)]
        if bad:
            rows = int((~torch.isfinite(bad[0].reshape(len(bad[0]), -1)).all(1)).sum()) if bad[0].ndim else 1
            return Nonfinite(
                "inputs",
                "the data",
                f"{rows} of {len(bad[0]) if bad[0].ndim else 1} examples of the batch hold numbers that are "
                "not finite",
                "missing or broken values in the data reach the model",
                "fill in or drop examples with missing values before training",
                None,
            )
    if tape is not None:
        replace = None
        if not own and batch is not None and tape.entries and tape.entries[0].call is inner(batch[0]):
            replace = {0: tuple(batch[1])}
        seen = FirstNonfinite()
        try:
            with seen, torch.no_grad():
                tape.outputs(replace=replace)
        except RuntimeError:
            seen.found = None
        if seen.found is None:
            backward = _backward(tape, replace)
            if backward is not None:
                return backward
        else:
            return _forward(*seen.found)
    elif batch is not None:
        module = inner(batch[0])
        seen = FirstNonfinite()
        with unchanged_buffers([module]), torch.random.fork_rng(devices=[]), seen, torch.no_grad():
            module(*batch[1], **batch[2])
        if seen.found is not None:
            return _forward(*seen.found)
    return Nonfinite(
        "unknown",
        "an operation outside the model",
        "the model's output is finite; the loss or its derivative is not",
        "the loss has no finite value or derivative for this batch",
        "look for logarithms, roots and divisions in the loss of numbers that can be zero",
        None,
    )


def _forward(name: str, evidence: str, place: Place | None) -> Nonfinite:
    cause, fix = _advice(name)
    return Nonfinite("forward", name, evidence, cause, fix, place)


class FirstDerivative(TorchFunctionMode):
    """Remembers the first call, on the way back, whose derivative is not finite though what reached it is."""

    def __init__(self) -> None:
        super().__init__()
        self.found: tuple[str, Place | None] | None = None
        self._users: dict[int, tuple[str, Place | None]] = {}
        self._held: list[Tensor] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Make the call; remember who uses each tensor, and look at the gradients that reach what it made."""
        out = func(*args, **(kwargs or {}))
        name, place = getattr(func, "__name__", str(func)).strip("_"), place_of_user()
        for t in tree_leaves((args, kwargs)):
            if isinstance(t, Tensor) and t.requires_grad:
                self._users[id(t)] = (name, place)
        for t in tree_leaves(out):
            if isinstance(t, Tensor) and t.grad_fn is not None:
                self._held.append(t)  # an identity is told from others only while its tensor lives
                t.register_hook(self._hook(id(t)))  # type: ignore[no-untyped-call]
        return out

    def _hook(self, key: int) -> Callable[[Tensor], None]:
        def hook(gradient: Tensor) -> None:
            if self.found is None and not finite(gradient):
                self.found = self._users.get(key)

        return hook


def _backward(tape: Tape, replace: dict[int, Any] | None) -> Nonfinite | None:
    parameters = [p for p in tape.parameters.values() if p.requires_grad]
    seen = FirstDerivative()
    with torch.enable_grad():
        with seen:
            loss = tape.play(replace=replace)
        torch.autograd.grad(loss, parameters, allow_unused=True)
    if seen.found is None:
        return None
    name, place = seen.found
    cause, fix = _advice(name)
    evidence = f"the forward pass is finite, the derivative of {name} is not"
    return Nonfinite("backward", f"the derivative of {name}", evidence, cause, fix, place)
