"""Sees the calls of modules through torch's hooks: forward passes, backward passes, evaluations."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.optim.lr_scheduler import LRScheduler
from torch.utils._pytree import tree_flatten
from torch.utils.hooks import RemovableHandle

from fivefold.diagnosis.observation.calls import Calls, place_of_user, push, remove
from fivefold.diagnosis.observation.followed import Followed
from fivefold.diagnosis.observation.held_tensors import held_tensors
from fivefold.diagnosis.observation.kept_rows import FULL, KeptRows
from fivefold.diagnosis.observation.layers import hook_layers, in_backward, opaque
from fivefold.diagnosis.observation.listening import Scene, listen
from fivefold.diagnosis.observation.look import Look
from fivefold.diagnosis.observation.loose import LooseCalls, calls_of
from fivefold.diagnosis.observation.overhead import AIM, Overhead
from fivefold.diagnosis.observation.parts import parts_of, trains
from fivefold.diagnosis.observation.record import Evaluation, LayerStep, Record, Step
from fivefold.diagnosis.observation.recurrence import RECURRENT, Recurrences
from fivefold.diagnosis.observation.registration import look_over
from fivefold.diagnosis.observation.summary import summarise
from fivefold.diagnosis.observation.tape import Tape
from fivefold.diagnosis.observation.veiled import shelter, veil
from fivefold.diagnosis.observation.weights import StepMeasure, first_weights, some_norms

FREE_EVALUATIONS = 2
KEPT_FOR_EVALUATIONS = 0.2
MOST_PASSES = 10_000


class Passes:
    """Sees the forward and backward passes of modules, and their evaluations.

    Its subclass :class:`~fivefold.diagnosis.observation.watcher.Watcher` sees the updates, and says more.
    """

    def __init__(
        self,
        modules: dict[str, nn.Module],
        optimizers: list[torch.optim.Optimizer],
        *,
        overhead: float = 0.05,
        every: int | None = None,
        allowance: float = 0.1,
        aim: float = AIM,
        deep: bool = False,
    ) -> None:
        self._calm = True  # asked at every call, as are the next ones: side by side they are read together
        self._depth = self._passes = self._counted = self._nested = 0
        self._batch: tuple[nn.Module, Any, Any] | None = None
        self._stepping: tuple[int, int] | None = None
        self._late = self._mode_on = self._playing = self._seen_between = False
        self._window: Step | None = None
        self._evaluation: Evaluation | None = None
        self._ended = perf_counter()
        # Looks in depth have an account of their own, or the cheaper ones would leave them nothing.
        share = aim * (overhead / 2 if deep else overhead)
        # A part is kept for evaluations: the updates at the start would leave none for those at the end.
        kept, rest = KEPT_FOR_EVALUATIONS, 1 - KEPT_FOR_EVALUATIONS
        self.account = Overhead(share, 1, rest * allowance, part=rest)
        self._for_evaluations = Overhead(share, FREE_EVALUATIONS, kept * allowance, part=kept)
        self._spent_before = 0.0
        self._deep = Overhead(share, free=0, allowance=allowance) if deep else None
        self.record = Record(model=dict(modules), optimizers=[type(o).__name__ for o in optimizers])
        self._optimizers = optimizers
        self._every = every
        self._named_anew()
        trained = [p for _, p in self._named if p.requires_grad]
        self._look = Look(trained)
        self._compiled = any(opaque(m) for m in modules.values())
        self._loose = calls_of(modules, self._named_anew)
        self._mode = Calls(self._on_call, self.account.spend)
        self._handles: list[RemovableHandle] = []
        self._window_handles: list[RemovableHandle] = []
        self._evaluation_handles: list[RemovableHandle] = []
        self._lazy = any(is_lazy(p) for _, p in self._named)
        self._said: list[str] = []
        self._called = False
        self._measure: StepMeasure | None = None
        self._tape: Tape | None = None
        self._last_tape: Tape | None = None
        self._forwards = self._backwards = 0
        self._forward_is_last = False
        self._trained_in: bool | None = None
        self._marks: dict[str, float] = {}
        self._schedulers: list[LRScheduler] = []
        self._scheduled, self._searched = 0, False
        self._made = Followed()
        self._entry: nn.Module | None = None
        self._recurrences = Recurrences(self.record.recurrences)
        self._training = KeptRows(self.record.training_rows)
        self._evaluated = KeptRows(self.record.evaluation_rows, full=FULL)
        self.record.first_weights = first_weights(self.record.modules())

    def _named_anew(self) -> None:
        self._named = list(self.record.parameters())
        self._names = {id(p): name for name, p in self._named}
        self._live: dict[int, Tensor] = {id(p): p for _, p in self._named}
        look_over(self.record, self._optimizers)

    def _hook_module(self, module: nn.Module) -> None:
        if isinstance(module, torch.jit.ScriptModule):
            # Torch hooks no scripted module: its updates are seen, its calls are not.
            self.record.notes.append(f"{type(module).__name__} is TorchScript, whose calls cannot be seen")
            return
        for inner in module.modules() if not opaque(module) else ():
            shelter(inner)
        added = [
            module.register_forward_pre_hook(self._before_forward, with_kwargs=True, prepend=True),
            module.register_forward_hook(self._after_forward, with_kwargs=True, always_call=True),
        ]
        if not opaque(module):
            for part in parts_of(module):
                added.append(
                    part.register_forward_pre_hook(self._before_part, with_kwargs=True, prepend=True)
                )
        self._handles += added
        veil(list(module.modules()), added)

    def _before_part(self, part: nn.Module, args: Any, kwargs: Any) -> None:
        """See an evaluation that calls parts of a model and never the model itself."""
        if self._playing or self._depth > 0 or torch.is_grad_enabled() or in_backward():
            return
        start = perf_counter()
        self._passes += 1
        self._evaluate(part, args, kwargs)
        self.account.spend(perf_counter() - start)

    def _recurrent_hook(self, name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            evaluation = self._evaluation is not None and self._evaluation.watched
            if not self._playing and (self._window is not None or evaluation):
                start = perf_counter()
                inside = self._passes if self._depth > 0 else -1
                self._recurrences.called(name, module, args, kwargs, output, inside)
                self.account.spend(perf_counter() - start)

        return hook

    def _hook_recurrent(self) -> list[RemovableHandle]:
        """Follow recurrent layers for as long as something is seen in full: they may be called often."""
        added = [
            inner.register_forward_hook(self._recurrent_hook(name), with_kwargs=True)
            for root in self.record.model.values()
            if not opaque(root)
            for name, inner in root.named_modules()
            if isinstance(inner, RECURRENT)
        ]
        if added:
            veil([inner for _, inner in self.record.modules()], added)
        return added

    def _veil(self) -> None:
        veil([module for _, module in self.record.modules()], [*self._handles, *self._window_handles])

    def _settle(self) -> None:
        """Nothing is seen in full: calls with gradients are counted, and no more."""
        self._calm = self._window is None and self._evaluation is None and not self._playing

    def _open(self) -> None:
        self.account.full, self._calm = True, False
        self._window = Step(self.record.count, self.account.elapsed)
        layers: list[LayerStep] = self._window.layers
        self._window_handles = [*hook_layers(self.record.model, layers), *self._hook_recurrent()]
        if self._loose is not None:
            self._enter_mode()  # no module's call will tell where the forward pass begins
        if not self._compiled:
            # The last parameters get their gradients first, so one of them tells when a backward pass begins.
            held = {id(p) for o in self._optimizers for group in o.param_groups for p in group["params"]}
            leaves = [p for _, p in self._named if p.requires_grad and p.is_leaf and id(p) in held]
            trained = [p for p in leaves if not is_lazy(p) and not p.is_meta]
            for p in dict.fromkeys((trained[-1], trained[len(trained) // 2], trained[0])) if trained else ():
                handle: RemovableHandle = p.register_hook(self._gradient_hook(p))  # type: ignore[no-untyped-call]
                self._window_handles.append(handle)

    def _gradient_hook(self, parameter: Tensor) -> Callable[[Tensor], None]:
        def hook(gradient: Tensor) -> None:
            window, held = self._window, parameter.grad
            if window is None or self._playing:
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
                self.record.keep(self._last_tape)
                self.record.no_tape = ""
            elif self._last_tape is not None:
                self.record.no_tape = self._last_tape.why_not
            self.account.end()
        self.account.full = False
        self._window = self._tape = self._last_tape = self._measure = None
        self._settle()

    def _enter_mode(self) -> None:
        if not self._mode_on:
            push(self._mode)
            self._mode_on = True

    def _leave_mode(self) -> None:
        if self._mode_on:
            remove(self._mode)
            self._mode_on = False

    def _before_forward(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if self._calm and torch.is_grad_enabled():
            self._depth += 1
            if self._depth == 1:
                self._passes += 1
                self._batch = (module, args, kwargs)
            return
        if self._playing or in_backward():
            return
        self._depth += 1
        if self._depth > 1:
            return
        start = perf_counter()
        self._passes += 1
        if torch.is_grad_enabled():
            self._end_evaluation()
            self._forwards += 1
            self._forward_is_last = True
            self._batch = (module, args, kwargs)
            if self._window is not None:
                if (seen := trains(module))[1] or self._trained_in is None:
                    self._trained_in = seen[0]
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
        elif self._tape is not None and not self._tape.finished:
            # A part that goes on from another's output brings nothing new; anything else does.
            floats = [t for t in tensors if t.is_floating_point()]
            if not (floats and len(floats) == len(tensors) and all(self._tape.knows(t) for t in floats)):
                self._training.met()
        if self._tape is None or self._tape.finished:
            self._tape = Tape(self._live, place_of_user)
            self._tape.open()
            window.losses.clear()
        self._enter_mode()

    def _after_forward(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        if not self._calm and (self._playing or in_backward()):
            return
        self._depth = max(0, self._depth - 1)
        if self._depth > 0 or output is None or (self._window is None and self._evaluation is None):
            return
        start = perf_counter()
        if self._tape is not None and not self._tape.finished and torch.is_grad_enabled():
            self._tape.record_module(module, args, kwargs, output)
        elif self._evaluation is not None and self._evaluation.watched:
            self._made = self._made.then(module, held_tensors(output), len(self._evaluation.losses))
        if self._compiled and (self._window is not None or self._evaluation is not None):
            self._enter_mode()
        self.account.spend(perf_counter() - start)

    def _on_call(self, function: Any, args: Any, kwargs: Any, output: Any) -> None:
        if function is Tensor.backward:
            self._on_backward(args[0])
            return
        if in_backward():  # activations that are computed again there
            return
        made = isinstance(output, Tensor | tuple) and torch.is_grad_enabled()
        if made and self._loose is not None and self._window is not None:
            self._on_loose(self._loose, self._window, function, args, kwargs)
        scene = Scene(
            self._window,
            self._evaluation,
            self._tape,
            self._depth,
            self._training,
            self._evaluated,
            self._made,
        )
        listen(scene, function, args, kwargs, output)

    def _on_loose(self, calls: LooseCalls, window: Step, function: Any, args: Any, kwargs: Any) -> None:
        """See a forward pass that no module makes: it begins where data meet the first weight."""
        own, data = calls.uses(function, args, kwargs, window.index)
        if not own:
            return
        if self._tape is None or self._tape.finished:
            self._marks.setdefault("forward", perf_counter())
            self._tape = Tape(self._live, place_of_user)
            self._tape.open()
        self._forwards += bool(data)
        self._forward_is_last = self._forward_is_last or bool(data)
        if data and not window.inputs:
            window.inputs = [summarise(t) for t in data[:4]]
            self._training.keep(data[:1], window.index)

    def _on_backward(self, loss: Tensor) -> None:
        window = self._window
        self._backwards += 1
        self._forward_is_last = False
        if window is None:
            return
        window.backwards += 1
        factor = 1.0
        if self._tape is not None:
            self._tape.finish(loss)
            self._last_tape = self._tape
            factor = self._tape.factor
        if loss.numel() == 1:
            window.loss = float(loss.detach()) / factor

    def _evaluate(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        tensors = [leaf for leaf in tree_flatten((args, kwargs))[0] if isinstance(leaf, Tensor)]
        if self._evaluation is None:
            self._seen_between = True
            self._evaluation, self._calm = Evaluation(self.record.count), False
            # The first evaluations are watched whatever they cost: they tell training from held-out data.
            self._for_evaluations.always = self.account.always
            allowed = self.account.allows() or self._for_evaluations.allows()
            self._evaluation.watched = self.account.full = allowed or self._window is not None
            self._spent_before = self.account.spent
            if self._evaluation.watched:
                self._evaluation.inputs = [summarise(t) for t in tensors[:4]]
                self._evaluation.weights = some_norms(self._named)
            self._entry = module
        seen = self._evaluation
        seen.passes += 1
        seen.training += trains(module)[0]
        if module is self._entry or any(module is m for m in self.record.model.values()):
            # Of parts that are called one by one, the first is given the examples.
            seen.rows += len(tensors[0]) if tensors and tensors[0].ndim else 0
            if seen.watched and self._made.fed(module, tensors):
                seen.losses = self._made.without_steps(seen.losses)
                self._evaluated.forget_target()
            elif seen.watched:
                self._evaluated.keep(tensors, seen.after)
                if len(seen.given) < MOST_PASSES:
                    batch = self._evaluated.batch
                    seen.given.append((batch, len(seen.losses), seen.right or 0, seen.compared))
        if seen.watched:
            if not self._window_handles and not self._evaluation_handles:
                self._evaluation_handles = self._hook_recurrent()
            self._enter_mode()

    def _end_evaluation(self) -> None:
        if self._evaluation is None:
            return
        self.record.evaluations.append(self._evaluation)
        if self._evaluation.watched and self._window is None:
            self.account.end()
            self._for_evaluations.spend(self.account.spent - self._spent_before)
            self._for_evaluations.end()
        for handle in self._evaluation_handles:
            handle.remove()
        self._evaluation_handles = []
        self._evaluation = self._entry = None
        self._made = Followed()
        self.account.full = self._window is not None
        self._settle()
        if self._window is None:
            self._leave_mode()

    @contextmanager
    def _unseen(self) -> Iterator[None]:
        was, self._playing, self._calm = self._playing, True, False
        try:
            yield
        finally:
            self._playing = was
            self._settle()
