"""Copies of a model are told from other modules, and followed."""

import copy
import weakref

import torch
from torch import nn

from fivefold.diagnosis.observation.copies import CopySeen, copies_of, sums


def net(width: int = 3) -> nn.Module:
    return nn.Sequential(nn.Linear(2, width), nn.BatchNorm1d(width))


def test_copies_have_the_class_and_the_shapes_and_weights_of_their_own() -> None:
    model, other, wider = net(), net(), net(4)
    tied = net()
    tied[0] = model[0]
    found = copies_of(model, [])
    assert any(each is other for each in found)
    assert not any(each is m for each in found for m in (model, wider, tied))
    assert copies_of(nn.ReLU(), []) == []  # nothing that could be averaged


def test_what_moved_is_told_from_what_did_not() -> None:
    model = net()
    average = copy.deepcopy(model)
    seen = CopySeen(weakref.ref(average), 0, sums(average))
    with torch.no_grad():
        model[0].weight.add_(1.0)
    seen.evaluate(model, 7)
    assert (seen.evaluated, seen.moved, seen.buffers_moved) == ([7], False, False)
    norm = sum(float(p.detach().square().sum()) for p in average.parameters()) ** 0.5
    assert abs(seen.apart - 6**0.5 / norm) < 1e-5
    assert seen.buffers_apart == 0.0
    average.train()(torch.randn(9, 2))
    seen.evaluate(model, 8)
    assert (seen.moved, seen.buffers_moved) == (False, True)
    assert seen.buffers_apart > 0.0
    del average
    seen.evaluate(model, 9)
    assert seen.evaluated == [7, 8]
