"""Networks without activations, whole or in part."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from fivefold.diagnosis.checks.linearity import check_linear, check_linear_pairs


def test_linear(watched, digits, network) -> None:
    found = check_linear(watched(network(64, 32, 10, activation=nn.Identity), *digits, steps=3))
    assert found[0].code == "capacity.linear"
    (shown,) = found[0].picture.curves.values()
    assert 0.0 <= shown[0][1] < 1e-5 < found[0].picture.level[0]
    assert check_linear(watched(network(64, 32, 10), *digits, steps=3)) == []
    assert check_linear(watched(network(64, 10), *digits, steps=3)) == []


def test_linear_layers_in_a_row(watched, digits) -> None:
    def chain(*layers: nn.Module) -> list:
        model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), *layers, nn.ReLU(), nn.Linear(32, 10))
        return check_linear_pairs(watched(model, *digits, steps=2))

    assert chain(nn.Linear(32, 32), nn.Linear(32, 32))[0].code == "capacity.linear"
    assert chain(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 32)) == []
    assert chain(nn.Linear(32, 4), nn.Linear(4, 32)) == []  # a factor of low rank on purpose
    assert chain(nn.Linear(32, 32), nn.LayerNorm(32), nn.Linear(32, 32)) == []


class Pooled(nn.Module):
    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.a, self.b, self.head = (
            nn.Conv2d(1, 4, 3, padding=1),
            nn.Conv2d(4, 4, 3, padding=1),
            nn.Linear(16, 10),
        )
        self.norm, self.activation = nn.BatchNorm2d(4), activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.max_pool2d(self.activation(self.norm(self.a(x.view(-1, 1, 8, 8)))), 2)
        return self.head(functional.max_pool2d(self.activation(self.b(x)), 2).flatten(1))


@pytest.mark.parametrize(
    ("activation", "found"), [(nn.Identity(), True), (nn.ReLU(), False), (nn.GELU(), False)]
)
def test_linear_but_for_its_pooling(watched, digits, activation: nn.Module, found: bool) -> None:
    seen = check_linear(watched(Pooled(activation), *digits, steps=2))
    assert [f.title for f in seen] == (
        ["the network is a linear function of its inputs but for its pooling"] if found else []
    )


@pytest.mark.parametrize("width", [4, 5, 9])
def test_outputs_that_are_all_zero_tell_nothing(watched, width: int) -> None:
    """A last activation gives zeros alone for some of the weights that are drawn."""
    x = torch.rand(64, 8, generator=torch.Generator().manual_seed(0))
    layers = [nn.Linear(8, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1)]
    model = nn.Sequential(*layers, nn.ReLU())
    assert check_linear(watched(model, x, x[:, :1], loss=nn.functional.mse_loss, steps=2)) == []


def test_weights_that_are_not_finite_do_not_hide_it(watched, digits, network) -> None:
    model = network(64, 32, 10, activation=nn.Identity)
    record = watched(model, *digits, steps=2)
    before = [p.clone() for p in model.parameters()]
    with torch.no_grad():
        model[0].weight.fill_(torch.nan)
    assert check_linear(record)[0].code == "capacity.linear"
    assert model[0].weight.isnan().all()  # and they stay as they are
    assert torch.equal(model[2].weight, before[2])


def test_dropout_and_batch_norm_do_not_bend_and_activations_in_place_do(watched, digits) -> None:
    class InPlace(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Linear(64, 32), nn.Linear(32, 32), nn.Linear(32, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.c(functional.relu_(self.b(functional.relu_(self.a(x)))))

    assert check_linear_pairs(watched(InPlace(), *digits, steps=2)) == []
    between = [nn.Linear(64, 32), nn.BatchNorm1d(32), nn.Dropout(0.1), nn.Linear(32, 32)]
    bent = nn.Sequential(*between, nn.ReLU(), nn.Linear(32, 10))
    assert check_linear_pairs(watched(bent, *digits, steps=2))[0].code == "capacity.linear"
    straight = watched(nn.Sequential(*between), *digits, steps=2)
    assert check_linear_pairs(straight) == []  # said of the whole
    assert check_linear(straight)[0].code == "capacity.linear"


@pytest.mark.parametrize(("groups", "size", "found"), [(1, 3, True), (4, 3, False), (1, 1, False)])
def test_convolutions_that_are_split_on_purpose(watched, digits, groups: int, size: int, found: bool) -> None:
    layers = [nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, size, groups=groups), nn.ReLU(), nn.Flatten()]
    model = nn.Sequential(nn.Unflatten(1, (1, 8, 8)), *layers, nn.LazyLinear(10))
    model(digits[0][:2])
    assert bool(check_linear_pairs(watched(model, *digits, steps=2))) == found
