"""Rows of a new place: which column names it, who answers, and that its rows were judged unseen."""

import numpy as np
import pytest

from fivefold.tasks.tables.candidates.constant import Constant
from fivefold.tasks.tables.candidates.linear import LinearCandidate
from fivefold.tasks.tables.candidates.problem import Problem
from fivefold.tasks.tables.candidates.trees import TreesCandidate
from fivefold.tasks.tables.fit import fit
from fivefold.tasks.tables.model import load
from fivefold.tasks.tables.newcomers import Newcomers, place_column
from fivefold.tasks.tables.prepare import prepare
from fivefold.tasks.tables.table import Table
from fivefold.tasks.tables.target import Target


def _prepared(n=600, levels=20, strength=2.0, seed=0):
    generator = np.random.default_rng(seed)
    code = np.arange(n) % levels
    effect = strength * generator.normal(size=levels)
    x = generator.normal(size=n)
    data = {
        "x": x,
        "place": np.array([f"p{c:02d}" for c in code], dtype=object),
        "other": np.array([f"o{c:02d}" for c in generator.integers(0, 15, n)], dtype=object),
        "few": np.array([f"f{c}" for c in code % 3], dtype=object),
        "y": x + effect[code] + 0.3 * generator.normal(size=n),
    }
    prepared = prepare(data, "y", types={"place": "category", "other": "category", "few": "category"})
    return prepared, Problem(
        prepared.typed, prepared.schema, Target("y", "gaussian"), prepared.target, seed=1
    )


def test_the_column_that_tells_most_and_has_enough_levels():
    assert place_column(_prepared()[1]) == "place"
    assert place_column(_prepared(strength=0.0)[1]) in {None, "place", "other"}
    assert place_column(_prepared(levels=200, n=600)[1]) != "place"  # three rows a level are too few


def test_the_share_of_variance_between_levels_is_corrected_for_their_number():
    """By the adjusted R squared of the means, computed here by loops; a category of noise has none."""
    prepared, problem = _prepared(strength=0.15)
    shares = {}
    for name in ("place", "other"):
        values, y = prepared.typed.column(name), prepared.target
        means = {v: y[values == v].mean() for v in set(values)}
        rest = sum((y[i] - means[values[i]]) ** 2 for i in range(len(y)))
        count = len(means)
        shares[name] = 1 - rest / ((y - y.mean()) ** 2).sum() * (len(y) - 1) / (len(y) - count - 1)
    best = max(shares, key=lambda k: shares[k])
    assert place_column(problem) == (best if shares[best] > 0 else None)


def _street(n=1500, seed=0, gaps=0):
    """Houses along a street of 30 districts: what a house costs follows from where it stands."""
    generator = np.random.default_rng(seed)
    at = generator.uniform(size=n)
    district = np.array([f"d{int(30 * a):02d}" for a in at], dtype=object)
    district[:gaps] = None
    price = 3 * np.sin(7 * at) + 0.2 * generator.normal(size=n)
    return {"at": at, "district": district, "price": price}


def _quick():
    return [Constant(), LinearCandidate("plain"), LinearCandidate("additive"), TreesCandidate()]


@pytest.fixture(scope="module")
def street():
    data = _street()
    hole = np.isin(data["district"], ["d07", "d16", "d24"])
    rest = {k: v[~hole] for k, v in data.items()}
    with pytest.MonkeyPatch.context() as patch:  # quick methods, so that a busy machine drops none for time
        patch.setattr("fivefold.tasks.tables.search.candidates", _quick)
        return fit(rest, "price", budget="60s"), {k: v[hole] for k, v in data.items()}, rest


def test_a_new_place_is_answered_by_the_model_that_does_not_see_places(street):
    model, hole, _ = street
    assert model.newcomers.column == "district"
    assert len(model.newcomers.known) == 27
    assert "district" not in {c.name for c in model.newcomers.model.schema.columns}
    own = model._answer(model.typed(hole)[0], 0.9)
    found = model.predict_table(hole)
    expected = model.newcomers.model.predict_table(hole)
    np.testing.assert_array_equal(found.mean, expected.mean)
    np.testing.assert_array_equal(found.low, expected.low)
    assert (found.mean != own.mean).any()


def test_it_is_better_there_and_its_intervals_cover(street):
    """The smooth price is known to within the noise (0.2) but where districts are missing."""
    model, hole, _ = street
    found = model.predict_table(hole)
    own = model._answer(model.typed(hole)[0], 0.9)

    def rmse(mean):
        return float(np.sqrt(np.mean((hole["price"] - mean) ** 2)))

    assert rmse(found.mean) < min(0.35, rmse(own.mean))
    inside = (hole["price"] >= found.low) & (hole["price"] <= found.high)
    assert inside.mean() > 0.75


def test_rows_of_known_places_keep_their_bits(street):
    model, hole, rest = street
    both = {k: np.concatenate([hole[k][:5], rest[k][:50]]) for k in hole}
    np.testing.assert_allclose(
        model.predict_table(both).mean[5:],
        model.predict_table({k: v[:50] for k, v in rest.items()}).mean,
        rtol=1e-12,
    )


def test_every_district_was_left_out_once(street):
    section = street[0].record["groups"]
    assert (section["column"], section["levels"]) == ("district", 27)
    by_role = {s["role"]: s["metrics"]["RMSE"]["value"] for s in section["scores"]}
    assert set(by_role) >= {"chosen", "constant", "yardstick"}
    assert by_role["chosen"] < 0.5 < by_role["constant"]
    assert section["rows"] > 900  # all training rows


def test_the_artifact_keeps_the_newcomers(street, tmp_path):
    model, hole, _ = street
    model.save(tmp_path / "m")
    again = load(tmp_path / "m")
    assert again.newcomers.known == model.newcomers.known
    np.testing.assert_array_equal(again.predict(hole), model.predict(hole))


def test_a_replay_makes_the_same_newcomers(street, tmp_path):
    model, hole, rest = street
    model.save(tmp_path / "m")
    again = fit(rest, "price", budget="600s", replay=tmp_path / "m")
    np.testing.assert_array_equal(again.predict(hole), model.predict(hole))
    assert again.plan["newcomers"]["done"] == model.plan["newcomers"]["done"]


def test_a_missing_place_is_no_new_one():
    table = Table({"place": np.array(["a", None, "z", "b"], dtype=object)})
    found = Newcomers("place", ("a", "b"), None)
    assert found.mask(table).tolist() == [False, False, True, False]


def test_no_column_no_newcomers():
    _, problem = _prepared()
    assert place_column(problem.without("place").without("other")) is None
    model = fit({"x": np.arange(60.0), "y": np.arange(60.0) % 7}, "y", budget="1s")
    assert model.newcomers is None
    assert model.record["groups"] is None


def test_groups_that_are_named_are_left_out_in_the_race_itself():
    model = fit(_street(400), "price", group="district", budget="2s")
    assert model.newcomers is None


def test_the_second_choice_is_told_from_the_first():
    events = []
    fit(_street(600), "price", budget="1s", progress=lambda e, d: events.append((e, d)))
    names = [e for e, _ in events]
    assert names.count("family") == names.count("chosen") == names.count("chosen for newcomers") == 1
    assert dict(events)["chosen for newcomers"]["column"] == "district"
