"""What records of fits to pictures and to texts share: scores beside a yardstick, certificates, versions."""

import platform
import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from fivefold.artifact.version import library_version
from fivefold.core import Certificate, Kind
from fivefold.tasks.coverage_certificate import coverage_certificate, exchangeable
from fivefold.tasks.evaluate import Bootstrap, coverage, scores

Floats = npt.NDArray[np.float64]
_METRICS = ["accuracy", "log loss", "Brier score"]


def softmax(scores: Floats) -> Floats:
    """Return probabilities ``[n, K]`` of scores.

    >>> softmax(np.array([[0.0, 0.0], [1000.0, 0.0]])).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


def scores_section(
    truth: npt.NDArray[np.int64],
    own: tuple[str, Floats],
    yardstick: tuple[str, Floats],
    constant: Floats,
    seed: int,
    things: str,
    copies: npt.NDArray[np.int64] | None = None,
) -> dict[str, Any]:
    """Return accuracy, log loss and Brier score of a fit, its yardstick and a constant, with intervals.

    The accuracy has Wilson's interval, the others the bootstrap's; the difference of accuracy is paired.
    Copies are no new evidence: the bootstrap draws them together, and Wilson counts the effective number of
    rows, see :func:`~fivefold.tasks.evaluate.coverage`.

    Args:
        truth: ``[n]`` codes of the classes.
        own: Name and probabilities ``[n, K]`` of the fit.
        yardstick: The same of what it is measured against.
        constant: Probabilities ``[n, K]`` of what has seen nothing but the shares.
        seed: Of the bootstrap.
        things: What was predicted, in the plural.
        copies: ``[n]`` codes, equal for rows that are copies of each other; ``None`` where none are.
    """
    if copies is not None and len(np.unique(copies)) == len(copies):
        copies = None
    bootstrap = Bootstrap(truth.astype(np.float64), seed, copies)
    rows = [
        (own[0], "chosen", own[1]),
        (yardstick[0], "yardstick", yardstick[1]),
        ("constant", "constant", constant),
    ]
    section: dict[str, Any] = {
        "unit": "",
        "metrics": _METRICS,
        "level": 0.95,
        "lower_is_better": {"accuracy": False, "log loss": True, "Brier score": True},
        "scores": scores(bootstrap, _METRICS, rows),
        "rows": len(truth),
    }
    for entry, (_, _, p) in zip(section["scores"], rows, strict=True):
        entry["metrics"]["accuracy"] = coverage(p.argmax(1) == truth, copies)
    change = bootstrap.difference("accuracy", own[1], yardstick[1])
    verdict = "cannot be told from"
    if change["low"] > 0:
        verdict = "is better than"
    elif change["high"] < 0:
        verdict = "is worse than"
    sentence = (
        f"On these {things} the chosen model {verdict} {yardstick[0]}: the difference in accuracy is "
        f"{100 * change['difference']:.1f} points (95% interval {100 * change['low']:.1f} to "
        f"{100 * change['high']:.1f})."
    )
    section["paired"] = {"against": yardstick[0], "metric": "accuracy", **change, "sentence": sentence}
    section["sentence"] = sentence
    return section


def class_certificates(
    classes: dict[str, Any], test: dict[str, Any], count: int, yardstick: str, things: str
) -> list[Certificate]:
    """Return the certificates on coverage, and on rank beside the yardstick.

    Args:
        classes: From :func:`fivefold.tasks.class_section.class_section`.
        test: From :func:`scores_section`.
        count: Test rows.
        yardstick: What the fit is measured against.
        things: What was predicted, in the plural.
    """
    pair = test["paired"]
    return [
        coverage_certificate(classes["sets"]["coverage"], count, "sets", things, "source"),
        Certificate(
            f"the model names more new {things} rightly than {yardstick}",
            Kind.STATISTICAL,
            True if pair["low"] > 0 else (False if pair["high"] < 0 else None),
            bound=0.0,
            value=pair["difference"],
            assumptions=exchangeable(things, "source"),
            method=f"paired bootstrap 95% interval of the difference on the test {things}; unknown where it "
            "contains 0",
        ),
    ]


def environment(threads: int) -> dict[str, str]:
    """Return the versions and the machine that a record names."""
    import torch

    return {
        "fivefold": library_version(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__,
        "machine": platform.machine(),
        "system": sys.platform,
        "threads": str(threads),
    }
