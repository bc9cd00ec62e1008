"""The verb ``fit`` for pictures: read, divide, choose under the budget, train, calibrate, test, report."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from fivefold.core import ArgumentError, ArtifactError, Budget, Clock, DataError, as_seed, require
from fivefold.optimize.training.verb import Training
from fivefold.tasks.class_record import softmax
from fivefold.tasks.folders import some
from fivefold.tasks.images.candidate import DESIGNED, Candidate, resolutions
from fivefold.tasks.images.choose import Choice, choose
from fivefold.tasks.images.design.search import NothingTrainedError
from fivefold.tasks.images.design.search import design as search_design
from fivefold.tasks.images.design.trial import Trial
from fivefold.tasks.images.duplicates import Duplicates, find_duplicates
from fivefold.tasks.images.forecast import Forecast
from fivefold.tasks.images.image_set import ImageSet
from fivefold.tasks.images.material import Material, divide, part_of
from fivefold.tasks.images.model import ImageModel
from fivefold.tasks.images.read import read_images
from fivefold.tasks.images.recipe import Recipe, outputs, train_network
from fivefold.tasks.images.transfer import DEPTHS, Origin, Start, begin, read_start
from fivefold.tasks.images.yardstick import Yardstick, fit_yardstick
from fivefold.tasks.prediction_sets import Sets
from fivefold.tasks.seconds import seconds_of
from fivefold.tasks.temperature import temperature_of, tempered_losses
from fivefold.tasks.threads import threads
from fivefold.tasks.user_path import source_name

Progress = Callable[[str, dict[str, object]], None]
Floats = npt.NDArray[np.float64]
_MOST_THREADS = 4096
_SEARCHED_SIDE = 32
"""Architectures are searched for at the resolution nearest to so many pixels."""


@dataclass(eq=False)
class Outcome:
    """Everything that came of a fit, for the record.

    Attributes:
        material: The pictures in three parts.
        duplicates: Copies among them.
        choice: What was chosen, and what was expected of it.
        training: How the training went.
        model: The answer.
        held, test: Scores ``[n, K]`` of the network, before the temperature.
        yardstick: What it is measured against.
        training_seconds: Of training and answering, to be compared with the forecast.
        seed, threads: Of the plan.
        warnings: What went another way than was asked for.
    """

    material: Material
    duplicates: Duplicates
    choice: Choice
    training: Training
    model: ImageModel
    held: Floats
    test: Floats
    yardstick: Yardstick
    training_seconds: float
    seed: int
    threads: int
    warnings: tuple[str, ...] = ()


def fit_images(
    data: str | Path | ImageSet,
    *,
    target: str | None = None,
    budget: str | float | Budget | None = "60s",
    seed: int = 0,
    weights: str | Path | None = None,
    architecture: str | None = None,
    design: str | float | Budget | None = None,
    design_directory: str | Path | None = None,
    replay: str | Path | None = None,
    progress: Progress | None = None,
) -> ImageModel:
    """Choose a network for pictures on evidence, train it within a budget, and say how sure its answers are.

    Args:
        data: A folder with a folder per class (below ``train`` and ``test`` where the source divides them), a
            folder of IDX files, an NPZ file, a table or data frame of paths, or an :class:`ImageSet`.
        target: The column of labels of a table of paths.
        budget: Seconds for everything, as ``"10m"`` or a number: what a network may cost is measured on this
            machine.
        seed: Of everything random; the same plan, seed, machine and threads give the same bits.
        weights: A trained network to start from: a folder that ``fit`` saved, or a checkpoint of ImageNet
            (safetensors, or of ``torch.save``). How much of it is trained is chosen by trials, beside
            networks that start from nothing.
        architecture: Of a checkpoint: a name out of ``fivefold.networks.names()``.
        design: Part of the budget that goes into a search for an architecture of residual, dense and pooling
            blocks, which is then tried beside the others; see
            :func:`~fivefold.tasks.images.design.search.design`.
        design_directory: Where the search writes its trials, and goes on from after a kill.
        replay: A saved model whose plan, seed and number of threads are followed: nothing is chosen, the same
            network is trained anew, and of the same pictures the same bits come.
        progress: ``progress(event, details)``.

    Returns:
        The model with its record and plan.

    Raises:
        DataError: Nothing that can be learnt from.
        ArgumentError: A budget that has no seconds, a design beside a replay, or classes, colour or weights
            that are not those of the plan.
        ArtifactError: A plan that cannot be followed.
    """
    alone = architecture is not None and weights is None
    require(
        not alone, "weights (--weights) beside an architecture", "none", "an architecture is of a checkpoint"
    )
    alone = design_directory is not None and design is None
    require(not alone, "a time (--design) beside the folder of a search (--design-dir)", "none")
    seconds = seconds_of(budget)
    clock = Clock(Budget(seconds))
    seed = as_seed(seed)
    tell = progress or (lambda event, details: None)
    tell("read", {"source": source_name(data)})
    images = data if isinstance(data, ImageSet) else read_images(data, target=target)
    tell("found", {"described": images.describe()})
    start = None if weights is None else read_start(weights, architecture)
    require(design is None or replay is None, "a design or a replay", "both", "a replay chooses nothing")
    stored, count = None, torch.get_num_threads()
    if replay is not None:
        stored, planned, count = _plan_of(replay, start, images)
        require(seed in (0, planned), f"the seed of the plan, {planned}", seed, "leave it out")
        seed = planned
    searched = None if design is None else seconds_of(design)
    require(
        searched is None or searched < seconds,
        "less time for the design than the budget",
        design,
        "give more",
    )
    with threads(count):
        return fit_set(images, clock, seconds, seed, tell, stored, start, searched, design_directory)


def fit_set(
    images: ImageSet,
    clock: Clock,
    seconds: float,
    seed: int,
    tell: Progress,
    choice: Choice | None = None,
    start: Start | None = None,
    searched: float | None = None,
    directory: str | Path | None = None,
) -> ImageModel:
    """Fit pictures that are read already.

    Args:
        images: The pictures.
        clock: Started with the fit.
        seconds: Budget of the whole fit.
        seed: Of everything random.
        tell: Told of every event.
        choice: What is trained; chosen where ``None``.
        start: A trained network to start from.
        searched: Seconds for a search among architectures; none where ``None``.
        directory: Where the search writes its trials.
    """
    duplicates = find_duplicates(images)
    if start is not None and start.channels == 1 and images.colour:
        raise ArgumentError(
            "pictures without colour for a network that has seen none", "colour", "take another start"
        )
    material = divide(images, duplicates.groups(len(images)), seed, colour=_in_colour(images, start))
    yardstick = fit_yardstick(material, seed)
    designed, warnings = None, list[str]()
    if start is not None and start.passed_over:
        left = f"{len(start.passed_over)} tensors served its training alone and are left out"
        warnings.append(f"Of the network to start from, {left}: {some(list(start.passed_over))}.")
    if searched is not None:
        try:
            designed = _designed(material, searched, seed, directory, tell)
        except NothingTrainedError as error:
            said = f"The search for an architecture trained no network: {error.got}. Give it more time."
            warnings.append(said)
    choice = choice or choose(material, clock, seconds, seed, tell, start, designed)
    tell("chosen", {"method": choice.candidate.name})
    outcome = replace(_run(material, duplicates, choice, yardstick, seed, tell), warnings=tuple(warnings))
    tell("report", {})
    from fivefold.tasks.images.record import build_record

    record = build_record(outcome, seconds, clock.elapsed)
    return replace(outcome.model, record=record, plan=record["plan"])


def _in_colour(images: ImageSet, start: Start | None) -> bool:
    return images.colour or (start is not None and start.channels == 3)


def _designed(
    material: Material, seconds: float, seed: int, directory: str | Path | None, tell: Progress
) -> Candidate:
    """The best architecture that a search finds on the training pictures, a part of which judges.

    Raises:
        DataError: A class of which one training picture judges and none is left to train.
        NothingTrainedError: The time was too short for any.
    """
    tell("design", {"seconds": seconds})
    counts = np.bincount(material.images.labels[material.train], minlength=material.classes)
    if counts.min() < 2:
        raise DataError(
            "at least 2 training pictures of every class for a search, one of them to judge by",
            f"{counts.min()} of {material.images.classes[int(counts.argmin())]!r}",
            "add pictures, or fit without --design",
        )
    tried = 0

    def shown(trial: Trial) -> None:
        nonlocal tried
        tried += 1
        tell("designing", {"trials": tried, "accuracy": trial.accuracy, "method": trial.key})

    height, width = min(resolutions(material.images.sizes), key=lambda size: abs(min(size) - _SEARCHED_SIDE))
    pictures, _, _ = material.pictures(height, width)
    found = search_design(
        pictures.numpy(),
        material.images.labels[material.train],
        budget=seconds,
        seed=seed,
        groups=material.twins[material.train],
        resume_directory=directory,
        progress=shown,
    )
    tell("designed", {"trials": len(found.history), "method": found.best.genome.key})
    options = {"genome": found.best.genome.key, "space": found.space.to_record()}
    return Candidate(DESIGNED, height, width, options)


def _run(
    material: Material,
    duplicates: Duplicates,
    choice: Choice,
    yardstick: Yardstick,
    seed: int,
    tell: Progress,
) -> Outcome:
    """Train what was chosen, calibrate it on the held-out pictures and answer the test pictures."""
    started = time.perf_counter()
    candidate, recipe = choice.candidate, choice.recipe
    pictures, held, test = material.pictures(candidate.height, candidate.width)
    labels = material.images.labels
    rows = part_of(len(pictures), recipe.pictures, labels[material.train], seed, "final")
    tell(
        "train",
        {"method": candidate.name, "seconds": choice.seconds, "epochs": recipe.epochs, "pictures": len(rows)},
    )
    module = begin(candidate, pictures, material.classes, seed, choice.origin)
    chosen = torch.from_numpy(rows)
    part = pictures if len(rows) == len(pictures) else pictures[chosen]
    training = train_network(module, recipe, part, material.labels(material.train[rows]), seed, choice.layout)
    plain = outputs(module, held).numpy()
    flip, scores = False, plain
    if recipe.flip:
        mirrored = outputs(module, held, flip=True).numpy()
        truth = labels[material.held]
        flip = bool(tempered_losses(mirrored, truth).mean() < tempered_losses(plain, truth).mean())
        scores = mirrored if flip else plain
    temperature = temperature_of(scores, labels[material.held])
    probabilities = softmax(scores / temperature)
    sets = Sets(np.sort(Sets.of(probabilities, labels[material.held], ordered=False)))
    images = material.images
    model = ImageModel(
        candidate, module.eval(), images.classes, temperature, flip, sets, whites=images.whites
    )
    answers = outputs(module, test, flip=flip).numpy()
    spent = time.perf_counter() - started
    return Outcome(
        material,
        duplicates,
        choice,
        training,
        model,
        scores,
        answers,
        yardstick,
        spent,
        seed,
        torch.get_num_threads(),
    )


def _plan_of(directory: str | Path, start: Start | None, images: ImageSet) -> tuple[Choice, int, int]:
    """Read the plan of a saved model, its seed and its number of threads.

    Raises:
        ArtifactError: It is a model of another kind, or its plan is damaged.
        ArgumentError: It started from a trained network, and none or another one is given; it was of pictures
            of other classes, or with colour, and these have none, or the other way round.
    """
    from fivefold.artifact import load as load_bundle
    from fivefold.tasks.images.model import from_bundle

    model = from_bundle(load_bundle(directory))
    plan: dict[str, Any] = model.plan
    try:
        colour, origin = bool(plan["colour"]), plan["origin"]
        depth, digest = (None, None) if origin is None else (str(origin["depth"]), str(origin["digest"]))
        if depth not in {None, *DEPTHS}:
            raise ValueError(f"the depth {depth!r}")
        forecast, seed = plan["forecast"], int(plan["seed"])
        count = int(plan["threads"])
        if not 1 <= count <= _MOST_THREADS:
            raise ValueError(f"{count} threads")
        if not 0 < float(forecast["seconds"]) < math.inf:
            raise ValueError(f"a forecast of {forecast['seconds']} seconds")
        choice = Choice(
            Candidate.from_record(plan["candidate"]),
            Recipe(**plan["recipe"]),
            [],
            float(forecast["seconds"]),
            None
            if forecast["error"] is None
            else Forecast(*(float(forecast[key]) for key in ("error", "low", "high"))),
            str(plan["layout"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError("the plan of a fit to pictures", str(error)[:200], "fit anew") from None
    if depth is not None:
        if start is None or start.digest != digest:
            got = None if start is None else f"others in {start.source}"
            raise ArgumentError("the weights that the plan starts from", str(got), "give weights (--weights)")
        choice = replace(choice, origin=Origin(start, depth))
    require(
        model.classes == images.classes,
        f"the classes of the plan, {some(model.classes)}",
        some(images.classes) or "none",
        "give the pictures of the plan",
    )
    require(
        colour == _in_colour(images, start),
        f"pictures with{'' if colour else 'out'} colour, as those of the plan",
        images.describe(),
        "give the pictures and weights of the plan",
    )
    return choice, seed, count
