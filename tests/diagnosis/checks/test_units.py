"""Dead and saturated units."""

import pytest
import torch
from torch import nn

import fivefold as ff
from fivefold.diagnosis.checks.units import check_units


def test_dead(watched, digits, network) -> None:
    model = network(64, 32, 10)
    nn.init.constant_(model[0].bias, -20.0)
    found = check_units(watched(model, *digits, steps=3))
    assert [(f.code, f.confidence) for f in found] == [("units.dead", "high")]
    assert found[0].picture.curves["share"] == ((0.0, 1.0),)
    assert found[0].picture.level[0] == 0.3
    assert check_units(watched(network(64, 32, 10), *digits, steps=3)) == []


def test_dead_units_of_functions_are_seen_too(watched, digits) -> None:
    class Called(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(64, 32), nn.Linear(32, 10)
            nn.init.constant_(self.a.bias, -20.0)

        def forward(self, x):
            return self.b(nn.functional.relu(self.a(x)))

    found = check_units(watched(Called(), *digits, steps=3))
    assert "relu 1 100%" in found[0].evidence


def test_saturated(watched, digits, network) -> None:
    x, y = digits
    found = check_units(watched(network(64, 32, 10, activation=nn.Tanh), 200 * x, y, steps=3))
    assert found[0].code == "units.saturated"
    assert check_units(watched(network(64, 32, 10, activation=nn.Tanh), x, y, steps=3)) == []


class Attending(nn.Module):
    """Attention written out, or torch's fused one, with scores of any size."""

    def __init__(self, factor: float, fused: bool) -> None:
        super().__init__()
        self.read, self.keys, self.head = nn.Linear(8, 16), nn.Linear(16, 16), nn.Linear(16, 10)
        self.factor, self.fused = factor, fused

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.read(x.view(-1, 8, 8))
        k = self.factor * self.keys(x)
        if self.fused:
            return self.head(nn.functional.scaled_dot_product_attention(x, k, x, scale=1.0).mean(1))
        return self.head(((x @ k.transpose(1, 2)).softmax(-1) @ x).mean(1))


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize(("factor", "found"), [(1000.0, True), (1.0, False)])
def test_attention_that_sees_one_entry_alone(
    watched, digits, factor: float, fused: bool, found: bool
) -> None:
    seen = check_units(watched(Attending(factor, fused), *digits, steps=3))
    assert [f.title for f in seen] == (["attention is saturated from the start"] if found else [])
    for told in seen:
        shares = [y for _, y in told.picture.curves["one entry alone"]]
        assert len(shares) == 3
        assert told.evidence.startswith(f"{shares[0]:.0%} of the rows")


def test_the_last_activation_of_each_model_may_stand_at_its_bounds() -> None:
    class Large(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 100 * x

    torch.manual_seed(0)
    first = nn.Sequential(nn.Linear(4, 6), Large(), nn.Tanh())
    second = nn.Sequential(nn.Linear(6, 8), Large(), nn.Tanh(), nn.Linear(8, 1))
    for model, codes in (
        ({"g": first, "d": second[-1:]}, []),
        ({"g": first, "d": second}, ["units.saturated"]),
    ):
        whole = nn.ModuleList(model.values())
        optimizer = torch.optim.SGD(whole.parameters(), lr=1e-4)
        with ff.watch(model, optimizer, every=1) as seen:
            for _ in range(4):
                made = first(torch.randn(32, 4))
                out = second(made) if codes else second[-1](made.repeat(1, 2)[:, :8])
                optimizer.zero_grad()
                out.square().mean().backward()
                optimizer.step()
        found = check_units(seen.record)
        assert [f.code for f in found] == codes
        assert all("d.2" in f.evidence and "g.2" not in f.evidence for f in found)
