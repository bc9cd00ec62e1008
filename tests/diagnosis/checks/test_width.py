"""Hidden layers that are too narrow."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

import fivefold as ff
from fivefold.diagnosis.checks.width import check_width, hidden_widths, passes_through


def test_width(watched, digits, network) -> None:
    (found,) = check_width(watched(network(64, 2, 10), *digits, steps=3))
    assert found.code == "capacity.small"
    assert found.picture.curves["units"] == ((0.0, 2.0),)
    assert found.picture.level[0] == pytest.approx(math.log2(10))
    assert check_width(watched(network(64, 32, 10), *digits, steps=3)) == []


class Rows(nn.Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.rnn, self.head = nn.GRU(8, hidden, batch_first=True), nn.Linear(hidden, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(x.view(-1, 8, 8))[0])


def test_recurrent_layers_count(watched, digits) -> None:
    x = digits[0]

    def at(hidden: int) -> list:
        rows = x.view(-1, 8, 8)
        return check_width(watched(Rows(hidden), x, rows, loss=functional.mse_loss, steps=3))

    assert [(f.code, f.confidence) for f in at(2)] == [("capacity.small", "high")]
    assert at(32) == []


class Places(nn.Module):
    """A number for each step of a sequence, from what stands before it and behind it."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.rnn = nn.LSTM(8, hidden, batch_first=True, bidirectional=True)
        self.head = nn.Sequential(nn.Linear(2 * hidden, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(x.view(-1, 8, 8))[0])[:, :, 0]


def test_two_directions_do_not_make_a_state_wider(watched, digits) -> None:
    x, y = digits
    marks = (y[:, None] > torch.arange(8)).float()

    def at(hidden: int) -> list:
        loss = functional.binary_cross_entropy_with_logits
        return check_width(watched(Places(hidden), x, marks, loss=loss, steps=3))

    assert [(f.code, f.confidence) for f in at(2)] == [("capacity.small", "high")]
    assert "2 units a direction" in at(2)[0].evidence
    assert at(3) == []


def test_a_width_below_the_classes_is_said_where_the_training_ends_poorly(watched, digits, network) -> None:
    found = check_width(watched(network(64, 6, 10), *digits, steps=3))
    assert [f.confidence for f in found] == ["medium"]
    assert found[0].picture.level == (10, "outputs")
    optimizer = torch.optim.Adam((model := network(64, 6, 10)).parameters(), lr=0.02)
    assert check_width(watched(model, *digits, optimizer=optimizer, steps=250, batch=64)) == []


class Headed(nn.Module):
    """A body with two heads, one of which gives a single number."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.value, self.policy = nn.Linear(64, 32), nn.Linear(32, 1), nn.Linear(32, 10)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        h = self.body(x).relu()
        value = self.value(h)
        return self.policy(h), value


def test_a_head_of_one_number_is_no_bottleneck(watched, digits) -> None:
    def loss(out: tuple[torch.Tensor, torch.Tensor], y: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(out[0], y) + out[1].square().mean()

    record = watched(Headed(), *digits, loss=loss, steps=3)
    assert hidden_widths(record) == {"body": 32}
    assert not passes_through(record, ["value"])
    assert passes_through(record, ["body"])
    assert check_width(record) == []


def test_a_narrow_path_beside_a_wide_one(watched, digits) -> None:
    class Beside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.down, self.up, self.head = nn.Linear(64, 2), nn.Linear(2, 64), nn.Linear(64, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(x + self.up(self.down(x).relu()))

    assert check_width(watched(Beside(), *digits, steps=3)) == []


class TwoCodes(nn.Module):
    """An autoencoder whose code is drawn: two layers, one number each, hold all of it."""

    def __init__(self) -> None:
        super().__init__()
        self.mean, self.spread, self.decoder = nn.Linear(64, 1), nn.Linear(64, 1), nn.Linear(1, 64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = self.mean(x)
        return self.decoder(mean + self.spread(x).exp() * torch.randn_like(mean))


def test_layers_that_are_narrow_together(watched, digits) -> None:
    x = digits[0]
    record = watched(TwoCodes(), x, x, loss=functional.mse_loss, steps=3)
    assert check_width(record)[0].code == "capacity.small"


def test_the_outputs_of_a_model_are_no_hidden_layer() -> None:
    torch.manual_seed(0)
    policy = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 2))
    critic = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 1))
    optimizer = torch.optim.SGD([*policy.parameters(), *critic.parameters()], lr=0.01)
    with ff.watch({"policy": policy, "critic": critic}, optimizer, every=1) as seen:
        for _ in range(4):
            optimizer.zero_grad()
            outputs = [policy(torch.randn(8, 4)) for _ in range(3)]
            sum(critic(each).square().mean() + 1.0 for each in outputs).backward()
            optimizer.step()
    assert set(hidden_widths(seen.record).values()) == {32}
    assert check_width(seen.record) == []
