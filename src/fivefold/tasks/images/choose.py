"""The choice under a budget: which network, at which resolution, for how many passes.

Nothing is guessed from tables of other machines: each candidate's seconds a picture are measured here, those
that could see the pictures a few times within the budget are trained for a fraction of it, with complete
schedules, and judged on pictures that none of them learns from. The best and the next larger one (larger
networks gain more from longer training) are trained three times as long; the smallest forecast error wins.
Random changes of the pictures are then tried on the winner.
"""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from fivefold.core import Clock
from fivefold.tasks.images.candidate import (
    Candidate,
    menu,
    resolutions,
    spread_in_cost,
    within_memory,
)
from fivefold.tasks.images.forecast import Forecast, forecast_error
from fivefold.tasks.images.material import Material, part_of
from fivefold.tasks.images.pace import answering_pace, training_layout, training_pace
from fivefold.tasks.images.recipe import (
    Recipe,
    batch_for,
    outputs,
    pictures_measured,
    recipe_for,
    train_network,
)
from fivefold.tasks.images.transfer import DEPTHS, Origin, Start, begin, candidate_for
from fivefold.tasks.standard_error import standard_error
from fivefold.tasks.temperature import tempered_losses

Progress = Callable[[str, dict[str, object]], None]
_CHOICE = 0.2
"""Share of the budget that the short trainings are planned to take."""
_AROUND = 1.5
"""They may take so many times that, for what is around a training: making the network, judging it."""
_LONGER = 3.0
"""A training of the second round is so many times as long as one of the first."""
_CHANGES = {"unchanged": (False, False), "moved": (True, False), "moved and mirrored": (True, True)}
"""Random changes of pictures that are tried: whether they are moved, whether mirrored."""
_CHANGE_FROM, _MOST_PASSES, _LEAST_CHANGED = 4, 30, 100
"""Passes from which changes are tried, most passes of such a trial, and fewest pictures."""
_JUDGED = 2_000
"""Held-out pictures that judge a short training."""
_PASSES = (5.0, 12.0, 30.0, 75.0)
"""Passes over the pictures that candidates should be able to make."""
_SAFETY = 0.95
_LEAST = 64
"""Pictures that the training sees, whatever the budget."""


@dataclass(eq=False)
class Trial:
    """A candidate in its short trainings, and what came of them.

    Attributes:
        candidate: What was trained.
        pace: Seconds a picture in training, measured over a few updates.
        seen: Pictures of each of its trainings.
        errors: Share of wrong answers on held-out pictures after each.
        losses: Log loss there, after the best temperature.
        error: Standard error of the last loss.
        seconds: Spent on it.
        taken: Whether the network, or the change of its pictures, is the one of the plan.
        reason: Why it was not taken, or a change was; empty for the network that was.
        changes: What was done to the pictures, in words; empty for nothing.
        origin: The trained network that it begins with, or ``None``.
        spent: Seconds of each training, without making the network and without judging it.
        judged: Held-out pictures that ``errors`` are shares of.
        layout: How pictures lie in memory in its trainings.
    """

    candidate: Candidate
    pace: float
    seen: list[float] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    error: float = math.nan
    seconds: float = 0.0
    taken: bool = False
    reason: str = ""
    changes: str = ""
    origin: Origin | None = None
    spent: list[float] = field(default_factory=list)
    judged: int = 1
    layout: str = "contiguous"

    @property
    def name(self) -> str:
        """The candidate's, what of it is trained, and what was done to the pictures."""
        parts = [self.candidate.name, self.origin.depth if self.origin else "", self.changes]
        return ", ".join(part for part in parts if part)

    @property
    def trained_pace(self) -> float:
        """Seconds a picture in the quickest of its trainings, ``pace`` where it had none."""
        return min((s / n for s, n in zip(self.spent, self.seen, strict=False)), default=self.pace)

    def forecast(self, pictures: float) -> Forecast:
        """Return the error to expect of a training that sees so many pictures, repeats counted."""
        both = (self.seen[0], self.seen[-1]), (self.errors[0], self.errors[-1])
        return forecast_error(*both, max(pictures, 1.0), self.judged)

    def forecast_within(self, seconds: float, pictures: int) -> Forecast:
        """Return the error to expect where the recipe for so many training pictures may take the seconds."""
        recipe = recipe_for(self.candidate, pictures, seconds / self.trained_pace)
        return self.forecast(recipe.epochs * recipe.pictures)


@dataclass(frozen=True, eq=False)
class Choice:
    """What is to be trained, and what is expected of it.

    Attributes:
        candidate: The network.
        recipe: How it is trained.
        trials: Every short training.
        seconds: That the training is expected to take.
        error: The share of wrong answers that is expected; ``None`` where no network could be tried.
        layout: How pictures are to lie in memory.
        origin: The trained network that the training begins with, or ``None``.
    """

    candidate: Candidate
    recipe: Recipe
    trials: list[Trial]
    seconds: float
    error: Forecast | None
    layout: str = "contiguous"
    origin: Origin | None = None

    def to_record(self) -> dict[str, Any]:
        """Return the plan in plain values, from which a replay trains the same network."""
        return {
            "candidate": self.candidate.to_record(),
            "recipe": self.recipe.to_record(),
            "origin": None
            if self.origin is None
            else {
                "source": self.origin.start.source,
                "depth": self.origin.depth,
                "digest": self.origin.start.digest,
            },
            "forecast": {
                "seconds": self.seconds,
                **dict.fromkeys(("error", "low", "high")),
                **({} if self.error is None else asdict(self.error)),
            },
        }


def choose(
    material: Material,
    clock: Clock,
    seconds: float,
    seed: int,
    progress: Progress,
    start: Start | None = None,
    designed: Candidate | None = None,
) -> Choice:
    """Choose network and recipe.

    Args:
        material: The pictures.
        clock: Started with the fit.
        seconds: Budget of the whole fit.
        seed: Of everything random.
        progress: Told of every trial.
        designed: What a search found; it is tried beside the others.
        start: A trained network; then how much of it is trained is tried beside two networks from nothing.
    """
    offered = menu(material.images.sizes, material.classes, material.channels)
    batch = batch_for(len(material.train))
    offered = within_memory(offered, material.classes, material.channels, batch)
    left = max(seconds - clock.elapsed, 0.2 * seconds)
    final = (1 - _CHOICE) * left
    # how fast this machine is, from the second cheapest network: the cheapest is mostly overhead
    probe, cost = offered[min(1, len(offered) - 1)]
    affordable = final * cost / (_paced(probe, material, seed, None).pace * len(material.train))
    passes = _PASSES if start is None else _PASSES[1:3]
    trials = [_paced(c, material, seed, None) for c in spread_in_cost(offered, affordable, passes)]
    if designed is not None:
        within_memory([(designed, 0)], material.classes, material.channels, batch)
        trials.append(_paced(designed, material, seed, None))
    if start is not None:
        sizes = resolutions(material.images.sizes)
        candidate = candidate_for(start, sizes, affordable, _PASSES[1], classes=material.classes, batch=batch)
        trials += [_paced(candidate, material, seed, Origin(start, depth)) for depth in DEPTHS]
    short = _CHOICE * left / (len(trials) + (2 + len(_CHANGES)) * _LONGER)
    tried = _Trials(material, seed, progress, clock, clock.elapsed + _AROUND * _CHOICE * left)
    tried.round(trials, short)
    known = [t for t in trials if t.losses]
    if not known:
        # nothing can be tried within the budget: the quickest is trained, and no accuracy is forecast
        taken = min(trials, key=lambda t: t.pace)
        taken.taken, taken.reason = True, ""
        return _planned(taken, trials, material, clock, seconds, seed, "")
    best = min(known, key=lambda t: t.losses[-1])
    larger = [t for t in known if t.pace > best.pace]
    longer = [best, *([min(larger, key=lambda t: t.pace)] if larger else [])]
    tried.round(longer, short * _LONGER)
    count = len(material.train)
    taken = min(longer, key=lambda t: t.forecast_within(final, count).error)
    taken.taken = True
    for trial in trials:
        if trial is not taken:
            trial.reason = trial.reason or _why_not(trial, taken, (final, count), trial in longer)
    changes, changed = _best_changes(taken, tried, short * _LONGER, final)
    return _planned(taken, [*trials, *changed], material, clock, seconds, seed, changes)


@dataclass(frozen=True, eq=False)
class _Trials:
    """What every short training needs, and the time on the clock at which the last of them ends."""

    material: Material
    seed: int
    progress: Progress
    clock: Clock
    until: float

    def share(self, count: int, seconds: float) -> float:
        """Seconds for each of so many trainings: those planned, or an equal part of what is left."""
        return min(seconds, max(self.until - self.clock.elapsed, 0.0) / count)

    def round(self, trials: list[Trial], seconds: float, epochs: int | None = None) -> None:
        """Train each for so many seconds, less where the time does not suffice, and judge it."""
        for place, trial in enumerate(trials):
            share = self.share(len(trials) - place, seconds)
            _try(trial, self.material, self.seed, self.progress, share, epochs)


def _best_changes(taken: Trial, tried: _Trials, seconds: float, final: float) -> tuple[str, list[Trial]]:
    """Try random changes of the pictures, where pictures will come again often enough for them to matter.

    Each trial makes as many passes as the final training will, over fewer pictures, as far as enough of them
    can be shown so often: what a change does in one pass says nothing of what it does in twenty.
    """
    count = len(tried.material.train)
    least = min(count, max(_LEAST_CHANGED, 30 * tried.material.classes))  # fewer would say nothing
    seconds = tried.share(len(_CHANGES), seconds)
    pace = taken.trained_pace
    epochs = min(_MOST_PASSES, int(final / pace / count), int(seconds / pace / least))
    if epochs < _CHANGE_FROM:
        return "", []
    trials = [
        Trial(taken.candidate, pace, changes=name, origin=taken.origin, layout=taken.layout)
        for name in _CHANGES
    ]
    tried.round(trials, seconds, epochs)
    if not all(t.losses for t in trials):
        for trial in trials:
            trial.reason = trial.reason or "not compared: the time did not suffice for all changes"
        return "", trials
    best = min(trials, key=lambda t: t.losses[-1])
    for trial in trials:
        trial.taken = trial is best
        which = "taken for" if trial.taken else "not taken:"
        trial.reason = (
            f"{which} its loss of {trial.losses[-1]:.3f} after {epochs} passes over "
            f"{trial.seen[-1] / epochs:,.0f} pictures"
        )
    return best.changes, trials


def _paced(candidate: Candidate, material: Material, seed: int, origin: Origin | None) -> Trial:
    start = time.perf_counter()
    pictures, _, _ = material.pictures(candidate.height, candidate.width)
    recipe = recipe_for(candidate, len(pictures), float(len(pictures)))
    module = begin(candidate, pictures, material.classes, seed, origin)
    labels = material.labels(material.train)
    layout = training_layout(module, recipe, pictures, labels, seed)
    pace = training_pace(module, recipe, pictures, labels, seed, layout)
    return Trial(candidate, pace, seconds=time.perf_counter() - start, origin=origin, layout=layout)


def _try(
    trial: Trial,
    material: Material,
    seed: int,
    progress: Progress,
    seconds: float,
    epochs: int | None = None,
) -> None:
    """Train a candidate for so many seconds and judge it; one that would see too little is not trained."""
    progress("trial", {"method": trial.name, "seconds": seconds})
    pictures, held, _ = material.pictures(trial.candidate.height, trial.candidate.width)
    labels = material.images.labels
    shift, flip = _CHANGES.get(trial.changes, (False, False))
    seen = seconds / trial.pace
    recipe = recipe_for(
        trial.candidate,
        len(pictures),
        seen,
        shift=shift,
        flip=flip,
        epochs=epochs,
        factor=_factor(trial.origin),
    )
    if recipe.epochs * recipe.pictures < 4 * recipe.batch:
        if not trial.losses:
            trial.reason = (
                f"a picture takes {1000 * trial.pace:.3g} ms: {seconds:.2g} s show it {seen:.0f} of them"
            )
        return
    start = time.perf_counter()
    rows = part_of(len(pictures), recipe.pictures, labels[material.train], seed, "trial")
    module = begin(trial.candidate, pictures, material.classes, seed, trial.origin)
    chosen = pictures[torch.from_numpy(rows)]
    training = train_network(
        module, recipe, chosen, material.labels(material.train[rows]), seed, trial.layout
    )
    trial.spent.append(training.seconds)
    judged = part_of(len(held), _JUDGED, labels[material.held], seed, "judged")
    found = outputs(module, held[torch.from_numpy(judged)])
    _judge(trial, recipe, found, material.labels(material.held[judged]))
    trial.seconds += time.perf_counter() - start


def _judge(trial: Trial, recipe: Recipe, found: Tensor, labels: Tensor) -> None:
    wrong = (found.argmax(1) != labels).double()
    trial.judged = len(wrong)
    losses = tempered_losses(found.numpy(), labels.numpy())
    trial.seen.append(float(recipe.epochs * recipe.pictures))
    trial.errors.append(float(wrong.mean()))
    trial.losses.append(float(losses.mean()))
    trial.error = standard_error(losses)


def _factor(origin: Origin | None) -> float:
    return 1.0 if origin is None else origin.factor


def _why_not(trial: Trial, taken: Trial, final: tuple[float, int], longer: bool) -> str:
    if not trial.losses:
        return "not tried"
    own, best = (each.forecast_within(*final).error for each in (trial, taken))
    if longer:
        return f"forecast to be wrong in {own:.1%}, the one taken in {best:.1%}"
    return f"a loss of {trial.losses[-1]:.3f} after its short training, the best had a smaller one"


def _planned(
    taken: Trial,
    trials: list[Trial],
    material: Material,
    clock: Clock,
    seconds: float,
    seed: int,
    changes: str,
) -> Choice:
    """Turn what is left of the budget into a number of pictures, no fewer than a short training saw."""
    candidate = taken.candidate
    shift, flip = _CHANGES.get(changes, (False, False))
    pictures, held, test = material.pictures(candidate.height, candidate.width)
    module = begin(candidate, pictures, material.classes, seed, taken.origin)
    # held-out pictures are answered as they are and, where mirroring was trained, both ways; test ones so
    passes = len(held) * (3 if flip else 1) + len(test) * (2 if flip else 1)
    answer = answering_pace(module, pictures)
    answers = answer * passes
    factor = _factor(taken.origin)
    pace = taken.trained_pace * _slower(trials, changes)
    # the statistics of normalisation, measured at the end of a training, are answers in training mode
    spare = _SAFETY * (seconds - clock.elapsed - answers)
    spare -= answer * pictures_measured(spare / pace, len(pictures))
    least = max([*taken.seen, float(_LEAST)])
    recipe = recipe_for(
        candidate, len(pictures), max(spare / pace, least), shift=shift, flip=flip, factor=factor
    )
    seen = recipe.epochs * recipe.pictures
    takes = seen * pace + answer * pictures_measured(seen, recipe.pictures) + answers
    error = taken.forecast(seen) if taken.losses else None
    return Choice(candidate, recipe, trials, takes, error, taken.layout, taken.origin)


def _slower(trials: list[Trial], changes: str) -> float:
    """By how much random changes slow a training: they are tried in small batches, which take longer."""
    paces = {t.changes: t.trained_pace for t in trials if t.changes}
    return max(paces[changes] / paces["unchanged"], 1.0) if changes else 1.0
