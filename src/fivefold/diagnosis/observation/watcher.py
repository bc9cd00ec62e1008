"""Sees a training through torch's hooks: cheap marks at every update, and some updates in full."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten
from torch.utils.hooks import RemovableHandle

from fivefold.diagnosis.observation.calls import Calls, push, remove
from fivefold.diagnosis.observation.kept_rows import KeptRows
from fivefold.diagnosis.observation.layers import hook_layers, opaque
from fivefold.diagnosis.observation.listening import Scene, listen
from fivefold.diagnosis.observation.nonfinite import trace_nonfinite
from fivefold.diagnosis.observation.overhead import Overhead
from fivefold.diagnosis.observation.record import Evaluation, LayerStep, Line, Nonfinite, Record, Step
from fivefold.diagnosis.observation.registration import look_over
from fivefold.diagnosis.observation.summary import summarise
from fivefold.diagnosis.observation.tape import Tape
from fivefold.diagnosis.observation.veiled import veil
from fivefold.diagnosis.observation.weights import StepMeasure, first_weights, groups_of

TAPES = 4
FREE_EVALUATIONS = 2


class Watcher:
    """Watches modules and the optimizers that update them.

    Three marks are made at every update: the batch is remembered, the gradients are looked at for numbers
    that are not finite
    (on the processor), the update is counted. A watched update is seen in full: calls of torch outside the
    model, outputs
    of layers, norms of weights, gradients and changes, and a tape that plays it again. Which updates are
    watched follows from what watching may cost (:class:`~fivefold.diagnosis.observation.overhead.Overhead`).
    Random numbers, weights and statistics are never touched, so that the training ends with the same bits.

    Args:
        modules: The outermost modules by name; one alone may have the empty name.
        optimizers: Their optimizers.
        overhead: Share of the time that watching may take.
        every: Watch every so-manyth update instead, whatever it costs.
        allowance: Seconds that watching may take beyond that share.
    """

    def __init__(
        self,
        modules: dict[str, nn.Module],
        optimizers: list[torch.optim.Optimizer],
        *,
        overhead: float = 0.05,
        every: int | None = None,
        allowance: float = 0.1,
    ) -> None:
        self.account = Overhead(overhead, allowance=allowance)
        self.record = Record(model=dict(modules), optimizers=[type(o).__name__ for o in optimizers])
        self._optimizers = optimizers
        self._every = every
        self._named = list(self.record.parameters())
        self._names = {id(p): name for name, p in self._named}
        trained = [p for _, p in self._named if p.requires_grad]
        self._last = trained[-1] if trained else None
        self._live: dict[int, Tensor] = {id(p): p for _, p in self._named}
        self._compiled = any(opaque(m) for m in modules.values())
        self._mode = Calls(self._on_call, self.account.spend)
        self._mode_on = False
        self._handles: list[RemovableHandle] = []
        self._window: Step | None = None
        self._window_handles: list[RemovableHandle] = []
        self._measure: StepMeasure | None = None
        self._tape: Tape | None = None
        self._last_tape: Tape | None = None
        self._evaluation: Evaluation | None = None
        self._depth = 0
        self._playing = False
        self._forwards = 0
        self._backwards = 0
        self._forward_is_last = False
        self._trained_in: bool | None = None
        self._batch: tuple[nn.Module, Any, Any] | None = None
        self._marks: dict[str, float] = {}
        self._training = KeptRows(self.record.training_rows)
        self._evaluated = KeptRows(self.record.evaluation_rows)
        look_over(self.record, optimizers)
        self.record.first_weights = first_weights(self.record.modules())

    # --- attaching ---

    def attach(self) -> None:
        """Begin to watch."""
        for module in self.record.model.values():
            self._hook_module(module)
        for optimizer in self._optimizers:
            self._hook_optimizer(optimizer)
        self._open()
        self._veil()

    def _hook_module(self, module: nn.Module) -> None:
        added = [
            module.register_forward_pre_hook(self._before_forward, with_kwargs=True, prepend=True),
            module.register_forward_hook(self._after_forward, with_kwargs=True, always_call=True),
        ]
        self._handles += added
        veil([module], added)

    def _hook_optimizer(self, optimizer: torch.optim.Optimizer) -> None:
        self._handles.append(optimizer.register_step_pre_hook(self._before_step))
        self._handles.append(optimizer.register_step_post_hook(self._after_step))

    def _veil(self) -> None:
        veil([module for _, module in self.record.modules()], [*self._handles, *self._window_handles])

    def detach(self) -> None:
        """End watching; the record stays."""
        self._close(None)
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._end_evaluation()
        self._clock()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Play tapes without being seen, and with the account up to date."""
        self._clock()
        start = perf_counter()
        with self._unseen():
            yield
        self.account.spend(perf_counter() - start)

    def _clock(self) -> None:
        self.record.seconds, self.record.spent = self.account.elapsed, self.account.spent

    def _open(self) -> None:
        self._window = Step(self.record.count, self.account.elapsed)
        layers: list[LayerStep] = self._window.layers
        self._window_handles = hook_layers(self.record.model, layers)
        if not self._compiled:
            # The last parameters get their gradients first, so one of them tells when a backward pass begins.
            held = {id(p) for o in self._optimizers for group in o.param_groups for p in group["params"]}
            trained = [p for _, p in self._named if p.requires_grad and p.is_leaf and id(p) in held]
            for p in dict.fromkeys((trained[-1], trained[len(trained) // 2], trained[0])) if trained else ():
                handle: RemovableHandle = p.register_hook(self._gradient_hook(p))  # type: ignore[no-untyped-call]
                self._window_handles.append(handle)

    def _gradient_hook(self, parameter: Tensor) -> Callable[[Tensor], None]:
        def hook(gradient: Tensor) -> None:
            window, held = self._window, parameter.grad
            if window is None:
                return
            start = perf_counter()
            self._marks.setdefault("backward", start)
            if not self._mode_on and self._backwards == 0:
                self._backwards = 1
                self._forward_is_last = False
            if window.backwards == 0 and held is not None and not window.stale:
                window.stale = bool(torch.count_nonzero(held))
            self.account.spend(perf_counter() - start)

        return hook

    def _close(self, window: Step | None) -> None:
        for handle in self._window_handles:
            handle.remove()
        self._window_handles = []
        self._leave_mode()
        if window is not None:
            self.record.steps.append(window)
            if self._last_tape is not None and self._last_tape.playable:
                self.record.tapes = [*self.record.tapes[-(TAPES - 1) :], self._last_tape]
                self.record.no_tape = ""
            elif self._last_tape is not None:
                self.record.no_tape = self._last_tape.why_not
            self.account.end()
        self._window = self._tape = self._last_tape = self._measure = None

    def _enter_mode(self) -> None:
        if not self._mode_on:
            push(self._mode)
            self._mode_on = True

    def _leave_mode(self) -> None:
        if self._mode_on:
            remove(self._mode)
            self._mode_on = False

    # --- forward passes ---

    def _before_forward(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if self._playing:
            return
        self._depth += 1
        if self._depth > 1:
            return
        start = perf_counter()
        if torch.is_grad_enabled():
            self._end_evaluation()
            self._forwards += 1
            self._forward_is_last = True
            self._trained_in = module.training
            self._batch = (module, args, kwargs)
            if self._window is not None:
                self._begin_forward(module, args, kwargs, start)
        else:
            self._evaluate(module, args, kwargs)
        self.account.spend(perf_counter() - start)
        if self._compiled:
            # A mode inside compiled code would make torch compile it again.
            self._leave_mode()

    def _begin_forward(self, module: nn.Module, args: Any, kwargs: Any, start: float) -> None:
        window = self._window
        assert window is not None
        self._marks.setdefault("forward", start)
        tensors = [leaf for leaf in tree_flatten((args, kwargs))[0] if isinstance(leaf, Tensor)]
        if not window.inputs:
            window.inputs = [summarise(t) for t in tensors[:4]]
            self._training.keep(tensors, window.index)
        if self._tape is None or self._tape.finished:
            self._tape = Tape(self._live)
            self._tape.open()
            window.losses.clear()
        self._enter_mode()

    def _after_forward(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        if self._playing:
            return
        self._depth -= 1
        if self._depth > 0 or output is None:
            return
        start = perf_counter()
        if self._tape is not None and not self._tape.finished and torch.is_grad_enabled():
            self._tape.record_module(module, args, kwargs, output)
        if self._compiled and (self._window is not None or self._evaluation is not None):
            self._enter_mode()
        self.account.spend(perf_counter() - start)

    def _on_call(self, function: Any, args: Any, kwargs: Any, output: Any) -> None:
        if function is Tensor.backward:
            self._on_backward(args[0])
            return
        scene = Scene(
            self._window, self._evaluation, self._tape, self._depth, self._training, self._evaluated
        )
        listen(scene, function, args, kwargs, output)

    def _on_backward(self, loss: Tensor) -> None:
        window = self._window
        self._backwards += 1
        self._forward_is_last = False
        if window is None:
            return
        window.backwards += 1
        if loss.numel() == 1:
            window.loss = float(loss.detach())
        if self._tape is not None:
            self._tape.finish(loss)
            self._last_tape = self._tape

    def _evaluate(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        tensors = [leaf for leaf in tree_flatten((args, kwargs))[0] if isinstance(leaf, Tensor)]
        if self._evaluation is None:
            self._evaluation = Evaluation(self.record.count)
            # The first evaluations are watched whatever they cost: they tell training data from held-out
            # data.
            few = sum(e.watched for e in self.record.evaluations) < FREE_EVALUATIONS
            self._evaluation.watched = few or self._window is not None or self.account.allows()
            if self._evaluation.watched:
                self._evaluation.inputs = [summarise(t) for t in tensors[:4]]
        seen = self._evaluation
        seen.passes += 1
        seen.training += module.training
        seen.rows += len(tensors[0]) if tensors and tensors[0].ndim else 0
        if seen.watched:
            self._evaluated.keep(tensors, seen.after)
            self._enter_mode()

    def _end_evaluation(self) -> None:
        if self._evaluation is None:
            return
        self.record.evaluations.append(self._evaluation)
        if self._evaluation.watched and self._window is None:
            self.account.end()
        self._evaluation = None
        if self._window is None:
            self._leave_mode()

    def _before_step(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        start = perf_counter()
        self._leave_mode()
        window = self._window
        if window is not None:
            began = self._marks.get("forward")
            window.training = self._trained_in if self._trained_in is not None else True
            window.forward_after_backward = self._forwards > 0 and self._forward_is_last
            if began is not None:
                turned = self._marks.get("backward", start)
                window.waited = began - self._marks.get("end", self.account.began)
                window.forward, window.backward = turned - began, start - turned
            window.groups.extend(groups_of(optimizer, self._names))
            self._measure = StepMeasure(self._named)
        if self.record.first_nonfinite is None and not self._finite():
            self.record.first_nonfinite = self.record.count
            self.record.nonfinite = self._trace()
        now = perf_counter()
        self._marks["step"] = now
        self.account.spend(now - start)

    def _finite(self) -> bool:
        """Look at the last gradient: what is not finite in a loss reaches it at once."""
        gradient = self._last.grad if self._last is not None else None
        if gradient is None or gradient.is_sparse or (gradient.is_cuda and self._window is None):
            return True
        return math.isfinite(gradient.sum().item())

    def _after_step(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        start = perf_counter()
        window = self._window
        if window is not None:
            window.update = start - self._marks.get("step", start)
            if self._measure is not None:
                window.parameters = self._measure.finish()
                window.line = self._line(self._measure)
            self.account.spend(perf_counter() - start)
            start = perf_counter()
            self._close(window)
        self.record.count += 1
        self._forwards = self._backwards = 0
        self._forward_is_last = False
        self._marks = {"end": start}
        due = self.record.count % self._every == 0 if self._every else self.account.allows()
        if due:
            self._open()
            self._veil()
        self.account.spend(perf_counter() - start)

    def _trace(self) -> Nonfinite:
        own = self._last_tape is not None and self._last_tape.playable
        tape = self._last_tape if own else next(reversed(self.record.tapes), None)
        with self._unseen():
            return trace_nonfinite(self._named, self._batch, tape, own=own)

    @contextmanager
    def _unseen(self) -> Iterator[None]:
        was, self._playing = self._playing, True
        try:
            yield
        finally:
            self._playing = was

    def _line(self, measure: StepMeasure) -> Line | None:
        tape = self._last_tape
        if tape is None or not tape.playable or self._window is None or self._window.backwards != 1:
            return None
        try:
            with self._unseen():
                return measure.line(tape, self.record.tapes[-1] if self.record.tapes else None)
        except Exception as error:  # the user's module may refuse to run again; the training must go on
            tape.why_not = f"{type(error).__name__} when it was played again: {error}"
            return None
