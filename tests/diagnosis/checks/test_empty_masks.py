"""Masks of attention that show a place nothing."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fivefold.diagnosis.checks.empty_masks import check_empty_masks
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.watcher import Watcher


class Reader(nn.Module):
    """Attention of torch's module, or of its function, under a mask."""

    def __init__(self, mask: Tensor, *, fused: bool) -> None:
        super().__init__()
        self.embedding, self.head = nn.Embedding(9, 8), nn.Linear(8, 9)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.mask, self.fused = mask, fused

    def forward(self, x: Tensor) -> Tensor:
        h = self.embedding(x)
        if self.fused:
            shown = ~self.mask if self.mask.dtype == torch.bool else self.mask
            out = functional.scaled_dot_product_attention(h, h, h, attn_mask=shown)
        else:
            out = self.attention(h, h, h, attn_mask=self.mask, need_weights=False)[0]
        return self.head(h + out)


def trained(mask: Tensor, *, fused: bool) -> Record:
    torch.manual_seed(0)
    model = Reader(mask, fused=fused)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    watcher = Watcher({"": model}, [optimizer], every=1)
    watcher.attach()
    for _ in range(3):
        x = torch.randint(9, (8, 6))
        loss = functional.cross_entropy(model(x).flatten(0, 1), x.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    watcher.detach()
    return watcher.record


@pytest.mark.parametrize("fused", [True, False])
def test_a_mask_that_hides_the_diagonal_too(fused: bool) -> None:
    shut = torch.ones(6, 6, dtype=torch.bool)
    found = check_empty_masks(trained(shut.triu(), fused=fused))
    assert [(f.code, f.confidence) for f in found] == [("mask.empty", "high")]
    assert "1 of 6 queries (the first: 0)" in found[0].evidence
    assert "diagonal" in found[0].cause
    assert check_empty_masks(trained(shut.triu(1), fused=fused)) == []


def test_numbers_for_a_mask() -> None:
    added = torch.full((6, 6), float("-inf"))
    assert check_empty_masks(trained(added.triu(1), fused=True)) == []
    added[3] = float("-inf")
    found = check_empty_masks(trained(added, fused=True))
    assert "6 of 6" in found[0].evidence
    assert "diagonal" not in found[0].cause
