"""The record of a fit: complete, plain, and true to the model."""

import html
import json

import numpy as np
import pytest

from fivefold.report.page import render
from fivefold.tasks.evaluate import METRICS
from fivefold.tasks.tables.candidates.constant import Constant
from fivefold.tasks.tables.candidates.linear import LinearCandidate
from fivefold.tasks.tables.candidates.network import NetworkCandidate
from fivefold.tasks.tables.candidates.recipe import OF_NUMBERS
from fivefold.tasks.tables.candidates.trees import TreesCandidate
from fivefold.tasks.tables.fit import fit

SECTIONS = {
    "version", "title", "headline", "warnings", "data", "test", "groups", "intervals", "classification",
    "scatter", "certificates", "candidates", "table", "drivers", "map", "risks", "plan", "environment",
    "seconds", "command", "summary",
}  # fmt: skip


def _regression_data(n=300):
    generator = np.random.default_rng(0)
    x = generator.normal(size=n)
    place = np.array([f"p{i % 12:02d}" for i in range(n)], dtype=object)
    effect = generator.normal(size=12)
    return {
        "x": x,
        "idle": generator.normal(size=n),
        "place": place,
        "y": 2 * x + effect[np.arange(n) % 12] + generator.normal(size=n),
    }


@pytest.fixture(scope="module")
def regression():
    return fit(_regression_data(), "y", budget="2s", types={"place": "category"})


@pytest.fixture(scope="module")
def classification():
    generator = np.random.default_rng(1)
    x = generator.normal(size=400)
    k = np.where(x + generator.normal(size=400) > 0, "yes", "no").astype(object)
    return fit({"x": x, "k": k}, "k", budget="2s")


def test_the_record_is_plain_json_with_all_its_sections(regression, classification):
    for model in (regression, classification):
        assert set(model.record) == SECTIONS
        assert json.loads(json.dumps(model.record, allow_nan=False)) == model.record


def test_scores_are_those_of_the_rows_set_aside(regression):
    """Recomputed from the artifact's predictions on the rows that the split names."""
    from fivefold.tasks.tables.fit import split
    from fivefold.tasks.tables.prepare import prepare

    data = _regression_data()
    test = split(prepare(data, "y", types={"place": "category"}), 0, False)[2]
    rows = {k: v[test] for k, v in data.items()}
    section = regression.record["test"]
    assert section["rows"] == len(test)
    own = next(s for s in section["scores"] if s["role"] == "chosen")["metrics"]
    error = regression.predict(rows) - rows["y"]
    assert own["RMSE"]["value"] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-9)
    assert own["MAE"]["value"] == pytest.approx(np.mean(np.abs(error)), rel=1e-9)
    low, high = regression.predict_interval(rows, 0.9)
    inside = (low <= rows["y"]) & (rows["y"] <= high)
    assert regression.record["intervals"]["coverage"]["value"] == pytest.approx(inside.mean())
    assert regression.record["intervals"]["median_width"] == pytest.approx(np.median(high - low))


def test_every_score_lies_in_its_interval(regression, classification):
    for model in (regression, classification):
        for row in model.record["test"]["scores"]:
            for name, m in row["metrics"].items():
                assert m["low"] <= m["value"] <= m["high"], (name, m)
                assert name in METRICS


def test_the_constant_explains_nothing_and_the_trees_are_the_yardstick(regression):
    roles = {s["role"]: s["metrics"] for s in regression.record["test"]["scores"]}
    assert abs(roles["constant"]["R2"]["value"]) < 0.1
    assert roles["chosen"]["RMSE"]["value"] < roles["constant"]["RMSE"]["value"]
    if "yardstick" in roles:
        pair = regression.record["test"]["paired"]
        difference = roles["chosen"]["RMSE"]["value"] - roles["yardstick"]["RMSE"]["value"]
        assert pair["difference"] == pytest.approx(difference, abs=1e-9)
        assert pair["low"] <= pair["difference"] <= pair["high"]


def test_one_method_is_chosen_and_the_others_say_why_not(regression):
    rows = regression.record["candidates"]
    assert [r["verdict"] for r in rows].count("chosen") == 1
    assert rows[0]["verdict"] == "chosen"
    assert all(r["reason"] for r in rows)
    by_name = {r["name"]: r for r in rows}
    assert by_name["constant"]["verdict"] == "baseline"
    assert by_name["boosted trees"]["verdict"] == "yardstick"


@pytest.mark.parametrize("product", [0.0, 3.0])
def test_how_the_network_was_trained_stands_beside_it_chosen_or_not(product, monkeypatch):
    """A product that straight lines cannot follow makes the network win, alone or in a blend."""
    network = NetworkCandidate(members=2, widths=(16,), epochs=4, least_rows=1)
    monkeypatch.setattr(
        "fivefold.tasks.tables.search.candidates",
        lambda: [Constant(), LinearCandidate("plain"), network, TreesCandidate()],
    )
    generator = np.random.default_rng(2)
    x, z = generator.normal(size=(2, 400))
    y = x + product * x * z + 0.1 * generator.normal(size=400)
    model = fit({"x": x, "z": z, "y": y}, "y", budget="60s")
    rows = {r["name"]: r for r in model.record["candidates"]}
    told = rows["dense network"]["training"]
    assert {name: told[name] for name in OF_NUMBERS.to_record()} == OF_NUMBERS.to_record()
    assert told["epochs"] == [16, 16]
    assert OF_NUMBERS.why in told["sentence"]
    made = sum(name == "dense network" for name, _, _ in model.plan["done"])
    parts = rows["blend"]["description"] if "blend" in rows and rows["blend"]["verdict"] == "chosen" else ""
    final = rows["dense network"]["verdict"] == "chosen" or "dense network" in parts
    assert final is bool(product)
    assert told["fits"] == made + final
    assert all(row["training"] is None for name, row in rows.items() if name != "dense network")
    page = render(model.record)
    assert told["sentence"] in html.unescape(page)


def test_what_drives_and_what_does_not(regression):
    by_name = {d["name"]: d for d in regression.record["drivers"]}
    assert by_name["x"]["low"] > 0
    assert by_name["idle"]["low"] <= 0.02
    assert abs(by_name["idle"]["importance"]) < 0.1 * by_name["x"]["importance"]
    curve = by_name["x"]["curve"]
    slope = np.polyfit(curve["x"], curve["y"], 1)[0]
    assert slope == pytest.approx(2.0, abs=0.4)


def test_certificates_say_what_was_measured(regression, classification):
    for model in (regression, classification):
        measured = (model.record["intervals"] or model.record["classification"]["sets"])["coverage"]
        found = [c for c in model.record["certificates"] if "cover at least 90.0%" in c["claim"]]
        assert len(found) == 1
        holds = "yes" if measured["low"] >= 0.9 else ("no" if measured["high"] < 0.9 else "unknown")
        assert found[0]["holds"] == holds
        assert found[0]["value"] == measured["value"]


def test_the_headline_gives_the_numbers(regression, classification):
    rows = regression.record["test"]["rows"]
    assert f"On {rows} unseen rows" in regression.record["headline"]
    assert "RMSE" in regression.record["headline"]
    assert "90% sets covered" in classification.record["headline"]


def test_classes_are_counted(classification):
    section = classification.record["classification"]
    assert np.sum(section["confusion"]) == classification.record["test"]["rows"]
    right = np.trace(np.array(section["confusion"])) / np.sum(section["confusion"])
    own = classification.record["test"]["scores"][0]["metrics"]["accuracy"]["value"]
    assert right == pytest.approx(own)
    assert sum(section["sets"]["sizes"].values()) == classification.record["test"]["rows"]
    assert 0 <= section["calibration_error"] < 0.3


def test_the_error_on_whole_groups_is_a_section(regression):
    section = regression.record["groups"]
    assert section is not None
    assert (section["column"], section["levels"]) == ("place", 12)
    assert section["sentence"].startswith("Every place (12 of them) was left out of the fit whole once")


def test_metrics_without_a_value_for_negative_targets_are_left_out():
    data = _regression_data() | {}
    data["y"] = data["y"] - data["y"].mean()
    found = fit(data, "y", budget="0.3s", metric="deviance").record
    assert "Poisson deviance" not in found["test"]["metrics"]
    assert "Poisson deviance is left out: y is negative in some test rows." in found["warnings"]
