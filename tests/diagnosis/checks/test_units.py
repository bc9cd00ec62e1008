"""Dead and saturated units."""

from dataclasses import replace

import pytest
import torch
from torch import nn

import fivefold as ff
from fivefold.diagnosis.checks.units import check_units, killed


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
    assert "in 'relu 1' 100%" in found[0].evidence


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


class Gated(nn.Module):
    """An LSTM over packed rows of digits; all biases of its gates begin at one number."""

    def __init__(self, bias: float) -> None:
        super().__init__()
        self.rnn, self.head = nn.LSTM(8, 16, batch_first=True), nn.Linear(16, 10)
        nn.init.constant_(self.rnn.bias_ih_l0, bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = nn.utils.rnn.pack_padded_sequence(x.view(-1, 8, 8), torch.full((len(x),), 8), batch_first=True)
        return self.head(self.rnn(rows)[1][0][0])


@pytest.mark.parametrize(("bias", "codes"), [(10.0, ["units.saturated"]), (0.0, [])])
def test_packed_sequences_are_looked_at(watched, digits, bias: float, codes: list[str]) -> None:
    record = watched(Gated(bias), *digits, steps=3)
    assert "rnn" in {layer.name for layer in record.steps[-1].layers}
    assert [f.code for f in check_units(record)] == codes


@pytest.mark.parametrize(("units", "found"), [(8, True), (2, False)])
def test_of_few_units_some_are_dead_by_chance(watched, digits, units: int, found: bool) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, units), nn.ReLU(), nn.Linear(units, 10))
    nn.init.constant_(model[0].bias, -20.0)
    assert bool(check_units(watched(model, *digits, steps=3))) == found


@pytest.mark.parametrize(("when", "found"), [(2, True), (0, False), (99, False)])
def test_units_that_updates_kill(watched, digits, network, when: int, found: bool) -> None:
    model = network(64, 32, 10)

    def throw(step: int) -> None:
        if step == when:
            nn.init.constant_(model[0].bias, -20.0)

    if when == 0:
        throw(0)  # dead from the start
    dead = killed(watched(model, *digits, steps=12, each=throw))
    assert bool(dead) == found
    for begun, ended in dead.values():
        assert begun <= 0.3
        assert ended == 1.0


@pytest.mark.parametrize(("first", "last", "found"), [(0.8, 0.3, True), (0.8, 0.1, False), (0.1, 0.4, False)])
def test_recurrent_states_at_their_bounds_from_the_start(
    watched, digits, first: float, last: float, found: bool
) -> None:
    record = watched(Gated(0.0), *digits, steps=6)
    for step in record.steps:
        share = first if step.index == 0 else last
        step.layers = [replace(x, saturated=share) if x.kind == "LSTM" else x for x in step.layers]
    told = check_units(record)
    assert [(f.code, f.confidence) for f in told] == ([("units.saturated", "high")] if found else [])
