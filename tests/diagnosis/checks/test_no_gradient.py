"""Layers that no gradient reaches."""

import torch
from torch import nn

from fivefold.diagnosis.checks.no_gradient import check_no_gradient


class Two(nn.Module):
    def __init__(self, cut: bool, used: bool = True) -> None:
        super().__init__()
        self.first, self.second, self.spare = nn.Linear(64, 32), nn.Linear(32, 10), nn.Linear(3, 3)
        self.cut = cut
        if used:
            del self.spare

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.first(x).relu()
        return self.second(h.detach() if self.cut else h)


def test_a_cut_graph_and_an_unused_layer(watched, digits) -> None:
    found = check_no_gradient(watched(Two(True), *digits, steps=3))
    assert [(f.code, f.confidence) for f in found] == [("gradient.detached", "high")]
    assert "first" in found[0].evidence
    assert check_no_gradient(watched(Two(False), *digits, steps=3)) == []
    found = check_no_gradient(watched(Two(False, used=False), *digits, steps=3))
    assert [(f.code, f.confidence) for f in found] == [("parameters.unused", "medium")]


def test_what_an_earlier_training_left_behind_is_no_gradient(watched, digits) -> None:
    """A trunk was trained; its gradients are still there while a head alone is, and then it is cut off."""
    model = Two(True)
    model.first.weight.grad = torch.ones_like(model.first.weight)
    model.first.bias.grad = torch.ones_like(model.first.bias)
    optimizer = torch.optim.SGD(model.second.parameters(), lr=0.1)

    def thaw(step: int) -> None:
        if step == 2:
            optimizer.add_param_group({"params": list(model.first.parameters())})

    record = watched(model, *digits, steps=6, optimizer=optimizer, each=thaw)
    record.outside.clear()  # as it is looked over when the second optimizer joins
    assert [f.code for f in check_no_gradient(record)] == ["gradient.detached"]


def test_layers_that_ran_at_another_update_than_the_last_ran(watched, digits) -> None:
    """Of models that take turns, one runs between the updates of the other."""
    record = watched(Two(True), *digits, steps=3)
    record.steps[-1].layers = [layer for layer in record.steps[-1].layers if layer.name != "first"]
    assert [f.code for f in check_no_gradient(record)] == ["gradient.detached"]
