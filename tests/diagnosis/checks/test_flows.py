"""Changes of variables, by layers of which each leaves a part as it is."""

import math

import pytest
import torch
from torch import Tensor, nn

import fivefold as ff
from fivefold.diagnosis.checks.flows import check_flows


class Coupling(nn.Module):
    def __init__(self, mask: Tensor) -> None:
        super().__init__()
        self.register_buffer("mask", mask)
        self.net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 12))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        scale, shift = self.net(x * self.mask).chunk(2, 1)
        scale, shift = scale.tanh() * (1 - self.mask), shift * (1 - self.mask)
        return x * scale.exp() + shift, scale.sum(1)


class Flow(nn.Module):
    """Its layers are called from outside any forward, or within one."""

    def __init__(self, masks: list[Tensor], *, flipped: bool = False) -> None:
        super().__init__()
        self.layers, self.flipped = nn.ModuleList(Coupling(mask) for mask in masks), flipped

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        total = torch.zeros(len(x))
        for layer in self.layers:
            x, change = layer(x)
            total = total + change
            x = x.flip(1) if self.flipped else x
        return x, total

    def log_prob(self, x: Tensor) -> Tensor:
        z, total = Flow.forward(self, x)
        return (-0.5 * z.square() - 0.5 * math.log(2 * math.pi)).sum(1) + total


def record_of(flow: Flow, *, outside: bool, models: dict[str, nn.Module]):
    optimizer = torch.optim.Adam(flow.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(0)
    with ff.watch(models, optimizer, every=1) as seen:
        for _ in range(4):
            x = torch.randn(32, 6, generator=generator)
            optimizer.zero_grad()
            if outside:
                loss = -flow.log_prob(x).mean()
            else:
                z, change = flow(x)
                loss = (0.5 * z.square().sum(1) - change).mean()
            loss.backward()
            optimizer.step()
    return seen.record


MASK = torch.tensor([1.0, 0.0, 1.0, 0.0, 1.0, 0.0])


@pytest.mark.parametrize("outside", [True, False])
@pytest.mark.parametrize(
    ("masks", "code"),
    [([MASK, MASK, MASK], "mask.unchanging"), ([MASK], "capacity.small"), ([MASK, 1 - MASK], "")],
)
def test_masks(outside: bool, masks: list[Tensor], code: str) -> None:
    torch.manual_seed(0)
    flow = Flow(masks)
    models = {f"layers.{i}": m for i, m in enumerate(flow.layers)} if outside else {"": flow}
    found = check_flows(record_of(flow, outside=outside, models=models))
    assert [(f.code, f.confidence) for f in found] == ([(code, "high")] if code else [])
    if code == "mask.unchanging":
        assert found[0].evidence.startswith("3 of 6 variables")
        assert [y for _, y in found[0].picture.curves["share"]] == [0.5] * 4


def test_an_order_that_changes() -> None:
    torch.manual_seed(0)
    half = torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])
    flow = Flow([half, half], flipped=True)
    assert check_flows(record_of(flow, outside=False, models={"": flow})) == []
    fixed = Flow([MASK.new_tensor([1.0, 0.0, 0.0, 0.0, 0.0, 1.0])] * 2, flipped=True)
    assert [f.code for f in check_flows(record_of(fixed, outside=False, models={"": fixed}))] == [
        "mask.unchanging"
    ]


def test_other_networks(watched, digits, network) -> None:
    assert check_flows(watched(network(64, 16, 10), *digits, steps=3)) == []
