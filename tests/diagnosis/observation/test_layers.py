"""What layers give is described by layer, without touching it."""

import torch
from torch import nn

from fivefold.diagnosis.observation.layers import hook_layers, layer_step, leaves, opaque


def test_dead_units_and_saturated_ones() -> None:
    dead = torch.cat([torch.zeros(8, 3), torch.rand(8, 1)], 1)
    assert layer_step("r", nn.ReLU(), dead).constant == 0.75
    assert layer_step("t", nn.Tanh(), torch.tensor([[0.999, -1.0, 0.0, 0.5]])).saturated == 0.5
    image = torch.zeros(4, 2, 5, 5)
    image[:, 1] = torch.rand(4, 5, 5)
    assert layer_step("c", nn.Conv2d(1, 2, 3), image).constant == 0.5
    assert layer_step("e", nn.Identity(), torch.arange(3)) is None
    assert layer_step("l", nn.LSTM(2, 2), (torch.rand(3, 4, 2), None)).output.shape == (3, 4, 2)


def test_only_leaves_with_gradients_on_speak() -> None:
    model = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), nn.Linear(2, 1))
    assert [name for name, _ in leaves({"": model})] == ["0.0", "0.1", "1"]
    assert [name for name, _ in leaves({"net": model})] == ["net.0.0", "net.0.1", "net.1"]
    found: list = []
    handles = hook_layers({"": model}, found)
    model(torch.randn(4, 2))
    with torch.no_grad():
        model(torch.randn(4, 2))
    assert [f.name for f in found] == ["0.0", "0.1", "1"]
    for handle in handles:
        handle.remove()
    assert opaque(torch.compile(model, backend="eager"))
    assert not opaque(model)


def test_layers_that_pass_on_are_looked_through_and_activations_are_not() -> None:
    def source(*between: nn.Module) -> str:
        model = nn.Sequential(nn.Linear(4, 4), *between, nn.Linear(4, 2))
        found: list = []
        handles = hook_layers({"": model}, found)
        model(torch.randn(8, 4))
        for handle in handles:
            handle.remove()
        return found[-1].source

    assert source() == "0"
    assert source(nn.Identity(), nn.Dropout(0.5), nn.BatchNorm1d(4)) == "0"
    assert source(nn.ReLU()) == "1"
    assert source(nn.ReLU(), nn.Dropout(0.5)) == "1"
    assert source(nn.ReLU(inplace=True)) == "1"


def test_outputs_of_recurrent_layers_at_their_bounds() -> None:
    full = torch.tensor([[[0.999, -1.0, 0.0, 0.5]]])
    assert layer_step("r", nn.GRU(2, 4), (full, None)).saturated == 0.5
    assert torch.isnan(
        torch.tensor(layer_step("r", nn.RNN(2, 4, nonlinearity="relu"), (full, None)).saturated)
    )
