"""A watcher that others may join: modules that are called, and optimizers that make a step, only later."""

import math
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import perf_counter
from types import FunctionType
from typing import Any

import torch
from torch import nn

from fivefold.diagnosis.observation.answers import Answers
from fivefold.diagnosis.observation.calls import is_on, labels_compared
from fivefold.diagnosis.observation.copies import CopySeen, copies_of, sums
from fivefold.diagnosis.observation.layers import hook_layers, in_backward, opaque
from fivefold.diagnosis.observation.loose import LooseCalls
from fivefold.diagnosis.observation.overhead import Overhead
from fivefold.diagnosis.observation.registration import look_over
from fivefold.diagnosis.observation.step import Step
from fivefold.diagnosis.observation.veiled import Veiled, shelter, veil
from fivefold.diagnosis.observation.watcher import Watcher
from fivefold.diagnosis.observation.weights import StepMeasure
from fivefold.diagnosis.script.draws import unchanged_draws

OVERHEAD, AIM, ALLOWANCE = 0.25, 0.8, 2.0
"""What watching may cost where somebody asked for a diagnosis: a quarter of the time (four fifths of it are
aimed at), and two seconds beyond it. Looks in depth, where they are asked for, may cost as much again.
"""
APART = 5
"""Updates between two calls of a copy from which on the second is an evaluation."""


class JoiningWatcher(Watcher):
    """Watches modules and optimizers that are found one after the other.

    >>> model = nn.Linear(2, 1)
    >>> seen = JoiningWatcher({"": model}, [])
    >>> seen.record.outside
    ['weight', 'bias']
    >>> seen.add_optimizer(torch.optim.SGD(model.parameters(), lr=0.1))
    >>> seen.record.outside, seen.record.optimizers
    ([], ['SGD'])
    """

    def __init__(
        self, modules: dict[str, nn.Module], optimizers: list[torch.optim.Optimizer], *, deep: bool = False
    ) -> None:
        # Half of it goes to looks in depth: the others are to see what they see without.
        overhead = 2 * OVERHEAD if deep else OVERHEAD
        super().__init__(modules, optimizers, overhead=overhead, allowance=ALLOWANCE, aim=AIM, deep=deep)
        self._first: dict[int, tuple[int, float]] | None = None
        self._within: nn.Module | None = None
        self._answers = Answers()
        self._left = False

    def attach_at_update(self) -> None:
        """Begin to watch within an update, whose gradients are there and whose forward pass was not seen."""
        self.attach()
        if self._window is not None:
            self._window.backwards = 1

    title = ""
    """What the script calls its first module."""

    failure = ""
    """Why watching ended before the training did; empty where it did not."""

    def _guarded(self, act: Callable[..., None], *given: Any) -> None:
        """Whatever goes wrong in watching must not stop the script."""
        if not self.failure:
            try:
                act(*given)
                return
            except Exception as error:
                self.failure = f"{type(error).__name__}: {error}"
        # Within a call torch keeps our mode aside and puts it back afterwards: the next hook outside ends it.
        if not self._left and (not self._mode_on or is_on(self._mode)):
            self._left = True
            with suppress(Exception):
                self.detach()

    @contextmanager
    def _unseen(self) -> Iterator[None]:
        with super()._unseen(), unchanged_draws():
            yield

    def _veil(self) -> None:
        super()._veil()
        for _, module in self.record.modules():
            for hooks in (module._forward_pre_hooks, module._forward_hooks):
                for _, hook in hooks.items():
                    if isinstance(hook, Veiled):
                        self._shield(hook)

    def _shield(self, hook: Veiled) -> None:
        """Guard a hook of a layer; those that are methods of this watcher are guarded already."""
        call = hook._call
        if isinstance(call, FunctionType) and call.__name__ != "shielded":

            def shielded(*given: Any) -> None:
                self._guarded(call, *given)

            hook._call = shielded

    def _before_part(self, part: nn.Module, args: Any, kwargs: Any) -> None:
        self._guarded(super()._before_part, part, args, kwargs)

    def _before_forward(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if self._evaluation is not None and self._evaluation.copy and not (self._playing or self._depth):
            self._guarded(self._end_evaluation)
        self._guarded(super()._before_forward, module, args, kwargs)

    def _after_forward(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        self._guarded(super()._after_forward, module, args, kwargs, output)

    def _on_call(self, function: Any, args: Any, kwargs: Any, output: Any) -> None:
        self._guarded(super()._on_call, function, args, kwargs, output)
        if self._loose is not None and self._window is not None and self._stepping is None:
            self._guarded(self._answered, self._loose, self._window, function, args, kwargs, output)

    def _on_loose(self, calls: LooseCalls, window: Step, function: Any, args: Any, kwargs: Any) -> None:
        begins = calls.uses(function, args, kwargs, window.index)
        if begins[0] and begins[1]:
            self._begin_answer(window, begins[1][0])
            if self._tape is None or self._tape.finished:
                window.losses.clear()
        super()._on_loose(calls, window, function, args, kwargs)

    def _answered(
        self, calls: LooseCalls, window: Step, function: Any, args: Any, kwargs: Any, output: Any
    ) -> None:
        """See evaluations of a network that no module makes: what it gives is compared with labels, and no
        backward pass follows.
        """
        if not torch.is_grad_enabled():
            own, data = calls.uses(function, args, kwargs, window.index)
            if own and data and not self._answers.follows(data, output):
                self._begin_answer(window, data[0])
                self._answers.follows(data, output)
        if window.backwards == 0 and (compared := labels_compared(function, args, output)) is not None:
            swapped = self._tape is not None and self._tape.knows(args[1]) and not self._tape.knows(args[0])
            self._answers.compare(*compared[:2], args[0].detach() if swapped else compared[2])

    def _begin_answer(self, window: Step, data: torch.Tensor) -> None:
        """A forward pass begins on data: the last one was an evaluation, if it was compared with labels."""
        if window.backwards == 0 and self._answers.told:
            self._training.take_back(window.index)
            window.inputs.clear()
            self.record.evaluations.append(self._answers.evaluation(self.record.count, self._evaluated))
        self._answers = Answers(data)

    def _on_backward(self, loss: torch.Tensor) -> None:
        self._answers = Answers()
        super()._on_backward(loss)

    def _before_step(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        self._guarded(super()._before_step, optimizer, args, kwargs)
        if self._late and self._loose is not None and self._window is not None:
            self._guarded(self._within_closure, self._window)

    def _due(self, now: float) -> bool:
        # An optimizer with a closure may be done after one update, and what is evaluated then is seen in it.
        alone = self._loose is not None and self._late and self.record.count <= 2
        return alone or super()._due(now)

    def _within_closure(self, window: Step) -> None:
        """A network of no module is seen where the optimizer itself calls it, too."""
        window.backwards = 0
        self._enter_mode()

    def _after_step(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        self._guarded(super()._after_step, optimizer, args, kwargs)

    def _look_deeper(
        self, account: Overhead, window: Step, measure: StepMeasure, optimizer: torch.optim.Optimizer
    ) -> None:
        """A look in depth that fails is the last one; all else goes on."""
        try:
            super()._look_deeper(account, window, measure, optimizer)
        except Exception as error:
            account.allowance = -math.inf
            self.record.notes.append(f"in depth: no more looks after {type(error).__name__}: {error}")

    def add_copies(self) -> None:
        """Look for copies of the models watched, and see the evaluations of them from now on."""
        start = perf_counter()
        known = list(self.record.model.values())  # two critics of one class are no copies of each other
        known += [module for each in self.record.copies if (module := each.module()) is not None]
        for model in list(self.record.model.values()):
            if opaque(model) or isinstance(model, torch.jit.ScriptModule):
                continue
            for found in copies_of(model, known):
                known.append(found)
                self.record.copies.append(CopySeen(weakref.ref(found), self.record.count, sums(found)))
                for inner in found.modules():
                    shelter(inner)
                added = [
                    found.register_forward_pre_hook(self._before_copy, with_kwargs=True, prepend=True),
                    found.register_forward_hook(self._after_copy, with_kwargs=True, always_call=True),
                ]
                self._handles += added
                veil([found], added)
        self.account.spend(perf_counter() - start)

    def _before_copy(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if not (self._playing or in_backward() or torch.is_grad_enabled() or self._depth):
            self._guarded(self._copy_called, module, args, kwargs)

    def _copy_called(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        """See an evaluation of a copy; one that is called at every update teaches and is not evaluated."""
        seen = next(each for each in self.record.copies if each.module() is module)
        apart, seen.called = self.record.count - seen.called, self.record.count
        if self._entry is not module:
            if apart < APART:
                return
            self._end_evaluation()
        start = perf_counter()
        self._within = module
        self._depth += 1
        self._passes += 1
        self._evaluate(module, args, kwargs)
        if self._evaluation is not None:
            self._evaluation.copy, self._evaluation.weights = True, ()
        self.account.spend(perf_counter() - start)

    def _after_copy(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        if self._within is module:
            self._within = None
            self._after_forward(module, args, kwargs, output)

    def _end_evaluation(self) -> None:
        ended, entry = self._evaluation, self._entry
        super()._end_evaluation()
        if ended is None or not ended.copy:
            return
        with self._unseen():
            for seen in self.record.copies:
                if entry is not None and seen.module() is entry:
                    model = next(m for m in self.record.model.values() if type(m) is type(entry))
                    seen.evaluate(model, ended.after)

    def detach(self) -> None:
        """End watching; what was seen of copies gives way to what was seen of the model itself."""
        if self._window is not None and self._answers.told:
            self._guarded(self._begin_answer, self._window, torch.empty(0))
        super().detach()
        late = [e for e in self.record.evaluations if not e.copy and e.after >= self.record.count / 2]
        if late:
            self.record.evaluations[:] = [e for e in self.record.evaluations if not e.copy]

    def changed(self) -> bool | None:
        """Whether any weight is another than when this was first asked; ``None`` at the first time."""
        now = {id(p): (p._version, float(p.detach().sum(dtype=torch.float64))) for _, p in self._named[:8]}
        before, self._first = self._first, self._first or now
        return any(now[key] != value for key, value in before.items() if key in now) if before else None

    @property
    def parameters(self) -> set[int]:
        """Identities of all parameters of the modules watched."""
        return set(self._names)

    @property
    def held(self) -> set[int]:
        """Identities of all tensors that the optimizers update."""
        return {id(p) for o in self._optimizers for group in o.param_groups for p in group["params"]}

    def has(self, optimizer: torch.optim.Optimizer) -> bool:
        """Whether an optimizer has joined."""
        return any(each is optimizer for each in self._optimizers)

    def add_optimizer(self, optimizer: torch.optim.Optimizer) -> None:
        """Let an optimizer join; one that is there already stays as it is.

        Args:
            optimizer: Any of torch's kind.
        """
        if self.has(optimizer):
            return
        self._optimizers.append(optimizer)
        if len(self._optimizers) > 1:
            self.record.rates.clear()  # those of one alone would be taken for all
        self.record.optimizers.append(type(optimizer).__name__)
        self._hook_optimizer(optimizer)
        look_over(self.record, self._optimizers)

    def add_module(self, name: str, module: nn.Module) -> None:
        """Let a module join that the script calls by itself.

        A module whose parameters are all watched already is only seen to be called; one that holds others
        takes their place.

        Args:
            name: What it is called.
            module: The module.
        """
        self._hook_module(module)
        if all(id(p) in self._names for p in module.parameters()):
            return
        inside = {id(each) for each in module.modules()}
        model = {n: m for n, m in self.record.model.items() if id(m) not in inside}
        if not model:
            name = ""
        while name in model:
            name += "'"
        self.record.model = {**model, name: module}
        self._named = list(self.record.parameters())
        self._names = {id(p): n for n, p in self._named}
        self._live = {id(p): p for _, p in self._named}
        trained = [p for _, p in self._named if p.requires_grad]
        self._last = trained[-1] if trained else None
        self._compiled = any(opaque(m) for m in self.record.model.values())
        if self._window is not None:
            self._window_handles += hook_layers({name: module}, self._window.layers)
            self._veil()
        look_over(self.record, self._optimizers)

    def called(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        """Take note of a call that began before the module's own hooks were there.

        Args:
            module: The module.
            args: Its arguments by place.
            kwargs: Its arguments by name.
        """
        self._before_forward(module, args, kwargs)
