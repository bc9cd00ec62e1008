"""Predictors by hand, chunk by chunk, and back from their saved forms to the same bits."""

import json

import numpy as np
import pytest

from fivefold.core import ArtifactError
from fivefold.tasks.tables import predictors
from fivefold.tasks.tables.basis import (
    Basis,
    FourierBlock,
    LevelsBlock,
    LinearBlock,
    ProductsBlock,
    SlopesBlock,
    SplineBlock,
)
from fivefold.tasks.tables.encode import Encoder
from fivefold.tasks.tables.kinds import ColumnType, Kind
from fivefold.tasks.tables.predictors import (
    BlendPredictor,
    ConstantPredictor,
    LinearPredictor,
    NetworkPredictor,
    OrdinalPredictor,
    TreesPredictor,
    predictor_from_state,
    tree_inputs,
)
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.state import flatten, unflatten
from fivefold.tasks.tables.table import Table


def _table(n=50, seed=0):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=n)
    x[::9] = np.nan
    return Table({"x": x, "c": generator.choice(np.array(["u", "v", None], dtype=object), n)})


SCHEMA = Schema((ColumnType("x", Kind.NUMBER, ""), ColumnType("c", Kind.CATEGORY, "")))


def _linear(outputs=2):
    table = _table()
    encoder = Encoder.fit(table, SCHEMA)
    basis = Basis((LinearBlock(2), LevelsBlock("c", 3)))
    w = np.random.default_rng(1).normal(size=(6, outputs))
    return LinearPredictor(encoder, basis, w)


def _network():
    table = _table()
    generator = np.random.default_rng(2)
    arrays = {
        "weight.0": generator.normal(size=(3, 5, 4)).astype(np.float32),
        "bias.0": generator.normal(size=(3, 4)).astype(np.float32),
        "weight.1": generator.normal(size=(3, 4, 1)).astype(np.float32),
        "bias.1": generator.normal(size=(3, 1)).astype(np.float32),
    }
    basis = Basis((LinearBlock(2), LevelsBlock("c", 3)))
    return NetworkPredictor(Encoder.fit(table, SCHEMA), basis, arrays, "silu", 3.0, 2.0)


def _trees():
    """Two trees: x <= 0 (gaps left) then a leaf; c in {level 1} (gaps right)."""
    table = _table()
    return TreesPredictor(
        Encoder.fit(table, SCHEMA),
        starts=np.array([0, 3]),
        outputs=np.array([0, 1]),
        baseline=np.array([10.0, 20.0]),
        feature=np.array([0, 0, 0, 2, 0, 0]),
        threshold=np.array([0.0, 0, 0, 0, 0, 0]),
        left=np.array([1, 0, 0, 1, 0, 0]),
        right=np.array([2, 0, 0, 2, 0, 0]),
        value=np.array([0.0, 1.0, 2.0, 0.0, 3.0, 4.0]),
        leaf=np.array([False, True, True, False, True, True]),
        missing_left=np.array([True, False, False, False, False, False]),
        category=np.array([-1, -1, -1, 0, -1, -1]),
        bits=np.array([[2, 0, 0, 0, 0, 0, 0, 0]], dtype=np.uint32),
    )


def _same_bits(predictor, table):
    config, tensors = flatten(predictor.state())
    back = predictor_from_state(unflatten(json.loads(json.dumps(config)), tensors))
    assert type(back) is type(predictor)
    assert np.array_equal(back.eta(table), predictor.eta(table))


def test_the_constant():
    predictor = ConstantPredictor(np.array([1.0, 2.0]))
    assert predictor.eta(_table(3)).tolist() == [[1, 2]] * 3
    _same_bits(predictor, _table())


def test_the_linear_predictor_is_a_product_in_double_precision_to_single_accuracy():
    predictor, table = _linear(), _table()
    rows = predictor.encoder.transform(table)
    one_hot = (rows.codes["c"][:, None] == np.arange(3)).astype(float)
    expected = predictor.w[0] + np.column_stack([rows.numbers, one_hot]) @ predictor.w[1:]
    np.testing.assert_allclose(predictor.eta(table), expected, rtol=1e-5, atol=1e-5)
    _same_bits(predictor, table)


def test_the_network_is_the_mean_of_its_members_in_the_unit_of_the_target():
    predictor, table = _network(), _table()
    x = predictor.basis.design(predictor.encoder.transform(table)).astype(float)
    members = []
    for k in range(3):
        a = {key: value[k].astype(float) for key, value in predictor.arrays.items()}
        hidden = x @ a["weight.0"] + a["bias.0"]
        hidden = hidden / (1 + np.exp(-hidden))
        members.append(hidden @ a["weight.1"] + a["bias.1"])
    np.testing.assert_allclose(predictor.eta(table), 3 + 2 * np.mean(members, 0), rtol=1e-4, atol=1e-4)
    _same_bits(predictor, table)


def test_trees_walk_to_their_leaves_by_number_code_and_gap():
    predictor, table = _trees(), _table()
    x = tree_inputs(predictor.encoder, table)
    assert np.isnan(x[::9, 0]).all()
    first = np.where(np.isnan(x[:, 0]) | (x[:, 0] <= 0), 1.0, 2.0)
    second = np.where(x[:, 2] == 1, 3.0, 4.0)
    np.testing.assert_array_equal(predictor.eta(table), np.column_stack([10 + first, 20 + second]))
    _same_bits(predictor, table)


def test_a_blend_is_the_weighted_mean():
    table = _table()
    members = (_linear(), ConstantPredictor(np.array([1.0, 2.0])), _trees())
    weights = np.array([0.5, 0.25, 0.25])
    blend = BlendPredictor(members, weights)
    expected = sum(w * m.eta(table) for w, m in zip(weights, members, strict=True))
    np.testing.assert_allclose(blend.eta(table), expected, rtol=1e-12)
    _same_bits(blend, table)


def _wide():
    """Every block of a basis, and a product of more than two thousand terms."""
    table = _table(400)
    encoder = Encoder.fit(table, SCHEMA)
    rows = encoder.transform(table)
    generator = np.random.default_rng(3)
    spline = SplineBlock.fit(0, rows.numbers[:, 0])
    assert spline is not None
    blocks = (
        LinearBlock(2),
        LevelsBlock("c", 3),
        spline,
        ProductsBlock(np.array([[0, 0], [0, 1]]), np.zeros(2)),
        SlopesBlock("c", 0, 3),
        FourierBlock.draw(np.ones(5), 2.0, 1000, ["c"], generator),
    )
    basis = Basis(blocks)
    return LinearPredictor(encoder, basis, generator.normal(size=(1 + basis.size, 1)))


def _blended():
    return BlendPredictor((_linear(1), _network(), _wide()), np.array([0.2, 0.3, 0.5]))


@pytest.mark.parametrize("make", [_linear, _network, _trees, _wide, _blended])
def test_a_row_is_predicted_to_the_same_bits_whatever_rows_stand_beside_it(make, monkeypatch):
    predictor, table = make(), _table(700)
    whole = predictor.eta(table)
    assert len(np.unique(whole)) > 2
    for rows in (slice(0, 1), slice(3, 5), slice(255, 258), slice(100, 613), slice(None, None, -1)):
        np.testing.assert_array_equal(predictor.eta(table.take(rows)), whole[rows])
    monkeypatch.setattr(predictors, "_CHUNK", 97)
    np.testing.assert_array_equal(predictor.eta(table), whole)


def test_no_rows_have_no_predictions():
    for predictor in (_linear(), _trees()):
        assert predictor.eta(_table(3).take(slice(0, 0))).shape == (0, 2)
    assert _network().eta(_table(3).take(slice(0, 0))).shape == (0, 1)


def test_a_column_that_is_called_missing_is_no_flag():
    table = Table({"x": np.array([1.0, 2.0, 3.0]), "x is missing": np.array([1.0, 0.0, 1.0])})
    schema = Schema((ColumnType("x", Kind.NUMBER, ""), ColumnType("x is missing", Kind.NUMBER, "")))
    assert np.isfinite(tree_inputs(Encoder.fit(table, schema), table)).all()


@pytest.mark.parametrize("state", [{"kind": "pickle"}, {}])
def test_an_unknown_kind_is_refused(state):
    with pytest.raises(ArtifactError, match="a predictor of blend, constant"):
        predictor_from_state(state)


def test_blends_do_not_nest():
    inner = BlendPredictor((ConstantPredictor(np.zeros(1)),), np.ones(1))
    with pytest.raises(ArtifactError, match="a blend of blends"):
        predictor_from_state(BlendPredictor((inner,), np.ones(1)).state())


def test_proportional_odds_by_hand_and_back_from_the_saved_form():
    cutpoints = np.array([-1.0, 0.5, 0.5 + 1e-9, 2.0])
    predictor = OrdinalPredictor(_linear(1), cutpoints)
    table = _table()
    away = cutpoints - predictor.linear.eta(table)
    below = np.column_stack([np.zeros(50), 1 / (1 + np.exp(-away)), np.ones(50)])
    eta = predictor.eta(table)
    np.testing.assert_allclose(np.exp(eta).sum(1), 1.0, rtol=1e-12)
    # differences of probabilities lose what lies close together; the log probabilities do not
    np.testing.assert_allclose(np.exp(eta), np.diff(below, axis=1), rtol=1e-6, atol=1e-15)
    state = unflatten(*flatten(predictor.state()))
    assert np.array_equal(predictor_from_state(state).eta(table), eta)
    for wrong in (cutpoints[::-1], cutpoints[None]):
        with pytest.raises(ArtifactError, match="cutpoints that rise"):
            predictor_from_state({**predictor.state(), "cutpoints": wrong})
