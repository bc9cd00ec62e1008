"""A minibatch training as an iterative method whose step is an epoch, and whose state can be kept."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer

from fivefold.core import Clock, Info, Status, require
from fivefold.optimize.training.batch_gradient import BatchGradient
from fivefold.optimize.training.batch_norm import recalibrate
from fivefold.optimize.training.best_weights import BestWeights
from fivefold.optimize.training.callbacks import Callback, Moment, listening
from fivefold.optimize.training.checkpoint import Checkpoint
from fivefold.optimize.training.data import HeldRows, Rows, find_not_finite
from fivefold.optimize.training.evaluation import evaluate_rows
from fivefold.optimize.training.losses import LossFunction
from fivefold.optimize.training.random_states import read_random_states, set_random_states
from fivefold.optimize.training.schedules import Schedule
from fivefold.optimize.training.step_choices import StepChoices, as_layout

_WATCHED = 3
"""Steps after which parameters that got no gradient are named."""
_LEAST_PIECES = 2
_FIRST_SHARE = 200
"""The loss before training is judged on 2 batches, or on one for every 200 planned steps if that is more."""


@runtime_checkable
class TwoModes(Protocol):
    """An optimizer whose weights for steps differ from those for use (schedule-free)."""

    def train(self) -> None:
        """Put the weights for steps into the module."""
        ...

    def eval(self) -> None:
        """Put the weights for use into the module."""
        ...


@dataclass(slots=True)
class TrainingState:
    """What goes on from step to step beside module, optimizer and generators."""

    best: BestWeights
    first: float
    epoch: int = 0
    step: int = 0
    idle: int = 0
    lowest: float = math.inf
    reason: str = ""
    status: str = ""
    record: dict[str, float] = field(default_factory=dict)
    history: dict[str, list[float]] = field(default_factory=dict)
    batch: int = 0
    losses: list[Tensor] = field(default_factory=list)
    order: Tensor | None = None
    silent: list[str] = field(default_factory=list)


@dataclass(slots=True)
class TrainingRun:
    """The driven method behind ``train``; its arguments are those of the verb, read and checked."""

    module: nn.Module
    data: Rows
    held: Rows | None
    loss: LossFunction
    held_loss: LossFunction
    metrics: Mapping[str, LossFunction]
    optimizer: Optimizer
    gradient: BatchGradient
    schedule: str | Callable[[float], float]
    epochs: int
    clip: float | None
    patience: int | None
    callbacks: tuple[Callback, ...]
    generator: Generator
    clock: Clock
    checkpoint: Checkpoint | None = None
    saved: dict[str, Any] | None = None
    rates: Schedule = field(init=False)
    total: int = field(init=False)
    modes: TwoModes | None = field(init=False)

    def init(self) -> tuple[TrainingState, Info]:
        """Judge the module before training, or take up a kept state."""
        self.total = self.epochs * self.data.batches
        self.rates = Schedule(self.schedule, self.optimizer, self.total)
        self.modes = self.optimizer if isinstance(self.optimizer, TwoModes) else None
        if self.saved is not None:
            return self._resume(self.saved)
        self.module.eval()
        values = []
        with torch.no_grad():  # it also shows wrong shapes before any update
            for X, *targets in self.data.pieces(max(_LEAST_PIECES, self.total // _FIRST_SHARE)):
                X = self.gradient.perturbed(as_layout(X, self.gradient.choices.layout), tuple(targets))
                values.append(self.loss(self.module(X), *targets))
        first = torch.stack(values).mean(0)
        score, further = (first, {}) if self.held is None else self._judge(self.held)
        require(score.ndim <= 1, "a loss of shape [] or [members]", tuple(score.shape))
        names = [name for name, p in self.module.named_parameters() if p.requires_grad]
        state = TrainingState(BestWeights.start(self.module, score), first.mean().item(), silent=names)
        self._record(state, first, score, further)
        status = None
        if not math.isfinite(state.first) and (where := self._not_finite()):
            status = Status.DIVERGED
            state.reason = f"the data are not finite ({where}); nothing was changed"
        for callback in self.callbacks:
            callback.on_start(self._moment(state))
        if status is None:
            self.write(state)
        return state, Info(state.record, status)

    def step(self, state: TrainingState) -> tuple[TrainingState, Info]:
        """Go once through the rows."""
        whole = self._epoch(state)
        losses = torch.stack(state.losses) if state.losses else torch.full((1,), state.first)
        mean = losses.mean(0)
        state.epoch += whole
        finite = bool(torch.isfinite(losses).all()) and self._is_finite()
        self._use_weights()
        score, further = (mean, {}) if self.held is None else self._judge(self.held)
        if whole and finite:
            self.rates.observe(score.mean().item())
        self._record(state, mean, score, further)
        last = losses[-1]
        state.losses, state.batch = ([], 0) if whole else (state.losses, state.batch)
        if not finite:
            where = self._not_finite()
            state.reason = (
                f"a loss or weight is not finite in epoch {state.epoch + (not whole)}"
                + (f" ({where} of the data)" if where else "")
                + "; the best weights are kept"
            )
            if self.checkpoint is not None and self.checkpoint.step is not None:
                state.reason += f"; the checkpoint of step {self.checkpoint.step} stands"
            return state, Info(state.record, Status.DIVERGED)
        state.lowest = min(state.lowest, mean.mean().item())
        state.idle = 0 if state.best.update(self.module, score, state.epoch) else state.idle + 1
        stop = False
        for callback in self.callbacks:  # every callback hears of the epoch, also after one asked to stop
            stop = bool(callback.on_epoch(self._moment(state, last))) or stop
        if not whole:
            state.reason = "the budget is spent"
            return state, Info(state.record, Status.OUT_OF_BUDGET)
        status = self._verdict(state, stop)
        if status is not None:
            state.status = str(status)
            self.write(state)
        return state, Info(state.record, status)

    def _verdict(self, state: TrainingState, stop: bool) -> Status | None:
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

    def _epoch(self, state: TrainingState) -> bool:
        """Go through the rows from where the state stands; say whether the end was reached."""
        self.module.train()
        if self.modes is not None:
            self.modes.train()
        if state.batch == 0:
            state.losses, state.order = [], self.generator.get_state()
        elif state.order is not None:
            self.generator.set_state(state.order)
        on_backward = listening(self.callbacks, "on_backward")
        on_step = listening(self.callbacks, "on_step")
        gradient, optimizer, parameters = self.gradient, self.optimizer, self.gradient.parameters
        closure = isinstance(optimizer, torch.optim.LBFGS)
        timed = self.clock.budget.seconds is not None
        for batch in self.data.epoch(self.generator, state.batch):
            value = gradient(batch)
            if state.silent and state.step < _WATCHED:
                self._watch(state)
            for callback in on_backward:
                callback.on_backward(self._moment(state, value))
            if self.clip is not None:
                nn.utils.clip_grad_norm_(parameters, self.clip)
            if closure:
                self._step_with_closure(batch)
            else:
                optimizer.step()
            state.step += 1
            state.batch += 1
            state.losses.append(value)
            self.rates.step()
            for callback in on_step:
                callback.on_step(self._moment(state, value))
            if self.checkpoint is not None and self.checkpoint.due(state.step):
                self.write(state)
            if timed and state.batch < self.data.batches and self.clock.spent():
                self.write(state)
                return False
        return True

    def _step_with_closure(self, batch: tuple[Tensor, ...]) -> None:
        """An update that evaluates the loss several times, each time with the same random numbers."""
        device = batch[0].device
        states, after = read_random_states(device), None
        own = self.gradient.random_states()

        def evaluate() -> float:
            nonlocal after
            set_random_states(states, device)
            for generator, state in own:
                generator.set_state(state)
            value = self.gradient(batch)
            if self.clip is not None:
                nn.utils.clip_grad_norm_(self.gradient.parameters, self.clip)
            after = read_random_states(device)
            return float(value.sum())

        self.optimizer.step(evaluate)
        if after is not None:
            set_random_states(after, device)

    def _watch(self, state: TrainingState) -> None:
        """Cross off the parameters that got a gradient; name the rest once a few steps are made."""
        named = dict(self.module.named_parameters())
        state.silent = [name for name in state.silent if named[name].grad is None]
        if state.silent and state.step + 1 == _WATCHED:
            shown = ", ".join(state.silent[:10]) + (", ..." if len(state.silent) > 10 else "")
            self.gradient.notes.append(
                f"parameters without a gradient in the first {_WATCHED} steps: {shown}; "
                "the loss does not depend on them, or they are detached on the way"
            )

    def _use_weights(self) -> None:
        """Put in place what is evaluated and kept."""
        if self.modes is not None:
            self.modes.eval()
            layout = self.gradient.choices.layout
            recalibrate(self.module, (as_layout(X, layout) for X, *_ in self.data.pieces()))

    def _judge(self, rows: Rows) -> tuple[Tensor, dict[str, float]]:
        functions = [self.held_loss, *self.metrics.values()]
        layout = self.gradient.choices.layout
        score, *rest = evaluate_rows(self.module, functions, rows, layout=layout)
        return score, {n: v.float().mean().item() for n, v in zip(self.metrics, rest, strict=True)}

    def _record(self, state: TrainingState, mean: Tensor, score: Tensor, further: dict[str, float]) -> None:
        rate = float(self.optimizer.param_groups[0]["lr"])
        state.record = {"loss": mean.mean().item(), "learning_rate": rate}
        if self.held is not None:
            state.record |= {"validation": score.mean().item(), **further}
        for name, number in state.record.items():
            state.history.setdefault(name, []).append(number)

    def _is_finite(self) -> bool:
        flags = [torch.isfinite(value.detach()).all() for value in self.module.parameters()]
        return bool(torch.stack(flags).all())

    def _not_finite(self) -> str:
        return find_not_finite(self.data.parts) if isinstance(self.data, HeldRows) else ""

    def _moment(self, state: TrainingState, loss: Tensor | None = None) -> Moment:
        return Moment(
            self.module, self.optimizer, state.epoch, state.step, loss, dict(state.record), self.total
        )

    def send_end(self, state: TrainingState) -> None:
        """Tell the callbacks that the kept weights are in place."""
        for callback in self.callbacks:
            callback.on_end(self._moment(state))

    def write(self, state: TrainingState) -> None:
        """Write a checkpoint, unless what it would keep is not finite."""
        if self.checkpoint is None or (self.checkpoint.step == state.step and not state.status):
            return
        if not self._is_finite() or not all(bool(v.isfinite().all()) for v in state.losses):
            return
        note = self.checkpoint.write(self._state_dict(state))
        if note:
            self.gradient.notes.append(note)
            return
        for callback in listening(self.callbacks, "on_checkpoint"):
            callback.on_checkpoint(self._moment(state))

    def _state_dict(self, state: TrainingState) -> dict[str, Any]:
        device = self.gradient.parameters[0].device
        augment, perturb = self.gradient.generator, self.gradient.perturb
        return {
            "module": self.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.rates.state_dict(),
            "best": state.best.state_dict(),
            "losses": torch.stack(state.losses) if state.losses else None,
            "generator": self.generator.get_state(),
            "augment": None if augment is None else augment.get_state(),
            "perturb": None if perturb is None else perturb.generator.get_state(),
            "global": read_random_states(device),
            "choices": self.gradient.choices.to_record(),
            "notes": list(self.gradient.notes),
            "callbacks": [callback.state_dict() for callback in self.callbacks],
            **{name: getattr(state, name) for name in _KEPT},
        }

    def _resume(self, saved: dict[str, Any]) -> tuple[TrainingState, Info]:
        device = self.gradient.parameters[0].device
        self.module.load_state_dict(saved["module"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.rates.load_state_dict(saved["schedule"])
        state = TrainingState(
            BestWeights.from_state(saved["best"], device), **{name: saved[name] for name in _KEPT}
        )
        if saved["losses"] is not None:
            state.losses = list(saved["losses"].to(device).unbind(0))
        self.generator.set_state(saved["generator"])
        if self.gradient.generator is not None and saved["augment"] is not None:
            self.gradient.generator.set_state(saved["augment"])
        if self.gradient.perturb is not None:
            self.gradient.perturb.generator.set_state(saved["perturb"])
        self.gradient.choices = StepChoices(**saved["choices"])
        self.gradient.notes.extend(saved["notes"])
        for callback, kept in zip(self.callbacks, saved["callbacks"], strict=True):
            callback.on_start(self._moment(state))
            callback.load_state_dict(kept)
        set_random_states(saved["global"], device)
        return state, Info({}, Status(state.status) if state.status else None)


_KEPT = (
    "first", "epoch", "step", "idle", "lowest", "reason", "status", "record", "history", "batch", "order",
    "silent",
)  # fmt: skip
