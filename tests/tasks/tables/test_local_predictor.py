"""The blend of anchors: exact at an anchor, exact for a plane, continuous, fading; forged states."""

import numpy as np
import pytest

from fivefold.core import ArtifactError
from fivefold.tasks.tables.basis import Basis, LinearBlock
from fivefold.tasks.tables.encode import Encoder
from fivefold.tasks.tables.kinds import ColumnType, Kind
from fivefold.tasks.tables.local_predictor import LocalPredictor
from fivefold.tasks.tables.places import Places
from fivefold.tasks.tables.predictors import BlendPredictor, LinearPredictor, notes_of, predictor_from_state
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.table import Table

SCHEMA = Schema(tuple(ColumnType(n, Kind.NUMBER, "") for n in ("x", "y", "a")))
PLACES = Places("x", "y", False)


def _table(n=200, seed=0):
    generator = np.random.default_rng(seed)
    return Table(
        {
            "x": generator.uniform(100, 110, n),
            "y": generator.uniform(50, 60, n),
            "a": generator.normal(size=n),
        }
    )


def _predictor(count=30, seed=1, **changes):
    generator = np.random.default_rng(seed)
    encoder = Encoder.fit(_table(), SCHEMA)
    base = LinearPredictor(encoder, Basis((LinearBlock(3),)), generator.normal(size=(4, 1)))
    fields = {
        "index": np.array([2]),
        "centre": np.array([0.1]),
        "anchors": np.column_stack([generator.uniform(100, 110, count), generator.uniform(50, 60, count)]),
        "reach": np.full(count, 4.0),
        "level": generator.normal(size=count),
        "slope": generator.normal(size=(count, 2)),
        "deviation": generator.normal(size=(count, 1)),
    }
    return LocalPredictor(base, PLACES, (), **{**fields, **changes})


def _added(predictor, table):
    return (predictor.eta(table) - predictor.base.eta(table))[:, 0]


def _at(points, a=0.0):
    points = np.asarray(points, dtype=float)
    return Table({"x": points[:, 0], "y": points[:, 1], "a": np.full(len(points), a)})


def test_at_an_anchor_its_own_coefficients_answer():
    predictor = _predictor()
    table = _at(predictor.anchors, 0.7)
    x = predictor.inputs(predictor.base.encoder.transform(table))[:, 0]
    wanted = predictor.level + x * predictor.deviation[:, 0]
    np.testing.assert_allclose(_added(predictor, table), wanted, rtol=1e-9)


@pytest.mark.parametrize("anchors", [1, 2, 5, 30])
def test_planes_that_agree_give_the_plane(anchors):
    """Values of one plane at every anchor: whatever the weights, the plane comes out."""
    predictor = _predictor(anchors)
    slope = np.array([0.3, -0.2])
    predictor = _predictor(
        anchors,
        level=2.0 + predictor.anchors @ slope,
        slope=np.tile(slope, (anchors, 1)),
        deviation=np.full((anchors, 1), 1.5),
        reach=np.full(anchors, 100.0),
    )
    table = _table()
    x = predictor.inputs(predictor.base.encoder.transform(table))[:, 0]
    wanted = 2.0 + np.column_stack([table.column("x"), table.column("y")]) @ slope + 1.5 * x
    np.testing.assert_allclose(_added(predictor, table), wanted, rtol=1e-9)


def test_the_surface_is_continuous():
    """Over steps of a thousandth, no jump beyond what slopes of the order of 10 explain."""
    predictor = _predictor()
    line = np.column_stack([np.linspace(100, 110, 10_001), np.full(10_001, 55.0)])
    assert np.abs(np.diff(_added(predictor, _at(line)))).max() < 0.03


def test_the_deviation_fades_to_nothing_at_twice_the_reach():
    predictor = _predictor(
        1, anchors=np.array([[100.0, 50.0]]), slope=np.zeros((1, 2)), deviation=np.zeros((1, 1)),
        level=np.array([2.0]),
    )  # fmt: skip
    away = np.column_stack([100.0 + np.array([0.0, 4.0, 6.0, 8.0, 80.0]), np.full(5, 50.0)])
    np.testing.assert_allclose(_added(predictor, _at(away)), [2.0, 2.0, 2.0 * 0.75**2, 0.0, 0.0], atol=1e-9)


def test_what_is_noted_of_a_blend_is_said_once():
    predictor = _predictor()
    table = _at([[100.0, 50.0], [1e4, 50.0], [np.nan, 50.0]])
    notes = notes_of(BlendPredictor((predictor, predictor, predictor.base), np.full(3, 1 / 3)), table)
    assert len(notes) == 2
    assert "1 rows without a place (x and y)" in notes[0]
    assert "1 rows lie outside" in notes[1]
    assert notes_of(predictor.base, table) == ()


def test_no_rows_give_no_predictions():
    assert _predictor().eta(_at(np.zeros((0, 2)))).shape == (0, 1)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("reach", np.zeros(30), "positive reach"),
        ("reach", np.ones(29), "reach \\[30\\]"),
        ("slope", np.zeros((30, 3)), "slope \\[30, 2\\]"),
        ("anchors", np.zeros((30, 3)), "anchors \\[30, 2\\]"),
        ("deviation", np.zeros((30, 2)), "deviation \\[30, 1\\]"),
        ("centre", np.zeros(2), "centre \\[1\\]"),
    ],
)
def test_a_forged_state_is_refused(name, value, message):
    state = {**_predictor().state(), name: value}
    with pytest.raises(ArtifactError, match=message):
        predictor_from_state(state)
