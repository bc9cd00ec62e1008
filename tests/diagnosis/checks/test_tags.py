"""Labels of tokens in another order than the predictions."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fivefold.diagnosis.checks.tags import check_tags
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.watcher import Watcher

Loss = Callable[[Tensor, Tensor], Tensor]


class Tagger(nn.Module):
    """A tag for each token, (batch, time, tags) or (time, batch, tags)."""

    def __init__(self, *, first: bool = True) -> None:
        super().__init__()
        self.embedding, self.head = nn.Embedding(30, 8), nn.Linear(8, 5)
        self.first = first

    def forward(self, x: Tensor) -> Tensor:
        out = self.head(self.embedding(x))
        return out if self.first else out.transpose(0, 1)


def trained(model: nn.Module, loss: Loss, *, spoil: bool = False, padded: bool = True) -> Record:
    torch.manual_seed(0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    watcher = Watcher({"": model}, [optimizer], every=1)
    watcher.attach()
    for _ in range(8):
        x = torch.randint(1, 30, (12, 9))
        y = x % 5
        if padded:
            beyond = torch.arange(9) >= torch.randint(3, 10, (12, 1))
            x, y = x.masked_fill(beyond, 0), y.masked_fill(beyond, -100)
        if spoil:
            x = x[(x > 0).sum(1).argsort(descending=True, stable=True)]
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()
    watcher.detach()
    return watcher.record


def flat(out: Tensor, y: Tensor) -> Tensor:
    return functional.cross_entropy(out.reshape(-1, 5), y.reshape(-1))


def across(out: Tensor, y: Tensor) -> Tensor:
    return functional.cross_entropy(out.transpose(0, 1).reshape(-1, 5), y.reshape(-1))


def channels(out: Tensor, y: Tensor) -> Tensor:
    return functional.cross_entropy(out.transpose(1, 2), y)


def both(out: Tensor, y: Tensor) -> Tensor:
    return functional.cross_entropy(out.transpose(0, 1).reshape(-1, 5), y.T.reshape(-1))


@pytest.mark.parametrize("padded", [True, False])
def test_predictions_along_time_and_targets_along_the_batch(padded: bool) -> None:
    found = check_tags(trained(Tagger(), across, padded=padded))
    assert [(f.code, f.confidence) for f in found] == [("axis.targets", "high")]
    shown = {name: [y for _, y in points] for name, points in found[0].picture.curves.items()}
    if padded:
        assert max(shown["share"]) < found[0].picture.level[0] == 1.0
    else:
        assert min(shown["as the inputs lie"]) == 1.0  # a tag follows from its token
        assert max(shown["as paired"]) < 0.9
    assert check_tags(trained(Tagger(first=False), flat, padded=padded))[0].code == "axis.targets"
    for model, loss in (
        (Tagger(), flat),
        (Tagger(), channels),
        (Tagger(), both),
        (Tagger(first=False), across),
    ):
        assert check_tags(trained(model, loss, padded=padded)) == []


def test_rows_sorted_by_length_without_their_targets() -> None:
    found = check_tags(trained(Tagger(), flat, spoil=True))
    assert [(f.code, f.confidence) for f in found] == [("batch.mixed", "high")]
    assert all(0.0 < y < 1.0 for _, y in found[0].picture.curves["share"])
    assert check_tags(trained(Tagger(), channels, spoil=True))[0].code == "batch.mixed"


def test_targets_ignored_by_another_rule_say_nothing() -> None:
    def masked(out: Tensor, y: Tensor) -> Tensor:
        return flat(out, y.masked_fill(torch.rand(y.shape) < 0.5, -100))

    assert check_tags(trained(Tagger(), masked)) == []
