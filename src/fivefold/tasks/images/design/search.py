"""``design``: find an architecture for given pictures within a budget."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fivefold.artifact.lock import locked
from fivefold.core import ArgumentError, ArtifactError, Budget, require
from fivefold.tasks.images.design.evolution import Searched, evolve
from fivefold.tasks.images.design.fitness import PictureFitness, TrialSettings
from fivefold.tasks.images.design.journal import Journal, read_identity
from fivefold.tasks.images.design.limits import Limits
from fivefold.tasks.images.design.parallel import Team, team
from fivefold.tasks.images.design.prepared import Prepared, prepare
from fivefold.tasks.images.design.presets import scaled
from fivefold.tasks.images.design.random_search import draw_at_random
from fivefold.tasks.images.design.result import DesignResult, pareto_front
from fivefold.tasks.images.design.space import SearchSpace, space_from_record
from fivefold.tasks.images.design.trial import Trial
from fivefold.tasks.images.design.trials import Trials
from fivefold.tasks.images.design.variation import Child
from fivefold.tasks.images.design.weight_store import WeightStore

STRATEGIES = ("evolution", "random")
_TRIALS = 100
"""Trials that a budget in seconds is cut for; early stopping makes them more."""
_UPDATES = 100
_FINALISTS, _FINALS = 4, 0.25
"""How many are trained longer at the end, and the share of the seconds that is kept back for it."""


class NothingTrainedError(ArgumentError):
    """A search ended before a network was trained."""


def design(
    pictures: NDArray[np.uint8],
    labels: NDArray[np.integer],
    *,
    budget: str | float | Budget = "10m",
    validation: float | tuple[NDArray[np.uint8], NDArray[np.integer]] = 0.2,
    groups: NDArray[np.integer] | None = None,
    limits: Limits | None = None,
    population: int = 10,
    seed: int = 0,
    resume_directory: str | os.PathLike[str] | None = None,
    space: SearchSpace | None = None,
    settings: TrialSettings | None = None,
    stop_share: float = 0.5,
    strategy: str = "evolution",
    progress: Callable[[Trial], None] | None = None,
) -> DesignResult:
    """Search for the architecture that classifies pictures best after a short training.

    Genomes are lists of residual, dense and pooling units; each is measured against the limits, trained for
    the same time as the others and judged on pictures held apart. Sun, Xue, Zhang and Yen 2020 (AE-CNN). A
    quarter of the seconds then trains the best four again, from first weights and longer: among many short
    trainings the best is the luckiest, and children of children have been trained longer than others.

    Under ``torchrun`` every process calls this with the same arguments and gets the same result; one genome
    at a time is trained by each.

    Args:
        pictures: uint8 [N, C, H, W].
        labels: [N], whole numbers in 0..K - 1.
        budget: What the search may spend: ``"10m"``, seconds, or a ``Budget`` whose steps are trials; with
            such, nothing is trained longer at the end. Seconds are exceeded by one trial at most, and count
            the runs before a resumption.
        validation: Share of each class that is held apart, or pictures and labels held apart already.
        groups: [N], the same code for pictures that the share must not divide, such as copies.
        limits: What a network may cost, as measured on this machine.
        population: Members, at least 2.
        seed: Of every decision. With ``TrialSettings(updates=...)`` the same seed gives the same history;
            seconds promise no bits, since the number of updates then depends on the machine.
        resume_directory: Where every trial is written as it ends; a search that was killed goes on from
            there to the same decisions. Without one nothing is kept.
        space: What is searched; by default scaled to pictures and seconds, see
            :func:`~fivefold.tasks.images.design.space.scaled`.
        settings: How each genome is trained; by default for a hundredth of the seconds, or 100 updates where
            the budget has none.
        stop_share: Share of earlier networks that a new one must beat at half of its training to go on, and
            at a quarter two thirds of that; 0 stops none.
        strategy: ``"evolution"``, or ``"random"``: the yardstick.
        progress: Called with each new trial.

    Returns:
        The best network and how it was found.

    Raises:
        DataError: Pictures or labels that cannot be searched on.
        ArgumentError: A number out of its range or an unknown strategy.
        NothingTrainedError: Limits or a budget that no network keeps; an ``ArgumentError``, too.
        ArtifactError: The journal is damaged or another search's, or another search is writing it.

    >>> rng = np.random.default_rng(0)
    >>> labels = np.arange(60) % 2
    >>> pictures = (rng.integers(0, 80, (60, 1, 8, 8)) + 150 * labels[:, None, None, None]).astype(np.uint8)
    >>> settings = TrialSettings(updates=8, batch_size=16)
    >>> found = design(pictures, labels, budget=Budget(steps=3), population=2, settings=settings)
    >>> len(found.history), found.status.value, found.best.updates
    (3, 'out of budget', 8)
    """
    require(strategy in STRATEGIES, f"a strategy among {', '.join(STRATEGIES)}", repr(strategy))
    require(population >= 2, "a population of at least 2", population)
    budget, limits = Budget.parse(budget), limits or Limits()
    limited = budget.seconds is not None or budget.steps is not None
    require(limited, "a budget of seconds or trials", "none", "give budget='10m'")
    data = prepare(pictures, labels, validation, seed=seed, groups=groups)
    folder = None if resume_directory is None else Path(resume_directory)
    with team() as processes, _alone(folder if processes.rank == 0 else None):
        known = processes.from_first(read_identity(folder) if processes.rank == 0 else None)
        settings = settings or _settings(budget, known)
        space = space or _space(data, settings, known)
        identity = {
            "seed": seed,
            "population": population,
            "strategy": strategy,
            "stop share": stop_share,
            "space": space.to_record(),
            "limits": asdict(limits),
            "settings": settings.to_record(),
            "pictures": _fingerprint(data),
        }
        with _shared(folder, processes) as place:
            store = WeightStore(None if place is None else place / "weights")
            fitness = PictureFitness(data, space, limits, settings, store, seed=seed)
            journal = Journal(folder if processes.rank == 0 else None, identity)
            records = processes.from_first([each.to_record() for each in journal.trials])
            journal.trials = [Trial.from_record(each) for each in records]
            kept = _FINALS if budget.steps is None else 0.0
            trials = Trials(fitness, journal, budget, kept_back=kept, team=processes, progress=progress)

            def forget(members: Sequence[Trial]) -> None:
                if processes.rank == 0:
                    store.keep({each.key for each in members} | trials.finals)
                processes.gather(None)  # nobody writes while files are deleted

            searched = (evolve if strategy == "evolution" else draw_at_random)(
                trials,
                space,
                population=population,
                seed=seed,
                stop_share=stop_share,
                after_generation=forget,
            )
            return _result(fitness, trials, searched, trials.again(_FINALISTS, fitness.longer), store)


def _settings(budget: Budget, known: dict[str, Any] | None) -> TrialSettings:
    """The settings of a journal, or a share of the budget for each trial."""
    if known is not None:
        found = dict(known.get("settings", {}))
        if found.pop("augment", None) is not None:
            raise ArgumentError("the settings of the journal", "none", "give settings=, with its augment")
        return TrialSettings(**found)
    if budget.seconds is None:
        return TrialSettings(updates=_UPDATES)
    return TrialSettings(seconds=budget.seconds / _TRIALS)


def _space(data: Prepared, settings: TrialSettings, known: dict[str, Any] | None) -> SearchSpace:
    """The space of a journal, or one that is scaled to the pictures and the seconds of a trial."""
    if known is not None:
        return space_from_record(known.get("space", {}))
    height, width = data.pictures.shape[2:]
    count, seconds = len(data.labels), settings.seconds
    if seconds is None:
        # as long as the updates would take that were given, each picture seen once in 10 seconds
        count, seconds = min(count, settings.batch_size * (settings.updates or 1)), 10.0
    threads = torch.get_num_threads()
    return scaled(height, width, pictures=count, seconds=seconds, threads=threads)


def _fingerprint(data: Prepared) -> str:
    """What tells these pictures from others."""
    digest = hashlib.sha256()
    for part in (data.pictures, data.labels, data.held, data.held_labels):
        digest.update(str(tuple(part.shape)).encode())
        digest.update(part.contiguous().numpy().tobytes())
    return digest.hexdigest()


@contextmanager
def _alone(folder: Path | None) -> Iterator[None]:
    """Keep other searches out of the folder of a journal, whose lines two of them would mix."""
    if folder is None:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder) as held:
        if held is False:
            fix = "wait for its end, or name another folder"
            raise ArtifactError("a folder in which no other search is at work", str(folder), fix)
        yield


@contextmanager
def _shared(folder: Path | None, processes: Team) -> Iterator[Path | None]:
    """Where weights lie: the folder of the journal, memory, or for several processes a temporary folder."""
    if folder is not None or processes.size == 1:
        yield folder
        return
    made = tempfile.TemporaryDirectory(prefix="design-") if processes.rank == 0 else None
    try:
        yield Path(processes.from_first(made.name if made is not None else None))
        processes.gather(None)  # until nobody reads any more
    finally:
        if made is not None:
            made.cleanup()


def _result(
    fitness: PictureFitness, trials: Trials, searched: Searched, finals: list[Trial], store: WeightStore
) -> DesignResult:
    judged = [each for each in trials.history if each.judged]
    if not judged:
        refused = trials.history[-1].reason if trials.history else "the budget allowed no trial"
        fix = "loosen the limits, allow more seconds, or give a space of smaller networks"
        raise NothingTrainedError("limits and a budget in which a network can be trained", refused, fix)
    best = max([each for each in finals if each.judged] or judged, key=lambda each: each.accuracy)
    state = store.read(best.key)
    if state is None:
        raise ArtifactError("the weights of the best network", "none", "take another folder and search anew")
    network = fitness.make(Child.orphan(best.genome))[0]
    network.load_state_dict(state)
    data = fitness.data
    return DesignResult(
        best=best,
        network=network.eval(),
        population=searched.population,
        front=pareto_front(judged),
        history=tuple(trials.history),
        finals=tuple(finals),
        status=searched.status,
        reason=searched.reason,
        generations=searched.generations,
        seconds=trials.elapsed,
        space=fitness.space,
        mean=data.mean.numpy(),
        std=data.std.numpy(),
        classes=data.classes,
    )
