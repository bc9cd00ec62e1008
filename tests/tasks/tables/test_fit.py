"""The verb from end to end on small tables: what it finds, what it refuses, and that it repeats itself."""

import numpy as np
import pytest

from fivefold.core import ArgumentError, DataError
from fivefold.tasks.tables.candidates.linear import LinearCandidate
from fivefold.tasks.tables.fit import fit
from fivefold.tasks.tables.model import load
from fivefold.tasks.tables.search import candidates

BUDGET = "2s"
UNHURRIED = "90s"


def _numbers(n=240, seed=0, noise=1.0):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=n)
    c = generator.choice(np.array(["u", "v"], dtype=object), n)
    return {"x": x, "c": c, "y": 3 * x + 2 * (c == "u") + noise * generator.normal(size=n)}


@pytest.fixture(scope="module")
def regression():
    return fit(_numbers(), "y", budget=BUDGET, seed=1)


@pytest.fixture(scope="module")
def unhurried():
    """A budget that a busy machine holds too: what the clock drops is no matter of the seed."""
    return fit(_numbers(70), "y", budget=UNHURRIED, seed=1)


def test_a_line_is_found_and_the_noise_is_told(regression):
    fresh = _numbers(4000, seed=5)
    error = np.sqrt(np.mean((regression.predict(fresh) - fresh["y"]) ** 2))
    assert error < 1.15  # the noise is 1
    low, high = regression.predict_interval(fresh, 0.9)
    assert ((low <= fresh["y"]) & (fresh["y"] <= high)).mean() == pytest.approx(0.9, abs=0.05)
    assert regression.record["test"]["scores"][0]["role"] == "chosen"


def test_the_same_seed_gives_the_same_bits_and_another_does_not(unhurried):
    rows = _numbers(50, seed=6)
    again = fit(_numbers(70), "y", budget=UNHURRIED, seed=1)
    assert again.plan == unhurried.plan
    assert np.array_equal(again.predict(rows), unhurried.predict(rows))
    for a, b in zip(again.predict_interval(rows, 0.8), unhurried.predict_interval(rows, 0.8), strict=True):
        assert np.array_equal(a, b)
    assert again.record["test"] == unhurried.record["test"]
    other = fit(_numbers(70), "y", budget=UNHURRIED, seed=2)
    assert not np.array_equal(other.predict(rows), unhurried.predict(rows))


def test_the_artifact_replays_to_the_same_bits(regression, tmp_path):
    path = regression.save(tmp_path / "m")
    rows = _numbers(50, seed=6)
    assert np.array_equal(load(path).predict(rows), regression.predict(rows))
    replayed = fit(_numbers(), "y", budget="0.01s", seed=99, replay=path)
    assert np.array_equal(replayed.predict(rows), regression.predict(rows))
    assert replayed.plan["done"] == regression.plan["done"]
    assert replayed.record["test"] == regression.record["test"]


@pytest.mark.parametrize("count", [2, 3])
def test_classes_are_predicted_with_probabilities_and_sets(count):
    generator = np.random.default_rng(2)
    x = generator.normal(size=300)
    names = np.array(["a", "b", "c"], dtype=object)
    k = names[np.digitize(2 * x + generator.normal(size=300), [0.0] if count == 2 else [-1.0, 1.0])]
    model = fit({"x": x, "k": k}, "k", budget=BUDGET)
    assert model.classes == tuple(names[:count])
    assert model.target.family == ("bernoulli" if count == 2 else "categorical")
    p = model.predict_proba({"x": [-3.0, 3.0]})
    np.testing.assert_allclose(p.sum(1), 1)
    assert model.predict({"x": [-3.0, 3.0]}).tolist() == ["a", names[count - 1]]
    assert p.max(1).min() > 0.7
    assert model.predict_set({"x": [-3.0]}, 0.8) == [("a",)]
    section = model.record["classification"]
    assert np.array(section["confusion"]).sum() == model.record["test"]["rows"]


def test_counts_with_an_exposure():
    generator = np.random.default_rng(3)
    x, hours = generator.normal(size=400), generator.uniform(0.2, 5, 400)
    n = generator.poisson(hours * np.exp(0.3 + 0.6 * x)).astype(float)
    model = fit({"x": x, "hours": hours, "n": n}, "n", exposure="hours", budget=BUDGET)
    assert model.target.family == "poisson"
    rate = model.predict({"x": [0.0, 0.0], "hours": [1.0, 4.0]})
    assert rate[0] == pytest.approx(np.exp(0.3), rel=0.25)
    assert rate[1] == pytest.approx(4 * rate[0])
    drivers = {d["name"]: d["importance"] for d in model.record["drivers"]}
    assert set(drivers) == {"x"}
    assert drivers["x"] > 0


def test_weights_decide_what_is_learned():
    """Two lines of opposite slope; all but no weight lies on the first."""
    generator = np.random.default_rng(4)
    x = generator.normal(size=300)
    first = np.arange(300) % 2 == 0
    data = {
        "x": x,
        "w": np.where(first, 1.0, 1e-4),
        "y": np.where(first, 2 * x, -2 * x) + 0.1 * generator.normal(size=300),
    }
    model = fit(data, "y", weight="w", budget=BUDGET)
    low, high = model.predict({"x": [-1.0, 1.0]})
    assert high - low > 2.5
    assert [c.name for c in model.schema.columns] == ["x"]


def test_groups_stay_together_and_times_go_forward():
    data = _numbers(300)
    data["g"] = np.array([f"g{i % 15:02d}" for i in range(300)], dtype=object)
    model = fit(data, "y", group="g", budget=BUDGET)
    assert model.record["test"]["rows"] == 60
    assert "g" not in [c.name for c in model.schema.columns]
    data["t"] = np.datetime64("2020-01-01", "us") + np.arange(300) * np.timedelta64(1, "D")
    data["y"] = data["y"] + 0.0
    late = fit(data, "y", time="t", drop=["g"], budget=BUDGET)
    assert late.record["test"]["rows"] == 60
    assert {r for _, r, _ in late.plan["done"]} == {0}


def test_types_drop_metric_and_query(tmp_path):
    data = _numbers(200)
    lines = ["x,c,code,y"] + [
        f"{x},{c},{i % 3},{y}"
        for i, (x, c, y) in enumerate(zip(data["x"], data["c"], data["y"], strict=True))
    ]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines))
    model = fit(
        path,
        "double",
        query="select *, 2 * y as double from data",
        drop=["y"],
        types={"code": "category"},
        metric="mae",
        budget=BUDGET,
    )
    assert model.schema["code"].kind == "category"
    assert [c.name for c in model.schema.columns] == ["x", "c", "code"]
    assert model.record["test"]["metrics"][0] == "MAE"
    assert model.predict({"x": [1.0], "c": ["u"], "code": [0]})[0] == pytest.approx(10.0, abs=1.5)


def test_a_table_of_few_distinct_rows_is_judged_too():
    """Where every row repeats another by nature, the test rows are not taken away as copies."""
    generator = np.random.default_rng(8)
    a = generator.choice(np.array(["u", "v", "w"], dtype=object), 300)
    b = generator.choice(np.array(["p", "q"], dtype=object), 300)
    k = np.where((a == "u") ^ (generator.random(300) < 0.2), "yes", "no").astype(object)
    model = fit({"a": a, "b": b, "k": k}, "k", budget=BUDGET)
    assert model.record["test"]["rows"] > 30
    assert model.predict({"a": ["u", "v"], "b": ["p", "p"]}).tolist() == ["yes", "no"]


def test_events_are_told_in_order():
    events = []
    fit(_numbers(60), "y", budget="0.5s", progress=lambda event, details: events.append((event, details)))
    names = [e for e, _ in events]
    order = ["read", "typed", "checked", "family", "fit", "chosen", "final", "drivers", "report"]
    assert [n for n in dict.fromkeys(names) if n in order] == order


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "accuracy"}, "a metric of rmse"),
        ({"metric": "nonsense"}, "a metric of rmse"),
        ({"types": {"z": "number"}}, "a kind for 'z'"),
    ],
)
def test_options_that_do_not_fit_are_refused_before_any_work(options, message):
    events = []
    with pytest.raises(ArgumentError, match=message):
        fit(_numbers(60), "y", progress=lambda e, d: events.append(e), **options)
    assert "fit" not in events


def test_a_target_that_is_not_there():
    with pytest.raises(DataError, match="a column named 'z'"):
        fit(_numbers(60), "z")


def test_twelve_rows_are_enough():
    data = {k: v[:12] for k, v in _numbers().items()}
    assert np.isfinite(fit(data, "y", budget=BUDGET).predict(data)).all()


def test_a_negative_number_among_the_test_rows_of_positive_ones():
    """The family was chosen on training rows, all positive; the test rows may hold what it cannot."""
    from fivefold.tasks.tables.fit import split
    from fivefold.tasks.tables.prepare import prepare

    generator = np.random.default_rng(7)
    x = generator.normal(size=200)
    y = np.exp(1 + x + 0.3 * generator.normal(size=200))
    test = split(prepare({"x": x, "y": y}, "y"), 0, False)[2]
    y[test[0]], y[test[1]] = -1.0, 0.0
    model = fit({"x": x, "y": y}, "y", budget=BUDGET)
    assert model.target.family == "log-gaussian"
    assert "RMSLE" not in model.record["test"]["metrics"]
    assert any("RMSLE is left out" in w for w in model.record["warnings"])
    assert np.isfinite(model.record["test"]["scores"][0]["metrics"]["RMSE"]["value"])


def test_the_methods_are_named_once():
    names = [c.name for c in candidates()]
    assert len(set(names)) == len(names)
    assert LinearCandidate("plain").name in names


def test_the_record_says_how_it_was_called():
    data = {"x": np.arange(40.0), "y": np.arange(40.0) % 7}
    found = fit(data, "y", budget="0.2s", drop=[], types={"x": "number"})
    assert found.record["command"] == "fivefold.fit(data, 'y', budget='0.2s', seed=0, types={'x': 'number'})"


def test_positive_numbers_with_a_gamma_spread(tmp_path):
    generator = np.random.default_rng(8)
    x = generator.normal(size=3000)
    rows = {"x": x, "y": generator.gamma(1.5, np.exp(8 + 0.5 * x) / 1.5)}
    model = fit(rows, "y", budget=BUDGET)
    assert model.target.family == "gamma"
    back = load(model.save(tmp_path / "m"))
    assert np.array_equal(back.predict(rows), model.predict(rows))
    assert model.predict({"x": [0.0]})[0] == pytest.approx(np.exp(8), rel=0.1)
    low, high = back.predict_interval(rows, 0.9)
    assert low.min() > 0
    assert ((low <= rows["y"]) & (rows["y"] <= high)).mean() == pytest.approx(0.9, abs=0.03)
    assert model.record["test"]["metrics"][0] == "gamma deviance"
    assert [s["role"] for s in model.record["test"]["scores"]].count("yardstick") == 1
    assert model.record["drivers"][0]["name"] == "x"
    html = (tmp_path / "m" / "report.html").read_text()
    assert "gamma: mean log density of rows held out" in html
    assert "gamma deviance" in html


def test_ordered_levels_are_ranges_of_their_order(tmp_path):
    generator = np.random.default_rng(9)
    x = generator.normal(size=600)
    names = np.array(["low", "mid", "high", "top"], dtype=object)
    rows = {"x": x, "size": names[np.digitize(2 * x + generator.logistic(size=600), [-2.0, 0.0, 2.0])]}
    model = fit(rows, "size", order=tuple(names), metric="rps", budget=BUDGET)
    assert (model.target.family, model.classes) == ("ordinal", tuple(names))
    assert model.record["test"]["metrics"][:2] == ["ranked probability score", "log loss"]
    assert {"unordered ridge", "boosted trees"} <= {c["name"] for c in model.record["candidates"]}
    back = load(model.save(tmp_path / "m"))
    p = back.predict_proba(rows)
    assert np.array_equal(p, model.predict_proba(rows))
    np.testing.assert_allclose(p.sum(1), 1.0)
    places = [[list(names).index(level) for level in row] for row in back.predict_set(rows, 0.9)]
    assert all(row == list(range(row[0], row[-1] + 1)) for row in places)
    assert "every set is a range of them without gaps" in (tmp_path / "m" / "report.html").read_text()
    again = fit(rows, "size", order=tuple(names), metric="rps", budget=BUDGET, replay=tmp_path / "m")
    assert np.array_equal(again.predict_proba(rows), p)


def test_metrics_of_an_order_need_one():
    rows = {"x": np.arange(40.0), "k": np.array(["a", "b"] * 20, dtype=object)}
    with pytest.raises(ArgumentError, match="a metric of logloss, log-loss, accuracy, brier; got 'rps'"):
        fit(rows, "k", metric="rps")


def test_a_level_of_the_test_rows_alone_is_refused():
    """The latest rows are the test rows: level 3 comes in them alone."""
    rows = {
        "t": np.arange(100.0),
        "x": np.arange(100.0) % 7,
        "q": np.r_[np.arange(80) % 2 + 1.0, np.full(20, 3.0)],
    }
    with pytest.raises(DataError, match="at least 2 training rows of every class of 'q'; got fewer of '3'"):
        fit(rows, "q", types={"q": "ordered"}, time="t")


@pytest.mark.parametrize("target", ["classes", "counts", "amounts"])
def test_a_fold_of_which_no_value_comes_again_is_answered_by_the_constant(target):
    generator = np.random.default_rng(0)
    y = {
        "classes": np.array(["a", "b"] * 30),
        "counts": generator.poisson(3.0, 60).astype(float),
        "amounts": generator.lognormal(2.0, 1.0, 60),
    }[target]
    names = np.array([f"k{i}" for i in range(60)], dtype=object)
    names[generator.permutation(60)[:6]] = ["s", "t"] * 3
    model = fit({"a": names, "y": y}, "y", budget="1s", types={"a": "category"})
    assert len(model.predict({"a": ["s", "new"]})) == 2
    names = np.array([f"k{i}" for i in range(60)], dtype=object)
    with pytest.raises(DataError, match="a column whose values come again; got only 'a'"):
        fit({"a": names, "y": y}, "y", budget="1s", types={"a": "category"})
