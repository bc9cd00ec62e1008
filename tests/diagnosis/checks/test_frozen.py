"""Frozen layers: random ones are named, trained ones are not."""

import pytest
import torch
from torch import nn

from fivefold.diagnosis.checks.frozen import check_frozen, check_still_groups


def test_random_or_trained(watched, digits, network) -> None:
    model = network(64, 32, 10)
    model[0].requires_grad_(False)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    found = check_frozen(watched(model, *digits, optimizer=optimizer, steps=3))
    assert found[0].code == "parameters.frozen"
    assert "0:" in found[0].evidence
    assert found[0].picture.names == ("0",)
    (shown,) = found[0].picture.curves.values()
    bound = 1 / 8  # uniform within it, as torch draws them
    assert shown[0][1] == pytest.approx(float(model[0].weight.std()) / (bound / 3**0.5), rel=1e-5)
    with torch.no_grad():  # what was learnt lies in few directions
        model[0].weight.copy_(torch.randn(32, 2) @ torch.randn(2, 64))
    assert check_frozen(watched(model, *digits, optimizer=optimizer, steps=3)) == []


@pytest.mark.parametrize("updates", [3, 300])
def test_a_trunk_of_which_a_few_updates_are_known(watched, digits, network, updates: int) -> None:
    """Weights that hardly left their first values are still no random draws; those of another width are."""
    X, y = digits
    torch.manual_seed(0)
    model = network(64, 32, 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(updates):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(X), y).backward()
        optimizer.step()
    model[0].requires_grad_(False)
    head = torch.optim.SGD(model[2].parameters(), lr=0.1)
    assert check_frozen(watched(model, X, y, optimizer=head, steps=2)) == []
    for draw in (nn.init.xavier_uniform_, nn.init.kaiming_normal_, nn.init.xavier_normal_):
        draw(model[0].weight)
        found = check_frozen(watched(model, X, y, optimizer=head, steps=2))
        assert [f.confidence for f in found] == ["high"], draw.__name__
        (shown,) = found[0].picture.curves.values()
        largest = float(torch.linalg.matrix_norm(model[0].weight, 2)) / float(model[0].weight.std())
        assert shown[0][1] == pytest.approx(largest / (32**0.5 + 64**0.5), rel=0.02)


def test_embeddings(watched) -> None:
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(50, (200, 6), generator=generator)
    y = torch.randint(10, (200,), generator=generator)
    model = nn.Sequential(nn.Embedding(50, 16), nn.Flatten(), nn.Linear(96, 10))
    model[0].weight.requires_grad_(False)
    optimizer = torch.optim.SGD(model[2].parameters(), lr=0.1)
    assert check_frozen(watched(model, ids, y, optimizer=optimizer, steps=2))[0].code == "parameters.frozen"
    with torch.no_grad():
        model[0].weight.uniform_(0.0, 0.1)  # draws of another kind
    assert check_frozen(watched(model, ids, y, optimizer=optimizer, steps=2))[0].confidence == "high"
    with torch.no_grad():
        model[0].weight.copy_(torch.randn(50, 2) @ torch.randn(2, 16))
    assert check_frozen(watched(model, ids, y, optimizer=optimizer, steps=2)) == []


def test_a_copy_that_follows_is_not_held_still(watched, digits, network) -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.own, self.copy = network(64, 32, 10), network(64, 32, 10).requires_grad_(False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.own(x)

    model = Two()

    def follow(step: int) -> None:
        with torch.no_grad():
            for a, b in zip(model.copy.parameters(), model.own.parameters(), strict=True):
                a.copy_(0.5 * b)

    assert check_frozen(watched(model, *digits, steps=3))[0].code == "parameters.frozen"
    assert check_frozen(watched(model, *digits, steps=3, each=follow)) == []


@pytest.mark.parametrize(("rate", "found"), [(0.0, True), (1e-3, False)])
def test_a_group_that_is_held_at_a_rate_of_zero(watched, digits, network, rate: float, found: bool) -> None:
    model = network(64, 32, 10)
    groups = [{"params": model[0].parameters(), "lr": rate}, {"params": model[2].parameters()}]
    record = watched(model, *digits, optimizer=torch.optim.SGD(groups, lr=0.1), steps=5)
    told = check_still_groups(record)
    assert bool(told) == found
    assert [f.picture.curves["rate"] for f in told] == [((0.0, 0.0), (1.0, 0.1))] * found
