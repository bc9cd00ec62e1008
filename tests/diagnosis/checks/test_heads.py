"""Layers that give an output of their model."""

import torch
from torch import nn

import fivefold as ff
from fivefold.diagnosis.checks.heads import heads, holds_weights, weighted_layers, width_of


class Headed(nn.Module):
    """A body of two layers with two heads; the first head is read by a third layer where asked for."""

    def __init__(self, *, read: bool = False) -> None:
        super().__init__()
        self.body, self.more = nn.Linear(6, 16), nn.Linear(16, 16)
        self.policy, self.value = nn.Linear(16, 4), nn.Linear(16, 1)
        self.after = nn.Linear(4, 4) if read else None

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        h = self.more(self.body(x).tanh()).tanh()
        out = self.policy(h)
        return (self.after(out.relu()) if self.after is not None else out), self.value(h)


def seen_of(model: nn.Module, x: torch.Tensor):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with ff.watch(model, optimizer, every=1) as seen:
        for _ in range(3):
            optimizer.zero_grad()
            sum(out.square().mean() for out in model(x)).backward()
            optimizer.step()
    return seen.record


def test_heads() -> None:
    x = torch.randn(8, 6, generator=torch.Generator().manual_seed(0))
    assert heads(seen_of(Headed(), x)) == {"policy", "value"}
    assert heads(seen_of(Headed(read=True), x)) == {"after", "value"}


class Matrix(nn.Module):
    """A layer of the user's own."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs) / inputs**0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight


def test_layers_of_the_users_own_count() -> None:
    record = seen_of(nn.Sequential(Matrix(6, 3), nn.ReLU(), Matrix(3, 4)), torch.randn(8, 6))
    assert [layer.name for layer in weighted_layers(record)] == ["0", "2"]
    assert heads(record) == {"2"}
    assert [
        width_of(layer, record.model[""].get_submodule(layer.name)) for layer in weighted_layers(record)
    ] == [
        3,
        4,
    ]
    assert holds_weights(Matrix(2, 2))
    assert not any(holds_weights(m) for m in (None, nn.ReLU(), nn.BatchNorm1d(4), nn.Module()))


def test_without_a_pass_to_play_it_is_the_last_layer() -> None:
    record = seen_of(Headed(), torch.randn(8, 6))
    record.tapes.clear()
    assert heads(record) == {"value"}


def test_a_model_that_refuses_to_run_again() -> None:
    record = seen_of(Headed(), torch.randn(8, 6))

    def refuse(*args: object) -> None:
        raise RuntimeError("once")

    with_hook = record.tapes[-1].entries[0].call
    with_hook.forward = refuse
    assert heads(record) == {"value"}
