"""The lesson's loans are those of the example, its truth is SciPy's, and its failures fail."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from scipy import special, stats

from fivefold.cli.lessons import quadrature

Lesson = Callable[[str], dict[str, Any]]


def curves(figure: dict[str, Any], panel: int) -> dict[str, dict[str, Any]]:
    return {layer["label"]: layer for layer in figure["panels"][panel]["layers"] if layer.get("label")}


def test_the_loans_are_those_of_the_example(examples: Path) -> None:
    file = str(examples / "credit_data.csv")
    counted = duckdb.sql(
        "select count(*) filter (Age = 19 and Status = 'bad'), count(*) filter (Age = 19), "
        f"count(*) filter (Status = 'bad'), count(*) from '{file}'"
    ).fetchall()[0]
    assert counted == (quadrature._BAD, quadrature._LOANS, quadrature._ALL_BAD, quadrature._ALL_LOANS)


def test_the_tail_is_the_beta_distribution_s(frames: Callable[[str], list[dict[str, Any]]]) -> None:
    truth = stats.beta(quadrature._BAD + 1, quadrature._LOANS - quadrature._BAD + 1).sf(1 / 3)
    for frame in frames("quadrature"):
        said = re.match(r"P\(rate > 1/3\) = ([\d.]+)\.", frame["caption"])
        assert said is not None
        assert float(said[1]) == pytest.approx(truth, abs=5e-7)


def test_errors_fall_at_their_orders(frames: Callable[[str], list[dict[str, Any]]]) -> None:
    errors = curves(frames("quadrature")[0], 1)
    sizes = np.array(errors["trapezoid"]["x"])
    late = slice(list(sizes).index(17), None)
    steps = np.log(sizes[late] - 1)
    for name, order in (("trapezoid", 2), ("Simpson", 4)):
        slope = np.polyfit(steps, np.log(errors[name]["y"][late]), 1)[0]
        assert slope == pytest.approx(-order, abs=0.15)
    assert max(errors["Gauss-Legendre"]["y"][late]) < 1e-14


def test_three_points_tell_the_rules_apart(lesson: Lesson) -> None:
    panels = lesson("quadrature")["geometry"]["figures"][0]["panels"]
    texts = [layer["text"] for panel in panels for layer in panel["layers"] if layer["kind"] == "text"]
    off = [abs(float(text.removeprefix("wrong by ").replace("−", "-"))) for text in texts]
    assert off[0] > 3 * off[1] > 30 * off[2]


def test_the_probability_of_an_uncertain_score(lesson: Lesson) -> None:
    figure = lesson("quadrature")["geometry"]["figures"][1]
    x = stats.norm(0.8, 1.5).expect(special.expit)
    assert f"{x:.6f}" in figure["caption"]
    errors = curves(figure, 1)
    at = errors["Hermite"]["x"].index(25)
    assert errors["trapezoid, ± 8 sd"]["y"][at] < 1e-6
    assert errors["trapezoid, ± 8 sd"]["y"][-1] < 1e-14
    assert errors["random points"]["y"][-1] > 0.01


def test_the_kink_slows_all_but_the_cut_rule(lesson: Lesson) -> None:
    errors = curves(lesson("quadrature")["failures"][0]["figures"][0], 1)
    for name, order in (("trapezoid", 2), ("Simpson", 2), ("Gauss-Legendre", 2), ("Hermite", 1)):
        assert errors[name]["y"][-1] > 1e-5
        slope = np.polyfit(np.log(errors[name]["x"]), np.log(errors[name]["y"]), 1)[0]
        # Where the kink lies between two points is chance, and so are the errors, up to a lucky hit.
        assert slope == pytest.approx(-order, abs=0.8)
    cut = errors["Legendre, cut at the kink"]
    assert cut["y"][cut["x"].index(33)] < 1e-13


def test_points_of_the_prior_miss_the_peak(lesson: Lesson) -> None:
    errors = curves(lesson("quadrature")["failures"][1]["figures"][0], 0)
    assert min(errors["4,454 loans, points of the prior"]["y"]) > 1.0
    assert errors["28 loans, points of the prior"]["y"][-1] < 1e-3
    peak = errors["4,454 loans, points at the peak"]
    assert peak["y"][peak["x"].index(7)] < 1e-12


@pytest.mark.parametrize(("value", "text"), [(0.00123, "1.2 · 10⁻³"), (2.5, "2.5"), (3e-16, "3.0 · 10⁻¹⁶")])
def test_scientific(value: float, text: str) -> None:
    assert quadrature._scientific(value) == text
