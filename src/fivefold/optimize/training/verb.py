"""Minibatch training of a module."""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from fivefold.core import Budget, Clock, Status, drive, fork_global, require, torch_generator
from fivefold.optimize.training.batch_gradient import Augmentation, BatchGradient
from fivefold.optimize.training.callbacks import Callback
from fivefold.optimize.training.checkpoint import Checkpoint
from fivefold.optimize.training.data import HELD_BYTES, Rows, open_rows
from fivefold.optimize.training.evaluation import open_held_out
from fivefold.optimize.training.identity import training_identity
from fivefold.optimize.training.losses import LossFunction, find_loss
from fivefold.optimize.training.optimizers import OptimizerFactory, make_optimizer, parameter_groups
from fivefold.optimize.training.perturbation import Perturbation
from fivefold.optimize.training.perturbed_inputs import PerturbedInputs
from fivefold.optimize.training.progress import ReportProgress, TrainingProgress
from fivefold.optimize.training.run import TrainingRun, TwoModes
from fivefold.optimize.training.schedules import rate_multiplier
from fivefold.optimize.training.step_choices import StepChoices, choose_step, set_layout


@dataclass(frozen=True, eq=False, slots=True)
class Training:
    """How a training went.

    Args:
        module: The module that was given, in evaluation mode, with the kept weights.
        status: ``CONVERGED`` where the validation loss stopped improving (only then was a stopping test met);
            ``OUT_OF_BUDGET`` where the epochs, the budget or a callback ended it first; ``STALLED`` where no
            loss ever fell below its first value; ``DIVERGED`` where a loss or weight became
            infinite or not a number.
        reason: The same in words.
        history: One tensor per name, one entry per report, the state before training first: ``loss``,
            ``validation`` and the metrics (over the members in mean), ``learning_rate``.
        best_epoch: Completed epochs at which the kept weights stood; one per member where the loss is.
        steps: Updates made, those before a resumption included.
        seconds: Wall-clock seconds of this call.
        choices: How each step was computed; given again, they give the same bits.
        warnings: What a user should know: parameters without a gradient, memory that did not suffice,
            checkpoints that could not be written.
    """

    module: nn.Module
    status: Status
    reason: str
    history: dict[str, Tensor]
    best_epoch: tuple[int, ...]
    steps: int
    seconds: float
    choices: StepChoices
    warnings: tuple[str, ...]


@runtime_checkable
class _Hooked(Protocol):
    """An optimizer that listens to the module's layers (K-FAC)."""

    def remove(self) -> None:
        """Take the hooks away."""
        ...


def train(
    module: nn.Module,
    data: Any,
    *,
    loss: str | LossFunction,
    optimizer: str | OptimizerFactory = "adamw",
    epochs: int = 100,
    batch_size: int = 256,
    learning_rate: float = 1e-3,
    weight_decay: float = 0.0,
    schedule: str | Callable[[float], float] | None = None,
    clip: float | None = None,
    augment: Augmentation | None = None,
    perturb: Perturbation | None = None,
    validation: Any = None,
    validation_loss: str | LossFunction | None = None,
    metrics: Mapping[str, LossFunction] | None = None,
    patience: int | None = None,
    callbacks: Sequence[Callback] = (),
    progress: Callable[[TrainingProgress], None] | None = None,
    layout: str = "auto",
    precision: str = "full",
    parts: int = 1,
    held_bytes: int = HELD_BYTES,
    checkpoint: str | os.PathLike[str] | None = None,
    every: str | int = "60s",
    resume: bool = False,
    budget: Budget | None = None,
    seed: int = 0,
) -> Training:
    r"""Minimise the mean loss of a module by stochastic gradients.

    w <- w - eta_t * direction(grad (1/b) sum_{i in batch} loss(module(x_i), y_i)), each epoch a new
    permutation of the rows cut into batches whose sizes differ by at most one row. Robbins and Monro, 1951;
    the directions are those of ``torch.optim`` and of
    :data:`~fivefold.optimize.training.optimizers.OPTIMIZERS`.

    A loss with one number per member ([K], as the named losses give for an ``EnsembleDense``) is summed for
    the gradient, and the best weights are kept member by member; every parameter must then have K as its
    first dimension. The same seed, machine, thread count and :class:`StepChoices` give the same bits; the
    global generators are left as they were, and dropout draws from a stream of the seed.

    Args:
        module: Trained in place, on its own device.
        data: ``(X, *targets)``, tensors or arrays with the same number of rows n >= 1, a dataset or a
            ``DataLoader``; the loss gets the module's output for a batch of X and that batch of the targets
            (weights may be among them). A dataset that fits and gives the same items twice is held as
            tensors; a loader keeps its batch size.
        loss: ``"squared"``, ``"cross-entropy"``, ``"logistic"``, or ``loss(output, *targets) -> Tensor`` of
            shape [] or [K], a mean over rows.
        optimizer: A name in :data:`~fivefold.optimize.training.optimizers.OPTIMIZERS` (``"sgd"`` has
            Nesterov momentum 0.9), or a function of parameter groups that makes an optimizer (its rate
            the peak).
        epochs: Passes over the rows, at least 1.
        batch_size: Rows per update, at least 1.
        learning_rate: The peak rate eta, positive; not used where ``optimizer`` is a function.
        weight_decay: At least 0; on weights only, not on biases or scales (names ending so, or below two
            dimensions).
        schedule: A name in :data:`~fivefold.optimize.training.schedules.SCHEDULES` (``"plateau"`` follows the
            validation loss, without one the training loss), or a factor as a function of progress 0..1; by
            default cosine, and constant for an optimizer that needs none (schedule-free).
        clip: Largest Euclidean norm of the whole gradient, or ``None``; it ties the members of an ensemble.
        augment: ``augment(X, generator) -> X``, random changes of a batch, see ``augmentation``.
        perturb: ``perturb(module, loss, X, targets, generator) -> X``, called before every update and after
            ``augment`` with the module in evaluation mode, as
            :class:`~fivefold.optimize.training.perturbation.GradientSign`; X keeps shape and type. The losses
            of training are then those on what it returns, validation is on the rows as they are.
        validation: As ``data``, unseen in training; where given, the weights of the epoch with the
            lowest validation loss are kept, otherwise the last.
        validation_loss: Loss on the validation rows; by default ``loss``.
        metrics: Further means over the validation rows by name, recorded after each epoch.
        patience: Epochs without improvement of any member after which to stop; ``None`` never stops early.
        callbacks: Listeners, see :class:`Callback`.
        progress: Told about once a second how far the training is; ``print_progress()`` writes it on a
            terminal.
        layout: ``"contiguous"``, ``"channels-last"``, or ``"auto"``: what is faster where it was measured,
            else what is likely to be.
        precision: ``"full"``, ``"bfloat16"`` in products, or ``"auto"``: what is faster, where the processor
            has it in hardware.
        parts: Parts that a batch is computed in, for a gradient that is the whole batch's in less memory;
            doubled by itself after an out-of-memory error.
        held_bytes: Largest data that are held in memory.
        checkpoint: A directory for the last complete state, written in one step, without pickle.
        every: How often: a duration (``"60s"``) or a number of steps.
        resume: Go on from the state in ``checkpoint`` if there is one; the run then ends with the same bits
            as one that was never stopped.
        budget: Seconds and epochs (its steps) that may be spent; seconds do not promise the same bits.
        seed: Order of the rows, augmentation, perturbation and dropout.

    Returns:
        The training; where it diverged, the module holds the best weights seen, never NaN.

    Raises:
        ArgumentError: A number out of its range, tensors that do not fit together, or an unknown name.
        ArtifactError: The checkpoint's place is taken, or its state is damaged or another training's.

    >>> net = nn.Linear(1, 1)
    >>> X = torch.linspace(-1, 1, 64)[:, None]
    >>> result = train(net, (X, 3 * X + 1), loss="squared", learning_rate=0.1, batch_size=16, seed=1)
    >>> print(result.status, round(net.weight.item(), 2), round(net.bias.item(), 2))
    out of budget 3.0 1.0
    """
    require(epochs >= 1, "at least 1 epoch", epochs)
    require(batch_size >= 1, "a batch of at least 1 row", batch_size)
    require(0 < learning_rate < math.inf, "a positive, finite learning rate", learning_rate)
    require(0 <= weight_decay < math.inf, "a weight decay of at least 0", weight_decay)
    require(clip is None or clip > 0, "a positive norm to clip at", clip)
    require(patience is None or patience >= 1, "a patience of at least 1 epoch", patience)
    require(perturb is None or callable(perturb), "perturb as a function", perturb, "or leave it out")
    for name, given in (("patience", patience is not None), ("metrics", bool(metrics))):
        require(
            not given or validation is not None,
            f"validation data where {name} is set" if name == "patience" else "validation data for metrics",
            None,
            "give validation=(X, y)",
        )
    require(not resume or checkpoint is not None, "a checkpoint to resume from", None, "give checkpoint=...")
    if schedule is not None:
        rate_multiplier(schedule, 0.0)
    named = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    require(bool(named), "a module with trainable parameters", "none")
    device = named[0][1].device
    rows = open_rows(data, batch_size, device, held_bytes=held_bytes, seed=seed)
    held = None if validation is None else open_held_out(validation, device, seed=seed)
    function = find_loss(loss)
    kept = None
    saved: dict[str, Any] | None = None
    if checkpoint is not None:
        identity = training_identity(
            module, rows, held, optimizer=optimizer, loss=loss, validation_loss=validation_loss,
            schedule=schedule, epochs=epochs, learning_rate=learning_rate, weight_decay=weight_decay,
            clip=clip, augment=augment, patience=patience, callbacks=callbacks, seed=seed,
            **({} if perturb is None else {"perturb": perturb}),
        )  # fmt: skip
        kept = Checkpoint.every(checkpoint, every, identity)
        if resume and kept.exists():
            saved = kept.read()
        else:
            kept.require_free()
    if saved is not None:
        choices = StepChoices(**saved["choices"])
    else:
        planned = epochs * rows.batches
        choices = _choose(module, function, rows, layout, precision, parts, planned, seed)
    if choices.layout == "channels-last":
        set_layout(module, choices.layout)
    # without decay one group: an optimizer's call costs the same for many tensors as for few
    together = [{"params": [p for _, p in named], "weight_decay": 0.0}]
    groups = parameter_groups(named, weight_decay) if weight_decay else together
    mover: Optimizer = make_optimizer(optimizer, groups, learning_rate, device, module)
    if schedule is None:
        schedule = "constant" if isinstance(mover, TwoModes) else "cosine"
    budget = budget or Budget()
    listeners = tuple(callbacks) if progress is None else (*callbacks, ReportProgress(progress))
    run = TrainingRun(
        module=module,
        data=rows,
        held=held,
        loss=function,
        held_loss=find_loss(loss if validation_loss is None else validation_loss),
        metrics=metrics or {},
        optimizer=mover,
        gradient=BatchGradient(
            module,
            function,
            [p for _, p in named],
            choices,
            augment,
            None if augment is None else torch_generator(seed, "train", "augment", device=str(device)),
            None if perturb is None else _perturbed(module, function, perturb, device, seed),
        ),
        schedule=schedule,
        epochs=epochs,
        clip=clip,
        patience=patience,
        callbacks=listeners,
        generator=torch_generator(seed, "train", "order"),
        clock=Clock(budget),
        checkpoint=kept,
        saved=saved,
    )
    if saved is not None and budget.steps is not None:
        budget = replace(budget, steps=max(0, budget.steps - saved["epoch"]))
    try:
        with fork_global(seed, "train", "module"):
            end = drive(run, budget)
            state = end.state
            if not state.reason:
                state.reason = "the budget is spent"
                run.write(state)
            restores = held is not None or end.status is Status.DIVERGED
            if restores:
                state.best.restore(module)
            module.eval()
            run.send_end(state)
    finally:
        if choices.layout == "channels-last":
            set_layout(module, "contiguous")
        if isinstance(mover, _Hooked):
            mover.remove()
    return Training(
        module=module,
        status=end.status,
        reason=state.reason,
        history={name: torch.tensor(each, dtype=torch.float64) for name, each in state.history.items()},
        best_epoch=state.best.epochs if restores else (state.epoch,),
        steps=state.step,
        seconds=end.seconds,
        choices=run.gradient.choices,
        warnings=tuple(run.gradient.notes),
    )


def _perturbed(
    module: nn.Module, loss: LossFunction, perturb: Perturbation, device: torch.device, seed: int
) -> PerturbedInputs:
    """The perturbation with a random stream of its own."""
    generator = torch_generator(seed, "train", "perturb", device=str(device))
    return PerturbedInputs(module, loss, perturb, generator)


def _choose(
    module: nn.Module,
    loss: LossFunction,
    rows: Rows,
    layout: str,
    precision: str,
    parts: int,
    planned: int,
    seed: int,
) -> StepChoices:
    """Measure on the first batch of the rows."""
    batch = next(rows.pieces(1))
    chosen = choose_step(
        module, loss, batch, layout=layout, precision=precision, parts=parts, planned=planned, seed=seed
    )
    return replace(chosen, place=rows.place)
