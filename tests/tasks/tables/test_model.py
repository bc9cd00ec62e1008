"""A model by hand: predictions in every family, options that do not fit, and the artifact."""

import json

import numpy as np
import pytest

from fivefold.artifact import Bundle
from fivefold.artifact import save as save_bundle
from fivefold.core import ArgumentError, ArtifactError, DataError
from fivefold.tasks.prediction_sets import Sets
from fivefold.tasks.tables.basis import Basis, LinearBlock
from fivefold.tasks.tables.conformal import Intervals, Spread
from fivefold.tasks.tables.encode import Encoder
from fivefold.tasks.tables.kinds import ColumnType, Kind
from fivefold.tasks.tables.model import KIND, Model, load
from fivefold.tasks.tables.predictors import ConstantPredictor, LinearPredictor
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.table import Table
from fivefold.tasks.tables.target import Target

X = np.linspace(-2.0, 2.0, 41)
SCORES = np.linspace(-1.0, 3.0, 99)


def _model(family="gaussian", temperature=1.0, exposure=None):
    """eta = 0.5 + x in every family (categorical: three multiples of it)."""
    classes = {"bernoulli": ("no", "yes"), "categorical": ("a", "b", "c")}.get(family, ())
    columns = [ColumnType("x", Kind.NUMBER, "")] + (
        [ColumnType(exposure, Kind.NUMBER, "")] if exposure else []
    )
    schema = Schema(tuple(columns), ColumnType("y", Kind.CATEGORY if classes else Kind.NUMBER, ""))
    encoder = Encoder.fit(Table({"x": X}), Schema((columns[0],)))
    e = encoder.numbers[0]
    factors = np.array([[1.0, 0.0, -1.0]]) if family == "categorical" else np.ones((1, 1))
    w = np.array([[0.5 + e.centre], [e.scale]]) * factors
    predictor = LinearPredictor(encoder, Basis((LinearBlock(1),)), w)
    target = Target("y", family, classes, smear=1.2 if family == "log-gaussian" else 1.0)
    intervals = None if classes else Intervals(Spread(None, 0.0, 0.0), SCORES, counts=family == "poisson")
    sets = Sets(np.linspace(0.01, 0.99, 99)) if classes else None
    return Model(
        schema,
        target,
        predictor,
        temperature,
        intervals,
        sets,
        exposure,
        record={"version": 1},
        plan={"seed": 3},
    )


def test_numbers_with_their_interval():
    model = _model()
    np.testing.assert_allclose(model.predict({"x": X}), 0.5 + X, rtol=1e-5, atol=1e-6)
    low, high = model.predict_interval({"x": [1.0]}, level=0.8)
    # of 99 scores the 10th and the 90th
    assert (low[0], high[0]) == pytest.approx((1.5 + SCORES[9], 1.5 + SCORES[89]), rel=1e-5)


def test_log_numbers_are_smeared_means_and_their_interval_is_not_smeared():
    model = _model("log-gaussian")
    np.testing.assert_allclose(model.predict({"x": X}), 1.2 * np.exp(0.5 + X), rtol=1e-5)
    low, high = model.predict_interval({"x": [1.0]}, level=0.8)
    assert (low[0], high[0]) == pytest.approx((np.exp(1.5 + SCORES[9]), np.exp(1.5 + SCORES[89])), rel=1e-5)


def test_counts_beside_an_exposure_have_whole_bounds():
    model = _model("poisson", exposure="hours")
    rows = {"x": [1.0, 1.0], "hours": [1.0, 10.0]}
    mean = np.exp(1.5) * np.array([1, 10])
    np.testing.assert_allclose(model.predict(rows), mean, rtol=1e-5)
    low, high = model.predict_interval(rows, level=0.8)
    np.testing.assert_array_equal(low, np.floor(np.maximum(0, mean + SCORES[9] * np.sqrt(mean))))
    np.testing.assert_array_equal(high, np.ceil(mean + SCORES[89] * np.sqrt(mean)))
    for bad in (0.0, -1.0, None):
        with pytest.raises(DataError, match="positive exposures in 'hours'"):
            model.predict({"x": [1.0, 2.0], "hours": [bad, 2.0]})


def test_classes_with_tempered_probabilities_and_sets():
    model = _model("bernoulli", temperature=2.0)
    p = 1 / (1 + np.exp(-(0.5 + X) / 2))
    np.testing.assert_allclose(model.predict_proba({"x": X})[:, 1], p, rtol=1e-5)
    assert model.predict({"x": [-2.0, 2.0]}).tolist() == ["no", "yes"]
    assert model.classes == ("no", "yes")
    # a class is in the set where 1 - p is at most the 90th of 99 scores, 0.9
    for row, found in zip(p, model.predict_set({"x": X}, level=0.9), strict=True):
        assert found == tuple(c for c, q in zip(("no", "yes"), (1 - row, row), strict=True) if 1 - q <= 0.9)


def test_three_classes():
    model = _model("categorical")
    eta = np.outer(0.5 + X, [1.0, 0.0, -1.0])
    p = np.exp(eta) / np.exp(eta).sum(1, keepdims=True)
    np.testing.assert_allclose(model.predict_proba({"x": X}), p, rtol=1e-4)
    assert set(model.predict({"x": X})) == {"a", "c"}


def test_questions_that_do_not_fit_the_target():
    with pytest.raises(ArgumentError, match="use predict_set"):
        _model("bernoulli").predict_interval({"x": [0.0]})
    with pytest.raises(ArgumentError, match="use predict_interval"):
        _model().predict_proba({"x": [0.0]})
    with pytest.raises(ArgumentError, match="use predict_interval"):
        _model().predict_set({"x": [0.0]})
    for level in (0.0, 1.0, 90):
        with pytest.raises(ArgumentError, match="a level between 0 and 1"):
            _model().predict_interval({"x": [0.0]}, level=level)


def test_rows_that_do_not_fit_the_schema():
    with pytest.raises(DataError, match="'x' among them"):
        _model().predict({"z": [0.0]})
    with pytest.raises(DataError, match="at least one row"):
        _model().predict(Table({"x": np.zeros(0)}))
    assert "passed over: z" in _model().predict_table({"x": [0.0], "z": [1.0]}).notes[-1].replace("'", "")


@pytest.mark.parametrize(
    ("family", "exposure"),
    [
        ("gaussian", None),
        ("log-gaussian", None),
        ("poisson", "hours"),
        ("bernoulli", None),
        ("categorical", None),
    ],
)
def test_the_artifact_predicts_the_same_bits(tmp_path, family, exposure):
    model = _model(family, 1.0 if exposure else 1.7, exposure)
    back = load(model.save(tmp_path / "m"))
    rows = {"x": X} | ({exposure: np.linspace(1, 3, 41)} if exposure else {})
    ours, theirs = model.predict_table(rows, 0.8), back.predict_table(rows, 0.8)
    for name in ("mean", "low", "high", "probabilities", "sets"):
        a, b = getattr(ours, name), getattr(theirs, name)
        assert (a is None and b is None) or np.array_equal(a, b)
    assert (back.record, back.plan) == (model.record, model.plan)
    assert back.schema == model.schema
    assert (tmp_path / "m" / "report.html").exists()


def test_an_artifact_is_not_overwritten_unasked(tmp_path):
    _model().save(tmp_path / "m")
    with pytest.raises(ArtifactError):
        _model().save(tmp_path / "m")
    other = Model(**{**_model().__dict__, "predictor": ConstantPredictor(np.array([9.0]))})
    other.save(tmp_path / "m", overwrite=True)
    assert load(tmp_path / "m").predict({"x": [0.0]}).tolist() == [9.0]


def test_what_is_no_model_is_refused(tmp_path):
    save_bundle(tmp_path / "other", Bundle("something.else", {}, {}, {}))
    with pytest.raises(ArtifactError, match=f"an artifact of kind {KIND}"):
        load(tmp_path / "other")
    save_bundle(tmp_path / "hollow", Bundle(KIND, {"schema": {}}, {}, {}))
    with pytest.raises(ArtifactError):
        load(tmp_path / "hollow")
    state = _model().state()
    from fivefold.tasks.tables.state import flatten

    config, tensors = flatten({k: v for k, v in state.items() if k != "temperature"})
    save_bundle(tmp_path / "part", Bundle(KIND, config, tensors, {}))
    with pytest.raises(ArtifactError, match=r"parts of a table .* got KeyError: 'temperature'"):
        load(tmp_path / "part")


def test_a_weight_that_was_changed_is_noticed(tmp_path):
    path = _model().save(tmp_path / "m")
    weights = next(p for p in path.iterdir() if p.suffix == ".safetensors")
    raw = bytearray(weights.read_bytes())
    raw[-1] ^= 1
    weights.write_bytes(bytes(raw))
    with pytest.raises(ArtifactError):
        load(path)


def test_the_state_names_no_code():
    text = json.dumps(_model().state(), default=lambda a: a.tolist())
    assert "fivefold.tasks" not in text


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("temperature",), "x"),
        (("predictor", "w"), np.zeros((1, 1))),
        (("predictor", "w"), np.zeros((99, 1))),
        (("predictor", "basis"), {"blocks": [{"kind": "linear", "size": 10**18, "scale": 1.0}]}),
        (("schema",), {"columns": [0]}),
        (("target",), None),
        (("newcomers",), {"column": "x"}),
    ],
)
def test_a_description_whose_parts_do_not_fit_is_refused(tmp_path, path, value):
    from fivefold.tasks.tables.state import flatten

    state = _model().state()
    at = state
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    config, tensors = flatten(state)
    save_bundle(tmp_path / "forged", Bundle(KIND, config, tensors, {}))
    with pytest.raises(ArtifactError):
        load(tmp_path / "forged")


def test_rows_unlike_the_training_rows_are_named():
    from fivefold.tasks.tables.fit import fit

    generator = np.random.default_rng(0)
    data = {"a": generator.normal(size=300), "b": generator.normal(size=300)}
    model = fit(data | {"y": data["a"] + data["b"]}, "y", budget="0.3s")
    assert model.shift(data) == []
    moved = model.shift({"a": data["a"] + 2.0, "b": data["b"]})
    assert [f.title for f in moved] == ["'a' differs from training"]
    assert model.shift({k: v[:20] + 9.0 for k, v in data.items()}) == []  # too few to judge
    assert _model().shift({"x": X}) == []  # a model without a summary
    from dataclasses import replace

    forged = replace(model, record={"summary": {"version": 1, "columns": {"a": 3}}})
    with pytest.raises(ArtifactError, match="a summary of the training rows"):
        forged.shift(data)
