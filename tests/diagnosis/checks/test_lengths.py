"""Targets that lie in another order than the sequences of their batch."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from fivefold.diagnosis.checks.lengths import check_lengths
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.watcher import Watcher


class Marks(nn.Module):
    """A number for each place of sequences of vectors, or of letters."""

    def __init__(self, *, letters: bool) -> None:
        super().__init__()
        self.first = nn.Embedding(30, 8) if letters else nn.Linear(3, 8)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.first(x))


def trained(*, letters: bool, spoil: str = "") -> Record:
    """Vectors with a class a step (-100 beyond), or letters with marks that may end before them."""
    torch.manual_seed(0)
    model = Marks(letters=letters)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    watcher = Watcher({"": model}, [optimizer], every=1)
    watcher.attach()
    for update in range(8):
        width = 9 + update % 4
        lengths = torch.randint(3, width + 1, (12, 1))
        lengths[0] = width
        beyond = torch.arange(width) >= lengths
        if letters:
            x = torch.randint(1, 30, (12, width)).masked_fill(beyond, 0)
            y = (x % 3 == 1).float()
        else:
            x = torch.randn(12, width, 3).masked_fill(beyond[:, :, None], 0.0)
            y = (x[:, :, 0] > 0).long().masked_fill(beyond, -100)
        order = (~beyond).sum(1).argsort() if spoil == "sorted" else torch.randperm(12)
        if spoil == "apart":  # targets that end elsewhere, as translations do
            y = y.masked_fill(torch.arange(width) >= torch.randint(3, width + 1, (12, 1)), 0)
            y[0] = 1
        elif spoil:
            x, beyond = x[order], beyond[order]
        out = model(x)
        if letters:
            loss = functional.binary_cross_entropy_with_logits(out[:, :, 0], y, reduction="none")
            loss = (loss * ~beyond).sum() / (~beyond).sum()
        else:
            loss = functional.cross_entropy(out.flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    watcher.detach()
    return watcher.record


def test_rows_that_were_shuffled_without_their_targets() -> None:
    for letters in (False, True):
        for spoil in ("sorted", "shuffled"):
            found = check_lengths(trained(letters=letters, spoil=spoil))
            assert [(f.code, f.confidence) for f in found] == [
                ("labels.unrelated", "high"),
                ("batch.mixed", "low"),
            ]
            assert max(y for _, y in found[0].picture.curves["share"]) > 0.05


def test_rows_that_meet_their_targets() -> None:
    assert check_lengths(trained(letters=False)) == []
    assert check_lengths(trained(letters=True)) == []


def test_targets_of_lengths_of_their_own_say_nothing() -> None:
    record = trained(letters=True, spoil="apart")
    for rows in record.training_rows.targets:
        assert rows is not None
        rows[1, -1] = 1.0  # longer than any sequence of the batch but one
    assert check_lengths(record) == []
