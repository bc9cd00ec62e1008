"""Columns of codes that are given and not read."""

import pytest
import torch
from torch import Tensor, nn

from fivefold.diagnosis.checks.unread_columns import check_unread_columns


class Coded(nn.Module):
    """Three codes of each row, one table of embeddings for each of them."""

    def __init__(self, columns: tuple[int, ...], noise: float = 0.0) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(9, 4) for _ in columns)
        self.head, self.columns, self.noise = nn.Linear(4 * len(columns), 3), columns, noise

    def forward(self, codes: Tensor) -> Tensor:
        parts = [table(codes[:, c]) for table, c in zip(self.tables, self.columns, strict=True)]
        out = self.head(torch.cat(parts, 1))
        return out + self.noise * torch.randn_like(out)


@pytest.fixture(scope="module")
def coded() -> tuple[Tensor, Tensor]:
    codes = torch.randint(9, (256, 3), generator=torch.Generator().manual_seed(0))
    return codes, codes.sum(1) % 3


def test_a_column_taken_twice(watched, coded) -> None:
    (found,) = check_unread_columns(watched(Coded((0, 1, 1)), *coded, steps=3))
    assert (found.code, found.confidence) == ("inputs.ignored", "medium")
    assert "column 2 " in found.evidence
    far = dict(found.picture.curves["largest change"])
    assert far[2.0] == 0.0 < min(far[0.0], far[1.0])


@pytest.mark.parametrize("columns", [(0, 1, 2), (2, 1, 0, 0)])
def test_all_columns_read(watched, coded, columns) -> None:
    assert check_unread_columns(watched(Coded(columns), *coded, steps=3)) == []


def test_outputs_that_are_drawn_tell_nothing(watched, coded) -> None:
    assert check_unread_columns(watched(Coded((0, 1, 1), noise=0.1), *coded, steps=3)) == []


def test_a_column_without_variety_and_texts_are_left_alone(watched, coded) -> None:
    codes, y = coded
    still = codes.clone()
    still[:, 2] = 4
    assert check_unread_columns(watched(Coded((0, 1, 1)), still, y, steps=3)) == []
    texts = codes.repeat(1, 6)
    assert check_unread_columns(watched(Coded((0, 1, 1)), texts, y, steps=3)) == []
