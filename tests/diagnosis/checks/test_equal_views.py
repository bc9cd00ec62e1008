"""Views that are drawn with the same numbers."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fivefold.diagnosis.checks.equal_views import check_equal_views
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.watcher import Watcher


def contrasted(x: Tensor, *, seeded: bool, given_twice: bool = False, dropout: float = 0.0) -> Record:
    """Pull two noisy views of each example together, and all others apart."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 16), nn.Dropout(dropout), nn.ReLU(), nn.Linear(16, 8))
    optimizer = torch.optim.Adam(model.parameters())
    watcher = Watcher({"": model}, [optimizer], every=1)
    watcher.attach()
    noise = torch.Generator()

    def view(batch: Tensor) -> Tensor:
        if given_twice:
            return batch
        if seeded:
            noise.manual_seed(0)
        return batch + 0.1 * torch.randn(batch.shape, generator=noise)

    for step in range(4):
        batch = x[32 * step : 32 * step + 32]
        a, b = (functional.normalize(model(view(batch)), dim=1) for _ in range(2))
        optimizer.zero_grad()
        functional.cross_entropy(a @ b.T / 0.2, torch.arange(32)).backward()
        optimizer.step()
    watcher.detach()
    return watcher.record


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"seeded": True}, [("data.repeated", "high")]),
        ({"seeded": False}, []),
        ({"seeded": False, "given_twice": True}, []),
        ({"seeded": True, "dropout": 0.2}, []),  # what is dropped makes the views
    ],
)
def test_views(digits, options, found) -> None:
    told = check_equal_views(contrasted(digits[0], **options))
    assert [(f.code, f.confidence) for f in told] == found
    for f in told:
        values = dict(f.picture.curves["difference"])
        assert values[0.0] == 0.0 < values[1.0]


def test_one_call_a_loss(watched, digits, network) -> None:
    assert check_equal_views(watched(network(64, 16, 10), *digits, steps=4)) == []
