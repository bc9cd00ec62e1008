"""A token that is taken for padding."""

import pytest
import torch
from torch import Tensor, nn

from fivefold.diagnosis.checks.token_of_padding import check_token_of_padding
from fivefold.diagnosis.observation.watcher import Watcher


class Reader(nn.Module):
    def __init__(self, padding: int | None) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(12, 6, padding_idx=padding), nn.Linear(6, 3)

    def forward(self, text: Tensor, lengths: Tensor) -> Tensor:
        return self.head(self.embed(text).sum(1) / lengths[:, None])


def texts(first: int) -> tuple[Tensor, Tensor]:
    """Texts of tokens from a first number on, filled up with 0, and their lengths."""
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(3, 9, (256,), generator=generator)
    lengths[::16] = 8
    text = torch.randint(first, 12, (256, 8), generator=generator)
    return text.masked_fill(torch.arange(8)[None, :] >= lengths[:, None], 0), lengths


@pytest.mark.parametrize(
    ("first", "padding", "found"), [(0, 0, True), (1, 0, False), (0, None, False), (2, 1, False)]
)
def test_the_number_of_the_padding(watched, first: int, padding: int | None, found: bool) -> None:
    text, lengths = texts(first)
    model = Reader(padding)
    optimizer = torch.optim.Adam(model.parameters())
    watcher = Watcher({"": model}, [optimizer], every=1)
    watcher.attach()
    for step in range(3):
        rows = slice(64 * step, 64 * step + 64)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(text[rows], lengths[rows]), lengths[rows] % 3).backward()
        optimizer.step()
    watcher.detach()
    told = check_token_of_padding(watcher.record)
    assert [(f.code, f.confidence) for f in told] == ([("mask.padding", "high")] if found else [])
    for f in told:
        inside = (text[128:192] == 0) & (torch.arange(8)[None, :] < lengths[128:192, None])
        assert f.evidence.startswith(f"{int(inside.sum())} of {int(lengths[128:192].sum())} tokens")
