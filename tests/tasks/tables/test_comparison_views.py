"""Numbers behind the pictures, against closed forms of a quadratic."""

import numpy as np
import pytest
import torch

from fivefold.core import Status
from fivefold.optimize.comparison.landscape import Landscape, landscape
from fivefold.optimize.comparison.trace import Trace
from fivefold.tasks.tables.compared_runs import Walk
from fivefold.tasks.tables.comparison_views import (
    along_view,
    made_of,
    plane_view,
    predicted_descent,
    remaining_shares,
    spectrum_view,
    telling_direction,
    trajectory,
)
from fivefold.tasks.tables.objective import TableObjective, table_objective


@pytest.fixture(scope="module")
def posed() -> tuple[TableObjective, Landscape]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 3)) @ np.diag([1.0, 1.0, 1.0])
    data = {"a": X[:, 0], "b": X[:, 0] + 0.1 * X[:, 1], "c": X[:, 2]}
    table = table_objective({**data, "y": X @ [1.0, 2.0, 0.5] + 0.1 * rng.normal(size=100)}, "y")
    F = table.objective
    step = torch.linalg.solve(F.hessian(F.initial).to_dense(), F.gradient(F.initial))
    return table, landscape(F, F.initial - step)


def walk(path: torch.Tensor, values: list[float]) -> Walk:
    count = torch.arange(len(values)).double()
    value = torch.tensor(values).double()
    trace = Trace(count + 1, count / 10, value, count, path[-1], "ended")
    return Walk("m", trace, path, Status.CONVERGED, "", None, None, ())


def test_a_trajectory_is_the_running_minimum_with_its_last_cost() -> None:
    found = trajectory(walk(torch.zeros(1, 2), [5.0, 7.0, 3.0, float("nan"), 4.0]), 1.0)
    assert found["gradients"] == [1.0, 3.0, 5.0]
    assert found["gap"] == [4.0, 2.0, 2.0]
    assert found["seconds"] == [0.0, 0.2, 0.4]


def test_a_long_trajectory_is_thinned_and_keeps_both_ends() -> None:
    values = [1000.0 - i for i in range(900)]
    found = trajectory(walk(torch.zeros(1, 2), values), 0.0)
    assert len(found["gap"]) <= 400
    assert found["gap"][0] == 1000
    assert found["gap"][-1] == 101


def test_a_direction_is_summed_by_column() -> None:
    vector = torch.tensor([0.5, 0.5, 0.5, 0.5])
    assert made_of(vector, ["zip", "zip", "zip", "area"]) == [("zip", 0.75, 3), ("area", 0.25, 1)]


def test_half_of_the_way_is_half_along_every_direction(posed: tuple[TableObjective, Landscape]) -> None:
    table, found = posed
    start = table.objective.initial
    half = 0.5 * (start + found.w)
    left = remaining_shares(walk(half[None], [1.0]), found, start)
    assert left["share"] == pytest.approx([0.5] * len(left["share"]), abs=1e-9)
    assert left["eigenvalue"] == sorted(left["eigenvalue"], reverse=True)


def test_the_plane_is_the_quadratic_and_the_path_ends_in_the_middle(
    posed: tuple[TableObjective, Landscape],
) -> None:
    table, found = posed
    F = table.objective
    path = torch.stack([F.initial, found.w])
    lowest = float(F.value(found.w))
    view, (shadow,) = plane_view(table, found, found.plane, [walk(path, [1.0, 0.0])], lowest)
    s, t = np.array(view["first"]), np.array(view["second"])
    top, low = float(found.values[0]), float(found.values[-1])
    expected = 0.5 * top * s[:, None] ** 2 + 0.5 * low * t[None, :] ** 2
    # F is a quadratic
    np.testing.assert_allclose(np.array(view["height"]), expected, atol=1e-10)
    assert abs(shadow["first"][-1]) < 1e-12
    assert s[0] < 0 < s[-1]
    assert (
        shadow["note"]
        == "Left: less than 0.001% along the steep one and less than 0.001% along the flat one."
    )
    assert view["levels"] == sorted(view["levels"])


def test_the_telling_direction_holds_a_share_of_the_excess(posed: tuple[TableObjective, Landscape]) -> None:
    table, found = posed
    start = table.objective.initial
    at = telling_direction(found, start)
    excess = found.values * ((start - found.w) @ found.vectors).square()
    assert at > 0
    assert float(excess[at]) >= 0.01 * float(excess.sum()) or at == len(excess) - 1
    assert bool((excess[at + 1 :] < 0.01 * excess.sum()).all())
    assert telling_direction(found, found.w) == len(excess) - 1


def test_the_straight_path_has_length_one(posed: tuple[TableObjective, Landscape]) -> None:
    table, found = posed
    F = table.objective
    view = along_view(table, walk(torch.stack([F.initial, found.w]), [1.0]), float(F.value(found.w)), found.w)
    assert view["length"][-1] == pytest.approx(1, abs=1e-12)
    assert view["height"][-1] == pytest.approx(0, abs=1e-12)
    # on the straight line of a quadratic F - min falls as the square of what is left
    middle = len(view["length"]) // 2
    expected = view["height"][0] * (1 - view["length"][middle]) ** 2
    assert view["height"][middle] == pytest.approx(expected, rel=1e-9)


def test_the_spectrum_names_both_ends(posed: tuple[TableObjective, Landscape]) -> None:
    table, found = posed
    view = spectrum_view(found, table)
    assert set(view["flattest"].split(", ")) == {"a", "b"}
    assert view["directions"][0]["which"] == "steepest"
    assert view["directions"][-1]["value"] == float(found.values[-1])


def test_descent_is_predicted_only_from_the_whole_spectrum(
    posed: tuple[TableObjective, Landscape],
) -> None:
    table, found = posed
    steps = predicted_descent(found, table.objective.initial)
    assert steps is not None
    assert steps > 10
    part = Landscape(found.w, found.values, found.vectors, False, Status.CONVERGED)
    assert predicted_descent(part, table.objective.initial) is None
