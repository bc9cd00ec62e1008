"""Schedulers of torch that move the rates of the optimizers under observation."""

import gc
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler


@dataclass(frozen=True, slots=True)
class Schedule:
    """A scheduler of torch that moves an optimizer's rate.

    Attributes:
        kind: Its class, as ``"OneCycleLR"``.
        settings: Its plain numbers by name (``total_steps``, ``T_max``, ``gamma`` ...), and ``base_rate``
            where all groups begin with one.
        taken: Steps that it has made.
    """

    kind: str
    settings: dict[str, float]
    taken: int


def scheduled(optimizer: Optimizer) -> bool:
    """Whether a scheduler was made for an optimizer: all but ReduceLROnPlateau leave the first rate in every
    group.
    """
    return any("initial_lr" in group for group in optimizer.param_groups)


def schedulers_of(optimizers: Iterable[Optimizer]) -> list[LRScheduler]:
    """Return the schedulers of these optimizers, without those that another one moves.

    All objects that Python tracks are gone through (some 20 ms), since an optimizer does not know its
    schedulers: it is asked where one was made (:func:`scheduled`), or a rate is another than before.

    Args:
        optimizers: Any.
    """
    wanted = {id(o) for o in optimizers}
    # By the type, since asking an object for its class may run code of its own; each type is asked once.
    every = gc.get_objects()
    kinds = {kind for kind in set(map(type, every)) if issubclass(kind, LRScheduler)}
    found = [each for each in every if type(each) in kinds]
    mine = [each for each in found if id(vars(each).get("optimizer")) in wanted]
    moved = {id(inner) for each in mine for inner in vars(each).get("_schedulers", ())}
    return [each for each in mine if id(each) not in moved]


def described(scheduler: LRScheduler) -> Schedule:
    """Return what a scheduler was made for, and how many steps it has made so far.

    Args:
        scheduler: Any of torch's kind.
    """
    held: dict[str, Any] = vars(scheduler)
    settings: dict[str, float] = {}
    for key, value in held.items():
        if key.startswith("_") or key in {"last_epoch", "verbose"}:
            continue
        if isinstance(value, bool | int | float) and math.isfinite(value):
            settings[key] = float(value)
    if held.get("milestones"):
        settings["first_milestone"] = float(min(held["milestones"]))
    base = held.get("base_lrs")
    if isinstance(base, list) and base and all(isinstance(b, float) and b == base[0] for b in base):
        settings["base_rate"] = base[0]
    return Schedule(type(scheduler).__name__, settings, int(held.get("last_epoch", 0)))
