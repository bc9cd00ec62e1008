"""Modes of what is inside, and parts that are called without their model."""

import torch
from torch import nn

from fivefold.diagnosis.observation.parts import parts_of, trains
from fivefold.diagnosis.observation.watcher import Watcher


def test_the_mode_is_that_of_dropout_and_batch_norm() -> None:
    model = nn.Sequential(nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)), nn.Dropout(0.0), nn.Linear(4, 2))
    assert trains(model) == (True, True)
    model[0].eval()
    assert trains(model) == (False, True)  # dropout of nothing does not count
    assert trains(nn.Linear(2, 2)) == (True, False)


class Coder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Linear(4, 3), nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.encoder(x))

    @torch.no_grad()
    def codes(self, x: torch.Tensor) -> torch.Tensor:
        return self.encoder(x)


def test_an_evaluation_by_parts_is_seen_once() -> None:
    model = Coder()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher = Watcher({"": model}, [optimizer], every=1)
    watcher.attach()
    x = torch.randn(6, 4)
    for _ in range(2):
        model(x).sum().backward()
        optimizer.step()
        model.decoder.eval()
        model.codes(x + 1)
        with torch.no_grad():
            model(x)  # the parts are inside it here
    watcher.detach()
    assert [(e.passes, e.rows) for e in watcher.record.evaluations] == [(2, 12), (2, 12)]
    assert parts_of(nn.Sequential(nn.Linear(1, 1))) == []
    assert all(not m._forward_pre_hooks and not m._forward_hooks for m in model.modules())


def test_a_part_that_is_held_still_tells_nothing() -> None:
    trunk = nn.Sequential(nn.Conv1d(2, 4, 3), nn.BatchNorm1d(4), nn.Dropout(0.5))
    model = nn.ModuleDict({"trunk": trunk, "head": nn.Linear(4, 2)})
    trunk.eval()
    assert trains(model) == (False, True)
    trunk.requires_grad_(False)
    assert trains(model) == (True, False)
    trunk[1].train()  # its statistics go on moving
    assert trains(model) == (True, True)
    model["head"] = nn.Sequential(nn.Linear(4, 2), nn.Dropout(0.5))
    trunk.eval()
    model["head"].eval()
    assert trains(model) == (False, True)


def test_an_encoder_that_is_evaluated_without_its_head_is_seen() -> None:
    encoder = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    model = nn.Sequential(encoder, nn.Linear(3, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher = Watcher({"": model}, [optimizer], every=1)
    watcher.attach()
    x = torch.randn(6, 4)
    model(x).sum().backward()
    optimizer.step()
    with torch.no_grad():
        codes = encoder(x)
    # The loss of what is trained on its codes is not the model's own.
    head = torch.zeros(3, 2, requires_grad=True)
    nn.functional.cross_entropy(codes @ head, torch.zeros(6, dtype=torch.long)).backward()
    watcher.detach()
    assert [(e.after, e.rows, len(e.losses)) for e in watcher.record.evaluations] == [(1, 6, 0)]
    assert torch.equal(watcher.record.evaluation_rows.inputs[0], x)
    assert parts_of(nn.ModuleList([encoder])) == []
