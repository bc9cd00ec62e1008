"""The record of a fit to pictures: everything the report shows, as plain values."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fivefold.core import Certificate, Kind
from fivefold.report.numbers import plural
from fivefold.tasks.class_record import class_certificates, environment, scores_section, softmax
from fivefold.tasks.class_section import class_section
from fivefold.tasks.coverage_certificate import LEVEL, percent
from fivefold.tasks.evaluate import coverage
from fivefold.tasks.images.gallery import gallery
from fivefold.tasks.images.yardstick import NAME, constant_scores
from fivefold.tasks.plain_values import plain
from fivefold.tasks.standard_error import standard_error
from fivefold.tasks.thin_data import few_examples, late, left_out

if TYPE_CHECKING:
    from fivefold.tasks.images.fit import Outcome

Floats = npt.NDArray[np.float64]
_FORECAST = 0.25


def build_record(outcome: "Outcome", budget: float, seconds: float) -> dict[str, Any]:
    """Return the record of a fit to pictures.

    Args:
        outcome: What came of it.
        budget: Seconds asked for.
        seconds: Seconds it took.
    """
    material, model, choice = outcome.material, outcome.model, outcome.choice
    images = material.images
    truth = images.labels[material.test]
    probability = softmax(outcome.test / model.temperature)
    copies = material.twins[material.test]
    test = scores_section(
        truth,
        (f"fivefold: {model.candidate.name}", probability),
        (NAME, softmax(outcome.yardstick.test)),
        softmax(constant_scores(material, len(truth))),
        outcome.seed,
        "pictures",
        copies,
    )
    classes = class_section(probability, truth, model.sets, LEVEL, copies)
    right = test["scores"][0]["metrics"]["accuracy"]
    certificates = _certificates(outcome, right, classes, test)
    parameters = sum(p.numel() for p in model.network.parameters())
    record = {
        "version": 1,
        "title": f"{images.source}: {len(images.classes)} classes of pictures",
        "things": "pictures",
        "headline": _headline(outcome, right, test, classes),
        "warnings": _warnings(outcome, budget, seconds),
        "data": {
            "source": images.source,
            "rows": len(images),
            "task": "classification of pictures",
            "classes": list(images.classes),
            "dropped": [*images.notes, _division(outcome)],
            "family": "categorical",
            "family_reason": images.describe(),
        },
        "test": test,
        "groups": None,
        "intervals": None,
        "classification": classes,
        "scatter": None,
        "certificates": [c.to_record() for c in certificates],
        "candidates": _candidates(outcome),
        "table": {"duplicates": _copies(outcome), "findings": []},
        "drivers": [],
        "pictures": gallery(outcome, probability, truth),
        "network": {
            "name": model.candidate.name,
            "units": model.candidate.description,
            "parameters": parameters,
            "multiply_adds": model.candidate.multiply_adds(len(images.classes), material.channels),
            "epochs": choice.recipe.epochs,
            "pictures": choice.recipe.pictures,
            "batch": choice.recipe.batch,
            "memory": model.candidate.memory(
                len(images.classes), material.channels, choice.recipe.batch
            ).to_record(),
            "status": str(outcome.training.status),
            "mirrored answers": model.flip,
            "temperature": model.temperature,
            "loss": outcome.training.history["loss"].tolist(),
        },
        "forecast": _forecast(outcome, right),
        "risks": _risks(outcome),
        "plan": {
            "version": 1,
            "seed": outcome.seed,
            "threads": outcome.threads,
            "budget": budget,
            "layout": outcome.training.choices.layout,
            "colour": material.colour,
            **choice.to_record(),
        },
        "environment": environment(outcome.threads),
        "seconds": seconds,
        "command": "",
    }
    return dict(plain(record))


def _headline(
    outcome: "Outcome", right: dict[str, float], test: dict[str, Any], classes: dict[str, Any]
) -> str:
    count = len(outcome.material.test)
    beside = test["scores"][1]["metrics"]["accuracy"]["value"]
    return (
        f"{percent(right['value'])} of {count:,} unseen pictures are named rightly "
        f"({percent(right['low'])} to {percent(right['high'])}) by {outcome.model.candidate.name}; "
        f"{percent(beside)} by {NAME}. {LEVEL:.0%} sets covered "
        f"{percent(classes['sets']['coverage']['value'])}."
    )


def _division(outcome: "Outcome") -> str:
    m = outcome.material
    how = "as the source names them" if m.given else "drawn at random, class by class"
    return (
        f"{len(m.train):,} pictures train, {len(m.held):,} choose and calibrate, {len(m.test):,} test: {how}."
    )


def _copies(outcome: "Outcome") -> str:
    images, duplicates = outcome.material.images, outcome.duplicates
    found = len(duplicates.pairs) > 0
    said = [] if found else ["No two pictures were found to be equal or nearly so."]
    said += duplicates.describe(images)
    if _divided_copies(outcome):
        said.append("The source divides copies: new pictures are a little harder than its test pictures.")
    elif found:
        said.append("Copies that were found stay on one side of the division.")
    return " ".join([*said, "Mirrored, turned and cropped ones are not looked for."])


def _divided_copies(outcome: "Outcome") -> int:
    """Test pictures of which a copy is among the pictures that are not test pictures."""
    m = outcome.material
    return int(np.isin(m.twins[m.test], m.twins[np.concatenate([m.train, m.held])]).sum())


def _warnings(outcome: "Outcome", budget: float, seconds: float) -> list[str]:
    images, material = outcome.material.images, outcome.material
    said = left_out(images.rejected, "file")
    copies = _divided_copies(outcome)
    if copies > 0.01 * len(material.test):
        said.append(
            f"{copies:,} pictures of the test are copies of training pictures: they make it too easy."
        )
    torn = np.flatnonzero(outcome.duplicates.contradicting(images))
    if len(torn):
        first, second = outcome.duplicates.pairs[torn[0]].tolist()
        said.append(
            f"{plural(len(torn), 'pair')} of equal or nearly equal pictures have different labels, such as "
            f"{images.names[first]} ({images.classes[images.labels[first]]}) and {images.names[second]} "
            f"({images.classes[images.labels[second]]}): no network can be right about both."
        )
    rarest = int(np.bincount(images.labels[material.train], minlength=len(images.classes)).min())
    said += [*few_examples(rarest, len(material.test), "picture"), *_brief(outcome), *late(seconds, budget)]
    return [*outcome.warnings, *said, *outcome.training.warnings]


def _brief(outcome: "Outcome") -> list[str]:
    """Say it where the budget made the training a short one."""
    recipe, trials = outcome.choice.recipe, outcome.choice.trials
    seen, count = recipe.epochs * recipe.pictures, len(outcome.material.train)
    short = max((n for t in trials if t.taken and t.losses for n in t.seen), default=0.0)
    if trials and not short:
        said = f"The budget was too short to try networks: the quickest was trained, on {seen:,} pictures."
    elif seen <= 1.01 * short:
        said = f"The short trainings used up the budget: the last one saw no more pictures, {seen:,}."
    elif recipe.pictures < 0.5 * count:
        said = f"The budget let the network see {recipe.pictures:,} of {count:,} training pictures."
    else:
        return []
    return [f"{said} Give it more time (--budget)."]


def _forecast(outcome: "Outcome", right: dict[str, float]) -> dict[str, Any]:
    expected = outcome.choice.error
    return {
        "seconds": outcome.choice.seconds,
        "measured_seconds": outcome.training_seconds,
        "accuracy": None if expected is None else 1 - expected.error,
        "low": None if expected is None else 1 - expected.high,
        "high": None if expected is None else 1 - expected.low,
        "measured_accuracy": right["value"],
    }


def _certificates(
    outcome: "Outcome", right: dict[str, float], classes: dict[str, Any], test: dict[str, Any]
) -> list[Certificate]:
    expected = outcome.choice.error
    ratio = outcome.training_seconds / outcome.choice.seconds
    found = [
        *class_certificates(classes, test, len(outcome.material.test), NAME, "pictures"),
        Certificate(
            f"training and answering took the time that was forecast, to {_FORECAST:.0%}",
            Kind.INDICATOR,
            abs(math.log(ratio)) <= math.log(1 + _FORECAST),
            bound=outcome.choice.seconds,
            value=outcome.training_seconds,
            assumptions=("the machine does nothing else meanwhile",),
            method="seconds a picture, measured before the training, times the pictures of the plan",
        ),
    ]
    if expected is not None:
        found.append(
            Certificate(
                "the accuracy lies where the short trainings said it would",
                Kind.INDICATOR,
                right["high"] >= 1 - expected.high and right["low"] <= 1 - expected.low,
                bound=1 - expected.error,
                value=right["value"],
                assumptions=("errors fall with the pictures seen as a power that two short trainings show",),
                method=f"extrapolation; the band of {percent(1 - expected.high)} to "
                f"{percent(1 - expected.low)}, whose width is set by hand, and the interval of the accuracy "
                "overlap",
            )
        )
    return found


def _candidates(outcome: "Outcome") -> list[dict[str, Any]]:
    """Every short training and the yardstick: loss, cost, and why it was not taken."""
    found = []
    for trial in outcome.choice.trials:
        found.append(
            {
                "name": trial.name,
                "description": (f"{trial.candidate.description}; " if trial.candidate.description else "")
                + f"{1000 * trial.pace:.3g} ms a picture in training"
                + (f"; last short training saw {trial.seen[-1]:,.0f} pictures" if trial.losses else ""),
                "score": trial.losses[-1] if trial.losses else None,
                "standard_error": trial.error,
                "metric": "log loss",
                "seconds": trial.seconds,
                "verdict": "chosen" if trial.taken else "rejected",
                "reason": trial.reason or "the smallest error is forecast for it",
                "status": "" if trial.losses else "not tried",
                "training": None,
            }
        )
    labels = outcome.material.images.labels[outcome.material.held]
    own = -np.log(np.maximum(softmax(outcome.yardstick.held)[np.arange(len(labels)), labels], 1e-15))
    found.append(
        {
            "name": NAME,
            "description": outcome.yardstick.description,
            "score": float(own.mean()),
            "standard_error": standard_error(own),
            "metric": "log loss",
            "seconds": None,
            "verdict": "yardstick",
            "reason": "what a network must beat",
            "status": "",
            "training": None,
        }
    )
    return found


def _risks(outcome: "Outcome") -> list[dict[str, str]]:
    said = [
        {
            "title": "Pictures unlike these",
            "text": "Every figure is about pictures drawn like these: the same cameras, backgrounds, crops "
            "and light. Nothing measures others, and a picture of none of the classes gets one all the same.",
        }
    ]
    sizes, candidate = outcome.material.images.sizes, outcome.choice.candidate
    ratio = float((sizes.max(1) / np.maximum(sizes.min(1), 1)).max())
    if ratio > 1.5 and (candidate.height == candidate.width or not (sizes == sizes[0]).all()):
        said.append(
            {
                "title": "What stands at the border",
                "text": "Pictures are cut to their middle: of the longest one, "
                f"{1 - 1 / ratio:.0%} is not looked at.",
            }
        )
    inside = coverage(outcome.test.argmax(1) == outcome.material.images.labels[outcome.material.test])
    rare = np.bincount(outcome.material.images.labels[outcome.material.test])
    if rare.min() < 0.2 * rare.max():
        said.append(
            {
                "title": "Rare classes",
                "text": f"The accuracy of {percent(inside['value'])} is mostly that of the frequent "
                "classes; the confusion table tells them apart.",
            }
        )
    return said
