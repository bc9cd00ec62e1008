"""How the learning rate goes over the course of a training."""

import math
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from fivefold.core import ArgumentError, require

SCHEDULES = ("constant", "cosine", "one-cycle", "linear", "step", "exponential", "plateau")
WARM_UP = "warm-up+"
_WARM = 0.05


def rate_multiplier(schedule: str | Callable[[float], float], progress: float) -> float:
    r"""Factor on the peak learning rate at a point t in [0, 1] of the training.

    ========== =====================================================================================
    constant   1
    cosine     min(1, t / 0.05) (1 + cos(pi t)) / 2, with a warm-up over the first twentieth because
               Adam's second moments are not yet known
    one-cycle  from 1/25 up to 1 at t = 0.3 and down to 0, both along a cosine
    linear     1 - t
    step       1, then 1/10 from t = 1/2, then 1/100 from t = 3/4
    exponential  1/100 to the power t
    plateau    1: the validation loss lowers it, see :class:`Schedule`
    ========== =====================================================================================

    ``"warm-up+NAME"`` multiplies any of them by min(1, t / 0.05).

    Source: Smith and Topin 2018, "Super-convergence"; Loshchilov and Hutter 2017, "SGDR"; He, Zhang, Ren and
    Sun 2016 for the steps. The curves are PyTorch's, over progress instead of counted steps.

    Args:
        schedule: A name, or a function of the progress.
        progress: t in [0, 1], the share of the planned steps that is done.

    Returns:
        The factor, at least 0.

    Raises:
        ArgumentError: No such schedule (the error names the nearest).

    >>> [round(rate_multiplier("one-cycle", t), 3) for t in (0.0, 0.3, 1.0)]
    [0.04, 1.0, 0.0]
    >>> [round(rate_multiplier("warm-up+step", t), 3) for t in (0.025, 0.4, 0.6, 0.9)]
    [0.5, 1.0, 0.1, 0.01]
    """
    return float(rate_curve(schedule)(progress))


def rate_curve(schedule: str | Callable[[float], float]) -> Callable[[float], float]:
    """The factor as a function of the progress, looked up once for a whole training.

    Args:
        schedule: As for :func:`rate_multiplier`.

    Raises:
        ArgumentError: No such schedule (the error names the nearest).

    >>> rate_curve("linear")(0.25)
    0.75
    """
    if callable(schedule):
        return schedule
    name = schedule.removeprefix(WARM_UP)
    if name not in SCHEDULES:
        near = get_close_matches(name.lower(), SCHEDULES, n=1, cutoff=0.0)[0]
        expected = f"a schedule among {', '.join(SCHEDULES)}, one after {WARM_UP!r}, or a function"
        raise ArgumentError(expected, repr(schedule), f"the nearest is {near!r}")
    curve = _CURVES[name]
    # the cosine has its warm-up already
    return curve if name in (schedule, "cosine") else lambda t: curve(t) * _warm(t)


def _constant(t: float) -> float:
    del t  # "plateau" goes by the losses alone
    return 1.0


def _cosine(t: float) -> float:
    # _warm(t) * _fall(t), written out: one call in every step of a training
    return min(1.0, max(t, 1e-3) / _WARM) * (0.5 * (1.0 + math.cos(math.pi * min(1.0, t))))


def _one_cycle(t: float) -> float:
    return 0.04 + 0.96 * (1.0 - _fall(t / 0.3)) if t < 0.3 else _fall((t - 0.3) / 0.7)


def _linear(t: float) -> float:
    return max(0.0, 1.0 - t)


def _steps(t: float) -> float:
    return 1.0 if t < 0.5 else 0.1 if t < 0.75 else 0.01


def _exponential(t: float) -> float:
    return float(0.01**t)


def _warm(t: float) -> float:
    """From nearly 0 (a first step of exactly 0 would be lost) to 1 at a twentieth."""
    return min(1.0, max(t, 1e-3) / _WARM)


def _fall(t: float) -> float:
    """From 1 at t = 0 to 0 at t = 1 along a cosine."""
    return 0.5 * (1.0 + math.cos(math.pi * min(1.0, t)))


_CURVES: dict[str, Callable[[float], float]] = {
    "constant": _constant,
    "cosine": _cosine,
    "one-cycle": _one_cycle,
    "linear": _linear,
    "step": _steps,
    "exponential": _exponential,
    "plateau": _constant,
}


class Schedule:
    r"""A schedule at work on an optimizer: one call after each update, one after each validation.

    The rate is the group's own rate times :func:`rate_multiplier` times, for ``"plateau"``, the factor that
    the validation loss left: 1/10 after each ``patience`` validations in a row without improvement by 1e-4 of
    the best (PyTorch's ``ReduceLROnPlateau``).

    Args:
        schedule: A name of ``SCHEDULES``, perhaps after ``"warm-up+"``, or a function of the progress.
        optimizer: Its groups' rates become the peaks.
        total: Planned updates, at least 1.
        patience: Validations without improvement that ``"plateau"`` bears, at least 0.

    Raises:
        ArgumentError: No such schedule, or a number out of its range.

    >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.4)
    >>> schedule = Schedule("plateau", optimizer, 100, patience=1)
    >>> for loss in (1.0, 1.0, 1.0):
    ...     schedule.observe(loss)
    >>> round(schedule.rate, 6)
    0.04
    """

    def __init__(
        self,
        schedule: str | Callable[[float], float],
        optimizer: Optimizer,
        total: int,
        *,
        patience: int = 5,
    ) -> None:
        require(total >= 1, "at least 1 planned update", total)
        require(patience >= 0, "a patience of at least 0 validations", patience)
        self._curve, self._optimizer, self._total = rate_curve(schedule), optimizer, total
        self._peaks = [float(group["lr"]) for group in optimizer.param_groups]
        self._done = 0
        self.waits = isinstance(schedule, str) and schedule.removeprefix(WARM_UP) == "plateau"
        # PyTorch's rule lowers the rate of an optimizer; this one holds nothing but the factor
        self._factor = torch.optim.SGD([torch.zeros(1)], lr=1.0)
        self._plateau = ReduceLROnPlateau(self._factor, factor=0.1, patience=patience, threshold=1e-4)
        self._apply()

    @property
    def rate(self) -> float:
        """The first group's rate of the next update."""
        return float(self._optimizer.param_groups[0]["lr"])

    def step(self) -> None:
        """Go on by one update."""
        self._done += 1
        self._apply()

    def observe(self, loss: float) -> None:
        """Hear of a validation loss; only ``"plateau"`` does anything with it."""
        if self.waits:
            self._plateau.step(loss)
            self._apply()

    def _apply(self) -> None:
        factor = float(self._curve(self._done / self._total))
        if self.waits:
            factor *= float(self._factor.param_groups[0]["lr"])
        for group, peak in zip(self._optimizer.param_groups, self._peaks, strict=True):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(peak * factor)
            else:
                group["lr"] = peak * factor

    def state_dict(self) -> dict[str, Any]:
        """Numbers from which an equal schedule goes on."""
        return {
            "done": self._done,
            "peaks": list(self._peaks),
            "factor": float(self._factor.param_groups[0]["lr"]),
            "best": float(self._plateau.best),
            "idle": int(self._plateau.num_bad_epochs),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from saved numbers.

        Raises:
            ArgumentError: The state belongs to an optimizer with another number of groups.
        """
        groups = len(self._optimizer.param_groups)
        require(len(state["peaks"]) == groups, f"a state of {groups} groups", len(state["peaks"]))
        self._done, self._peaks = int(state["done"]), [float(peak) for peak in state["peaks"]]
        self._factor.param_groups[0]["lr"] = float(state["factor"])
        self._plateau.best, self._plateau.num_bad_epochs = float(state["best"]), int(state["idle"])
        self._apply()
