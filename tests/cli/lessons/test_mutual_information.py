"""The lesson's loans and sales are the examples', and its estimates stay within the errors it tells."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from scipy.integrate import quad

from fivefold import probability
from fivefold.cli.lessons import mutual_information

Lesson = Callable[[str], dict[str, Any]]


def test_the_loans_are_those_of_the_example(examples: Path, lesson: Lesson) -> None:
    file = str(examples / "credit_data.csv")
    found = duckdb.sql(f"select Records, Status from read_csv('{file}', all_varchar=true)").fetchnumpy()
    counted = [
        [
            int(np.sum((found["Records"] == record) & (found["Status"] == status)))
            for status in ("good", "bad")
        ]
        for record in ("no", "yes")
    ]
    assert counted == mutual_information._RECORDS.tolist()
    estimate = probability.discrete_mutual_information(counted, "none").value
    assert f"I = {estimate:.4f} nats" in lesson("mutual-information")["geometry"]["figures"][0]["caption"]


def test_real_columns_are_within_their_errors_of_the_fast_path() -> None:
    found = mutual_information.sales()
    generator = np.random.default_rng(0)
    y = np.log(found["price"] + generator.random(800) - 0.5)
    measured = mutual_information.real_columns()
    for name, words, unit in mutual_information._COLUMNS:
        fast = probability.continuous_mutual_information(
            found[name] + unit * (generator.random(800) - 0.5), y
        )
        r, by_line, by_neighbours = measured[words]
        # Only the random digits below the rounding differ: a third of the estimate's own error at most.
        assert by_neighbours == pytest.approx(fast.value, abs=0.01)
        assert by_line == pytest.approx(-0.5 * np.log(1 - r * r), rel=1e-9)
        assert 0.02 < fast.standard_error < 0.04, "the caption says 0.03"
    assert measured["latitude"][2] > 2.5 * measured["latitude"][1]
    assert measured["longitude"][2] > 10 * measured["longitude"][1]


@pytest.mark.parametrize(
    ("name", "unit", "told", "r"), [("long", 1e-3, 0.11, 0.05), ("yr_built", 1.0, 0.07, 0.08)]
)
def test_all_sales_tell_what_the_caption_says(
    examples: Path, lesson: Lesson, name: str, unit: float, told: float, r: float
) -> None:
    file = str(examples / "house_prices.parquet")
    found = duckdb.read_parquet(file).project(f"{name}, price").fetchnumpy()
    generator = np.random.default_rng(1)
    x = found[name] + unit * (generator.random(len(found[name])) - 0.5)
    y = np.log(found["price"] + generator.random(len(x)) - 0.5)
    estimate = probability.continuous_mutual_information(x, y)
    assert estimate.value == pytest.approx(told, abs=0.0075)
    assert estimate.standard_error < 0.01
    assert np.corrcoef(x, y)[0, 1] == pytest.approx(r, abs=0.005)
    assert f"{told:.2f}" in lesson("mutual-information")["geometry"]["figures"][1]["caption"]


@pytest.mark.parametrize("noise", [0.02, 0.3, 2.0])
def test_the_truth_is_that_of_adaptive_quadrature(noise: float) -> None:
    def density(y: float) -> float:
        centre = np.sqrt(max(y, 0.0))
        return quad(
            lambda x: np.exp(-0.5 * ((y - x * x) / noise) ** 2) / (noise * np.sqrt(2 * np.pi)),
            0.0,
            1.0,
            points=sorted({min(centre, 1.0), min(centre + 3 * noise, 1.0), max(centre - 3 * noise, 0.0)}),
        )[0]

    y = np.linspace(-7 * noise, 1 + 7 * noise, 1500)
    p = np.maximum([density(value) for value in y], 1e-300)
    entropy = float(np.sum(-p * np.log(p)) * (y[1] - y[0]))
    truth = entropy - 0.5 * np.log(2 * np.pi * np.e * noise**2)
    assert mutual_information._true(noise) == pytest.approx(truth, abs=2e-4)


def test_neighbours_follow_the_truth_and_correlation_does_not(
    frames: Callable[[str], list[dict[str, Any]]],
    layers: Callable[[dict[str, Any], int, str], list[dict[str, Any]]],
) -> None:
    true, seen, lines = (np.array(curve["y"]) for curve in layers(frames("mutual-information")[0], 1, "line"))
    assert np.all(np.diff(true) < 0)
    # 0.04 is the standard error that the text tells; three of them.
    np.testing.assert_allclose(seen, true, atol=0.12)
    assert lines.max() < 0.02
    assert true[0] > 2.0


def test_chance_fills_tables_and_not_neighbours(lesson: Lesson) -> None:
    left, right = lesson("mutual-information")["failures"][0]["figures"][0]["panels"]
    table, formula, corrected, near = left["layers"]
    assert table["y"][-1] > 0.8
    np.testing.assert_allclose(table["y"][:4], formula["y"][:4], atol=0.01)
    assert max(np.abs(corrected["y"])) > 0.05, "the correction itself fails with many classes"
    assert abs(near["y"][0]) < 0.03
    assert sum(right["layers"][0]["height"]) == 60


def test_neighbours_level_off_below_their_ceiling(lesson: Lesson) -> None:
    true, few, many = lesson("mutual-information")["failures"][1]["figures"][0]["panels"][0]["layers"]
    assert true["y"][0] > many["y"][0] + 1.0 > few["y"][0] + 1.5
    for curve, n in ((few, 100), (many, 400)):
        assert max(curve["y"]) < np.log(n) - 0.9


def test_the_figure_s_strips_hold_fewer_points_where_y_follows_x(lesson: Lesson) -> None:
    panels = lesson("mutual-information")["geometry"]["figures"][2]["panels"]
    counts = []
    for panel in panels:
        (words,) = [layer["text"] for layer in panel["layers"] if layer["kind"] == "text"]
        counts.append(sum(int(part.split(" = ")[1]) for part in words.split(", ")))
    assert counts[0] < counts[1]
