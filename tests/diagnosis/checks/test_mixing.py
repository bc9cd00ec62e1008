"""Examples that meet, and models that see the future."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import fivefold as ff
from fivefold.diagnosis.checks.mixing import check_mixing


class Recurrent(nn.Module):
    def __init__(self, batch_first: bool) -> None:
        super().__init__()
        self.rnn, self.head = nn.GRU(8, 16, batch_first=batch_first), nn.Linear(16, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(x.view(-1, 8, 8))[0][:, -1])


def test_a_recurrent_layer_that_takes_examples_for_time(watched, digits) -> None:
    (told,) = check_mixing(watched(Recurrent(False), *digits, steps=3))
    assert told.code == "batch.mixed"
    changes = [y for _, y in told.picture.curves["change"]]
    assert len(changes) == 31  # of 32, one of which is replaced
    assert max(changes) > told.picture.level[0]
    assert check_mixing(watched(Recurrent(True), *digits, steps=3)) == []


def test_batch_norm_is_no_mixing_and_dropout_by_hand_is_random(watched, digits) -> None:
    model = nn.Sequential(nn.Linear(64, 16), nn.BatchNorm1d(16), nn.Linear(16, 10))
    assert check_mixing(watched(model, *digits, steps=3)) == []

    class Noisy(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(functional.dropout(x, 0.5))

    (told,) = check_mixing(watched(Noisy(64, 10), *digits, steps=3))
    assert told.code == "mode.dropout-in-evaluation"
    assert min(y for _, y in told.picture.curves["change"]) > told.picture.level[0]


@pytest.mark.parametrize("always", [True, False])
def test_dropout_of_a_graph_that_stays_on(always: bool) -> None:
    """Rows that belong together are no reason not to look for it."""

    class Graph(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(8, 3)

        def forward(self, x: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
            return torch.mm(matrix, self.layer(functional.dropout(x, 0.5, always or self.training)))

    torch.manual_seed(0)
    model, x, y = Graph(), torch.randn(20, 8), torch.randint(3, (20,))
    matrix = torch.eye(20).to_sparse_coo()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with ff.watch(model, optimizer, every=1) as seen:
        for _ in range(3):
            optimizer.zero_grad()
            functional.cross_entropy(model(x, matrix)[:10], y[:10]).backward()
            optimizer.step()
    found = [f.code for f in check_mixing(seen.record)]
    assert found == (["mode.dropout-in-evaluation"] if always else [])
