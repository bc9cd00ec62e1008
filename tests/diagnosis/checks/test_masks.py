"""Attention and padding."""

import pytest
import torch
from torch import Tensor, nn

from fivefold.diagnosis.checks.masks import check_masks, padding_of

GENERATOR = torch.Generator().manual_seed(0)
LENGTHS = torch.randint(4, 13, (200,), generator=GENERATOR)
TOKENS = torch.randint(1, 30, (200, 12), generator=GENERATOR)
TOKENS[torch.arange(12)[None] >= LENGTHS[:, None]] = 0
LABELS = torch.randint(3, (200,), generator=GENERATOR)


class Reader(nn.Module):
    """One layer of attention: torch's module, its fused function, or a softmax written by hand."""

    def __init__(self, kind: str, mask: str) -> None:
        super().__init__()
        self.kind, self.mask = kind, mask
        self.embed, self.head = nn.Embedding(30, 8), nn.Linear(8, 3)
        self.layer = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, ids: Tensor) -> Tensor:
        hidden = {"right": ids.eq(0), "inverted": ids.ne(0), "none": torch.zeros_like(ids).bool()}[self.mask]
        h = self.embed(ids)
        if self.kind == "module":
            h = self.layer(h, h, h, key_padding_mask=hidden, need_weights=False)[0]
        elif self.kind == "fused":
            shown = ~hidden[:, None].expand(-1, ids.shape[1], -1)
            h = nn.functional.scaled_dot_product_attention(h, h, h, attn_mask=shown)
        else:
            scores = (h @ h.mT).masked_fill(hidden[:, None], -1e9)
            h = scores.softmax(dim=-1) @ h
        return self.head(h.mean(1))


@pytest.mark.parametrize("kind", ["module", "fused", "written"])
@pytest.mark.parametrize(
    ("mask", "codes"), [("right", []), ("inverted", ["mask.inverted"]), ("none", ["mask.padding"])]
)
def test_masks_of_padding(watched, kind: str, mask: str, codes: list[str]) -> None:
    found = check_masks(watched(Reader(kind, mask), TOKENS, LABELS, steps=2))
    assert [f.code for f in found] == codes
    for told in found:
        shares = [y for _, y in told.picture.curves["share"]]
        assert told.evidence.startswith(f"{max(shares):.0%} of the attention")
        assert f"{told.picture.level[0]:.0%} of the places" in told.evidence


def test_padding_on_either_side_and_none() -> None:
    assert padding_of(TOKENS)[0] == 0
    left = padding_of(TOKENS.flip(1))
    assert left is not None
    assert bool(left[1][:, 0].any())
    assert not bool(left[1][:, -1].any())
    assert padding_of(torch.randint(30, (50, 12), generator=GENERATOR)) is None
    assert padding_of(torch.rand(50, 12)) is None
