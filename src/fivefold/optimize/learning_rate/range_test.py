"""The learning rates worth taking, as an interval: short trainings at many rates, beside the curvature."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from fivefold.core import Certificate, Kind, Status, child_seed, require
from fivefold.optimize.learning_rate.rate_probe import RateProbe
from fivefold.optimize.learning_rate.rate_race import RateRace
from fivefold.optimize.learning_rate.stability_limit import StabilityLimit, stability_edge, stability_limit
from fivefold.optimize.training.data import Rows, open_rows
from fivefold.optimize.training.losses import LossFunction, find_loss
from fivefold.optimize.training.optimizers import OptimizerFactory
from fivefold.optimize.training.random_states import SideStream

WIDTH = 4.0
"""Highest over lowest rate of the answer."""
_WARM_STEPS = 10


@dataclass(frozen=True, eq=False, slots=True)
class RateRange:
    """The learning rates between which the best fixed one lies.

    Args:
        low: Lower end.
        high: Upper end, four times ``low``.
        suggestion: The middle on a logarithmic scale.
        curvature_limit: Largest stable rate by the preconditioned curvature at the start; ``None`` where the
            optimizer has no known limit or the curvature is not finite.
        status: ``CONVERGED`` where the probes have a minimum inside the tried rates; ``STALLED`` where the
            best is at an end of them; ``DIVERGED`` where no rate lowered the loss.
        history: ``coarse_rate`` and ``coarse_loss`` of the short probes; ``rate`` [R], ascending,
            ``half_loss`` and ``loss`` [R] of the long ones: means over the last epoch, infinite where one
            blew up, NaN where it was not run so far.
        cost: Updates made, in units of the planned training's.
        certificates: The bracket and the stability at the suggestion, as indicators.
    """

    low: float
    high: float
    suggestion: float
    curvature_limit: float | None
    status: Status
    history: dict[str, Tensor]
    cost: float
    certificates: tuple[Certificate, ...]


def range_test(
    module: nn.Module,
    data: Any,
    *,
    loss: str | LossFunction,
    optimizer: str | OptimizerFactory = "adamw",
    epochs: int = 10,
    batch_size: int = 256,
    weight_decay: float = 0.0,
    rates: tuple[float, float] | None = None,
    share: float = 1.0,
    repeats: int = 3,
    seed: int = 0,
) -> RateRange:
    r"""Find the interval that holds the best fixed learning rate of a training.

    Short trainings from the present weights, which all meet the same batches, find the region on a grid of
    factor 2 around the curvature's limit; nine rates of factor 1.5 around it are then trained half as long as
    planned, and the best seven to the end. Logarithms of the losses of the last fifth of the epochs are
    averaged, also over neighbouring rates, so that neither an early spike nor one lucky run decides; the
    answer is the interval that most likely holds the lowest. Three orders of the rows are averaged, because
    one order's best rate may not be another's: about as much as 26 trainings, or ten with ``repeats=1``
    (``cost`` says it); ``share`` makes it cheaper too.

    .. math:: [\hat\eta / 2,\; 2 \hat\eta], \qquad
              \eta^* = \text{edge} / \lambda_{\max}(P^{-1/2} H P^{-1/2})

    The module, its buffers, gradients and modes, the loader's generators and the global generators of torch,
    NumPy and Python stay as they were: the probes run on copies. A sampler or dataset that counts its own
    calls cannot be put back.

    Source: Smith 2017, "Cyclical learning rates for training neural networks", WACV, for the question;
    Jamieson and Talwalkar 2016, "Non-stochastic best arm identification", AISTATS, for the halving; Cohen et
    al. 2022, arXiv 2207.14484, for the limit.

    Args:
        module: Not changed.
        data: As :func:`fivefold.optimize.train` takes it.
        loss: A name, or ``loss(output, *targets)``.
        optimizer: A name, or a function of groups.
        epochs: Planned passes over the rows, at least 1; the best rate depends on them.
        batch_size: Rows per update, at least 1; the best rate depends on it.
        weight_decay: At least 0, as in ``train``.
        rates: Lowest and highest rate to try; by default around the curvature's limit.
        share: How much of the planned training the last probes make, in (0, 1]; less is cheaper, and
            overrates high rates.
        repeats: Orders of the rows, and seeds of dropout, that each of the longer probes meets; at least 1.
        seed: Of the probes.

    Returns:
        The interval, with what it rests on.

    Raises:
        ArgumentError: A number out of its range, an unknown name, no trainable parameters, or a module that
            cannot be copied.

    >>> X = torch.linspace(-1, 1, 64)[:, None]
    >>> found = range_test(nn.Linear(1, 1), (X, 3 * X + 1), loss="squared", optimizer="sgd", batch_size=16)
    >>> round(found.high / found.low, 6), found.status.value
    (4.0, 'converged')
    """
    require(epochs >= 1, "at least 1 epoch", epochs)
    require(batch_size >= 1, "a batch of at least 1 row", batch_size)
    require(0 <= weight_decay < math.inf, "a weight decay of at least 0", weight_decay)
    require(0 < share <= 1, "a share of the training in (0, 1]", share)
    require(repeats >= 1, "at least 1 seed of the probes", repeats)
    require(
        rates is None or 0 < rates[0] < rates[1] < math.inf, "rates (low, high) with 0 < low < high", rates
    )
    parameters = [p for p in module.parameters() if p.requires_grad]
    require(bool(parameters), "a module with trainable parameters", "none")
    device = parameters[0].device
    function = find_loss(loss)
    with _unchanged(data, device, seed):
        rows = open_rows(data, batch_size, device, seed=seed)

        def probe(rate: float, repeat: int) -> RateProbe:
            return RateProbe(
                module, rows, function, optimizer, rate,
                weight_decay=weight_decay, seed=child_seed(seed, "range test", repeat),
            )  # fmt: skip

        limit = _limit_at_start(probe, rows, function, seed)
        race = RateRace(probe, rows.batches, max(8, round(share * epochs * rows.batches)), repeats, WIDTH)
        race.run(_coarse(limit, rates, race.probe(1.0, 0).optimizer), rates)
    return _answer(race, limit, epochs * rows.batches)


@contextmanager
def _unchanged(data: Any, device: torch.device, seed: int) -> Iterator[None]:
    """Leave every generator that reading rows or dropout may draw from as it was."""
    loaders = [data] if isinstance(data, DataLoader) else []
    own = [g for each in loaders for g in (each.generator, getattr(each.sampler, "generator", None))]
    kept = [(g, g.get_state()) for g in own if isinstance(g, torch.Generator)]
    cuda = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    try:
        with SideStream(child_seed(seed, "range test", "global")).drawing():
            yield
    finally:
        for generator, state in kept:
            generator.set_state(state)
        if cuda is not None:
            torch.cuda.set_rng_state(cuda, device)


def _limit_at_start(
    probe: Callable[[float, int], RateProbe], rows: Rows, loss: LossFunction, seed: int
) -> StabilityLimit | None:
    """The stability limit at the present weights, its preconditioner warmed up by steps that hardly move."""
    made = probe(1e-9, 0)
    if stability_edge(made.optimizer) is None:
        return None
    if not isinstance(made.optimizer, torch.optim.SGD):
        made.advance(_WARM_STEPS)
    try:
        return stability_limit(made.module, loss, next(iter(rows.pieces(1))), made.optimizer, seed=seed)
    except RuntimeError:  # an operation without a second derivative
        return None


def _coarse(
    limit: StabilityLimit | None, rates: tuple[float, float] | None, optimizer: Optimizer
) -> list[float]:
    """The first grid, of factor 2: what the user gave, or what the curvature leaves."""
    if rates is None:
        known = limit is not None and math.isfinite(limit.rate)
        # above some times the limit at the start every training blows up; momenta of Adam's kind average
        # several gradients, so that their limit at fixed P lies far above the rates at which P keeps up
        above, below = (16.0, 256.0) if isinstance(optimizer, torch.optim.SGD) else (4.0, 4096.0)
        top = limit.rate if known and limit is not None else 1.0
        rates = (top / below, top * above) if known else (1e-5, 1.0)
    count = max(2, math.ceil(math.log(rates[1] / rates[0], 2) - 1e-9) + 1)
    ratio = (rates[1] / rates[0]) ** (1 / (count - 1))
    return [rates[0] * ratio**k for k in range(count)]


def _answer(race: RateRace, limit: StabilityLimit | None, planned: int) -> RateRange:
    half = math.sqrt(WIDTH)
    learned = race.lowest < race.first
    bracket = Certificate(
        "the best of the probed rates has worse ones on both sides",
        Kind.INDICATOR,
        race.inside and learned,
        assumptions=("the loss has one valley over the rates",),
        method="trainings at rates of factor 1.5, smoothed over three neighbours",
    )
    known = limit is not None and math.isfinite(limit.rate)
    rate = limit.rate if known and limit is not None else None
    stable = Certificate(
        "the suggested rate is stable on the quadratic model at the start",
        Kind.INDICATOR,
        None if rate is None else race.centre <= rate,
        bound=rate,
        value=race.centre,
        assumptions=("the curvature and the preconditioner stay as they are",),
        method="edge / largest eigenvalue of P^(-1/2) H P^(-1/2) on one batch, by Lanczos iteration",
    )
    status = Status.CONVERGED if race.inside else Status.STALLED
    return RateRange(
        race.centre / half,
        race.centre * half,
        race.centre,
        rate,
        status if learned else Status.DIVERGED,
        race.history,
        race.steps / planned,
        (bracket, stable),
    )
