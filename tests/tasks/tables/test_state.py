"""Nested states to plain records and named tensors, and back."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fivefold.core import ArtifactError
from fivefold.tasks.tables.state import flatten, unflatten

texts = st.one_of(st.text(max_size=8), st.sampled_from(["tensor:", "tensor:a", "text:", "text:tensor:a.0"]))
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
    st.lists(st.floats(-9, 9), max_size=3).map(np.array),
)
keys = st.sampled_from(["a", "b", "a.b", "a.0", "0", "", "tensor:a"])
states = st.dictionaries(
    keys,
    st.recursive(
        leaves,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
        max_leaves=12,
    ),
    max_size=4,
)


def _same(a, b):
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and np.array_equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(_same, a, b))
    return type(a) is type(b) and a == b


@settings(max_examples=300, deadline=None)
@given(states)
def test_what_is_flattened_comes_back_through_json(state):
    config, tensors = flatten(state)
    assert _same(state, unflatten(json.loads(json.dumps(config)), tensors))


def test_keys_with_points_do_not_share_a_tensor():
    state = {"a": {"b": np.zeros(1)}, "a.b": np.ones(1)}
    config, tensors = flatten(state)
    assert len(tensors) == 2
    assert _same(state, unflatten(config, tensors))


def test_numpy_scalars_and_tuples_become_plain():
    config, tensors = flatten({"x": (np.float64(1.5), np.int64(2), np.bool_(True))})
    assert json.dumps(config) == '{"x": [1.5, 2, true]}'
    assert tensors == {}


def test_a_missing_tensor_is_a_damaged_artifact():
    with pytest.raises(ArtifactError, match="no such tensor"):
        unflatten({"w": "tensor:w"}, {})
