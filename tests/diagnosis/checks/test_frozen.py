"""Frozen layers: random ones are named, trained ones are not."""

import torch
from torch import nn

from fivefold.diagnosis.checks.frozen import check_frozen


def test_random_or_trained(watched, digits, network) -> None:
    model = network(64, 32, 10)
    model[0].requires_grad_(False)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    found = check_frozen(watched(model, *digits, optimizer=optimizer, steps=3))
    assert found[0].code == "parameters.frozen"
    assert "0:" in found[0].evidence
    with torch.no_grad():
        model[0].weight.mul_(1.0 + torch.rand_like(model[0].weight))
    assert check_frozen(watched(model, *digits, optimizer=optimizer, steps=3)) == []


def test_embeddings(watched) -> None:
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(50, (200, 6), generator=generator)
    y = torch.randint(10, (200,), generator=generator)
    model = nn.Sequential(nn.Embedding(50, 16), nn.Flatten(), nn.Linear(96, 10))
    model[0].weight.requires_grad_(False)
    optimizer = torch.optim.SGD(model[2].parameters(), lr=0.1)
    assert check_frozen(watched(model, ids, y, optimizer=optimizer, steps=2))[0].code == "parameters.frozen"
    with torch.no_grad():
        model[0].weight.mul_(0.3)
    assert check_frozen(watched(model, ids, y, optimizer=optimizer, steps=2)) == []
