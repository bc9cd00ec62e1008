"""Fitness of a genome: a short training, judged on pictures held apart."""

import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from fivefold.core import Status, child_seed, numpy_generator, require, torch_generator
from fivefold.optimize import Callback, Moment, cross_entropy_loss, train
from fivefold.optimize.training.batch_gradient import Augmentation
from fivefold.optimize.training.data import Rows
from fivefold.optimize.training.evaluation import evaluate_rows, open_held_out
from fivefold.optimize.training.step_choices import set_layout
from fivefold.tasks.images.design.early_stopping import RUNGS, Bars
from fivefold.tasks.images.design.inheritance import inherit_
from fivefold.tasks.images.design.limits import Costs, Limits, lighter, measure_costs
from fivefold.tasks.images.design.phenotype import GenomeNetwork, build
from fivefold.tasks.images.design.prepared import PictureStream, Prepared, Stretches
from fivefold.tasks.images.design.space import SearchSpace
from fivefold.tasks.images.design.trial import Candidate, Ending, Trial
from fivefold.tasks.images.design.variation import Child
from fivefold.tasks.images.design.weight_store import WeightStore

_STRETCHES = 4
"""A training is cut into so many; :data:`RUNGS` are ends of some of them."""
_GLANCED = 500
"""Held-out pictures that judge a training on its way; all of them would cost as much as ten updates."""
_REPAIRS = 40


@dataclass(frozen=True, slots=True)
class TrialSettings:
    """How each genome is trained: all for the same seconds, or all for the same updates.

    Args:
        seconds: Of the updates of one training; as many are planned as fit by the measured milliseconds of
            one. A network that is twice as fast gets twice the updates.
        updates: The same number for all, up to the next multiple of four, after each quarter of which a
            network is judged; the same bits again, whatever the machine does beside. Exactly one of the
            two is given.
        batch_size: Pictures of an update, at least 1.
        learning_rate: Peak of AdamW's cosine, positive; high, since a few dozen to hundred updates must do.
        weight_decay: At least 0.
        augment: Random changes of a batch, see :mod:`fivefold.optimize.training.augmentation`.
        layout: ``"channels-last"`` or ``"contiguous"``.
        inherit: Whether children begin with their parents' weights.

    Raises:
        ArgumentError: Neither or both of seconds and updates, or a number out of its range.
    """

    seconds: float | None = None
    updates: int | None = None
    batch_size: int = 64
    learning_rate: float = 2e-2
    weight_decay: float = 1e-2
    augment: Augmentation | None = None
    layout: str = "channels-last"
    inherit: bool = True

    def __post_init__(self) -> None:
        one = (self.seconds is None) != (self.updates is None)
        require(one, "either seconds or updates", f"{self.seconds} and {self.updates}")
        require(self.seconds is None or self.seconds > 0, "positive seconds of a training", self.seconds)
        require(self.updates is None or self.updates >= 1, "at least 1 update", self.updates)
        require(self.batch_size >= 1, "a batch of at least 1 picture", self.batch_size)
        require(self.learning_rate > 0, "a positive learning rate", self.learning_rate)
        require(self.weight_decay >= 0, "a weight decay of at least 0", self.weight_decay)
        layouts = ("channels-last", "contiguous")
        require(self.layout in layouts, f"a layout among {', '.join(layouts)}", repr(self.layout))

    def to_record(self) -> dict[str, Any]:
        """Return a plain record: what must agree where a search goes on."""
        names = ("seconds", "updates", "batch_size", "learning_rate", "weight_decay", "layout", "inherit")
        augment = None if self.augment is None else repr(self.augment)
        return {**{name: getattr(self, name) for name in names}, "augment": augment}


def accuracy(output: Tensor, target: Tensor) -> Tensor:
    """Share of rows whose largest output is that of their class.

    >>> accuracy(torch.tensor([[0.0, 1.0], [0.0, 1.0]]), torch.tensor([1, 0])).item()
    0.5
    """
    return (output.argmax(1) == target).double().mean()


class PictureFitness:
    """Builds, measures, trains and judges genomes on pictures.

    A genome that exceeds the limits is lightened step by step until it keeps them, and refused where it never
    does or where what is left was tried before. Everything random in a trial comes from the search's seed and
    the key of the genome, so that a trial does not depend on those before it, except through the weights of
    its parents and the bars.

    Args:
        data: The pictures.
        space: Holds the genomes.
        limits: What a network may cost.
        settings: How it is trained.
        store: Keeps the weights of what was trained.
        seed: Of the search.
    """

    def __init__(
        self,
        data: Prepared,
        space: SearchSpace,
        limits: Limits,
        settings: TrialSettings,
        store: WeightStore,
        *,
        seed: int,
    ) -> None:
        self.data, self.space, self.limits = data, space, limits
        self.settings, self.store, self.seed = settings, store, seed
        self._held = open_held_out((data.held, data.held_labels), torch.device("cpu"))
        order = torch.randperm(len(data.held), generator=torch_generator(seed, "design", "glanced"))
        few = order[:_GLANCED]
        self._glanced = open_held_out((data.held[few], data.held_labels[few]), torch.device("cpu"))

    def __call__(self, candidate: Candidate, bars: Bars, tried: Collection[str]) -> Trial:
        """Try a candidate."""
        start = time.monotonic()
        child, costs, said = self._fitting(candidate.child, tried)
        trial = Trial(
            child.genome.key,
            candidate.key,
            candidate.generation,
            candidate.parents,
            child.mutation,
            Ending.REFUSED,
            said,
            0.0,
            parameters=costs.parameters,
            memory_bytes=costs.memory_bytes,
            latency_ms=costs.latency_ms,
            step_ms=costs.step_ms,
        )
        if not costs.verdict:
            network, inherited = self.make(child, trial.parents)
            updates = self._updates(costs.step_ms, self.settings.seconds)
            trial = self._trained(replace(trial, inherited=inherited), network, updates, bars)
        return replace(trial, seconds=time.monotonic() - start)

    def longer(self, trial: Trial, seconds: float) -> Trial:
        """Train the genome of a trial for so many seconds, from other first weights and to its end."""
        start = time.monotonic()
        network, _ = self.make(Child.orphan(trial.genome), purpose="final")
        fresh = replace(trial, parents=(), mutation="", inherited=0.0, reason="", curve=(), final=True)
        found = self._trained(fresh, network, self._updates(trial.step_ms, seconds), Bars())
        return replace(found, seconds=time.monotonic() - start)

    def make(
        self, child: Child, parents: tuple[str, ...] = (), *, purpose: str = "trial"
    ) -> tuple[GenomeNetwork, float]:
        """Build a child's network; return it and the share of its parameters taken from parents."""
        seed = child_seed(self.seed, "design", purpose, child.genome.key)
        channels = self.data.pictures.shape[1]
        generator = torch_generator(seed, "weights")
        network = build(
            child.genome, self.space, classes=self.data.classes, channels=channels, generator=generator
        )
        if not parents or not self.settings.inherit:
            return network, 0.0
        taken = inherit_(network, child.origins, [self.store.read(key) for key in parents])
        return network, taken / sum(p.numel() for p in network.parameters())

    def _fitting(self, child: Child, tried: Collection[str]) -> tuple[Child, Costs, str]:
        """The child, lightened until it keeps the limits; its costs, and what was wrong with it."""
        generator = numpy_generator(self.seed, "design", "repair", child.genome.key)
        said = ""
        for _ in range(_REPAIRS):
            costs = self._measure(child)
            if not costs.verdict:
                return child, costs, said
            said = said or costs.verdict
            light = lighter(self.space, child, generator)
            if light is None:
                return child, costs, f"{said}; nothing is left to take away"
            if light.genome.key in tried:
                return child, costs, f"{said}; lightened, it is one that was tried before"
            child = light
        return child, costs, f"{said}; still too dear after {_REPAIRS} steps"

    def _measure(self, child: Child) -> Costs:
        channels, height, width = self.data.pictures.shape[1:]
        smallest = (2**child.genome.pools - 1) * self.space.reduction + 1
        if min(height, width) < smallest:
            poolings = f"{child.genome.pools} poolings"
            return Costs(0, verdict=f"pictures of {height} x {width} do not pass {poolings}")
        size = min(self.settings.batch_size, len(self.data.labels))
        rows = torch.arange(size)
        counted = build(child.genome, self.space, classes=self.data.classes, channels=channels, device="meta")
        return measure_costs(
            self.make(child)[0],
            counted,
            self.data.normalised(rows),
            self.data.labels[:size],
            self.limits,
            seconds=self.settings.seconds,
            layout=self.settings.layout,
            seed=self.seed,
        )

    def _updates(self, step_ms: float | None, seconds: float | None) -> int:
        """How many updates a network is given."""
        if seconds is None or step_ms is None:
            return self.settings.updates or self.limits.least_updates
        return max(self.limits.least_updates, int(1000 * seconds / step_ms))

    def _trained(self, trial: Trial, network: GenomeNetwork, updates: int, bars: Bars) -> Trial:
        """Train a network, judge it, keep its weights."""
        settings = self.settings
        seed = child_seed(self.seed, "design", "final" if trial.final else "trial", trial.key)
        each = -(-updates // _STRETCHES)
        size = min(settings.batch_size, len(self.data.labels))
        batches = Stretches(len(self.data.labels), size, each, seed=seed)
        judge = _Judge(batches, self._glanced, bars, settings.layout)
        loader: DataLoader[Any] = DataLoader(
            PictureStream(self.data),
            batch_sampler=batches,  # type: ignore[arg-type]
            collate_fn=_as_it_is,
        )
        training = train(
            network,
            loader,
            loss="cross-entropy",
            epochs=_STRETCHES,
            learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
            augment=settings.augment,
            callbacks=[judge],
            layout=settings.layout,
            seed=seed,
        )
        changed = f"lightened ({trial.reason})" if trial.reason else ""
        common = replace(trial, updates=training.steps)
        if judge.stopped and training.status is not Status.DIVERGED:
            self.store.write(trial.key, network.state_dict())
            said = _join(changed, judge.stopped)
            curve = tuple(judge.curve)
            return replace(common, ending=Ending.STOPPED, accuracy=curve[-1], curve=curve, reason=said)
        set_layout(network, settings.layout)
        functions = [accuracy, cross_entropy_loss]
        right, loss = evaluate_rows(network, functions, self._held, layout=settings.layout)
        set_layout(network, "contiguous")
        if training.status is Status.DIVERGED or not loss.isfinite():
            return replace(common, ending=Ending.FAILED, accuracy=0.0, reason=training.reason)
        self.store.write(trial.key, network.state_dict())
        return replace(
            common,
            ending=Ending.TRAINED,
            accuracy=right.item(),
            loss=loss.item(),
            curve=(*judge.curve, right.item()),
            reason=_join(changed, "trained to the end"),
        )


class _Judge(Callback):
    """Moves the batches on, judges at the rungs, and stops what is below a bar."""

    def __init__(self, batches: Stretches, held: Rows, bars: Bars, layout: str) -> None:
        self.batches, self.held, self.bars, self.layout = batches, held, bars, layout
        self.curve: list[float] = []
        self.stopped = ""

    def on_epoch(self, moment: Moment) -> bool | None:
        """After each stretch."""
        self.batches.stretch = moment.epoch
        share = moment.epoch / _STRETCHES
        if share not in RUNGS:
            return None
        rung = len(self.curve)
        right = evaluate_rows(moment.module, [accuracy], self.held, layout=self.layout)[0].item()
        self.curve.append(right)
        if self.bars.stops(rung, right):
            bar = self.bars.heights[rung]
            self.stopped = f"stopped after {share:.0%}: {right:.3f} is below the bar of {bar:.3f}"
            return True
        return None


def _as_it_is(batch: Any) -> Any:
    return batch


def _join(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
