"""Named streams are the same each time, differ by name, and leave the global state alone."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fivefold.core import ArgumentError, as_seed, child_seed, fork_global, numpy_generator, torch_generator


@given(st.lists(st.text(max_size=5), max_size=4), st.lists(st.text(max_size=5), max_size=4))
def test_paths_collide_only_where_they_are_equal(a, b):
    assert (child_seed(1, *a) == child_seed(1, *b)) == (a == b)


def test_seeds_fit_every_generator():
    seeds = [child_seed(i, "x") for i in range(1000)]
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert len(set(seeds)) == 1000


def test_streams_repeat_and_differ():
    assert numpy_generator(0, "a").random() == numpy_generator(0, "a").random()
    assert numpy_generator(0, "a").random() != numpy_generator(0, "b").random()
    first = torch.rand(3, generator=torch_generator(5, "w"))
    assert torch.equal(first, torch.rand(3, generator=torch_generator(5, "w")))
    assert not torch.equal(first, torch.rand(3, generator=torch_generator(6, "w")))


def test_the_global_state_is_restored_even_after_an_error():
    before_torch, before_numpy = torch.get_rng_state(), np.random.get_state()[1].copy()
    try:
        with fork_global(3, "foreign"):
            first = (torch.rand(()), np.random.rand())
            raise RuntimeError
    except RuntimeError:
        pass
    assert torch.equal(torch.get_rng_state(), before_torch)
    assert np.array_equal(np.random.get_state()[1], before_numpy)
    with fork_global(3, "foreign"):
        assert (torch.rand(()), np.random.rand()) == first


def test_seeds_of_users_are_whole_numbers_of_any_kind():
    assert [as_seed(seed) for seed in (3, np.int64(3), np.uint8(3), torch.tensor(3))] == [3] * 4
    assert type(as_seed(np.int64(3))) is int
    for bad in (-1, 0.5, 1.0, "1", None, np.array([1.0])):
        with pytest.raises(ArgumentError, match="expected a seed: a whole number of at least 0; got"):
            as_seed(bad)
