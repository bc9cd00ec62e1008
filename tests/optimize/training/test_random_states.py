"""Generators go on where they were read, and a side stream disturbs nobody."""

import random

import numpy as np
import torch

from fivefold.optimize.training.random_states import SideStream, read_random_states, set_random_states

CPU = torch.device("cpu")


def draw():
    return torch.rand(3).tolist(), np.random.rand(3).tolist(), torch.randn(3).tolist()


def test_global_generators_go_on_where_they_were_read():
    np.random.standard_normal()  # leaves the second normal of a pair waiting
    states = read_random_states(CPU)
    first = draw()
    assert draw() != first
    set_random_states(states, CPU)
    assert draw() == first


def test_a_side_stream_leaves_the_others_and_goes_on_by_itself():
    def side():
        return torch.rand(2).tolist(), np.random.rand(2).tolist(), random.random()

    whole = []
    stream = SideStream(5)
    with stream.drawing():
        whole += [side(), side()]
    before = read_random_states(CPU)
    python = random.getstate()
    stream = SideStream(5)
    parts = []
    for _ in range(2):
        with stream.drawing():
            parts.append(side())
        torch.rand(7)
    assert parts == whole
    set_random_states(before, CPU)
    with SideStream(6).drawing():
        assert side() != whole[0]
    assert random.getstate() == python
    assert torch.equal(torch.get_rng_state(), before["torch"])
