"""Texts whose last step is padding."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from fivefold.diagnosis.checks.padded_ends import check_padded_ends

GENERATOR = torch.Generator().manual_seed(0)
LENGTHS = torch.randint(4, 13, (200,), generator=GENERATOR)
TOKENS = torch.randint(1, 30, (200, 12), generator=GENERATOR)
TOKENS[torch.arange(12)[None] >= LENGTHS[:, None]] = 0
LABELS = torch.randint(3, (200,), generator=GENERATOR)


class Reader(nn.Module):
    """A packed GRU of which the last column, or each text's own last state, is read."""

    def __init__(self, reads: str) -> None:
        super().__init__()
        self.reads = reads
        self.embed, self.layer, self.head = (
            nn.Embedding(30, 8),
            nn.GRU(8, 8, batch_first=True),
            nn.Linear(8, 3),
        )

    def forward(self, ids: Tensor) -> Tensor:
        lengths = ids.ne(0).sum(1)
        packed = pack_padded_sequence(self.embed(ids), lengths, batch_first=True, enforce_sorted=False)
        steps, last = self.layer(packed)
        if self.reads == "own end":
            return self.head(last[0])
        filled = pad_packed_sequence(steps, batch_first=True)[0]
        return self.head(filled[:, -1] if self.reads == "last column" else 0.0 * filled[:, 0])


@pytest.mark.parametrize(
    ("reads", "codes"), [("last column", ["mask.padding"]), ("own end", []), ("nothing", [])]
)
def test_what_is_read_of_filled_up_texts(watched, reads: str, codes: list[str]) -> None:
    record = watched(Reader(reads), TOKENS, LABELS, steps=2)
    found = check_padded_ends(record)
    assert [f.code for f in found] == codes
    for shown in (f.picture.curves for f in found):
        assert f"{len(shown['with padding'])} different texts" in found[0].evidence
        assert {y for _, y in shown["with padding"]} == {0.0}
        assert min(y for _, y in shown["without"]) > 0.0
    assert check_padded_ends(watched(Reader(reads), TOKENS.clamp(min=1), LABELS, steps=2)) == []
