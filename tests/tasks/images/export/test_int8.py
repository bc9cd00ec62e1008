"""8 bits: close to the floats, and taken on evidence alone."""

import logging

import numpy as np
import onnx
import pytest

from fivefold.core import ArgumentError
from fivefold.tasks.images.export.graph import PictureGraph
from fivefold.tasks.images.export.int8 import Fall, judge, paired_fall, quantize
from fivefold.tasks.images.export.session import answer, open_session

SHAPE = (1, 6, 6)


def test_the_quantized_model_is_close_and_smaller(by_hand, dense_network):
    graph = PictureGraph(dense_network(SHAPE, 3), [0.5], [0.5], 4.0)
    model = by_hand(graph, SHAPE, ("a", "b", "c"))
    before = model.SerializeToString()
    x = np.random.default_rng(0).integers(0, 256, (60, *SHAPE), dtype=np.uint8)
    level = logging.getLogger().level
    small = quantize(model, x[:30], batch=7)
    assert model.SerializeToString() == before
    assert logging.getLogger().level == level
    made = onnx.load_model_from_string(small)
    kinds = {node.op_type for node in made.graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds
    assert {each.key for each in made.metadata_props} == {"classes"}
    p, q = (answer(open_session(each), x[30:]) for each in (before, small))
    assert 0 < np.abs(p - q).max() < 0.1  # 8 bits: near, and not the same


@pytest.mark.parametrize("weight", [1.0, -3.0])
def test_no_sum_of_16_bits_is_cut_off(by_hand, dense_network, weight):
    """Two products of an activation of 8 bits and a weight fit into 16 bits, as x86 may add them."""
    graph = PictureGraph(dense_network(SHAPE, 3), [0.5], [0.5])
    x = np.random.default_rng(0).integers(0, 256, (30, *SHAPE), dtype=np.uint8)
    made = onnx.load_model_from_string(quantize(by_hand(graph, SHAPE, ("a", "b", "c"), weight=weight), x))
    tables = [onnx.numpy_helper.to_array(each) for each in made.graph.initializer]
    weights = [table.astype(int) for table in tables if table.dtype == np.int8 and table.ndim == 2]
    assert len(weights) == 1
    assert 2 * 255 * abs(weights[0]).max() <= np.iinfo(np.int16).max
    assert (abs(weights[0]).max(0 if weights[0].shape[1] == 3 else 1) == 64).all()  # the range is used


def test_nothing_to_calibrate_with(by_hand, dense_network):
    graph = PictureGraph(dense_network(SHAPE, 3), [0.5], [0.5])
    with pytest.raises(ArgumentError, match="pictures of calibration"):
        quantize(by_hand(graph, SHAPE, ("a", "b", "c")), np.zeros((0, *SHAPE), dtype=np.uint8))


def test_the_fall_by_hand():
    # Agresti and Min's interval for b = 4, c = 1, n = 10: 3 / 12 +- 1.96 sqrt(6 - 9 / 12) / 12
    before = np.array([1] * 4 + [0] * 1 + [1] * 3 + [0] * 2, dtype=bool)
    after = np.array([0] * 4 + [1] * 1 + [1] * 3 + [0] * 2, dtype=bool)
    fall = paired_fall(before, after)
    assert (fall.before, fall.after, fall.pictures) == (0.7, 0.4, 10)
    assert fall.low == pytest.approx(0.25 - 1.959964 * 5.25**0.5 / 12, abs=1e-6)
    assert fall.high == pytest.approx(0.25 + 1.959964 * 5.25**0.5 / 12, abs=1e-6)


def test_the_interval_covers_the_true_fall():
    rng = np.random.default_rng(0)
    true = 0.05 - 0.02
    covered = []
    for _ in range(2000):
        u = rng.random(400)
        before, after = u < 0.90, (u < 0.85) | (u > 0.98)  # loses 5%, wins 2%
        fall = paired_fall(before, after)
        covered.append(fall.low <= true <= fall.high)
    assert np.mean(covered) > 0.93  # 95%, less three standard errors of 2,000 draws


@pytest.mark.parametrize(
    ("high", "ratio", "accepted", "word"),
    [
        (0.005, 0.9, True, "accepted"),
        (0.02, 0.9, False, "refused: accuracy"),
        (0.005, 1.0, False, "not faster"),
        (0.02, 1.1, False, "not faster"),
    ],
)
def test_both_must_hold(high, ratio, accepted, word):
    verdict = judge(Fall(0.9, 0.9, -0.01, high, 1000), (0.8, 0.7, ratio), 0.01, 5)
    assert verdict.accepted is accepted
    assert word in verdict.reason
    assert "90.00%" in verdict.reason
    assert "on this machine" in verdict.reason
    assert verdict.to_record()["fall"]["high"] == high


def test_bad_arguments():
    with pytest.raises(ArgumentError, match="between 0 and 1"):
        judge(Fall(1, 1, 0, 0, 1), (1, 1, 1), 1.5, 1)
    with pytest.raises(ArgumentError, match="pairs of answers"):
        paired_fall(np.ones(2, dtype=bool), np.ones(3, dtype=bool))
    with pytest.raises(ArgumentError, match="coverage"):
        paired_fall(np.ones(2, dtype=bool), np.ones(2, dtype=bool), 1.0)
