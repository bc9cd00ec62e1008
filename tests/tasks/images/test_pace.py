"""The pace is measured without a trace, and grows with the work."""

import time
from types import SimpleNamespace

import torch

from fivefold.tasks.images import pace
from fivefold.tasks.images.candidate import Candidate
from fivefold.tasks.images.pace import answering_pace, training_layout, training_pace
from fivefold.tasks.images.recipe import Recipe, first_network

RECIPE = Recipe(1, 64, 64, 0.1, shift=1, flip=True)


def test_a_wider_network_is_slower_and_none_is_changed(monkeypatch):
    # the processor's seconds: what else the machine does is no part of this test
    monkeypatch.setattr(pace, "time", SimpleNamespace(perf_counter=time.process_time))
    pictures = torch.randint(
        256, (64, 1, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    labels = torch.arange(64) % 4
    paces = []
    for widths in ((16, 16, 16), (64, 128, 256)):
        module = first_network(Candidate("speedrun", 16, 16, {"widths": widths}), pictures, 4, seed=0)
        before = {name: value.clone() for name, value in module.state_dict().items()}
        state = torch.get_rng_state()
        layout = training_layout(module, RECIPE, pictures, labels, seed=0)
        assert layout in {"contiguous", "channels-last"}
        training = training_pace(module, RECIPE, pictures, labels, 0, layout)
        assert module.training
        answering = answering_pace(module, pictures)
        assert torch.equal(torch.get_rng_state(), state)
        assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
        paces.append((training, answering))
        assert 0 < answering < training < 10
    assert paces[0] < paces[1]
    assert paces[0][1] < paces[1][1]


def test_fewer_pictures_are_answered_at_once_where_memory_is_short(monkeypatch):
    pictures = torch.zeros((64, 1, 16, 16), dtype=torch.uint8)
    pictures[:, 0, 0, 0] = torch.arange(64)
    module = first_network(Candidate("speedrun", 16, 16, {"widths": (16, 16, 16)}), pictures, 4, seed=0)
    seen = []
    module.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    monkeypatch.setattr("fivefold.tasks.images.at_once.free_main_memory", lambda: 1)
    assert answering_pace(module, pictures) > 0
    assert set(seen) == {1}
