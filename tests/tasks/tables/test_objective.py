"""A table as an objective: each family against its own formula, names for every parameter, and refusals."""

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError, DataError
from fivefold.tasks.tables.objective import table_objective

N = 300


def table(**more: object) -> dict[str, object]:
    rng = np.random.default_rng(5)
    x, z = rng.normal(size=N), rng.normal(size=N)
    city = np.array(["a", "b", "c"])[rng.integers(0, 3, N)]
    noise = rng.normal(size=N)
    return {"x": x, "z": 100 * z + 7, "city": city, "y": 2 * x - z + (city == "a") + 0.1 * noise, **more}


def test_a_gaussian_is_the_ridge_problem_in_units_of_the_target() -> None:
    data = table()
    found = table_objective(data, "y")
    assert found.target.family == "gaussian"
    assert found.columns == ("x", "z", *found.columns[2:5], "intercept")
    assert found.sources == ("x", "z", "city", "city", "city", "intercept")
    assert {name.split(" = ")[0] for name in found.columns[2:5]} == {"city"}
    y = np.asarray(data["y"])
    y = (y - y.mean()) / y.std()
    x, z = (np.asarray(data[n]) for n in ("x", "z"))
    scaled = [(v - v.mean()) / v.std() for v in (x, z)]
    levels = [np.asarray(data["city"]) == name.split(" = ")[1] for name in found.columns[2:5]]
    X = np.column_stack([*scaled, *levels, np.ones(N)])
    w = np.array([0.5, -0.2, 0.1, 0.3, -0.4, 0.05])
    prior = 0.5 * (w[:5] @ w[:5]) / N - 5 * 0.5 * np.log(1 / (2 * np.pi)) / N
    expected = 0.5 * np.mean((y - X @ w) ** 2) + 0.5 * np.log(2 * np.pi) + prior
    # the design passes through float32, as in fit
    assert float(found.objective.value(w)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("family", "types"),
    [
        ("bernoulli", {}),
        ("categorical", {}),
        ("poisson", {}),
        ("ordinal", {"y": "ordered"}),
        ("gamma", {}),
    ],
)
def test_every_family_is_posed_and_can_be_descended(family: str, types: dict[str, str]) -> None:
    rng = np.random.default_rng(2)
    data = table()
    x = np.asarray(data["x"])
    targets: dict[str, object] = {
        "bernoulli": np.where(x + rng.normal(size=N) > 0, "yes", "no"),
        "categorical": np.array(["u", "v", "w"])[(x + rng.normal(size=N) > 0) + (x > 1).astype(int)],
        "poisson": rng.poisson(np.exp(0.5 * x)).astype(float),
        "ordinal": np.digitize(x + rng.normal(size=N), [-1, 0, 1]).astype(float),
        "gamma": rng.gamma(0.7, np.exp(2 * x)) + 1e-9,
    }
    found = table_objective({**data, "y": targets[family]}, "y", types=types)
    assert found.target.family == family
    F = found.objective
    assert len(found.columns) == len(found.sources) == F.size
    assert len(set(found.columns)) == F.size
    value, gradient = F.value_and_gradient(F.initial)
    assert float(F.value(F.initial - 1e-3 * gradient / gradient.norm())) < float(value)


def test_a_network_names_its_weights_and_is_seeded() -> None:
    data = table()
    one, again, other = (table_objective(data, "y", model="network", seed=s) for s in (1, 1, 2))
    assert one.objective.size == len(one.columns) == len(one.sources)
    assert "x → unit 1" in one.columns
    assert "unit 16 → y" in one.columns
    assert one.sources[one.columns.index("unit 16 → y")] == "output weights"
    assert torch.equal(one.objective.initial, again.objective.initial)
    assert not torch.equal(one.objective.initial, other.objective.initial)


def test_columns_are_left_out_and_drawn_rows_are_said() -> None:
    found = table_objective(table(), "y", drop=["city"], rows=150)
    assert found.columns == ("x", "z", "intercept")
    assert found.rows == found.objective.rows == 150
    assert any("150 drawn at random" in note for note in found.notes)


def test_refusals() -> None:
    with pytest.raises(ArgumentError, match="linear, network"):
        table_objective(table(), "y", model="forest")
    with pytest.raises(ArgumentError, match="precision"):
        table_objective(table(), "y", precision=0.0)
    with pytest.raises(DataError, match="column"):
        table_objective(table(), "price")
    with pytest.raises(DataError, match="a column to learn from"):
        table_objective({"x": np.full(N, 3.0), "y": table()["y"]}, "y", types={"x": "number"})
