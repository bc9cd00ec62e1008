"""Models and optimizers of a script that is not edited, found through torch's own global hooks."""

import gc
import sys
import threading
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress
from time import perf_counter
from typing import Any

import torch
from torch import nn
from torch.nn.modules.loss import _Loss
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.utils.hooks import RemovableHandle

from fivefold.diagnosis.observation.layers import opaque
from fivefold.diagnosis.observation.loose import Loose, loose
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.script.frameworks import Framework, of_stack
from fivefold.diagnosis.script.joining import JoiningWatcher
from fivefold.diagnosis.script.naming import name_of, names_of

MOST_TRAININGS = 8
LOOKS_AT_FIRST = 4
LOOK_EVERY = 1.0


class Known:
    """Objects that were met, by identity: those of a script may have comparisons of their own, or fail in
    them.

    >>> known, one = Known(), nn.Identity()
    >>> known.add(one)
    >>> one in known, nn.Identity() in known
    (True, False)
    """

    def __init__(self) -> None:
        self._held: dict[int, weakref.ref[Any]] = {}

    def add(self, each: Any) -> None:
        """Remember one, for as long as it lives."""
        self._held[id(each)] = weakref.ref(each)

    def __contains__(self, each: Any) -> bool:
        held = self._held.get(id(each))
        return held is not None and held() is each


class Discovery:
    """Finds trainings: modules called from outside any other, and the optimizers that update them.

    A module that is called with gradients on and has something to train is watched from that very call on,
    so that the state before the first update is seen. Modules and optimizers that share parameters are one
    training, and so are all modules called before its first update (two nets that play against each other).
    What comes later and shares nothing is a training of its own. A hook on all modules costs microseconds
    at each call, so it is taken away when nothing new was seen between two updates, and put back for one
    update a second.

    Args:
        on_update: Told after each update of any optimizer.
        deep: Whether some updates are looked at in depth.

    Attributes:
        trainings: What was found.
        notes: What could not be watched.
        framework: The library in whose loop the first update was made, if any.
        updates: Updates of all optimizers.
    """

    def __init__(self, on_update: Callable[[], None], *, deep: bool = False) -> None:
        self.trainings: list[JoiningWatcher] = []
        self.notes: list[str] = []
        self.framework: Framework | None = None
        self.updates = 0
        self._on_update, self._deep = on_update, deep
        self._known = Known()
        self._optimizers = Known()
        self._handles: list[RemovableHandle] = []
        self._looking: list[RemovableHandle] = []
        self._depth = 0
        self._thread = threading.get_ident()
        self._compiled = False
        self._new = False
        self._next_look = self._next_scan = self._begun = 0.0
        self._unplaced: list[tuple[str, set[int]]] = []

    def begin(self) -> None:
        """Put the hooks in place."""
        self._handles = [
            register_optimizer_step_pre_hook(self._before_step),
            register_optimizer_step_post_hook(self._after_step),
        ]
        self._look(True)

    def end(self) -> None:
        """Take all hooks away; the records stay."""
        self._look(False)
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        for training in self.trainings:
            training.detach()

    def _look(self, wanted: bool) -> None:
        self._depth = 0
        for handle in self._looking:
            handle.remove()
        self._looking = []
        if wanted:
            self._looking = [
                register_module_forward_pre_hook(self._before_forward),
                register_module_forward_hook(self._after_forward, always_call=True),
            ]

    # --- modules ---

    def _before_forward(self, module: nn.Module, args: Any) -> None:
        if torch.compiler.is_compiling() or not (self._here() or self._moves(module)):
            return
        self._depth += 1
        if self._depth > 1 or module in self._known or _transformed():
            return
        if torch.is_grad_enabled():
            # Torch gives global hooks no keyword arguments, but the frame that calls them has them.
            kwargs = sys._getframe(1).f_locals.get("kwargs")
            self._safely(lambda: self._meet(module, args, kwargs if isinstance(kwargs, dict) else {}))
        if opaque(module):
            # Compiled code is compiled anew when hooks on all modules come and go: with it in play they go
            # for good.
            self._compiled = True
            self._look(False)

    def _here(self) -> bool:
        return threading.get_ident() == self._thread

    def _moves(self, module: nn.Module) -> bool:
        """Whether the first training begins in another thread than the main one, which is watched then."""
        if self.trainings or self._depth or not torch.is_grad_enabled():
            return False
        if not any(p.requires_grad for p in module.parameters()):
            return False
        self._thread = threading.get_ident()
        return True

    def _after_forward(self, module: nn.Module, args: Any, output: Any) -> None:
        if torch.compiler.is_compiling() or not self._here():
            return
        self._depth = max(0, self._depth - 1)

    def _meet(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
        trained = [p for p in module.parameters() if p.requires_grad]
        if isinstance(module, _Loss) or not trained or any(is_lazy(p) for p in module.parameters()):
            return
        start = perf_counter()
        self._known.add(module)
        self._new = True
        wanted = {id(p) for p in trained}
        training = self._training_of(wanted)
        try:
            name = name_of(module, sys._getframe(1))
        except Exception:  # the script's own objects may refuse to be compared
            name = type(module).__name__
        if training is None:
            if len(self.trainings) >= MOST_TRAININGS:
                self._note(f"more than {MOST_TRAININGS} trainings in one script: only the first were watched")
                return
            every = {id(p) for p in module.parameters()}
            for earlier in self.trainings:
                earlier.record.continued = earlier.record.continued or bool(every & earlier.parameters)
            training = JoiningWatcher({"": module}, [], deep=self._deep)
            training.attach()
            training.title = name
            training.changed()
            training.record.taken_over = taken_over(
                training.record.parameters(), [each.record for each in self.trainings]
            )
            self.trainings.append(training)
        else:
            training.add_module(name, module)
        if not wanted <= training.held:
            for optimizer in optimizers_alive():
                # One that makes steps for another training keeps to it, whatever it shares with this one.
                taken = any(each.has(optimizer) for each in self.trainings)
                if not taken and self._of_optimizer(optimizer) is training:
                    training.add_optimizer(optimizer)
                    self._optimizers.add(optimizer)
        training.called(module, args, kwargs)
        training.account.spend(perf_counter() - start)

    def _training_of(self, wanted: set[int]) -> JoiningWatcher | None:
        for training in self.trainings:
            if wanted & training.parameters or wanted & training.held:
                return training
        if self.trainings and self.trainings[-1].record.count == 0:
            return self.trainings[-1]
        return None

    def _of_optimizer(self, optimizer: Optimizer) -> JoiningWatcher | None:
        """The training whose models hold most of what an optimizer updates, the last one of several.

        Models that are trained one after the other may share a part: a trunk of a first task, and a head that
        was trained on it while it was frozen.
        """
        held = tensors_of(optimizer)
        shared = [(len(held & training.parameters), i) for i, training in enumerate(self.trainings)]
        most, which = max(shared, default=(0, 0))
        return self.trainings[which] if most else None

    def unplaced(self) -> list[str]:
        """Return a sentence for each optimizer whose updates belong to nothing that is watched."""
        return [
            f"{name} updates {len(held)} tensors of no module that was seen to be called (none has them, or "
            "it runs inside a compiled function): these updates were not watched"
            for name, held in self._unplaced
            if not any(held & training.parameters for training in self.trainings)
        ]

    # --- updates ---

    def _before_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if torch.compiler.is_compiling():
            return
        if not self._here():
            if self.trainings:
                self._note("optimizers make steps in several threads: one thread alone was watched")
            return
        if not self.updates:
            self.framework = of_stack(sys._getframe(1))
        if optimizer not in self._optimizers:
            self._safely(lambda: self._join(optimizer))

    def _join(self, optimizer: Optimizer) -> None:
        self._optimizers.add(optimizer)
        if wraps(optimizer):
            return
        self._new = True
        self._next_scan = 0.0  # a copy is often made when an optimizer is
        held = tensors_of(optimizer)
        training = self._of_optimizer(optimizer)
        if training is not None:
            training.add_optimizer(optimizer)
            return
        if len(self.trainings) >= MOST_TRAININGS:
            return
        tensors = [p for group in optimizer.param_groups for p in group["params"]]
        if loose(tensors):
            names = names_of(tensors, sys._getframe(1))
            training = JoiningWatcher(
                {"": Loose(dict(zip(names, tensors, strict=True)))}, [], deep=self._deep
            )
            training.title = names[0].partition("[")[0]
            training.attach_at_update()
            training.add_optimizer(optimizer)
            self.trainings.append(training)
            return
        # Its module may be called again, and is then found; the first update of it was not seen.
        self._unplaced.append((type(optimizer).__name__, held))

    def _after_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if torch.compiler.is_compiling() or not self._here():
            return
        self.updates += 1
        now = perf_counter()
        if self._looking:
            if self.updates >= LOOKS_AT_FIRST and not self._new:
                self._look(False)
                self._next_look = now + LOOK_EVERY
        elif (now > self._next_look or self._new) and not self._compiled:
            self._look(True)
        self._new = False
        if now > self._next_scan:
            self._begun = self._begun or now
            self._next_scan = now + max(LOOK_EVERY, now - self._begun)  # ever more rarely
            self._safely(self._look_for_copies)
        self._safely(self._on_update)

    def _look_for_copies(self) -> None:
        for training in self.trainings:
            training.add_copies()

    def _safely(self, act: Callable[[], None]) -> None:
        """Whatever goes wrong in watching must not stop the script."""
        try:
            act()
        except Exception as error:
            with suppress(Exception):
                self.end()
            self._note(f"watching ended early: {type(error).__name__}: {error}")

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def _transformed() -> bool:
    """Whether torch traces a call, or maps or differentiates it by a function transform."""
    return bool(torch._C._get_tracing_state()) or torch._C._functorch.peek_interpreter_stack() is not None


def taken_over(named: Iterable[tuple[str, torch.Tensor]], earlier: Iterable[Record]) -> frozenset[str]:
    """Return names of matrices that hold the very numbers that a trained matrix of an earlier training ended
    with, as a trunk does that is loaded from a state.

    Args:
        named: Parameters of a model that is about to be trained.
        earlier: What was seen of the trainings before.
    """
    ended: dict[torch.Size, list[torch.Tensor]] = {}
    for record in earlier:
        for _, p in record.parameters() if record.count else ():
            ended.setdefault(p.shape, []).append(p.detach())
    return frozenset(
        name
        for name, p in named
        if p.ndim >= 2 and p.numel() > 1
        if any(old.device == p.device and torch.equal(old, p.detach()) for old in ended.get(p.shape, ()))
    )


def tensors_of(optimizer: Optimizer) -> set[int]:
    """Identities of the tensors that an optimizer updates."""
    return {id(p) for group in optimizer.param_groups for p in group["params"]}


def optimizers_alive() -> list[Optimizer]:
    """Return all optimizers that were made and are still there.

    >>> made = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    >>> any(each is made for each in optimizers_alive())
    True
    """
    # By the type, since asking an object for its class may run code of its own.
    found = [each for each in gc.get_objects() if issubclass(type(each), Optimizer)]
    return [each for each in found if not wraps(each)]


def wraps(optimizer: Optimizer) -> bool:
    """Whether an optimizer only passes on to another one, as those of Lightning and Accelerate do.

    Args:
        optimizer: Any; the one inside is watched in its place.
    """
    held = vars(optimizer)
    inside = any(isinstance(each, Optimizer) for each in held.values())
    return inside or "_optimizer_step_pre_hooks" not in held
