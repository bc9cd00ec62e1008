"""Minibatch training of a module over tensors held in memory."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from fivefold.core import Budget, Info, Status, drive, fork_global, require, torch_generator
from fivefold.optimize.callbacks import Callback, Moment
from fivefold.optimize.losses import LossFunction, find_loss
from fivefold.optimize.optimizers import OptimizerFactory, make_optimizer, parameter_groups
from fivefold.optimize.schedules import rate_multiplier


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
            ``validation`` (both over the members in mean), ``learning_rate``.
        best_epoch: Completed epochs at which the kept weights stood; one per member where the loss is.
        steps: Updates made.
        seconds: Wall-clock seconds.
    """

    module: nn.Module
    status: Status
    reason: str
    history: dict[str, Tensor]
    best_epoch: tuple[int, ...]
    steps: int
    seconds: float


def train(
    module: nn.Module,
    data: Sequence[Any],
    *,
    loss: str | LossFunction,
    optimizer: str | OptimizerFactory = "adamw",
    epochs: int = 100,
    batch_size: int = 256,
    learning_rate: float = 1e-3,
    weight_decay: float = 0.0,
    schedule: str | Callable[[float], float] = "cosine",
    clip: float | None = None,
    validation: Sequence[Any] | None = None,
    validation_loss: str | LossFunction | None = None,
    patience: int | None = None,
    callbacks: Sequence[Callback] = (),
    budget: Budget | None = None,
    seed: int = 0,
) -> Training:
    r"""Minimise the mean loss of a module by stochastic gradients.

    w <- w - eta_t * direction(grad (1/b) sum_{i in batch} loss(module(x_i), y_i)), each epoch a new
    permutation of the rows cut into batches whose sizes differ by at most one row. Robbins and Monro, 1951;
    the directions are ``torch.optim``'s.

    A loss with one number per member ([K], as the named losses give for an ``EnsembleDense``) is summed for
    the gradient, and the best weights are kept member by member; every parameter must then have K as its
    first dimension. The same seed, machine and thread count give the same bits; the global generators are
    left as they were, and dropout draws from a stream of the seed.

    Args:
        module: Trained in place, on its own device.
        data: ``(X, *targets)``, tensors or arrays with the same number of rows n >= 1; the loss gets the
            module's output for a batch of X and that batch of the targets (weights may be among them).
        loss: ``"squared"``, ``"cross-entropy"``, ``"logistic"``, or ``loss(output, *targets) -> Tensor`` of
            shape [] or [K].
        optimizer: ``"adamw"``, ``"adam"``, ``"sgd"`` (Nesterov momentum 0.9), ``"rmsprop"``, ``"adagrad"``,
            or a function of parameter groups that makes a ``torch.optim`` optimizer (its rate the peak).
        epochs: Passes over the rows, at least 1.
        batch_size: Rows per update, at least 1.
        learning_rate: The peak rate eta, positive; not used where ``optimizer`` is a function.
        weight_decay: At least 0; on weights only, not on biases or scales (names ending so, or below two
            dimensions).
        schedule: ``"constant"``, ``"cosine"``, ``"one-cycle"``, or a factor as a function of progress 0..1.
        clip: Largest Euclidean norm of the whole gradient, or ``None``; it ties the members of an ensemble.
        validation: ``(X, *targets)`` unseen in training; where given, the weights of the epoch with the
            lowest validation loss are kept, otherwise the last.
        validation_loss: Loss on the validation rows; by default ``loss``.
        patience: Epochs without improvement of any member after which to stop; ``None`` never stops early.
        callbacks: Listeners, see :class:`Callback`.
        budget: Seconds and epochs (its steps) that may be spent; seconds do not promise the same bits.
        seed: Order of the rows and dropout.

    Returns:
        The training; where it diverged, the module holds the best weights seen, never NaN.

    Raises:
        ArgumentError: A number out of its range, tensors that do not fit together, or an unknown name.

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
    require(
        patience is None or validation is not None,
        "validation data where patience is set",
        None,
        "give validation=(X, y)",
    )
    rate_multiplier(schedule, 0.0)
    named = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    require(bool(named), "a module with trainable parameters", "none")
    device = named[0][1].device
    plan = _Plan(
        module=module,
        data=_tensors(data, device),
        held=None if validation is None else _tensors(validation, device),
        loss=find_loss(loss),
        held_loss=find_loss(loss if validation_loss is None else validation_loss),
        optimizer=make_optimizer(
            optimizer, parameter_groups(named, weight_decay), learning_rate, device, module
        ),
        schedule=schedule,
        epochs=epochs,
        batch_size=batch_size,
        clip=clip,
        patience=patience,
        callbacks=tuple(callbacks),
        generator=torch_generator(seed, "train", "order"),
    )
    with fork_global(seed, "train", "module"):
        run = drive(plan, budget)
        state = run.state
        if plan.held is not None or run.status is Status.DIVERGED:
            state.best.restore(module)
        module.eval()
        plan.send_end(state)
    reason = state.reason or (
        "the budget is spent" if state.epoch < epochs else "every planned epoch is done"
    )
    kept = state.best.epochs if plan.held is not None or run.status is Status.DIVERGED else (state.epoch,)
    history = {name: torch.tensor(numbers, dtype=torch.float64) for name, numbers in run.history.items()}
    return Training(module, run.status, reason, history, kept, state.step, run.seconds)


@dataclass(slots=True)
class _Best:
    """The weights at the lowest score so far, kept member by member where there are several scores."""

    score: Tensor
    weights: dict[str, Tensor]
    epochs: tuple[int, ...]

    @classmethod
    def start(cls, module: nn.Module, score: Tensor) -> "_Best":
        score = torch.nan_to_num(score, nan=math.inf)
        weights = {name: value.detach().clone() for name, value in module.state_dict().items()}
        if score.ndim:
            for name, value in weights.items():
                require(
                    value.ndim >= 1 and value.shape[0] == score.shape[0],
                    f"{name} with {score.shape[0]} members first, as the loss has",
                    tuple(value.shape),
                    "return one number from the loss",
                )
        return cls(score, weights, (0,) * max(1, score.numel()))

    def update(self, module: nn.Module, score: Tensor, epoch: int) -> bool:
        """Keep what improved; say whether anything did."""
        better = score < self.score  # False where the score is NaN
        if not bool(better.any()):
            return False
        self.score = torch.where(better, score, self.score)
        for name, value in module.state_dict().items():
            if score.ndim:
                self.weights[name][better] = value.detach()[better]
            else:
                self.weights[name].copy_(value.detach())
        flags = better.reshape(-1).tolist()
        self.epochs = tuple(epoch if flag else old for flag, old in zip(flags, self.epochs, strict=True))
        return True

    def restore(self, module: nn.Module) -> None:
        module.load_state_dict(self.weights)


@dataclass(slots=True)
class _State:
    best: _Best
    first: float
    epoch: int = 0
    step: int = 0
    idle: int = 0
    lowest: float = math.inf
    reason: str = ""
    record: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class _Plan:
    """The training as an iterative method whose step is an epoch."""

    module: nn.Module
    data: tuple[Tensor, ...]
    held: tuple[Tensor, ...] | None
    loss: LossFunction
    held_loss: LossFunction
    optimizer: Optimizer
    schedule: str | Callable[[float], float]
    epochs: int
    batch_size: int
    clip: float | None
    patience: int | None
    callbacks: tuple[Callback, ...]
    generator: torch.Generator
    scheduler: LambdaLR = field(init=False)
    batches: int = field(init=False)

    def init(self) -> tuple[_State, Info]:
        rows = self.data[0].shape[0]
        self.batches = -(-rows // self.batch_size)
        total = self.epochs * self.batches
        self.scheduler = LambdaLR(self.optimizer, lambda step: rate_multiplier(self.schedule, step / total))
        # by batches as in an epoch, so that the numbers compare; it also shows wrong shapes before any update
        pieces = zip(*(torch.tensor_split(part, self.batches) for part in self.data), strict=True)
        first = torch.stack([self._evaluate(self.loss, piece) for piece in pieces]).mean(0)
        score = first if self.held is None else self._evaluate(self.held_loss, self.held)
        require(score.ndim <= 1, "a loss of shape [] or [members]", tuple(score.shape))
        state = _State(_Best.start(self.module, score), first.mean().item())
        state.record = self._record(first, score)
        for callback in self.callbacks:
            callback.on_start(self._moment(state, None))
        return state, Info(state.record)

    def step(self, state: _State) -> tuple[_State, Info]:
        losses = self._epoch(state)
        mean = losses.mean(0)
        state.epoch += 1
        finite = bool(torch.isfinite(losses).all()) and all(
            bool(torch.isfinite(value).all()) for value in self.module.parameters()
        )
        score = mean if self.held is None else self._evaluate(self.held_loss, self.held)
        state.record = self._record(mean, score)
        if not finite:
            state.reason = f"a loss or weight is not finite in epoch {state.epoch}; the best weights are kept"
            return state, Info(state.record, Status.DIVERGED)
        state.lowest = min(state.lowest, mean.mean().item())
        state.idle = 0 if state.best.update(self.module, score, state.epoch) else state.idle + 1
        stop = False
        for callback in self.callbacks:  # every callback hears of the epoch, also after one asked to stop
            stop = bool(callback.on_epoch(self._moment(state, losses[-1]))) or stop
        return state, Info(state.record, self._verdict(state, stop))

    def _verdict(self, state: _State, stop: bool) -> Status | None:
        if self.patience is not None and state.idle >= self.patience:
            state.reason = f"no better validation loss for {state.idle} epochs"
            return Status.CONVERGED
        if not stop and state.epoch < self.epochs:
            return None
        state.reason = "a callback asked to stop" if stop else "every planned epoch is done"
        learned = state.lowest < state.first or (self.held is not None and max(state.best.epochs) > 0)
        if stop or learned or not math.isfinite(state.first):
            return Status.OUT_OF_BUDGET
        state.reason += ", and the loss never fell below its first value"
        return Status.STALLED

    def _epoch(self, state: _State) -> Tensor:
        """One pass over the rows; returns the batch losses [batches] or [batches, K]."""
        self.module.train()
        order = torch.randperm(self.data[0].shape[0], generator=self.generator).to(self.data[0].device)
        losses = []
        for rows in torch.tensor_split(order, self.batches):
            X, *targets = (part[rows] for part in self.data)
            self.optimizer.zero_grad(set_to_none=True)
            value = self.loss(self.module(X), *targets)
            value.sum().backward()  # type: ignore[no-untyped-call]
            losses.append(value.detach())
            for callback in self.callbacks:
                callback.on_backward(self._moment(state, losses[-1]))
            if self.clip is not None:
                nn.utils.clip_grad_norm_(self.module.parameters(), self.clip)
            self.optimizer.step()
            self.scheduler.step()
            state.step += 1
            for callback in self.callbacks:
                callback.on_step(self._moment(state, losses[-1]))
        return torch.stack(losses)

    def _evaluate(self, loss: LossFunction, data: tuple[Tensor, ...]) -> Tensor:
        self.module.eval()
        with torch.no_grad():
            return loss(self.module(data[0]), *data[1:])

    def _record(self, mean: Tensor, score: Tensor) -> dict[str, float]:
        record = {"loss": mean.mean().item(), "learning_rate": float(self.scheduler.get_last_lr()[0])}
        return record if self.held is None else {**record, "validation": score.mean().item()}

    def _moment(self, state: _State, loss: Tensor | None) -> Moment:
        return Moment(self.module, self.optimizer, state.epoch, state.step, loss, dict(state.record))

    def send_end(self, state: _State) -> None:
        for callback in self.callbacks:
            callback.on_end(self._moment(state, None))


def _tensors(data: Sequence[Any], device: torch.device) -> tuple[Tensor, ...]:
    """Inputs and targets as tensors on the module's device, with equal numbers of rows."""
    parts = tuple(torch.as_tensor(part, device=device) for part in data)
    require(len(parts) >= 1 and all(part.ndim >= 1 for part in parts), "(X, *targets) with rows", len(parts))
    rows = [part.shape[0] for part in parts]
    require(rows[0] >= 1 and len(set(rows)) == 1, "the same number of rows, at least 1, in each", rows)
    return parts
