"""Sentences follow from the numbers: each kind of end has its words."""

import math
from typing import Any

import pytest
import torch

from fivefold.core import Status
from fivefold.optimize.comparison.stochastic import STOCHASTIC
from fivefold.optimize.comparison.trace import Trace
from fivefold.optimize.methods.registry import METHODS
from fivefold.tasks.tables.compared_runs import Walk
from fivefold.tasks.tables.comparison_words import (
    ABOUT,
    Seen,
    amount,
    duration,
    headline,
    spectrum_sentences,
    verdict,
)

SEEN = Seen(10, False, 1000.0, 4.0, 0.004, 1e-6, 3453.0, "area", "rooms")


def walk(method: str, status: Status | None, reason: str = "") -> Walk:
    one = torch.zeros(1).double()
    trace = Trace(one, one, one, one, one, "the time is spent")
    return Walk(method, trace, one[None], status, reason, None, None, ())


def measured(gradients: float | None = None, share: float = 0.01) -> dict[str, Any]:
    eigenvalues = [float(2**i) for i in range(12)]
    return {
        "reached": {"gradients": gradients, "seconds": gradients},
        "share": share,
        "left": {"eigenvalue": eigenvalues, "share": [1.0 / v for v in eigenvalues]},
        "trajectory": {"gradients": [], "gap": []},
        "span": 1.0,
    }


def test_a_solved_quasi_newton_is_set_beside_gradient_descent() -> None:
    said = verdict(walk("lbfgs", Status.CONVERGED), measured(30.0), SEEN)
    assert said == (
        "Learns the curvature on its way: 30 gradients; gradient descent at its best fixed rate would need "
        "3,450."
    )
    assert "gradient descent" not in verdict(walk("lbfgs", Status.CONVERGED), measured(3000.0), SEEN)


def test_an_unsolved_run_says_what_is_missing_and_where() -> None:
    said = verdict(walk("gradient-descent", Status.OUT_OF_BUDGET), measured(share=0.01), SEEN)
    assert "0.01 of the drop is missing, 10,000 times too much" in said
    # the median of 1/512, 1/1024, 1/2048 and of 1, 1/2, 1/4
    assert "quarter of the directions 0.098% of the way is left, along the flattest 50%" in said


def test_what_does_not_suit_and_what_diverged() -> None:
    assert verdict(walk("cubic", None, "expected rows"), measured(), SEEN) == (
        "Does not suit this problem: expected rows."
    )
    assert verdict(walk("sgd", Status.DIVERGED, "rate 5"), measured(), SEEN) == "Left every bound: rate 5."


def test_a_run_that_ended_before_it_reported() -> None:
    assert "Ended by the budget" in verdict(walk("adam", Status.OUT_OF_BUDGET), measured(), SEEN)


@pytest.mark.parametrize("condition", [math.inf, None])
def test_no_condition_number_without_a_strict_minimum(condition: float | None) -> None:
    seen = Seen(10, False, condition, 4.0, -0.5, 0.0, None, "a", "b")
    (said,) = spectrum_sentences(seen, ["lbfgs"])
    assert "is -0.5" in said
    assert "0.5 grows along it" in said
    flat = Seen(10, False, condition, 0.0, -0.5, 0.0, None, "a", "b")
    assert "does not bend upwards along any" in spectrum_sentences(flat, ["lbfgs"])[0]


def test_the_prior_is_named_where_it_alone_holds_a_direction() -> None:
    held = Seen(10, True, 1000.0, 4.0, 0.004, 0.004, 99.0, "area", "zip", undone="zip")
    said = " ".join(spectrum_sentences(held, ["newton"]))
    assert "prior's share 1/N = 0.004" in said
    assert "Moving all levels of zip together is undone by the intercept" in said
    assert "quadratic here, which one such step solves" in said
    # an intercept has a flat prior: what lies below the prior's share is held by the rows
    below = Seen(10, True, 1000.0, 4.0, 0.002, 0.004, 99.0, "area", "intercept")
    assert "prior alone" not in " ".join(spectrum_sentences(below, ["newton"]))
    plain = " ".join(spectrum_sentences(SEEN, ["lbfgs"]))
    assert "prior" not in plain
    assert "Newton" not in plain


def test_the_headline_ranks_and_counts() -> None:
    def row(name: str, seconds: float | None, gap: float | None = 0.1) -> dict[str, Any]:
        return {"name": name, "reached": {"seconds": seconds, "gradients": seconds}, "gap": gap}

    said = headline([row("adam", None), row("lbfgs", 0.5), row("newton", 0.1)], "5 s")
    assert said == (
        "newton finds the minimum in 100 ms; lbfgs takes 5 times as long; adam does not come that far within "
        "5 s."
    )
    lowest = headline([row("adam", None, 0.5), row("sgd", None, 0.2)], "5 s")
    assert lowest == "No method finds the minimum within 5 s; sgd comes lowest."
    assert headline([row("sgd", None, None)], "5 s") == "No method gave a finite value."


def test_numbers_in_words() -> None:
    assert amount(0.0) == "0"
    assert amount(math.inf) == "inf"
    assert amount(999.6) == "1,000"
    assert amount(-0.5) == "-0.5"
    assert duration(0.9996) == "1,000 ms"


def test_every_method_that_is_compared_by_default_is_described() -> None:
    assert set(STOCHASTIC) <= set(ABOUT)
    assert {"newton", "lbfgs", "conjugate-gradients"} <= set(ABOUT) & set(METHODS)
