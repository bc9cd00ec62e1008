"""The choice among text networks under a budget, beside the words that texts hold."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from fivefold.core import Budget, Clock, fork_global, torch_generator
from fivefold.networks import create_text
from fivefold.networks.stopwatch import call_seconds
from fivefold.optimize import train
from fivefold.optimize.training.verb import Training
from fivefold.tasks.standard_error import standard_error
from fivefold.tasks.temperature import tempered_losses
from fivefold.tasks.text.padded import Padded, scores_of

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Progress = Callable[[str, dict[str, object]], None]
MENU: dict[str, dict[str, Any]] = {
    "text_cnn": {"width": 96, "dropout": 0.3},
    "bigru": {"width": 96, "hidden": 64, "dropout": 0.3},
    "transformer": {"width": 96, "heads": 4, "layers": 2, "dropout": 0.2},
}
"""Networks that are tried, with their options."""
_BATCH, _RATE, _DECAY = 32, 2e-3, 0.01
_SHORT, _LONG = 0.12, 0.6
"""Shares of the budget: for each short training of what is left before them, for the long one after them."""
_MOST_EPOCHS = 30


@dataclass(eq=False)
class Trial:
    """A text network and its trainings.

    Attributes:
        name: Of the architecture.
        module: The network of the kept training, the one of the smallest loss, or ``None``.
        pace: Seconds a text in training, the judging of each pass included once one was trained.
        loss: Log loss on held-out texts at the best temperature.
        error: Its standard error.
        epochs: Passes of the kept training.
        seconds: Spent on all trainings.
        reason: Why it was not tried or is not the best one; empty for the best one.
    """

    name: str
    module: nn.Module | None = None
    pace: float = math.nan
    loss: float = math.inf
    error: float = math.nan
    epochs: int = 0
    seconds: float = 0.0
    reason: str = ""


def make(name: str, vocabulary: int, classes: int, seed: int) -> Padded:
    """Return an untrained network of the menu."""
    generator = torch_generator(seed, "text", name)
    return Padded(
        create_text(name, classes=classes, vocabulary=vocabulary, generator=generator, **MENU[name])
    )


def fit_network(
    module: Padded,
    tokens: Tensor,
    labels: Tensor,
    held: tuple[Tensor, Tensor],
    epochs: int,
    seed: int,
    budget: Budget | None = None,
) -> Training:
    """Train in place by AdamW with label smoothing; the weights of the best epoch on held-out texts are kept.

    Args:
        module: The network.
        tokens: Padded tokens of the training texts.
        labels: Their codes.
        held: Tokens and codes that judge.
        epochs: Passes, over which the rate falls.
        seed: Of everything random.
        budget: Where the training ends though passes are missing.
    """
    return train(
        module,
        (tokens, labels),
        loss=_smoothed,
        optimizer="adamw",
        epochs=epochs,
        batch_size=_BATCH,
        learning_rate=_RATE,
        weight_decay=_DECAY,
        validation=held,
        validation_loss="cross-entropy",
        clip=1.0,
        budget=budget,
        seed=seed,
    )


def _smoothed(outputs: Tensor, labels: Tensor) -> Tensor:
    return nn.functional.cross_entropy(outputs, labels, label_smoothing=0.1)


def choose(
    tokens: Tensor,
    labels: Tensor,
    held: tuple[Tensor, Tensor],
    vocabulary: int,
    classes: int,
    clock: Clock,
    seconds: float,
    seed: int,
    progress: Progress,
) -> tuple[Trial | None, list[Trial]]:
    """Train each network of the menu briefly, the best one for longer, by its pace in the brief training.

    Args:
        tokens: Padded tokens of the training texts.
        labels: Their codes.
        held: Tokens and codes that judge.
        vocabulary: Tokens there are.
        classes: Outputs.
        clock: Started with the fit.
        seconds: When the clock shall show no more.
        seed: Of everything random.
        progress: Told of every training.

    Returns:
        The best trained network (``None`` where the budget holds none), and every trial.
    """
    left = max(seconds - clock.elapsed, 0.1 * seconds)
    trials = [Trial(name) for name in MENU]
    for trial in trials:
        trial.pace = _pace(trial.name, tokens, labels, vocabulary, classes, seed)
        epochs = int(_SHORT * left / (trial.pace * len(tokens)))
        if epochs < 1:
            trial.reason = f"one pass takes {trial.pace * len(tokens):.3g} s, more than {_SHORT * left:.2g} s"
            continue
        epochs = min(epochs, _MOST_EPOCHS)
        _run(trial, tokens, labels, held, vocabulary, classes, epochs, 2 * _SHORT * left, seed, progress)
    known = [t for t in trials if t.module is not None]
    if not known:
        return None, trials
    best = min(known, key=lambda t: t.loss)
    left = seconds - clock.elapsed
    epochs = min(_MOST_EPOCHS, int(_LONG * left / (best.pace * len(tokens))))
    if epochs > 1.5 * best.epochs:
        _run(best, tokens, labels, held, vocabulary, classes, epochs, left, seed, progress)
    for trial in known:
        if trial is not best:
            trial.reason = f"a loss of {trial.loss:.3f} on held-out texts; {best.name} has {best.loss:.3f}"
    return best, trials


def _run(
    trial: Trial,
    tokens: Tensor,
    labels: Tensor,
    held: tuple[Tensor, Tensor],
    vocabulary: int,
    classes: int,
    epochs: int,
    most: float,
    seed: int,
    progress: Progress,
) -> None:
    """Train for so many passes, or as many as ``most`` seconds hold, and keep it where it is the best one."""
    progress("trial", {"method": trial.name, "seconds": epochs * len(tokens) * trial.pace})
    begun = time.perf_counter()
    module = make(trial.name, vocabulary, classes, seed)
    training = fit_network(module, tokens, labels, held, epochs, seed, Budget(seconds=most))
    spent = time.perf_counter() - begun
    trial.seconds += spent
    if training.steps == 0:
        if trial.module is None:
            trial.reason = f"{spent:.2g} s held no step of its training"
        return
    passes = training.steps / math.ceil(len(tokens) / _BATCH)
    trial.pace = spent / (passes * len(tokens))
    epochs = min(epochs, math.ceil(passes))
    losses = tempered_losses(scores_of(module, held[0]).numpy(), held[1].numpy())
    if losses.mean() < trial.loss:
        trial.module, trial.epochs = module, epochs
        trial.loss = float(losses.mean())
        trial.error = standard_error(losses)


def _pace(name: str, tokens: Tensor, labels: Tensor, vocabulary: int, classes: int, seed: int) -> float:
    """Seconds a text of a training step: the median of three after one that is not counted."""
    module = make(name, vocabulary, classes, seed)
    mover = torch.optim.AdamW(module.parameters(), 1e-6)
    rows = torch.arange(0, len(tokens), max(1, len(tokens) // _BATCH))[:_BATCH]

    def update() -> None:
        mover.zero_grad()
        _smoothed(module(tokens[rows]), labels[rows]).backward()  # type: ignore[no-untyped-call]
        mover.step()

    with fork_global(seed, "text", "pace"):  # dropout draws from the global generator
        return call_seconds(update, least=3, most=3, clock=time.perf_counter) / len(rows)
