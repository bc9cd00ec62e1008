"""Sees a training through torch's hooks: cheap marks at every update, and some updates in full."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from fivefold.diagnosis.observation.nonfinite import trace_nonfinite
from fivefold.diagnosis.observation.overhead import Overhead
from fivefold.diagnosis.observation.passes import Passes
from fivefold.diagnosis.observation.record import Line, Nonfinite, Step
from fivefold.diagnosis.observation.schedules import described, scheduled, schedulers_of
from fivefold.diagnosis.observation.veiled import unshelter
from fivefold.diagnosis.observation.weights import StepMeasure, first_weights, groups_of

SILENT = 3
"""Updates without a call of the model after which that is said."""
MOST_RATES = 4096
UNCALLED = (
    "no call of the model with gradients was seen between its updates: it runs inside a compiled function, a "
    "transform of torch.func or a wrapper; give watch what the loop calls (torch.compile's result, say)"
)


class Watcher(Passes):
    """Watches modules and the optimizers that update them.

    Three marks are made at every update: the batch is remembered, the gradients are looked at for numbers
    that are not finite (on the processor), the update is counted. A watched update is seen in full: calls of
    torch outside the model, outputs of layers, norms of weights, gradients and changes, and a tape that plays
    it again. Which updates are watched follows from what watching may cost
    (:class:`~fivefold.diagnosis.observation.overhead.Overhead`). Random numbers, weights and statistics are
    never touched, so that the training ends with the same bits.

    Args:
        modules: The outermost modules by name; one alone may have the empty name.
        optimizers: Their optimizers.
        overhead: Share of the time that watching may take.
        every: Watch every so-manyth update instead, whatever it costs.
        allowance: Seconds that watching may take beyond that share.
        deep: Whether some updates are looked at in depth, for half of what watching may take.
    """

    def attach(self) -> None:
        """Begin to watch."""
        for module in self.record.model.values():
            self._hook_module(module)
        for optimizer in self._optimizers:
            self._hook_optimizer(optimizer)
        self._open()
        self._veil()

    def _hook_optimizer(self, optimizer: torch.optim.Optimizer) -> None:
        self._handles.append(optimizer.register_step_pre_hook(self._before_step))
        self._handles.append(optimizer.register_step_post_hook(self._after_step))

    def detach(self) -> None:
        """End watching; the record stays."""
        self._close(None)
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._end_evaluation()
        for _, module in self.record.modules():
            unshelter(module)
        self._clock()
        self.record.ended = True

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Play tapes without being seen, and with the account up to date."""
        self._clock()
        start = perf_counter()
        with self._unseen():
            yield
        self.account.spend(perf_counter() - start)

    def _clock(self) -> None:
        self.record.seconds = self.account.elapsed
        self.record.spent = self.account.spent + self.account.always
        if self._deep is not None:
            from fivefold.diagnosis.observation.depth import deep_notes

            self.record.spent += self._deep.spent
            kept = [note for note in self.record.notes if note not in self._said]
            self._said = deep_notes(self.record.deep)
            self.record.notes[:] = [*kept, *self._said]
        if self.record.count >= SILENT and not self._called and UNCALLED not in self.record.notes:
            self.record.notes.append(UNCALLED)
        elif self._called and UNCALLED in self.record.notes:
            self.record.notes.remove(UNCALLED)
        self.record.schedules = [described(scheduler) for scheduler in self._schedulers]

    def _before_step(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        start = perf_counter()
        step = (id(optimizer), self._passes)
        if self._stepping == step:
            self._nested += 1  # an optimizer whose step() calls that of its base class, which torch hooks too
            return
        self._stepping, self._nested = step, 0
        if self._mode_on:
            self._leave_mode()
        # With a closure the optimizer runs forward and backward passes itself: what they show is seen after
        # it.
        self._late = _closure(args, kwargs)
        if self._window is not None:
            self._window.groups.extend(groups_of(optimizer, self._names))
            self._measure = StepMeasure(self._named, late=self._late, factor=_factor(optimizer))
            moved = sum(scheduled(each) for each in self._optimizers)
            if moved > self._scheduled:
                self._scheduled, self._schedulers = moved, schedulers_of(self._optimizers)
        if self._lazy:
            # The first batch has made the parameters; they are still as they were made.
            self.record.first_weights = first_weights(self.record.modules())
            self._lazy = any(is_lazy(p) for _, p in self._named)
        if not self._late:
            self._look_at_passes(optimizer, start)
        now = perf_counter()
        if self._window is not None:
            self._marks["step"] = now
        self.account.spend(now - start)

    def _look_at_passes(self, optimizer: torch.optim.Optimizer, now: float) -> None:
        """Take note of the forward and backward passes since the update before."""
        window = self._window
        if window is not None:
            began = self._marks.get("forward")
            window.training = self._trained_in if self._trained_in is not None else True
            window.forward_after_backward = self._forwards > 0 and self._forward_is_last
            if began is not None:
                turned = self._marks.get("backward", now)
                window.waited = began - self._marks.get("end", self.account.began)
                window.forward, window.backward = turned - began, now - turned
        # Where the optimizer undoes a scaling itself, it also leaves out updates that are not finite.
        left_out = vars(optimizer).get("found_inf") is not None
        if self.record.first_nonfinite is None and not left_out and not self._finite(now):
            self.record.first_nonfinite = self.record.count
            self.record.nonfinite = self._trace()

    def _finite(self, now: float) -> bool:
        """Look at the gradients, and at the loss where it was seen: one that is not finite may have a
        gradient
        that is (zero, where every target is ignored).
        """
        tape, window = self._last_tape, self._window
        if not self._look.finite(wait=window is not None, now=now):
            return False
        seen = window is not None and tape is not None and tape.playable and window.backwards > 0
        return not seen or window is None or math.isfinite(window.loss)

    def _after_step(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        if self._nested:
            self._nested -= 1
            return
        self._stepping = None
        start = perf_counter()
        window = self._window
        if self._late:
            self._leave_mode()
            self._look_at_passes(optimizer, start)
        if window is not None:
            self._finish(window, optimizer, start)
            start = perf_counter()
            self._close(window)
        elif not self._seen_between:
            self.account.plain(start - self._ended)
        self._note_rate(optimizer)
        self.record.count += 1
        self._seen_between = False
        if due := self._due(start - self.account.began):
            self._forwards = self._backwards = 0
            self._forward_is_last, self._trained_in = False, None
            self._marks = {"end": start}
            self._open()
            self._veil()
        self._ended = perf_counter()
        if window is None and not due:
            self.account.reach(self._ended - start, self._passes - self._counted)
        else:
            self.account.spend(self._ended - start)
        self._counted = self._passes

    def _finish(self, window: Step, optimizer: torch.optim.Optimizer, start: float) -> None:
        """See the end of an update that was seen in full."""
        window.update = start - self._marks.get("step", start)
        self._called = self._called or self._forwards > 0
        if self._measure is not None:
            window.parameters = self._measure.finish()
            window.line = self._line(self._measure)
        self.account.spend(perf_counter() - start)
        self.account.watched(perf_counter() - self._ended)
        if self._deep is not None and self._measure is not None:
            self._look_deeper(self._deep, window, self._measure, optimizer)

    def _note_rate(self, optimizer: torch.optim.Optimizer) -> None:
        """Note the rate where it changes: a schedule must not be told from the watched updates alone."""
        groups, rates = optimizer.param_groups, self.record.rates
        if (
            rates
            and len(groups) == 1
            and type(groups[0].get("lr")) is float
            and groups[0]["lr"] == rates[-1][1]
        ):
            return  # as it was: asked after every update
        plain = [lr for group in groups if isinstance(lr := group.get("lr"), int | float)]
        rate = max(plain, default=math.nan)
        if len(self._optimizers) != 1 or not math.isfinite(rate) or (rates and rates[-1][1] == rate):
            return
        if rates and not self._schedulers and not self._searched:
            self._searched, self._schedulers = True, schedulers_of(self._optimizers)
        rates.append((self.record.count, float(rate)))
        if len(rates) > MOST_RATES:
            del rates[1:-1:2]

    def _due(self, now: float) -> bool:
        """Whether the next update is seen in full."""
        if self._every:
            return self.record.count % self._every == 0
        return self.account.allows(at=now) or (self._deep is not None and self._deep.allows(at=now))

    def _look_deeper(
        self, account: Overhead, window: Step, measure: StepMeasure, optimizer: torch.optim.Optimizer
    ) -> None:
        """Look at this update in depth, where that may be paid for."""
        from fivefold.diagnosis.observation.depth import GRADIENTS, look_deeper

        tape = self._last_tape
        if tape is None or not tape.playable:
            return
        passes = window.forward + window.backward
        account.expect(GRADIENTS * (passes if math.isfinite(passes) else 0.0))
        if not self._every and not account.allows():
            return
        start = perf_counter()
        held = {id(p) for group in optimizer.param_groups for p in group["params"]}
        parameters, change = measure.moved(held)
        ours = {handle.id for handle in self._window_handles}
        theirs = [name for name, p in parameters if set(p._backward_hooks or ()) - ours]
        if theirs:
            # They would be told of gradients that are not the training's.
            note = f"in depth: nothing, since {theirs[0]} carries a hook of the script's"
            self.record.notes[:] = [*dict.fromkeys([*self.record.notes, note])]
        elif parameters:
            room = math.inf if self._every else account.room()
            rows = window.inputs[0].shape[0] if window.inputs and window.inputs[0].shape else 0
            with self._unseen(), measure.at_start():
                found = look_deeper(
                    tape, parameters, change, optimizer, index=window.index, rows=rows, seconds=room
                )
            self.record.deep.append(found)
        account.spend(perf_counter() - start)
        account.end()

    def _trace(self) -> Nonfinite:
        own = self._last_tape is not None and self._last_tape.playable
        tape = self._last_tape if own else next(reversed(self.record.tapes), None)
        with self._unseen():
            names = {id(module): name for name, module in self.record.modules()}
            return trace_nonfinite(
                self._named, self._batch, tape, own=own, update=self.record.count, modules=names
            )

    def _line(self, measure: StepMeasure) -> Line | None:
        tape = self._last_tape
        if tape is None or not tape.playable or self._window is None or self._window.backwards != 1:
            return None
        if tape.partial:
            return None  # part of the loss would stand still along the update
        try:
            with self._unseen():
                room = math.inf if self._every else self.account.unasked_room()
                return measure.line(tape, room)
        except Exception as error:  # the user's module may refuse to run again; the training must go on
            tape.why_not = f"{type(error).__name__} when it was played again: {error}"
            return None


def _closure(args: Any, kwargs: Any) -> bool:
    """Whether an update was given a closure; the first argument is the optimizer itself."""
    return kwargs.get("closure", args[1] if len(args) > 1 else None) is not None


def _factor(optimizer: torch.optim.Optimizer) -> float:
    """What a scaler multiplied the gradients by, which a fused optimizer undoes in its update."""
    scale = vars(optimizer).get("grad_scale")
    return float(scale) if isinstance(scale, Tensor) else 1.0
