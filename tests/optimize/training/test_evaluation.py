"""Judging in pieces is judging the whole."""

import torch
from torch import nn

from fivefold.optimize.training.evaluation import evaluate_rows, open_held_out
from fivefold.optimize.training.losses import squared_loss

CPU = torch.device("cpu")


def test_pieces_weigh_by_their_rows():
    X = torch.randn(2500, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = X.sum((1, 2))
    net = nn.Sequential(nn.Flatten(), nn.Linear(6, 1), nn.Dropout(0.5)).double()
    rows = open_held_out((X, y), CPU)
    assert rows.batches == 3
    absolute = lambda out, target: (out[:, 0] - target).abs().mean()  # noqa: E731
    found = evaluate_rows(net, [squared_loss, absolute], rows)
    assert not net.training
    with torch.no_grad():
        torch.testing.assert_close(found[0], squared_loss(net(X), y), rtol=1e-12, atol=0)
        torch.testing.assert_close(found[1], absolute(net(X), y), rtol=1e-12, atol=0)


def test_a_table_is_judged_in_one_piece_with_the_same_bits():
    X = torch.randn(3000, 2)
    net = nn.Linear(2, 1)
    (found,) = evaluate_rows(net, [squared_loss], open_held_out((X, X[:, 0]), CPU))
    with torch.no_grad():
        assert torch.equal(found, squared_loss(net(X), X[:, 0]))


def test_tokens_go_through_in_pieces():
    most = []

    class Watched(nn.Embedding):
        def forward(self, tokens):
            most.append(len(tokens))
            return super().forward(tokens).mean(1)

    tokens, y = torch.zeros(3000, 4, dtype=torch.int64), torch.zeros(3000)
    rows = open_held_out((tokens, y), CPU)
    evaluate_rows(Watched(5, 1), [squared_loss], rows)
    assert len(most) == 3
    assert max(most) <= 1024
