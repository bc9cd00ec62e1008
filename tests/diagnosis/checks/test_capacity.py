"""What reaches the output, and what the output can say."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from fivefold.diagnosis.checks.capacity import (
    check_constant_output,
    check_ignored_inputs,
    check_output,
)


@pytest.mark.parametrize(
    ("last", "found"), [(nn.ReLU(), True), (nn.Sigmoid(), True), (nn.Tanh(), True), (nn.Identity(), False)]
)
def test_outputs_for_numbers(watched, digits, network, last: nn.Module, found: bool) -> None:
    x = digits[0]
    y = x[:, 20:21] * 6 - 3
    record = watched(nn.Sequential(*network(64, 32, 1), last), x, y, loss=functional.mse_loss, steps=80)
    told = check_output(record)
    assert bool(told) == found
    if found:
        shown = told[0].picture
        ends = [(a, b) for (_, a), (_, b) in zip(*shown.curves.values(), strict=True)]
        assert shown.names == ("predictions", "targets")
        said = "predictions lie in [{:.3g}, {:.3g}], targets in [{:.3g}, {:.3g}]"
        assert told[0].evidence == said.format(*ends[0], *ends[1])


@pytest.mark.parametrize(("last", "found"), [(nn.ReLU(), True), (nn.Identity(), False)])
def test_outputs_for_classes(watched, digits, network, last: nn.Module, found: bool) -> None:
    record = watched(nn.Sequential(*network(64, 32, 10), last), *digits, steps=20)
    told = check_output(record)
    assert bool(told) == found
    assert [f.picture.curves["least"][0][1] for f in told] == [0.0] * found
    for f in told:
        assert f"[0, {f.picture.curves['largest'][0][1]:.3g}]" in f.evidence


def test_a_constant_output(watched, digits, network) -> None:
    model = network(64, 32, 10)
    with torch.no_grad():
        model[0].bias.fill_(-50.0)
    (found,) = check_constant_output(watched(model, *digits, steps=3))
    assert found.code == "output.constant"
    assert found.picture.curves["largest relative difference"][0][1] < found.picture.level[0]
    assert check_constant_output(watched(network(64, 32, 10), *digits, steps=3)) == []


class Selecting(nn.Module):
    def __init__(self, place: int) -> None:
        super().__init__()
        self.rnn, self.head, self.place = nn.GRU(8, 16, batch_first=True), nn.Linear(16, 10), place

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(x.view(-1, 8, 8))[0][:, self.place])


@pytest.mark.parametrize(("place", "found"), [(0, True), (-1, False)])
def test_inputs_that_are_never_read(watched, digits, place: int, found: bool) -> None:
    told = check_ignored_inputs(watched(Selecting(place), *digits, steps=2))
    assert bool(told) == found
    if found:  # the first eight are read, of those that follow none
        parts = [y for _, y in told[0].picture.curves["not read"]]
        assert parts[0] == 0.0
        assert set(parts[10:]) == {1.0}


class Pooled(nn.Module):
    def __init__(self, inverted: bool) -> None:
        super().__init__()
        self.embed, self.head, self.inverted = nn.Embedding(30, 8), nn.Linear(8, 10), inverted
        self.place = nn.Parameter(torch.randn(12, 8))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        keep = (ids == 0) if self.inverted else (ids != 0)
        weight = keep.float()[..., None]
        return self.head(((self.embed(ids) + self.place) * weight).sum(1) / weight.sum(1).clamp(min=1))


@pytest.mark.parametrize("inverted", [True, False])
def test_a_mask_that_shows_the_padding(watched, inverted: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(1, 30, (200, 12), generator=generator)
    lengths = torch.randint(3, 10, (200, 1), generator=generator)
    ids[torch.arange(12) >= lengths] = 0
    y = torch.randint(10, (200,), generator=generator)
    found = check_ignored_inputs(watched(Pooled(inverted), ids, y, steps=2))
    assert [f.code for f in found] == (["mask.inverted"] if inverted else [])
    for f in found:
        words, examples = (y for _, y in f.picture.curves["largest relative difference"])
        assert words < f.picture.level[0] < examples


class Sampled(nn.Module):
    def __init__(self, scale: float) -> None:
        super().__init__()
        self.mean, self.decoder, self.scale = nn.Linear(64, 4), nn.Linear(4, 64), scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        code = self.scale * self.mean(x)
        return self.decoder(code + torch.randn_like(code))


@pytest.mark.parametrize(("scale", "found"), [(1e-3, True), (30.0, False)])
def test_a_latent_that_carries_nothing(watched, digits, scale: float, found: bool) -> None:
    x = digits[0]
    record = watched(Sampled(scale), x, x, loss=functional.mse_loss, steps=2)
    told = check_constant_output(record)
    assert [f.code for f in told] == (["latent.collapsed"] if found else [])
    for f in told:
        (ratios,) = f.picture.curves.values()
        assert f"vary {ratios[0][1]:.2f} times" in f.evidence


@pytest.mark.parametrize(("last", "found"), [(nn.Softplus(), True), (nn.Identity(), False)])
def test_numbers_that_are_never_negative(watched, digits, last: nn.Module, found: bool) -> None:
    x = digits[0]
    y = (x[:, 20:21] - x[:, 20:21].mean()) / x[:, 20:21].std()
    model = nn.Sequential(nn.Linear(64, 1), last)
    assert bool(check_output(watched(model, x, y, loss=functional.mse_loss, steps=20))) == found


@pytest.mark.parametrize(("last", "found"), [(nn.ReLU(), True), (nn.Identity(), False)])
def test_logits_of_two_classes(watched, digits, network, last: nn.Module, found: bool) -> None:
    x, labels = digits
    y = functional.one_hot(labels, 10).float()
    model = nn.Sequential(*network(64, 32, 10), last)
    seen = check_output(watched(model, x, y, loss=functional.binary_cross_entropy_with_logits, steps=10))
    assert [f.code for f in seen] == (["output.activation"] if found else [])
    assert [f.picture.curves["least"] for f in seen] == [((0.0, 0.0),)] * found


def test_names_of_columns_with_vocabularies_of_their_own(watched) -> None:
    class Table(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tables = nn.ModuleList(nn.Embedding(n, 4) for n in (50, 3, 9, 20))
            self.head = nn.Linear(16, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(torch.cat([t(x[:, i]) for i, t in enumerate(self.tables)], 1))

    torch.manual_seed(0)
    x = torch.stack([torch.randint(n, (300,)) for n in (50, 3, 9, 20)], 1)
    assert check_ignored_inputs(watched(Table(), x, x[:, 0] % 2)) == []
