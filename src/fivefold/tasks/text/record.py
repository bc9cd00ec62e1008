"""The record of a fit to texts: everything the report shows, as plain values."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fivefold.tasks.class_record import class_certificates, environment, scores_section
from fivefold.tasks.class_section import class_section
from fivefold.tasks.coverage_certificate import LEVEL, percent
from fivefold.tasks.plain_values import plain
from fivefold.tasks.standard_error import standard_error
from fivefold.tasks.thin_data import few_examples, late, left_out

if TYPE_CHECKING:
    from fivefold.tasks.text.bag_of_words import BagOfWords
    from fivefold.tasks.text.fit import Outcome
    from fivefold.tasks.text.mixture import Mixture

Floats = npt.NDArray[np.float64]
NAME = "logistic regression on tf-idf"
_FEW = 0.02
"""Share of texts that the networks may cut without a warning."""


def build_record(outcome: "Outcome", budget: float, seconds: float) -> dict[str, Any]:
    """Return the record of a fit to texts.

    Args:
        outcome: What came of it.
        budget: Seconds asked for.
        seconds: Seconds it took.
    """
    from fivefold.tasks.text.fit import copies_of, method_name, plan_of

    parts, model = outcome.parts, outcome.model
    texts = parts.texts
    truth = texts.labels[parts.test]
    test = parts.of(parts.test)
    probability = model.probabilities_of(test)
    words = probability if model is outcome.yardstick else outcome.yardstick.probabilities_of(test)
    counts = np.bincount(texts.labels[parts.train], minlength=len(texts.classes))
    constant = np.tile(counts / counts.sum(), (len(truth), 1))
    name = method_name(model.share, outcome.best)
    copies = copies_of(test)
    scored = scores_section(
        truth, (f"fivefold: {name}", probability), (NAME, words), constant, outcome.seed, "texts", copies
    )
    classes = class_section(probability, truth, model.sets, LEVEL, copies)
    right = scored["scores"][0]["metrics"]["accuracy"]
    beside = scored["scores"][1]["metrics"]["accuracy"]["value"]
    record = {
        "version": 1,
        "title": f"{texts.source}: {len(texts.classes)} classes of texts",
        "things": "texts",
        "headline": (
            f"{percent(right['value'])} of {len(truth):,} unseen texts are named rightly "
            f"({percent(right['low'])} to {percent(right['high'])}) by {name}; {percent(beside)} by {NAME}. "
            f"{LEVEL:.0%} sets covered {percent(classes['sets']['coverage']['value'])}."
        ),
        "warnings": _warnings(outcome, budget, seconds),
        "data": {
            "source": texts.source,
            "rows": len(texts),
            "task": "classification of texts",
            "classes": list(texts.classes),
            "dropped": [
                *texts.notes,
                *_hurried(outcome),
                _division(outcome),
                *_unread(outcome, warned=False),
            ],
            "family": "categorical",
            "family_reason": texts.describe(),
        },
        "test": scored,
        "groups": None,
        "intervals": None,
        "classification": classes,
        "scatter": None,
        "certificates": [
            c.to_record() for c in class_certificates(classes, scored, len(truth), NAME, "texts")
        ],
        "candidates": _candidates(outcome),
        "table": {"duplicates": "", "findings": []},
        "drivers": [],
        "words": [
            {"class": label, "words": leading}
            for label, leading in zip(texts.classes, model.words.leading(), strict=True)
        ],
        "examples": _examples(
            test, [texts.names[r] for r in parts.test.tolist()], probability, truth, texts.classes
        ),
        "risks": [
            {
                "title": "Texts unlike these",
                "text": "Every figure is about texts drawn like these: the same sources, time and language. "
                "Nothing measures others, and a text of none of the classes gets one all the same.",
            }
        ],
        "plan": {**plan_of(outcome), "budget": budget},
        "environment": environment(int(plan_of(outcome)["threads"])),
        "seconds": seconds,
        "command": "",
    }
    return dict(plain(record))


def _division(outcome: "Outcome") -> str:
    p = outcome.parts
    how = "as the source names them" if p.given else "drawn at random, class by class"
    said = [
        f"{len(p.train):,} texts train, {len(p.judge):,} choose, {len(p.calibrate):,} calibrate, "
        f"{len(p.test):,} test: {how}."
    ]
    if p.left_out:
        verb = "texts are test texts too and were" if p.left_out > 1 else "text is a test text too and was"
        said.append(f"{p.left_out:,} training {verb} left out.")
    if p.kept:
        verb = "texts stay" if p.kept > 1 else "text stays"
        said.append(f"{p.kept:,} {verb} in training: a class would have none there without.")
    judging = np.concatenate([p.judge, p.calibrate])
    copies = len(judging) - len(p.distinct(p.judge)) - len(p.distinct(p.calibrate))
    if copies:
        of = "copies of others" if copies > 1 else "copy of another"
        said.append(f"{copies:,} {of} among those that choose or calibrate do not count there.")
    shared = p.shared()
    if shared:
        count = "1 text stands" if shared == 1 else f"{shared:,} texts stand"
        said.append(f"{count} in more than one of these parts: the figures are too good for new texts.")
    else:
        said.append("No text stands in two of these parts, not even with other capitals or spaces.")
    return " ".join(said)


def _warnings(outcome: "Outcome", budget: float, seconds: float) -> list[str]:
    texts, parts = outcome.parts.texts, outcome.parts
    rarest = int(np.bincount(texts.labels[parts.train], minlength=len(texts.classes)).min())
    few = few_examples(rarest, len(parts.test), "text")
    unread = _unread(outcome, warned=True)
    return [
        *left_out(texts.rejected, "text"),
        *_untold(outcome.model.words),
        *few,
        *unread,
        *late(seconds, budget),
    ]


def _untold(words: "BagOfWords") -> list[str]:
    return [] if words.weights.any() else ["The words tell nothing of the classes: all their weights are 0."]


def _hurried(outcome: "Outcome") -> list[str]:
    """What the fit of the words did without for lack of time."""
    path, said = outcome.penalties, []
    if path.untried:
        shown = ", ".join(f"{penalty:g}" for penalty in path.untried)
        said.append(f"The budget ended the search for the penalty of the words; {shown} not tried.")
    if path.terms:
        known = len(outcome.model.words.terms)
        said.append(f"The words know {known:,} terms of {path.terms:,}: the budget held no more.")
    if not outcome.converged:
        said.append("The last fit of the words ended before it converged.")
    return said


def _unread(outcome: "Outcome", *, warned: bool) -> list[str]:
    """What the networks did not read: a warning where one answers and many texts are cut, else a note."""
    read = outcome.reading
    answers = outcome.model.share > 0 and read.cut > _FEW
    if outcome.best is None or read.cut == 0 or answers != warned:
        return []
    rest = (
        "what follows counts for the words alone"
        if outcome.model.share < 1
        else "what follows does not count"
    )
    return [
        f"The networks read the first {read.longest} tokens of a text; {percent(read.cut)} of the training "
        f"texts are longer: {rest}."
    ]


def _candidates(outcome: "Outcome") -> list[dict[str, Any]]:
    """The words, every network and the mixtures: loss on the judging texts, cost, and the reason."""
    from fivefold.tasks.text.fit import method_name

    mixture = outcome.mixture
    share, words = mixture.share, mixture.losses
    taken = method_name(share, outcome.best)
    found = [
        _candidate(
            "words",
            f"tf-idf of words and pairs, {len(outcome.model.words.terms):,} terms, logistic regression",
            float(words.mean()),
            standard_error(words),
            outcome.penalties.seconds,
            "chosen" if taken == "words" else "yardstick",
            "no network adds to it" if taken == "words" else "what a network must add to",
        )
    ]
    for trial in outcome.trials:
        best = trial is outcome.best
        found.append(
            _candidate(
                trial.name,
                f"{1000 * trial.pace:.3g} ms a text in training, {trial.epochs} passes",
                trial.loss if math.isfinite(trial.loss) else None,
                trial.error,
                trial.seconds,
                "chosen" if best and share > 0 else "rejected",
                _why(mixture) if best else trial.reason,
            )
        )
    if 0 < share < 1:
        found.insert(
            0,
            _candidate(
                taken,
                f"scores of both, {share:.0%} of the network's",
                float(mixture.mixed.mean()),
                standard_error(mixture.mixed),
                None,
                "chosen",
                _gained(mixture),
            ),
        )
    return found


def _gained(mixture: "Mixture") -> str:
    return (
        f"a loss on held-out texts smaller by {mixture.gain:.2g} than that of the words, more than its "
        f"standard error of {mixture.error:.2g}"
    )


def _why(mixture: "Mixture") -> str:
    """Return why the best network is the answer, a part of it, or none."""
    if mixture.share == 1:
        return _gained(mixture)
    if mixture.share > 0:
        return f"the best network; mixed in with a share of {mixture.share:.0%}"
    if mixture.tried == 0:
        return "the best network, but no share of it makes the loss of the words smaller"
    return (
        f"the best network, but a share of {mixture.tried:.0%} makes the loss of the words smaller by "
        f"{mixture.gain:.2g} alone, no more than its standard error of {mixture.error:.2g}"
    )


def _candidate(
    name: str,
    description: str,
    score: float | None,
    error: float,
    seconds: float | None,
    verdict: str,
    reason: str,
) -> dict[str, Any]:
    return {
        "name": name,
        "description": description,
        "score": score,
        "standard_error": error,
        "metric": "log loss",
        "seconds": seconds,
        "verdict": verdict,
        "reason": reason,
        "status": "" if score is not None else "not tried",
        "training": None,
    }


def _examples(
    texts: list[str],
    names: list[str],
    probability: Floats,
    truth: npt.NDArray[np.int64],
    classes: tuple[str, ...],
) -> list[dict[str, Any]]:
    """The surest mistakes: errors of the model, or of the labels."""
    found, sure = probability.argmax(1), probability.max(1)
    wrong = np.flatnonzero(found != truth)
    return [
        {
            "name": names[row],
            "text": " ".join(texts[row].split())[:240],
            "true": classes[truth[row]],
            "found": classes[found[row]],
            "probability": float(sure[row]),
        }
        for row in wrong[np.argsort(-sure[wrong], kind="stable")][:10].tolist()
    ]
